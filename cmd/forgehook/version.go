package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func versionCommand() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print version, commit, Go and platform", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		_, err := fmt.Fprintf(cmd.OutOrStdout(), "forgehook %s\ncommit    %s\ngo        %s\nplatform  %s/%s\n", version, commit(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
		return err
	}}
}

// commit is the commit that the build recorded. An image is built without one; its label has the
// commit.
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	var revision, changed string
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = ", with changes"
		}
	}
	return cmp.Or(revision, "unknown") + changed
}
