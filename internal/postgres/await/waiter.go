// Package await lets clients wait for the ends of calls, runs and processes, which PostgreSQL
// notifies, and watch them. It stores nothing and looks everything up in the store. Start with
// [New].
package await

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/lib/pq"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

// Waiter lets any number of callers of this process wait for the ends of calls, runs and processes
// over one listening connection. Lost notifications do no harm: after each reconnect everything is
// looked up.
type Waiter struct {
	db       *postgres.DB
	log      *slog.Logger
	listener *pq.Listener
	close    func() error
	closing  chan struct{}
	ended    chan struct{} // closed when run has returned

	mu      sync.Mutex
	waits   map[string]map[*wait]struct{} // by id
	waiting int
	watches map[*watch]struct{}
}

// wait is one caller that waits until none of its calls, or its run or process, is open.
type wait struct {
	tenant forgehook.TenantID
	kind   postgres.WaitedFor
	open   map[string]struct{}
	done   chan struct{}
}

const (
	listenWithin  = 10 * time.Second
	presentWithin = 5 * time.Second
	requeryAfter  = time.Second // when looking up failed
	requeryPage   = 1000
)

// New starts to listen at a database URL. That must be the server itself: a pooler in transaction
// mode has no sessions to listen with.
func New(databaseURL string, db *postgres.DB, log *slog.Logger) (_ *Waiter, err error) {
	defer database.Wrap(&err, "listen for outcomes")
	if _, err := pq.NewConfig(databaseURL); err != nil {
		return nil, database.WithoutPassword(err)
	}
	w := &Waiter{
		db: db, log: log, waits: map[string]map[*wait]struct{}{}, watches: map[*watch]struct{}{}, closing: make(chan struct{}), ended: make(chan struct{}),
	}
	w.close = sync.OnceValue(w.closeOnce)
	w.listener = pq.NewDialListener(database.Dialer{}, databaseURL, database.ReconnectAfter, database.ReconnectAtMost, w.connectionChanged)
	go w.run()
	listening := make(chan error, 1)
	go func() { listening <- w.listener.Listen(postgres.EndsChannel) }()
	select {
	case err = <-listening:
	case <-time.After(listenWithin):
		err = database.Unavailable(errors.New("no connection to listen on"))
	}
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// Close stops listening. Waiting callers get the present state. A second call does nothing.
func (w *Waiter) Close() error { return w.close() }

func (w *Waiter) closeOnce() error {
	close(w.closing)
	err := w.listener.Close()
	<-w.ended
	w.mu.Lock()
	defer w.mu.Unlock()
	for watching := range w.watches {
		close(watching.ids)
	}
	clear(w.watches)
	return err
}

// Wait returns the calls, in the order of ids, when all of them are completed, or as they are when
// ctx ends.
func (w *Waiter) Wait(ctx context.Context, tenant forgehook.TenantID, ids []string) (calls []forgehook.Call, err error) {
	defer database.Wrap(&err, "wait for %d calls", len(ids))
	waiting := w.register(postgres.ForCalls, tenant, ids)
	defer w.forget(waiting)
	if calls, err = w.present(ctx, tenant, ids); err != nil { // from now on an outcome is notified
		return nil, err
	}
	for _, call := range calls {
		if call.Outcome != nil {
			w.settle(waiting, call.ID)
		}
	}
	select {
	case <-waiting.done:
		if slices.ContainsFunc(calls, func(c forgehook.Call) bool { return c.Outcome == nil }) {
			return w.present(ctx, tenant, ids)
		}
		return calls, nil
	case <-ctx.Done():
	case <-w.closing:
	}
	if latest, err := w.present(ctx, tenant, ids); err == nil {
		return latest, nil
	}
	return calls, nil // the database is away; this is the last that is known
}

// WaitFrom is Wait for calls that cannot end before start is called. It saves the query that looks
// them up first.
func (w *Waiter) WaitFrom(ctx context.Context, tenant forgehook.TenantID, ids []string, start func()) (calls []forgehook.Call, err error) {
	defer database.Wrap(&err, "wait for %d new calls", len(ids))
	waiting := w.register(postgres.ForCalls, tenant, ids)
	defer w.forget(waiting)
	start()
	select {
	case <-waiting.done:
	case <-ctx.Done():
	case <-w.closing:
	}
	return w.present(ctx, tenant, ids)
}

// WaitRun returns a run when it has ended, or as it is when ctx ends.
func (w *Waiter) WaitRun(ctx context.Context, tenant forgehook.TenantID, id string) (_ forgehook.Run, err error) {
	defer database.Wrap(&err, "wait for run %s", id)
	read := func(ctx context.Context) (forgehook.Run, bool, error) {
		run, err := w.db.Run(ctx, tenant, id)
		return run, run.Outcome != nil, err
	}
	return waitOne(ctx, w, w.register(postgres.ForRuns, tenant, []string{id}), read)
}

// WaitProcess returns the last process of a work item when it has ended, or as it is when ctx ends.
func (w *Waiter) WaitProcess(ctx context.Context, tenant forgehook.TenantID, workItemID int32) (_ forgehook.WorkItemProcess, err error) {
	defer database.Wrap(&err, "wait for the process of work item %d", workItemID)
	_, ref, err := w.db.Process(ctx, tenant, workItemID)
	if err != nil {
		return forgehook.WorkItemProcess{}, err
	}
	read := func(ctx context.Context) (forgehook.WorkItemProcess, bool, error) {
		process, _, err := w.db.Process(ctx, tenant, workItemID)
		return process, process.Outcome != nil, err
	}
	return waitOne(ctx, w, w.register(postgres.ForProcesses, tenant, []string{ref.ProcessID}), read)
}

// waitOne is Wait for a single thing; lately reads it and reports whether it has ended.
func waitOne[T any](ctx context.Context, w *Waiter, waiting *wait, read func(context.Context) (_ T, ended bool, _ error)) (T, error) {
	defer w.forget(waiting)
	lately := func() (T, bool, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), presentWithin)
		defer cancel()
		return read(ctx)
	}
	found, ended, err := lately() // an end from now on is notified
	if err != nil || ended {
		return found, err
	}
	select {
	case <-waiting.done:
		found, _, err = lately()
		return found, err
	case <-ctx.Done():
	case <-w.closing:
	}
	if latest, _, err := lately(); err == nil {
		return latest, nil
	}
	return found, nil // the database is away; this is the last that is known
}

// present reads the calls even if ctx has ended, because the result is still wanted.
func (w *Waiter) present(ctx context.Context, tenant forgehook.TenantID, ids []string) ([]forgehook.Call, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), presentWithin)
	defer cancel()
	return w.db.CallsOf(ctx, tenant, ids)
}

func (w *Waiter) register(kind postgres.WaitedFor, tenant forgehook.TenantID, ids []string) *wait {
	waiting := &wait{tenant: tenant, kind: kind, open: make(map[string]struct{}, len(ids)), done: make(chan struct{})}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ids {
		waiting.open[id] = struct{}{}
		if w.waits[id] == nil {
			w.waits[id] = map[*wait]struct{}{}
		}
		w.waits[id][waiting] = struct{}{}
	}
	if len(ids) == 0 {
		close(waiting.done)
	}
	w.waiting++
	return waiting
}

// Waiting is how many callers wait now.
func (w *Waiter) Waiting() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.waiting
}

func (w *Waiter) forget(waiting *wait) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting--
	for id := range waiting.open {
		w.drop(waiting, id)
	}
}

// settle notes that one of a waiter's calls is completed.
func (w *Waiter) settle(waiting *wait, id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.settleLocked(waiting, id)
}

func (w *Waiter) settleLocked(waiting *wait, id string) {
	if _, open := waiting.open[id]; !open {
		return
	}
	delete(waiting.open, id)
	w.drop(waiting, id)
	if len(waiting.open) == 0 {
		close(waiting.done)
	}
}

func (w *Waiter) drop(waiting *wait, id string) {
	delete(w.waits[id], waiting)
	if len(w.waits[id]) == 0 {
		delete(w.waits, id)
	}
}
