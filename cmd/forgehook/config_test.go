package main

import (
	"flag"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/caarlos0/env/v11"
)

var update = flag.Bool("update", false, "write generated files")

var configBlock = regexp.MustCompile(`(?s)(<!-- config: made by make generate -->\n).*?(<!-- /config -->)`)

func TestReadmeConfigurationTable(t *testing.T) {
	t.Parallel()
	const path = "../../README.md"
	readme, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !configBlock.Match(readme) {
		t.Fatal("README.md has no configuration block")
	}
	want := configBlock.ReplaceAllString(string(readme), "${1}"+strings.ReplaceAll(configTable(), "$", "$$")+"${2}")
	if want == string(readme) {
		return
	}
	if !*update {
		t.Fatal("the configuration table of README.md is stale: run make generate")
	}
	if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestUnknownNames(t *testing.T) {
	t.Parallel()
	err := unknownNames([]string{"PATH=/bin", "FORGEHOOK_HTTP_ADDR=:8080", "FORGEHOOK_HTTP_ADRR=:8080", "FORGEHOOK_X="})
	if err == nil {
		t.Fatal("want an error that names both unknown settings")
	}
	for _, name := range []string{"FORGEHOOK_HTTP_ADRR", "FORGEHOOK_X"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%q does not name %s", err, name)
		}
	}
	if strings.Contains(err.Error(), "FORGEHOOK_HTTP_ADDR ") {
		t.Errorf("%q names a setting that exists", err)
	}
}

func TestPublicURL(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() //nolint:errcheck // the test ends
	for _, tt := range []struct {
		public, addr string
		listener     net.Listener
		want         string
	}{
		{"https://hooks.example.com/forgehook/", "127.0.0.1:8080", listener, "https://hooks.example.com/forgehook"},
		{"", "127.0.0.1:8080", nil, "http://127.0.0.1:8080"},
		{"", "localhost:8080", nil, "http://localhost:8080"},
		{"", ":8080", nil, "http://127.0.0.1:8080"},
		{"", "0.0.0.0:8080", nil, "http://127.0.0.1:8080"},
		{"", "[::]:8080", nil, "http://127.0.0.1:8080"},
		{"", "127.0.0.1:0", listener, "http://" + listener.Addr().String()},
	} {
		c := config{PublicURL: tt.public, HTTPAddr: tt.addr}
		if got := c.publicURL(tt.listener); got != tt.want {
			t.Errorf("%q, %q: %q, want %q", tt.public, tt.addr, got, tt.want)
		}
	}
}

func TestConfigCheck(t *testing.T) {
	t.Parallel()
	good, err := env.ParseAsWithOptions[config](env.Options{Environment: map[string]string{}}) // all defaults
	check(t, err)
	tests := []struct {
		name   string
		change func(*config)
		want   string
	}{
		{"no port", func(c *config) { c.HTTPAddr = "localhost" }, "FORGEHOOK_HTTP_ADDR"},
		{"a name as host", func(c *config) { c.HTTPAddr = "example.com:80" }, "FORGEHOOK_HTTP_ADDR"},
		{"no port for metrics", func(c *config) { c.MetricsAddr = "localhost" }, "FORGEHOOK_METRICS_ADDR"},
		{"a drain that ends before it begins", func(c *config) { c.DrainDelay = -1 }, "FORGEHOOK_DRAIN_DELAY"},
		{"everything allowed", func(c *config) { c.EgressAllow = "0.0.0.0/0" }, "FORGEHOOK_EGRESS_ALLOW"},
		{"no queue", func(c *config) { c.TaskQueue = "" }, "FORGEHOOK_TASK_QUEUE"},
		{"no connections", func(c *config) { c.DatabaseConnections = 0 }, "FORGEHOOK_DATABASE_CONNECTIONS"},
		{"no slots", func(c *config) { c.WorkerSlots = 0 }, "FORGEHOOK_WORKER_SLOTS"},
		{"no cache", func(c *config) { c.WorkerCache = 0 }, "FORGEHOOK_WORKER_CACHE"},
		{"quicker than at once", func(c *config) { c.FastPath = -1 }, "FORGEHOOK_FAST_PATH"},
		{"no time to stop", func(c *config) { c.StopTimeout = 0 }, "FORGEHOOK_STOP_TIMEOUT"},
		{"fewer requests than none", func(c *config) { c.RateLimit = -0.5 }, "FORGEHOOK_RATE_LIMIT"},
		{"another database", func(c *config) { c.DatabaseURL = "mysql://localhost/x" }, "FORGEHOOK_DATABASE_URL"},
		{"relative URL of the API", func(c *config) { c.URL = "localhost:8080/x" }, "FORGEHOOK_URL"},
		{"sweep too often", func(c *config) { c.SweepInterval = 1 }, "FORGEHOOK_SWEEP_INTERVAL"},
		{"log format", func(c *config) { c.LogFormat = "xml" }, "FORGEHOOK_LOG_FORMAT"},
		{"relative URL", func(c *config) { c.PublicURL = "/x" }, "FORGEHOOK_PUBLIC_URL"},
	}
	if faults := good.check(); len(faults) > 0 {
		t.Fatalf("good configuration: %v", faults)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := good
			tt.change(&c)
			faults := c.check()
			if len(faults) != 1 || !strings.Contains(faults[0].Error(), tt.want) {
				t.Errorf("faults %v, want one about %s", faults, tt.want)
			}
		})
	}
}
