package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/spf13/cobra"

	"github.com/forgehook/forgehook/internal/outbound"
)

// config holds every setting of the process, read from the environment once. The README's table is
// made from it.
type config struct {
	DatabaseURL         string        `env:"FORGEHOOK_DATABASE_URL" doc:"PostgreSQL 15 or later, as postgres://user:password@host:port/database. Required."`
	DatabaseConnections int           `env:"FORGEHOOK_DATABASE_CONNECTIONS" envDefault:"20" doc:"Most connections that a process opens, besides one that listens."`
	HTTPAddr            string        `env:"FORGEHOOK_HTTP_ADDR" envDefault:"127.0.0.1:8080" doc:"Where the API listens."`
	DrainDelay          time.Duration `env:"FORGEHOOK_DRAIN_DELAY" envDefault:"5s" doc:"How long a stopping API still serves, with /readyz at 503, so that load balancers leave it first."`
	MetricsAddr         string        `env:"FORGEHOOK_METRICS_ADDR" doc:"Address for /metrics, /healthz and /readyz besides the API's own; a worker alone has no other."`
	PublicURL           string        `env:"FORGEHOOK_PUBLIC_URL" doc:"The API's address for endpoints, used in callback links; by default http:// and FORGEHOOK_HTTP_ADDR. The same for API and workers."`
	EncryptionKeyset    string        `env:"FORGEHOOK_ENCRYPTION_KEYSET" doc:"Key set that seals secrets, as JSON, or @ and the path of its file. Make one with forgehook keyset new. Required."`
	EgressAllow         string        `env:"FORGEHOOK_EGRESS_ALLOW" doc:"Addresses that webhooks may reach although they are private, local or not https: CIDRs, separated by commas."`
	TaskQueue           string        `env:"FORGEHOOK_TASK_QUEUE" envDefault:"forgehook" doc:"Temporal task queue of workflows and activities."`
	WorkerSlots         int           `env:"FORGEHOOK_WORKER_SLOTS" envDefault:"2000" doc:"Most attempts a worker makes at once; first attempts within workflow tasks are extra."`
	WorkerCache         int           `env:"FORGEHOOK_WORKER_CACHE" envDefault:"10000" doc:"Open calls a worker caches, about 28 KB each; others are replayed when they continue."`
	FastPath            time.Duration `env:"FORGEHOOK_FAST_PATH" envDefault:"100ms" doc:"If each of an endpoint's last three exchanges took less than this, workflow tasks make its first attempts, a third less work for the engine; 0 switches this off."`
	StopTimeout         time.Duration `env:"FORGEHOOK_STOP_TIMEOUT" envDefault:"5m10s" doc:"How long an orderly stop lets attempts on the wire finish: the longest delivery.timeout plus 10 s."`
	SweepInterval       time.Duration `env:"FORGEHOOK_SWEEP_INTERVAL" envDefault:"30s" doc:"How often the sweep looks for calls that were lost between PostgreSQL and Temporal."`
	RateLimit           float64       `env:"FORGEHOOK_RATE_LIMIT" envDefault:"0" doc:"Requests a second for each API key; 0 is no limit."`
	LogLevel            slog.Level    `env:"FORGEHOOK_LOG_LEVEL" envDefault:"INFO" doc:"DEBUG, INFO, WARN or ERROR."`
	LogFormat           string        `env:"FORGEHOOK_LOG_FORMAT" envDefault:"json" doc:"json, or text for a terminal."`

	URL    string `env:"FORGEHOOK_URL" envDefault:"http://127.0.0.1:8080" doc:"API that client commands (call) talk to."`
	APIKey string `env:"FORGEHOOK_API_KEY" doc:"Key of client commands, or @ and the path of its file; else .forgehook/api-key."`

	Dev devConfig
}

// devConfig is for make dev only.
type devConfig struct {
	Dir          string `env:"FORGEHOOK_DEV_DIR" envDefault:".forgehook" doc:"make dev: where its data lives."`
	ReceiverAddr string `env:"FORGEHOOK_DEV_RECEIVER_ADDR" envDefault:"127.0.0.1:8081" doc:"make dev: where the built-in receiver listens."`
	UIURL        string `env:"FORGEHOOK_DEV_UI_URL" doc:"make dev: set by the development stack."`
	PGPort       int    `env:"FORGEHOOK_DEV_PG_PORT" envDefault:"55432" doc:"make dev: port of PostgreSQL."`
	TemporalPort int    `env:"FORGEHOOK_DEV_TEMPORAL_PORT" envDefault:"7233" doc:"make dev: port of Temporal."`
	UIPort       int    `env:"FORGEHOOK_DEV_UI_PORT" envDefault:"8233" doc:"make dev: port of the Temporal UI."`
	PGBin        string `env:"FORGEHOOK_DEV_PG_BIN" doc:"make dev: folder with PostgreSQL's programs, if they are not found."`
	PGSource     string `env:"FORGEHOOK_DEV_PG_SOURCE" doc:"make dev: installed, npm or apt, to force one source of PostgreSQL."`
	PGData       string `env:"FORGEHOOK_DEV_PG_DATA" doc:"Tests: set by the development stack."`
	PGPID        int    `env:"FORGEHOOK_DEV_PG_PID" doc:"Tests: set by the development stack."`
	StackPID     int    `env:"FORGEHOOK_DEV_STACK_PID" doc:"Tests: set by the development stack."`
}

const prefix = "FORGEHOOK_"

// loadConfig reads the environment. It reports all unknown names and bad values at once; they stop
// the start.
func loadConfig() (config, error) {
	var c config
	faults := []error{unknownNames(os.Environ())}
	if err := env.Parse(&c); err != nil { // values that cannot be read cannot be checked
		return c, errors.Join(append(faults, unreadable(err)...)...)
	}
	return c, errors.Join(append(faults, c.check()...)...)
}

// kinds describes the values of a setting's type.
var kinds = map[string]string{
	"int": "a whole number", "float64": "a number", "time.Duration": "a duration such as 30s or 5m", "slog.Level": "DEBUG, INFO, WARN or ERROR",
}

// unreadable names the variables whose values do not fit their types.
func unreadable(err error) []error {
	all, ok := errors.AsType[env.AggregateError](err)
	if !ok {
		return []error{err}
	}
	var faults []error
	for _, fault := range all.Errors {
		parse, ok := errors.AsType[env.ParseError](fault)
		if !ok {
			faults = append(faults, fault)
			continue
		}
		for _, p := range parameters() {
			if p.field == parse.Name {
				faults = append(faults, fmt.Errorf("%s %q: it must be %s", p.Key, os.Getenv(p.Key), kinds[parse.Type.String()]))
			}
		}
	}
	return faults
}

func unknownNames(environ []string) error {
	known := map[string]bool{}
	for _, p := range parameters() {
		known[p.Key] = true
	}
	var faults []error
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, prefix) && !known[name] {
			faults = append(faults, fmt.Errorf("%s is not a setting; see forgehook config", name))
		}
	}
	return errors.Join(faults...)
}

func (c *config) check() []error {
	var faults []error
	require := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	if c.DatabaseURL != "" {
		u, err := url.Parse(c.DatabaseURL)
		require(err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql") && u.Host != "",
			"FORGEHOOK_DATABASE_URL: give postgres://user:password@host:port/database")
	}
	faults = append(faults, checkAddr("FORGEHOOK_HTTP_ADDR", c.HTTPAddr)...)
	if c.MetricsAddr != "" {
		faults = append(faults, checkAddr("FORGEHOOK_METRICS_ADDR", c.MetricsAddr)...)
	}
	if _, err := outbound.ParseAllow(c.EgressAllow); err != nil {
		faults = append(faults, fmt.Errorf("FORGEHOOK_EGRESS_ALLOW: %w", err))
	}
	require(c.TaskQueue != "", "FORGEHOOK_TASK_QUEUE must not be empty")
	require(c.DatabaseConnections > 0 && c.DatabaseConnections <= 1000, "FORGEHOOK_DATABASE_CONNECTIONS %d: from 1 to 1000", c.DatabaseConnections)
	require(c.WorkerSlots > 0 && c.WorkerSlots <= 100_000, "FORGEHOOK_WORKER_SLOTS %d: from 1 to 100000", c.WorkerSlots)
	require(c.WorkerCache > 0, "FORGEHOOK_WORKER_CACHE %d: at least 1", c.WorkerCache)
	require(c.FastPath >= 0, "FORGEHOOK_FAST_PATH %s: 0 or more", c.FastPath)
	require(c.DrainDelay >= 0, "FORGEHOOK_DRAIN_DELAY %s: 0 or more", c.DrainDelay)
	require(c.StopTimeout > 0, "FORGEHOOK_STOP_TIMEOUT %s: more than 0", c.StopTimeout)
	require(c.SweepInterval >= time.Second, "FORGEHOOK_SWEEP_INTERVAL %s: at least 1s", c.SweepInterval)
	require(c.RateLimit >= 0, "FORGEHOOK_RATE_LIMIT %g: 0 or more", c.RateLimit)
	require(c.LogFormat == "json" || c.LogFormat == "text", "FORGEHOOK_LOG_FORMAT %q: json or text", c.LogFormat)
	for name, value := range map[string]string{"FORGEHOOK_PUBLIC_URL": c.PublicURL, "FORGEHOOK_URL": c.URL} {
		u, err := url.Parse(value)
		require(value == "" || (err == nil && u.IsAbs() && u.Host != ""), "%s %q: an absolute http or https URL", name, value)
	}
	return faults
}

// checkAddr says what is wrong with an address to listen on.
func checkAddr(name, addr string) []error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return []error{fmt.Errorf("%s %q: give host:port, such as 127.0.0.1:8080", name, addr)}
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" && host != "localhost" {
		return []error{fmt.Errorf("%s %q: the host must be an address, localhost, or empty for all", name, addr)}
	}
	return nil
}

// publicURL is the API's address for endpoints, without a trailing slash. The default is the
// listener's address, or else the configured one. An address that stands for all is replaced by
// this machine's.
func (c *config) publicURL(listener net.Listener) string {
	if c.PublicURL != "" {
		return strings.TrimRight(c.PublicURL, "/")
	}
	addr := c.HTTPAddr
	if listener != nil {
		addr = listener.Addr().String()
	}
	return "http://" + reachable(addr)
}

// keyset returns the key set's JSON.
func (c *config) keyset() (string, error) {
	if c.EncryptionKeyset == "" {
		return "", errors.New("FORGEHOOK_ENCRYPTION_KEYSET is not set: it seals secrets; make one with forgehook keyset new")
	}
	return valueOrFile("FORGEHOOK_ENCRYPTION_KEYSET", c.EncryptionKeyset)
}

// valueOrFile resolves "@path", which keeps secrets out of the environment.
func valueOrFile(name, value string) (string, error) {
	path, isFile := strings.CutPrefix(value, "@")
	if !isFile {
		return value, nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return strings.TrimSpace(string(content)), nil
}

// parameter is one row of the configuration table.
type parameter struct{ Key, Default, Doc, field string }

// parameters lists every setting in declared order.
func parameters() []parameter {
	var list []parameter
	var walk func(t reflect.Type)
	walk = func(t reflect.Type) {
		for f := range t.Fields() {
			if f.Type.Kind() == reflect.Struct {
				walk(f.Type)
				continue
			}
			list = append(list, parameter{f.Tag.Get("env"), f.Tag.Get("envDefault"), f.Tag.Get("doc"), f.Name})
		}
	}
	walk(reflect.TypeFor[config]())
	return list
}

// configTable renders the README's table.
func configTable() string {
	var b strings.Builder
	b.WriteString("| Variable | Default | Meaning |\n|---|---|---|\n")
	rows := slices.DeleteFunc(parameters(), func(p parameter) bool { return strings.HasPrefix(p.Doc, "Tests:") })
	for _, p := range rows {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", p.Key, cmp.Or(code(p.Default), " "), p.Doc)
	}
	b.WriteString("| `TEMPORAL_*` | `TEMPORAL_ADDRESS=localhost:7233` | Temporal's own client settings: address, namespace, API key, TLS, or a profile file. |\n")
	return b.String()
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

func configCommand() *cobra.Command {
	return &cobra.Command{
		Use: "config", Short: "Print every setting of the process as a table", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(cmd.OutOrStdout(), configTable())
			return err
		},
	}
}
