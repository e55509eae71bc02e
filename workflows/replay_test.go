package workflows

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
)

var quiet = log.NewStructuredLogger(slog.New(slog.DiscardHandler))

// TestReplay runs today's code against the histories of every release. If one does not replay, a
// deploy would stop running workflows. Histories in broken come from other code and must fail.
func TestReplay(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/histories/*/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no histories: %v", err)
	}
	for _, file := range files {
		release, name := filepath.Base(filepath.Dir(file)), strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(release+"/"+name, func(t *testing.T) {
			t.Parallel()
			replayer := worker.NewWorkflowReplayer()
			for _, w := range []any{CallWebhook, DrainUtility, Sweep, RequestCall, RunUtilities, ProcessWorkItem} {
				replayer.RegisterWorkflow(w)
			}
			err := replayer.ReplayWorkflowHistoryFromJSONFile(quiet, file)
			switch {
			case release != "broken" && err != nil:
				t.Errorf("a run of %s would stop: %v", release, err)
			case release == "broken" && (err == nil || !strings.Contains(err.Error(), "TMPRL1100")):
				t.Errorf("a history of other code went unnoticed: %v", err)
			}
		})
	}
}
