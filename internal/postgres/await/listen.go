package await

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/lib/pq"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

// notified takes "<tenant>/<id>" of what has ended, "<tenant>/<id>/<outcome>" of a call.
func (w *Waiter) notified(payload string) {
	tenant, rest, _ := strings.Cut(payload, "/")
	id, _, isCall := strings.Cut(rest, "/")
	w.completed(id)
	if !isCall {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for watching := range w.watches {
		if watching.tenant == forgehook.TenantID(tenant) {
			watching.tell(id)
		}
	}
}

// lost tells the watchers that they may have missed ids.
func (w *Waiter) lost() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for watching := range w.watches {
		watching.tell("")
	}
}

// completed ends all waits for an id. Ids are unique across tables and tenants.
func (w *Waiter) completed(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for waiting := range w.waits[id] {
		w.settleLocked(waiting, id)
	}
}

// run passes notifications on until the waiter is closed. A nil one follows a reconnect:
// notifications in between are lost.
func (w *Waiter) run() {
	defer close(w.ended)
	requery := time.NewTimer(0)
	requery.Stop()
	defer requery.Stop()
	for {
		select {
		case notification, more := <-w.listener.Notify:
			switch {
			case !more:
				return
			case notification != nil:
				w.notified(notification.Extra)
			default:
				w.lost()
				requery.Reset(0)
			}
		case <-requery.C:
			if err := w.requeryOpen(); err != nil {
				w.log.Warn("cannot look up calls that are waited for; trying again", "error", err)
				requery.Reset(requeryAfter)
			}
		}
	}
}

// requeryOpen looks up everything that is waited for.
func (w *Waiter) requeryOpen() (err error) {
	defer database.Wrap(&err, "look up what is waited for")
	ctx, cancel := context.WithTimeout(context.Background(), listenWithin)
	defer cancel()
	for kind, open := range w.open() {
		for refs := range slices.Chunk(open, requeryPage) {
			completed, err := w.db.Ended(ctx, kind, refs)
			if err != nil {
				return err
			}
			for _, id := range completed {
				w.completed(id)
			}
		}
	}
	return nil
}

// open lists what is waited for, by kind.
func (w *Waiter) open() map[postgres.WaitedFor][]forgehook.CallRef {
	w.mu.Lock()
	defer w.mu.Unlock()
	type named struct {
		kind postgres.WaitedFor
		ref  forgehook.CallRef
	}
	distinct := map[named]struct{}{}
	for id, waiting := range w.waits {
		for one := range waiting {
			distinct[named{one.kind, forgehook.CallRef{Tenant: one.tenant, CallID: id}}] = struct{}{}
		}
	}
	lists := map[postgres.WaitedFor][]forgehook.CallRef{}
	for n := range distinct {
		lists[n.kind] = append(lists[n.kind], n.ref)
	}
	return lists
}

func (w *Waiter) connectionChanged(event pq.ListenerEventType, err error) {
	switch event {
	case pq.ListenerEventDisconnected, pq.ListenerEventConnectionAttemptFailed:
		w.log.Warn("the connection for outcomes is away", "error", err)
	case pq.ListenerEventReconnected:
		w.log.Info("the connection for outcomes is back")
	case pq.ListenerEventConnected:
	}
}
