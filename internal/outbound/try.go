package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// Connection is what opening a connection to an endpoint showed.
type Connection struct {
	Address     string    // that was connected
	TLS         string    // "TLS 1.3"; empty over plain http
	Certificate time.Time // first end of the certificates; zero over plain http
}

// Try opens a connection to the host of a URL as an attempt would, by DNS, the guard, TCP and TLS,
// and closes it without sending anything. Its errors are for an operator and name a refused
// address.
func (s *Sender) Try(ctx context.Context, rawURL string) (c Connection, err error) {
	u, err := parseURL(rawURL)
	if err != nil {
		return c, fmt.Errorf("it must be %w", err)
	}
	open := s.pools.dialer.plain
	if u.Scheme == "https" {
		open = s.pools.dialer.encrypted(tlsConfig(s.pools.roots))
	}
	conn, err := open(ctx, "tcp", net.JoinHostPort(u.Hostname(), strconv.Itoa(int(port(u)))))
	if err != nil {
		return c, tryFault(ctx, err)
	}
	defer conn.Close() //nolint:errcheck // nothing was sent
	c.Address = conn.RemoteAddr().String()
	if secured, ok := conn.(*tls.Conn); ok {
		state := secured.ConnectionState()
		c.TLS = tls.VersionName(state.Version)
		for _, certificate := range state.PeerCertificates {
			if c.Certificate.IsZero() || certificate.NotAfter.Before(c.Certificate) {
				c.Certificate = certificate.NotAfter
			}
		}
	}
	return c, nil
}

// tryFault returns what an attempt would record, with the refused address.
func tryFault(ctx context.Context, err error) error {
	said := fault(ctx, ctx, err, false, connectTimeout)
	if blocked, ok := errors.AsType[*blockedError](err); ok {
		return fmt.Errorf("%s: %s, %s", said.Code, blocked.address, said.Message)
	}
	return fmt.Errorf("%s: %s", said.Code, said.Message)
}
