// Command forgehook is the whole product in one binary: the API, the worker, and their tools. It
// only wires and prints; rules, storage and HTTP have packages of their own. Start with serve.go;
// dev.go is what `make dev` runs.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // expressions may name time zones, and the image has no zone files

	"github.com/spf13/cobra"

	"github.com/forgehook/forgehook"
)

// version is set by the build.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := rootCommand().ExecuteContext(ctx); err != nil {
		os.Exit(fail(err))
	}
}

// fail prints an error and returns the exit code, which is 1 unless the command defines others.
func fail(err error) int {
	if code, ok := errors.AsType[exitCode](err); ok {
		return int(code)
	}
	fmt.Fprintln(os.Stderr, "forgehook: "+explain(err))
	if _, ok := errors.AsType[usageError](err); ok {
		return usageCode
	}
	return 1
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "forgehook",
		Short:         "Durable webhooks for document-processing pipelines",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(
		serveCommand(), apiCommand(), workerCommand(), migrateCommand(), tenantsCommand(), keysCommand(), keysetCommand(),
		callCommand(), listenCommand(), openapiCommand(), configCommand(), healthCommand(), versionCommand(),
		benchCommand(), devCommand(), doctorCommand(),
	)
	return root
}

// group makes a command that only holds others. Alone it lists them; with an unknown one it fails.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return fmt.Errorf("%s has no command %q; see %s --help", cmd.CommandPath(), args[0], cmd.CommandPath())
		}
		return nil
	}, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(commands...)
	return cmd
}

// explain renders an error for a person at a terminal: what users may see, one fault a line.
func explain(err error) string {
	e, ok := errors.AsType[*forgehook.Error](err)
	if !ok || e.Detail == "" || e.Code == forgehook.CodeUnavailable { // then only the chain says what is away
		return err.Error()
	}
	text := e.Detail
	for _, f := range e.Fields {
		text += "\n  " + f.Path
		if f.Value != "" {
			text += fmt.Sprintf(" = %q", f.Value)
		}
		text += ": " + f.Allowed
	}
	return text
}
