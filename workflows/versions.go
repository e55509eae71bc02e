package workflows

// This file holds the change ids of workflow code, in the order of their release. Runs live for
// weeks and replay the commands that they recorded. A change that adds, moves or removes a command
// (activity, timer, search attributes, local instead of regular) must keep the old order behind
// workflow.GetVersion with an id from here. Options, timeouts, summaries and inputs are free.
//
// Each id is a constant. Its comment gives the date, the change, the reason, and when the old
// branch may go (the last release that started runs without it, plus the longest deadline):
//
//	// 2027-02-01: the deadline's timer starts before the conditions. Why: #123. Old branch until: v0.4 + 120 h.
//	const deadlineFirst = "deadline-first"
//
// Before the change, record a history of the old order (TestRecord). Test both branches.
//
// New commands that follow only from data which no earlier run can hold need no id. Callbacks and
// the wakes of v0.2 are such: a call of v0.1 has no AwaitUntil and no Wake in its history, and gets
// the new order with its next Deliver.
