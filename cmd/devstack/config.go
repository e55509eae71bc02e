package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
)

// config holds the flags and the environment.
type config struct {
	data      string // absolute: PostgreSQL's data, logs, locks
	ephemeral bool
	command   []string

	pgPort, temporalPort, uiPort int

	pgBin    string // FORGEHOOK_DEV_PG_BIN, "" to search
	pgSource string // FORGEHOOK_DEV_PG_SOURCE: "", "installed", "npm" or "apt"

	databaseURL     string // set by the user; "" to start PostgreSQL
	temporalAddress string // set by the user; "" to start Temporal
}

const usage = `usage: devstack [--data DIR] [--ephemeral] -- command [args...]

  --data DIR    PostgreSQL's data and the logs (default .forgehook)
  --ephemeral   a fresh temporary stack on free ports, removed at the end

Environment: FORGEHOOK_DEV_PG_PORT (55432), FORGEHOOK_DEV_TEMPORAL_PORT (7233),
FORGEHOOK_DEV_UI_PORT (8233), FORGEHOOK_DEV_PG_BIN (folder with initdb and
postgres). FORGEHOOK_DATABASE_URL and TEMPORAL_ADDRESS, when set, are used
instead of starting one's own.`

func parse(args []string, getenv func(string) string) (config, error) {
	cfg := config{
		pgBin:           getenv("FORGEHOOK_DEV_PG_BIN"),
		pgSource:        getenv("FORGEHOOK_DEV_PG_SOURCE"),
		databaseURL:     getenv("FORGEHOOK_DATABASE_URL"),
		temporalAddress: getenv("TEMPORAL_ADDRESS"),
	}
	flags := flag.NewFlagSet("devstack", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	data := flags.String("data", ".forgehook", "")
	flags.BoolVar(&cfg.ephemeral, "ephemeral", false, "")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return cfg, errors.New(usage)
		}
		return cfg, fmt.Errorf("%w\n%s", err, usage)
	}
	cfg.command = flags.Args()
	if len(cfg.command) == 0 {
		return cfg, errors.New("no command given\n" + usage)
	}
	var err error
	if cfg.data, err = filepath.Abs(*data); err != nil {
		return cfg, fmt.Errorf("--data %s: %w", *data, err)
	}
	for _, p := range []struct {
		port     *int
		name     string
		standard int
	}{
		{&cfg.pgPort, "FORGEHOOK_DEV_PG_PORT", 55432},
		{&cfg.temporalPort, "FORGEHOOK_DEV_TEMPORAL_PORT", 7233},
		{&cfg.uiPort, "FORGEHOOK_DEV_UI_PORT", 8233},
	} {
		if *p.port, err = portOf(getenv(p.name), p.standard); err != nil {
			return cfg, fmt.Errorf("%s: %w", p.name, err)
		}
	}
	switch cfg.pgSource {
	case "", "installed", "npm", "apt":
	default:
		return cfg, fmt.Errorf("FORGEHOOK_DEV_PG_SOURCE is %q, must be installed, npm or apt", cfg.pgSource)
	}
	if cfg.startsTemporal() && !temporalLinked {
		return cfg, errors.New("this devstack was built without Temporal (tag notemporal): " +
			"set TEMPORAL_ADDRESS, or build it without the tag")
	}
	return cfg, nil
}

func portOf(text string, standard int) (int, error) {
	if strings.TrimSpace(text) == "" {
		return standard, nil
	}
	port, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || port < 1 || port > 65535 {
		return 0, fmt.Errorf("%q is not a port, must be 1 to 65535", text)
	}
	return port, nil
}

func (c config) startsTemporal() bool { return c.temporalAddress == "" }

// startsPostgres is also true for Temporal's own tables, if the user brings the product's database.
func (c config) startsPostgres() bool { return c.databaseURL == "" || c.startsTemporal() }
