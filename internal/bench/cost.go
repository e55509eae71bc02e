package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/forgehook/forgehook/internal/postgres"
)

// A session of PostgreSQL reports its counts 10 s after its last statement at the latest.
const settle = 11 * time.Second

// cost measures what calls take of the machine: from rest, through so many calls, to rest. It
// includes what the engine does at rest, about 30 transactions a second, which is the same for all
// shapes.
func (l *lab) cost(ctx context.Context, _ *Report) error {
	time.Sleep(settle)
	for _, x := range l.shapes {
		if err := l.costOf(ctx, x); err != nil {
			return fmt.Errorf("%s: %w", x.name, err)
		}
	}
	return nil
}

func (l *lab) costOf(ctx context.Context, x *shape) error {
	before, err := l.db.ServerFigures(ctx)
	if err != nil {
		return err
	}
	var begun atomic.Int64
	cpu := l.cpu(x)
	err = atOnce(l.Callers, func() error {
		for begun.Add(1) <= int64(l.Counted) {
			if _, err := x.call(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	n := float64(l.Counted)
	x.figures.cost.CPU = l.cpu(x).minus(cpu, n)
	time.Sleep(settle)
	after, err := l.db.ServerFigures(ctx)
	if err != nil {
		return err
	}
	x.figures.cost.count(before, after, n)
	id, err := x.call(ctx) // one at a time: a busy engine may give a workflow one task more
	if err != nil {
		return err
	}
	if err := l.client.GetWorkflow(ctx, id, "").Get(ctx, nil); err != nil { // the result comes before the workflow ends
		return err
	}
	description, err := l.client.DescribeWorkflowExecution(ctx, id, "")
	if err != nil {
		return err
	}
	info := description.GetWorkflowExecutionInfo()
	x.figures.cost.HistoryEvents, x.figures.cost.HistoryBytes = float64(info.GetHistoryLength()), float64(info.GetHistorySizeBytes())
	return nil
}

// Cost is what one call takes. Transactions and bytes count the whole server, with the engine's
// databases; Own counts only the product's database.
type Cost struct {
	HistoryEvents   float64 `json:"historyEvents"`
	HistoryBytes    float64 `json:"historyBytes"`
	Transactions    float64 `json:"transactions"`
	OwnTransactions float64 `json:"ownTransactions"`
	WALBytes        float64 `json:"walBytes"`
	TableBytes      float64 `json:"tableBytes"` // indexes included
	OwnTableBytes   float64 `json:"ownTableBytes"`
	CPU             CPU     `json:"cpuMs"`
}

func (c *Cost) count(before, after postgres.ServerFigures, calls float64) {
	c.Transactions = float64(after.Transactions-before.Transactions) / calls
	c.OwnTransactions = float64(after.OwnTransactions-before.OwnTransactions) / calls
	c.WALBytes = float64(after.WALBytes-before.WALBytes) / calls
	c.TableBytes = float64(after.Bytes-before.Bytes) / calls
	c.OwnTableBytes = float64(after.OwnBytes-before.OwnBytes) / calls
}

// CPU is processor time in ms, by process.
type CPU struct {
	Load        float64 `json:"load"`        // the bench itself: its clients and the endpoint
	Worker      float64 `json:"worker"`      // of the shape; for the product with the API
	Engine      float64 `json:"engine"`      // the development stack, mostly the Temporal server
	Postgres    float64 `json:"postgres"`    // all its processes
	PostgresOwn float64 `json:"postgresOwn"` // its sessions in the product's database
}

func (c CPU) total() float64 { return c.Load + c.Worker + c.Engine + c.Postgres }

func (c CPU) minus(before CPU, calls float64) CPU {
	return CPU{
		(c.Load - before.Load) / calls, (c.Worker - before.Worker) / calls, (c.Engine - before.Engine) / calls,
		(c.Postgres - before.Postgres) / calls, (c.PostgresOwn - before.PostgresOwn) / calls,
	}
}

// cpu reads how much processor time the processes of a shape have used.
func (l *lab) cpu(x *shape) CPU {
	c := CPU{Load: stat(os.Getpid()).used, Worker: stat(x.process.cmd.Process.Pid).used, Engine: stat(l.StackPID).used}
	if l.PostgresPID == 0 {
		return c
	}
	postmaster := stat(l.PostgresPID)
	c.Postgres = postmaster.used + postmaster.ended
	folders, _ := filepath.Glob("/proc/[0-9]*")
	for _, folder := range folders {
		pid, _ := strconv.Atoi(filepath.Base(folder))
		s := stat(pid)
		if s.parent != l.PostgresPID {
			continue
		}
		c.Postgres += s.used
		if title := strings.Fields(commandLine(pid)); len(title) > 2 && title[2] == l.database { // postgres: role database ...
			c.PostgresOwn += s.used
		}
	}
	return c
}

// used is what Linux knows of a process; all zero if there is none.
type used struct {
	parent      int
	used, ended float64 // ms of processor time: its own, and that of ended children
}

const tick = 10.0 // ms; Linux counts in hundredths of a second on all platforms

func stat(pid int) used {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return used{}
	}
	_, rest, _ := strings.Cut(string(content), ") ") // the name may hold spaces
	fields := strings.Fields(rest)
	if len(fields) < 15 {
		return used{}
	}
	number := func(i int) float64 { n, _ := strconv.ParseFloat(fields[i], 64); return n }
	return used{int(number(1)), tick * (number(11) + number(12)), tick * (number(13) + number(14))}
}

func commandLine(pid int) string {
	content, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return strings.ReplaceAll(string(content), "\x00", " ")
}

// residentBytes is the memory of a process; 0 if unknown.
func residentBytes(pid int) float64 {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(content), "VmRSS:")
	number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	kilobytes, _ := strconv.ParseFloat(number, 64)
	return kilobytes * 1024
}
