package workflows

// This file holds the change ids of workflow code, in the order of their release. Runs live for
// weeks, and a run goes on with the commands it has recorded: whoever adds, moves or removes a
// command (activity, timer, search attributes, local instead of regular) puts the old order behind
// workflow.GetVersion with an id from here. Options, timeouts, summaries and inputs are free.
//
// An id is one constant with four facts in its comment: date, what changed, why, and when the old
// branch may go (the last release that started runs without it, plus the longest deadline):
//
//	// 2027-02-01: the deadline's timer starts before the conditions. Why: #123. Old branch until: v0.4 + 120 h.
//	const deadlineFirst = "deadline-first"
//
// Record a history of the old order before the change (TestRecord) and test both branches.
//
// No id is needed where new commands follow only from data that no earlier run can hold. So it is
// with callbacks and with the wakes of v0.2: a call of v0.1 has no AwaitUntil and no Wake in its
// history, and gets its new order with its next Deliver.
