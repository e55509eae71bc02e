package workflows

import "go.temporal.io/sdk/workflow"

// Sweep mends what fell between PostgreSQL and Temporal. A schedule runs it.
func Sweep(ctx workflow.Context) (SweepResult, error) { return sweepCalls(ctx) }
