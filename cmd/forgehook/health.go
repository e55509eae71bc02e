package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// healthTimeout is above the 2 s that /readyz gives PostgreSQL and Temporal, and below the timeout
// of a container's health check.
const healthTimeout = 4 * time.Second

func healthCommand() *cobra.Command {
	of := func(part, setting string, addr func(config) string) *cobra.Command {
		return &cobra.Command{Use: part, Short: "Ask /readyz of the " + part + " at " + setting, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig()
			if err != nil {
				return err
			}
			if addr(c) == "" {
				return fmt.Errorf("%s is not set: the %s reports its health there", setting, part)
			}
			return askReady(cmd.Context(), addr(c))
		}}
	}
	return group("health", "Ask a process on this machine whether it is ready: for containers, which have no other tool",
		of("api", "FORGEHOOK_HTTP_ADDR", func(c config) string { return c.HTTPAddr }),
		of("worker", "FORGEHOOK_METRICS_ADDR", func(c config) string { return c.MetricsAddr }),
	)
}

// askReady asks /readyz at an address of this machine. The error of a status other than 200
// contains the response.
func askReady(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+reachable(addr)+"/readyz", nil)
	if err != nil {
		return err
	}
	transport := &http.Transport{} // no proxy: the request stays on this machine
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s: %s", resp.Status, strings.TrimSpace(string(text)))
	}
	return nil
}

// reachable turns an address to listen on into one to connect to: an address that stands for all
// becomes this machine's.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip, err := netip.ParseAddr(host); host == "" || (err == nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
