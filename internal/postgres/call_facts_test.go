package postgres_test

import (
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/forgehook/forgehook"
)

// The call of the facts is the stored one without its request and response, also when it waits for
// its callback.
func TestFacts(t *testing.T) {
	t.Parallel()
	b := setup(t, awaits)
	call, _ := awaiting(t, b)
	read := facts(t, b.DB, b.ref(call.ID))
	want := b.stored(t, call)
	want.Request, want.Response, want.CallbackUntil = nil, nil, nil
	equal(t, "call", read.Call, want)
	equal(t, "built", read.Built, true)
	equal(t, "subject", read.Subject, frozen(t, b, forgehook.CallRequest{WebHookServiceID: &b.s.Utility.ID, DocumentID: &b.s.Document.ID}))
	equal(t, "settings", loaded(t, read.Settings).Callback.Await, true)
	_, err := b.Facts(t.Context(), forgehook.CallRef{Tenant: b.stranger, CallID: call.ID})
	refused(t, "another tenant", err, forgehook.CodeNotFound)
}

// large is a call about a document of a MiB.
func large(t *testing.T, b bundle) forgehook.Call {
	t.Helper()
	_, _, err := b.UpdateDocument(t.Context(), b.tenant, b.s.Document.ID, "", func(d *forgehook.Document) error {
		d.Comment = new(strings.Repeat("x", 1<<20))
		return nil
	})
	check(t, err)
	return b.s.Call(t, b.DB)
}

// Large subjects are worked on by no more at once than there are processors; small ones do not wait
// for them.
func TestFacts_large(t *testing.T) {
	t.Parallel()
	b := setup(t)
	small, large := b.s.Call(t, b.DB), large(t, b)
	var atOnce, most atomic.Int32
	entered, leave := make(chan struct{}, 100), make(chan struct{})
	var wg sync.WaitGroup
	limit := runtime.GOMAXPROCS(0)
	for range limit + 2 {
		wg.Go(func() {
			read, err := b.Facts(t.Context(), b.ref(large.ID))
			if err != nil {
				t.Error(err)
			}
			most.Store(max(most.Load(), atOnce.Add(1)))
			entered <- struct{}{}
			<-leave
			atOnce.Add(-1)
			read.Done()
			read.Done() // the deferred one, after what is recorded
		})
	}
	for range limit {
		<-entered
	}
	facts(t, b.DB, b.ref(small.ID))
	close(leave)
	wg.Wait()
	equal(t, "at once", int(most.Load()), limit)
}

// What is recorded ends the thinking, so that the next one does not wait for the database.
func TestFacts_largeAreRecorded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ref := b.ref(large(t, b).ID)
	for range runtime.GOMAXPROCS(0) + 1 {
		read, err := b.Facts(t.Context(), ref)
		check(t, err)
		_, err = b.RecordExplanation(t.Context(), read, fires)
		check(t, err)
		read, err = b.Facts(t.Context(), ref)
		check(t, err)
		_, _, err = b.RecordRequest(t.Context(), read, built)
		check(t, err)
	}
}
