package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"

	"github.com/spf13/cobra"

	"github.com/forgehook/forgehook/internal/doctor"
	"github.com/forgehook/forgehook/internal/outbound"
	"github.com/forgehook/forgehook/worker"
)

// exitCode ends the program with this code and without another message.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

const usageCode = 2

// usageError is an error in the use of a command.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func doctorCommand() *cobra.Command {
	var asJSON bool
	var endpoints []string
	cmd := &cobra.Command{
		Use: "doctor", Short: "Check what an installation depends on: settings, PostgreSQL, Temporal, clocks, the way out",
		Long: `Doctor takes the environment of serve and checks what it names, within a few seconds. What is not well comes with why that matters
and what mends it. It changes nothing; to measure what Temporal does not tell it runs two short workflows, doctor/<random>/timers
and doctor/<random>/fairness, on a task queue of their own.

Exit code: 0 all is well or a warning, 1 a fault, 2 the settings are at fault or the command was called wrongly.`,
		Args: func(cmd *cobra.Command, args []string) error { return asUsage(cobra.NoArgs(cmd, args)) },
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, endpoint := range endpoints {
				if u, err := url.Parse(endpoint); err != nil || u.Host == "" {
					return usageError{errors.New("--endpoint: give an absolute URL, such as https://erp.example.com")}
				}
			}
			o := doctorOptions(cmd.Context(), endpoints)
			if o.Temporal != nil {
				defer o.Temporal.Close()
			}
			out := cmd.OutOrStdout()
			tell := func(c doctor.Check) { fmt.Fprint(out, c.Text()) }
			if asJSON {
				tell = func(doctor.Check) {}
			}
			return conclude(out, doctor.Examine(cmd.Context(), o, tell), asJSON)
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return asUsage(err) })
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON, for programs")
	cmd.Flags().StringArrayVar(&endpoints, "endpoint", nil, "a URL to connect to, without sending anything; may be repeated")
	return cmd
}

func asUsage(err error) error {
	if err == nil {
		return nil
	}
	return usageError{err}
}

// doctorOptions takes the settings that can be read. The first check reports the others.
func doctorOptions(ctx context.Context, endpoints []string) doctor.Options {
	c, faults := loadConfig()
	o := doctor.Options{
		Faults: faults, DatabaseURL: c.DatabaseURL, DatabaseConnections: c.DatabaseConnections, TaskQueue: c.TaskQueue, WorkerSlots: c.WorkerSlots,
		PublicURL: c.publicURL(nil), PublicURLSet: c.PublicURL != "", Endpoints: endpoints, Environ: os.Environ(),
	}
	o.Keyset, o.KeysetFault = c.keyset()
	o.EgressAllow, _ = outbound.ParseAllow(c.EgressAllow) // loadConfig reports the fault
	quiet := slog.New(slog.DiscardHandler)
	o.Temporal, o.TemporalFault = worker.Dial(ctx, worker.DialOptions{Logger: quiet, Lazy: true})
	return o
}

func conclude(out io.Writer, report doctor.Report, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(report); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(out, "\n%s\n", report.Summary())
	}
	if code := report.ExitCode(); code != 0 {
		return exitCode(code)
	}
	return nil
}
