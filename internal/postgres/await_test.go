package postgres_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/postgres/await"
)

func newWaiter(t *testing.T, b bundle) *await.Waiter {
	t.Helper()
	w, err := await.New(b.url, b.DB, slog.New(slog.DiscardHandler))
	check(t, err)
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func complete(t *testing.T, b bundle, call forgehook.Call) {
	t.Helper()
	_, err := b.CompleteCall(t.Context(), b.ref(call.ID), forgehook.Canceled, nil, time.Now())
	check(t, err)
}

// waiting runs a Wait and returns what it will answer.
func waiting(ctx context.Context, t *testing.T, w *await.Waiter, b bundle, ids ...string) <-chan []forgehook.Call {
	t.Helper()
	answer := make(chan []forgehook.Call, 1)
	go func() {
		calls, err := w.Wait(ctx, b.tenant, ids)
		if err != nil {
			t.Error(err)
		}
		answer <- calls
	}()
	return answer
}

func outcomes(calls []forgehook.Call) string {
	text := ""
	for _, c := range calls {
		if c.Outcome == nil {
			text += "open "
		} else {
			text += string(*c.Outcome) + " "
		}
	}
	return text
}

func TestWaiter(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := newWaiter(t, b)
	first, second := b.s.Call(t, b.DB), b.s.Call(t, b.DB)
	both := waiting(t.Context(), t, w, b, second.ID, first.ID)
	one := waiting(t.Context(), t, w, b, first.ID)
	complete(t, b, first)
	equal(t, "one", outcomes(<-one), "canceled ")
	select {
	case calls := <-both:
		t.Errorf("the wait for both ended with %s", outcomes(calls))
	default:
	}
	complete(t, b, second)
	calls := <-both
	equal(t, "both", outcomes(calls), "canceled canceled ")
	equal(t, "their order", []string{calls[0].ID, calls[1].ID}, []string{second.ID, first.ID})

	equal(t, "completed before", outcomes(<-waiting(t.Context(), t, w, b, first.ID)), "canceled ")
	equal(t, "none", outcomes(<-waiting(t.Context(), t, w, b)), "")
	_, err := w.Wait(t.Context(), b.stranger, []string{first.ID})
	refused(t, "a stranger", err, forgehook.CodeNotFound)
}

// TestWaiter_from has the calls end in start, as soon as they can.
func TestWaiter_from(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := newWaiter(t, b)
	first, second := b.s.Call(t, b.DB), b.s.Call(t, b.DB)
	calls, err := w.WaitFrom(t.Context(), b.tenant, []string{second.ID, first.ID}, func() {
		complete(t, b, first)
		complete(t, b, second)
	})
	check(t, err)
	equal(t, "both", outcomes(calls), "canceled canceled ")
	equal(t, "their order", []string{calls[0].ID, calls[1].ID}, []string{second.ID, first.ID})

	open := b.s.Call(t, b.DB)
	ctx, cancel := context.WithCancel(t.Context())
	calls, err = w.WaitFrom(ctx, b.tenant, []string{open.ID}, cancel)
	check(t, err)
	equal(t, "the present state", outcomes(calls), "open ")
	equal(t, "who waits still", w.Waiting(), 0)
}

func TestWaiter_contextEnds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := newWaiter(t, b)
	done, open := b.s.Call(t, b.DB), b.s.Call(t, b.DB)
	complete(t, b, done)
	ctx, cancel := context.WithCancel(t.Context())
	answer := waiting(ctx, t, w, b, done.ID, open.ID)
	cancel()
	equal(t, "the present state", outcomes(<-answer), "canceled open ")
	equal(t, "ended before", outcomes(<-waiting(ctx, t, w, b, open.ID)), "open ")
}

func TestWaiter_close(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w, err := await.New(b.url, b.DB, slog.New(slog.DiscardHandler))
	check(t, err)
	answer := waiting(t.Context(), t, w, b, b.s.Call(t, b.DB).ID)
	check(t, w.Close())
	check(t, w.Close())
	equal(t, "the present state", outcomes(<-answer), "open ")
}

// The connection breaks, an outcome is notified to nobody, and the waiter learns of it all the
// same.
func TestWaiter_reconnect(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := newWaiter(t, b)
	server := rawPool(t, os.Getenv("FORGEHOOK_DATABASE_URL"))
	address, err := url.Parse(b.url)
	check(t, err)
	database := address.Path[1:]
	do := func(statement string, args ...any) {
		t.Helper()
		_, err := server.ExecContext(t.Context(), statement, args...)
		check(t, err)
	}
	t.Cleanup(func() { // else the database could neither be reused nor dropped
		if _, err := server.Exec("ALTER DATABASE " + database + " ALLOW_CONNECTIONS true"); err != nil {
			t.Error(err)
		}
	})
	for range 2 {
		call := b.s.Call(t, b.DB)
		answer := waiting(t.Context(), t, w, b, call.ID)
		do("ALTER DATABASE " + database + " ALLOW_CONNECTIONS false") // those that are open stay
		do("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1 AND query LIKE 'LISTEN%'", database)
		complete(t, b, call)
		do("ALTER DATABASE " + database + " ALLOW_CONNECTIONS true")
		equal(t, "outcome while nobody listened", outcomes(<-answer), "canceled ")

		again := b.s.Call(t, b.DB)
		answer = waiting(t.Context(), t, w, b, again.ID)
		complete(t, b, again)
		equal(t, "outcome over the new connection", outcomes(<-answer), "canceled ")
	}
}

func TestWaiter_many(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := newWaiter(t, b)
	const calls, waitersEach = 20, 50
	var open []forgehook.Call
	for range calls {
		open = append(open, b.s.Call(t, b.DB))
	}
	results := make(chan string, calls*waitersEach)
	var wg sync.WaitGroup
	for i := range calls * waitersEach {
		wg.Go(func() {
			got, err := w.Wait(t.Context(), b.tenant, []string{open[i%calls].ID})
			results <- fmt.Sprint(outcomes(got), err)
		})
	}
	for _, call := range open {
		complete(t, b, call)
	}
	wg.Wait()
	close(results)
	for result := range results {
		if result != "canceled <nil>" {
			t.Fatal(result)
		}
	}
}

// notify tells the ends of calls that nobody has made.
func notify(t *testing.T, b bundle, tenant forgehook.TenantID, n int) {
	t.Helper()
	_, err := rawPool(t, b.url).ExecContext(t.Context(), `
		SELECT pg_notify('forgehook_calls', $1 || '/' || gen_random_uuid() || '/canceled') FROM generate_series(1, $2)`, string(tenant), n)
	check(t, err)
}

func TestWatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := newWaiter(t, b)
	ids, stop := w.Watch(t.Context(), b.tenant)
	others, stopOthers := w.Watch(t.Context(), b.stranger)
	first, second := b.s.Call(t, b.DB), b.s.Call(t, b.DB)
	complete(t, b, second)
	complete(t, b, first)
	equal(t, "in the order of their ends", []string{<-ids, <-ids}, []string{second.ID, first.ID})
	notify(t, b, b.stranger, 1)
	if id := <-others; id == first.ID || id == second.ID || id == "" {
		t.Errorf("a stranger saw %q", id)
	}
	stop()
	stop()
	_, more := <-ids
	equal(t, "after the stop", more, false)
	ctx, cancel := context.WithCancel(t.Context())
	ids, stop = w.Watch(ctx, b.tenant)
	defer stop()
	cancel()
	_, more = <-ids
	equal(t, "after the end of its context", more, false)
	check(t, w.Close())
	_, more = <-others
	equal(t, "after the close", more, false)
	stopOthers()
	late, stopLate := w.Watch(t.Context(), b.tenant)
	_, more = <-late
	equal(t, "begun after the close", more, false)
	stopLate()
}

// A run or process that ends is no call: watchers do not see it.
func TestWatch_callsOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := newWaiter(t, b)
	ids, stop := w.Watch(t.Context(), b.tenant)
	defer stop()
	_, err := rawPool(t, b.url).ExecContext(t.Context(), `SELECT pg_notify('forgehook_calls', $1 || '/' || gen_random_uuid())`, string(b.tenant))
	check(t, err)
	call := b.s.Call(t, b.DB)
	complete(t, b, call)
	equal(t, "id", <-ids, call.ID)
}

// Whoever reads too slowly misses some, and is told so.
func TestWatch_gap(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := newWaiter(t, b)
	ids, stop := w.Watch(t.Context(), b.tenant)
	defer stop()
	others, stopOthers := w.Watch(t.Context(), b.stranger)
	defer stopOthers()
	notify(t, b, b.tenant, 300)
	notify(t, b, b.stranger, 1)
	<-others // one connection tells all, in order: the 300 have been told
	for range cap(ids) - 1 {
		if id := <-ids; id == "" {
			t.Fatal("the gap came too early")
		}
	}
	equal(t, "gap, though nothing has ended since", <-ids, "")
	last := b.s.Call(t, b.DB)
	complete(t, b, last)
	equal(t, "next", <-ids, last.ID)
}

func TestWatch_reconnect(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := newWaiter(t, b)
	ids, stop := w.Watch(t.Context(), b.tenant)
	defer stop()
	address, err := url.Parse(b.url)
	check(t, err)
	_, err = rawPool(t, os.Getenv("FORGEHOOK_DATABASE_URL")).ExecContext(t.Context(), `
		SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1 AND query LIKE 'LISTEN%'`, address.Path[1:])
	check(t, err)
	equal(t, "gap", <-ids, "")
	call := b.s.Call(t, b.DB)
	complete(t, b, call)
	equal(t, "next", <-ids, call.ID)
}

func TestWaitRun(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := newWaiter(t, b)
	call := begun(t, b)
	run := inRun(t, b, 1, call)
	_, err := w.WaitRun(t.Context(), b.stranger, run)
	refused(t, "a stranger", err, forgehook.CodeNotFound)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	open, err := w.WaitRun(ctx, b.tenant, run)
	check(t, err)
	equal(t, "as it is", open.Outcome, nil)
	answer := make(chan forgehook.Run, 1)
	go func() {
		ended, err := w.WaitRun(t.Context(), b.tenant, run)
		if err != nil {
			t.Error(err)
		}
		answer <- ended
	}()
	_, err = b.CompleteRun(t.Context(), forgehook.RunRef{Tenant: b.tenant, RunID: run}, forgehook.RunCanceled, nil, time.Now())
	check(t, err)
	ended := <-answer
	equal(t, "ended", *ended.Outcome, forgehook.RunCanceled)
	again, err := w.WaitRun(t.Context(), b.tenant, run)
	check(t, err)
	equal(t, "ended before", again, ended)
}

func TestWaitProcess(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := newWaiter(t, b)
	putItem(t, b, b.tenant, b.s.Project.ID, forgehook.WorkItem{ID: 77, DocumentID: &b.s.Document.ID, Status: 1})
	_, ref, _, err := b.AcceptProcess(t.Context(), b.tenant, postgres.ProcessAcceptance{
		WorkItemID: 77, CallID: begun(t, b).ID, OnDue: forgehook.DueWait, Now: time.Now(),
	})
	check(t, err)
	_, err = w.WaitProcess(t.Context(), b.stranger, 77)
	refused(t, "a stranger", err, forgehook.CodeNotFound)
	answer := make(chan forgehook.WorkItemProcess, 1)
	go func() {
		ended, err := w.WaitProcess(t.Context(), b.tenant, 77)
		if err != nil {
			t.Error(err)
		}
		answer <- ended
	}()
	_, _, err = b.EndProcess(t.Context(), postgres.ProcessEnd{Ref: ref, Outcome: forgehook.ProcessCanceled, Now: time.Now()})
	check(t, err)
	ended := <-answer
	equal(t, "ended", *ended.Outcome, forgehook.ProcessCanceled)
}

func TestNewWaiter_nobodyListens(t *testing.T) {
	t.Parallel()
	_, err := await.New("postgres://127.0.0.1:port/db", nil, slog.New(slog.DiscardHandler))
	if err == nil {
		t.Error("a bad URL was taken")
	}
}
