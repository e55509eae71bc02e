//go:build e2e

package e2e

import "slices"

// exchanges are the points of the endpoint.
var exchanges = []string{
	"worker endpoint/connected",
	"worker endpoint/request read",
	"worker endpoint/half answered",
	"worker endpoint/answered",
}

// roundTrips are the statements, commits and requests of an installation under a seed's load. Each
// has a point before and after it. The line of a seed names those that are missing here.
var roundTrips = []string{
	"api postgres/COMMIT of INSERT call_requests+INSERT calls+INSERT call_waiters",
	"api postgres/COMMIT of INSERT wakes",
	"api postgres/COMMIT of UPDATE calls",
	"api postgres/COMMIT of UPDATE calls+UPDATE attempts+UPDATE documents+UPDATE runs",
	"api postgres/COMMIT of UPDATE services",
	"api postgres/DELETE wakes",
	"api postgres/INSERT call_requests+INSERT calls+INSERT call_waiters",
	"api postgres/INSERT callbacks",
	"api postgres/INSERT wakes",
	"api postgres/SELECT api_keys",
	"api postgres/SELECT call_requests",
	"api postgres/SELECT callbacks",
	"api postgres/SELECT calls",
	"api postgres/SELECT documents",
	"api postgres/SELECT services",
	"api postgres/SELECT settings_versions",
	"api postgres/SELECT unnest",
	"api postgres/SELECT wakes",
	"api postgres/UPDATE calls",
	"api postgres/UPDATE calls+UPDATE attempts+UPDATE documents+UPDATE runs",
	"api postgres/UPDATE services",
	"api temporal/RequestCancelWorkflowExecution",
	"api temporal/SignalWithStartWorkflowExecution",
	"api temporal/SignalWorkflowExecution",
	"api temporal/StartWorkflowExecution",
	"worker postgres/COMMIT of DELETE attempts+UPDATE calls",
	"worker postgres/COMMIT of UPDATE attempts",
	"worker postgres/COMMIT of UPDATE attempts+INSERT attempts+UPDATE calls",
	"worker postgres/COMMIT of UPDATE attempts+UPDATE calls",
	"worker postgres/COMMIT of UPDATE calls",
	"worker postgres/COMMIT of UPDATE calls+UPDATE attempts+UPDATE documents+UPDATE runs",
	"worker postgres/COMMIT of UPDATE services",
	"worker postgres/DELETE attempts+UPDATE calls",
	"worker postgres/DELETE wakes",
	"worker postgres/INSERT requests",
	"worker postgres/SELECT callbacks",
	"worker postgres/SELECT calls",
	"worker postgres/SELECT services",
	"worker postgres/SELECT settings_versions",
	"worker postgres/SELECT wakes",
	"worker postgres/UPDATE attempts",
	"worker postgres/UPDATE attempts+INSERT attempts+UPDATE calls",
	"worker postgres/UPDATE attempts+UPDATE calls",
	"worker postgres/UPDATE calls",
	"worker postgres/UPDATE calls+UPDATE attempts+UPDATE documents+UPDATE runs",
	"worker postgres/UPDATE runs",
	"worker postgres/UPDATE services",
	"worker postgres/UPDATE wakes",
	"worker postgres/UPDATE work_item_processes",
	"worker temporal/DescribeWorkflowExecution",
	"worker temporal/GetWorkflowExecutionHistory",
	"worker temporal/PollActivityTaskQueue",
	"worker temporal/PollNexusTaskQueue",
	"worker temporal/PollWorkflowTaskQueue",
	"worker temporal/RecordActivityTaskHeartbeat",
	"worker temporal/RespondActivityTaskCanceled",
	"worker temporal/RespondActivityTaskCompleted",
	"worker temporal/RespondActivityTaskFailed",
	"worker temporal/RespondWorkflowTaskCompleted",
	"worker temporal/RespondWorkflowTaskFailed",
	"worker temporal/ShutdownWorker",
	"worker temporal/SignalWithStartWorkflowExecution",
	"worker temporal/SignalWorkflowExecution",
	"worker temporal/StartWorkflowExecution",
}

// startTrips are those of starting processes, or without effect on others. They get no planned
// faults.
var startTrips = []string{
	"api postgres/SELECT goose_db_version",
	"api postgres/SELECT pg_tables",
	"api temporal/Check",
	"api temporal/CreateSchedule",
	"api temporal/DescribeSchedule",
	"api temporal/GetSystemInfo",
	"api temporal/ListSearchAttributes",
	"api temporal/UpdateSchedule",
	"worker postgres/SELECT goose_db_version",
	"worker postgres/SELECT pg_tables",
	"worker postgres/SELECT tenants",
	"worker postgres/UPDATE tenants",
	"worker temporal/Check",
	"worker temporal/CreateSchedule",
	"worker temporal/DescribeNamespace",
	"worker temporal/DescribeSchedule",
	"worker temporal/GetSystemInfo",
	"worker temporal/ListSearchAttributes",
	"worker temporal/RecordWorkerHeartbeat",
	"worker temporal/UpdateSchedule",
}

// sides returns the points of round trips.
func sides(trips []string) (points []string) {
	for _, trip := range trips {
		points = append(points, trip+"/before", trip+"/after")
	}
	return points
}

// points are those at which faults are planned.
var points = slices.Concat(exchanges, sides(roundTrips))
