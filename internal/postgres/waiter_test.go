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
)

func newWaiter(t *testing.T, b bundle) *postgres.Waiter {
	t.Helper()
	w, err := postgres.NewWaiter(b.url, b.DB, slog.New(slog.DiscardHandler))
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
func waiting(ctx context.Context, t *testing.T, w *postgres.Waiter, b bundle, ids ...string) <-chan []forgehook.Call {
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
	w, err := postgres.NewWaiter(b.url, b.DB, slog.New(slog.DiscardHandler))
	check(t, err)
	answer := waiting(t.Context(), t, w, b, b.s.Call(t, b.DB).ID)
	check(t, w.Close())
	check(t, w.Close())
	equal(t, "the present state", outcomes(<-answer), "open ")
}

// The connection breaks, an outcome is notified to nobody, and the waiter learns of it all the same.
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

func TestNewWaiter_nobodyListens(t *testing.T) {
	t.Parallel()
	_, err := postgres.NewWaiter("postgres://127.0.0.1:port/db", nil, slog.New(slog.DiscardHandler))
	if err == nil {
		t.Error("a bad URL was taken")
	}
}
