package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/forgehook/forgehook/internal/bench"
)

func benchCommand() *cobra.Command {
	var o bench.Options
	var all, asJSON, check bool
	var out string
	cmd := &cobra.Command{
		Use: "bench", Short: "Measure a call beside the bare engine, in one run on one server", Args: cobra.NoArgs,
		Example: "  forgehook bench --all --out bench.json\n  forgehook bench --with GOGC=200 --with BINARY=/path/of/an/older/forgehook",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig()
			if err != nil {
				return err
			}
			o.DatabaseURL, o.StackPID, o.PostgresPID, o.Progress = c.DatabaseURL, c.Dev.StackPID, c.Dev.PGPID, cmd.ErrOrStderr()
			if all {
				o.Ways, o.Awaiting, o.Documents, o.Neighbours = true, 10_000, 10_000, 1_000
			}
			report, err := bench.Run(cmd.Context(), o)
			if err != nil {
				return err
			}
			return tell(cmd.OutOrStdout(), report, out, asJSON, check)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&all, "all", false, "also the long parts: --ways --awaiting 10000 --documents 10000 --neighbours 1000")
	flags.StringArrayVar(&o.With, "with", nil, "another shape of the product, measured in turns with the others: settings such as \"GOGC=200\"; BINARY=path runs another forgehook")
	flags.StringVar(&o.Receipts, "receipts", "", "documents, one JSON object a line, instead of the built-in ones")
	flags.IntVar(&o.Rounds, "rounds", 5, "rounds of one call at a time and of saturation")
	flags.IntVar(&o.Single, "single", 40, "calls one at a time in a round")
	flags.IntVar(&o.Callers, "callers", 48, "callers at saturation")
	flags.DurationVar(&o.Duration, "duration", 3*time.Second, "length of a round at saturation")
	flags.IntSliceVar(&o.Rates, "rates", []int{10, 20, 30}, "calls a second that arrive by the clock")
	flags.DurationVar(&o.OpenFor, "open", 5*time.Second, "how long they arrive, at each rate and in each way; 0 skips this")
	flags.IntVar(&o.Counted, "counted", 300, "calls whose transactions, bytes and CPU time are counted")
	flags.BoolVar(&o.Ways, "ways", false, "measure the ways to await a call")
	flags.IntVar(&o.Awaiting, "awaiting", 0, "calls that await a callback at once")
	flags.IntVar(&o.Documents, "documents", 0, "documents of one event")
	flags.IntVar(&o.Neighbours, "neighbours", 0, "measure calls beside so many of another tenant, to a quick and to a slow endpoint")
	flags.StringVar(&o.CPUProfile, "cpuprofile", "", "write the CPU profile of API and worker at saturation to this file")
	flags.StringVar(&out, "out", "", "write JSON to this file")
	flags.BoolVar(&asJSON, "json", false, "print JSON instead of tables")
	flags.BoolVar(&check, "check", false, "fail if a figure is worse than in the committed run by more than its tolerance")
	cmd.AddCommand(benchPart("serve", benchServe), benchPart("bare", bench.Bare))
	return cmd
}

// benchPart is a command that the bench starts as a process.
func benchPart(name string, run func(context.Context) error) *cobra.Command {
	return &cobra.Command{Use: name, Hidden: true, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context()) }}
}

// tell prints a report beside the committed one and compares them.
func tell(w io.Writer, report *bench.Report, out string, asJSON, check bool) error {
	content, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	content = append(content, '\n')
	if out != "" {
		if err := os.WriteFile(out, content, 0o644); err != nil { //nolint:gosec // figures, no secret
			return err
		}
	}
	if asJSON {
		_, err := w.Write(content)
		return err
	}
	committed, err := bench.Baseline()
	if err != nil {
		return err
	}
	report.Print(w)
	if worse := report.Compare(w, committed); check && worse > 0 {
		return fmt.Errorf("%d figures are worse than in the committed run", worse)
	}
	return nil
}

// benchServe is serve with a debug port for the bench.
func benchServe(ctx context.Context) error {
	c, err := loadConfig()
	if err != nil {
		return err
	}
	s, err := openService(ctx, c, newLogger(os.Stderr, c))
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.listenAPI(); err != nil {
		return err
	}
	debug, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := s.awaitEngine(ctx); err != nil {
		return err
	}
	s.prepareEngine(ctx)
	s.control.EagerStart = true // as serve does
	ctx, cancel := bench.UntilEOF(ctx, os.Stdin)
	defer cancel()
	return s.run(ctx, (*service).serveAPI, (*service).runWorker,
		func(_ *service, ctx context.Context) error { return serveHTTP(ctx, debug, bench.Debug()) },
		func(_ *service, ctx context.Context) error {
			err := bench.Ready{API: s.api.Addr().String(), Debug: debug.Addr().String()}.Say(os.Stdout)
			<-ctx.Done()
			return err
		})
}
