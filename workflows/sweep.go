package workflows

import "go.temporal.io/sdk/workflow"

// Sweep repairs what was lost between PostgreSQL and Temporal. A schedule runs it.
func Sweep(ctx workflow.Context) (SweepResult, error) { return sweepCalls(ctx) }
