package worker

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/worker"
)

// How many tasks a process works on at once, beside the activities, which have an option.
const (
	// workflowTasks wait for the database and last up to 5 s. Tasks that a process cannot begin
	// soon are better left to others.
	workflowTasks   = 100
	localActivities = 1000 // they use the database and, for a moment, quick endpoints
	nexusTasks      = 1000
)

// slots makes the slots of a worker.
func slots(o Options, activities int) (worker.WorkerTuner, error) {
	var sizes worker.CompositeTunerOptions
	for supplier, n := range map[*worker.SlotSupplier]int{
		&sizes.WorkflowSlotSupplier: workflowTasks, &sizes.ActivitySlotSupplier: activities, &sizes.LocalActivitySlotSupplier: localActivities,
		&sizes.NexusSlotSupplier: nexusTasks, &sizes.SessionActivitySlotSupplier: activities,
	} {
		fixed, err := worker.NewFixedSizeSlotSupplier(n)
		if err != nil {
			return nil, fmt.Errorf("slots of the worker: %w", err)
		}
		*supplier = fixed
	}
	if o.Full != nil {
		sizes.ActivitySlotSupplier = admitting{sizes.ActivitySlotSupplier, o}
	}
	return worker.NewCompositeTuner(sizes)
}

// admitting gives out slots while there is room.
type admitting struct {
	worker.SlotSupplier
	options Options
}

// ReserveSlot is called before a poll.
func (s admitting) ReserveSlot(ctx context.Context, info worker.SlotReservationInfo) (*worker.SlotPermit, error) {
	if err := s.options.AwaitRoom(ctx); err != nil {
		return nil, err
	}
	return s.SlotSupplier.ReserveSlot(ctx, info)
}

// TryReserveSlot is called for an activity that the engine would hand over at once. Without a slot
// the activity comes by the task queue.
func (s admitting) TryReserveSlot(info worker.SlotReservationInfo) *worker.SlotPermit {
	if s.options.Full() {
		return nil
	}
	return s.SlotSupplier.TryReserveSlot(info)
}
