package await

import (
	"context"

	"github.com/forgehook/forgehook"
)

// watch is one caller that is told the calls of a tenant as they end.
type watch struct {
	tenant forgehook.TenantID
	ids    chan string // watchAhead ids, and one gap behind them
	gapped bool        // what was sent last is a gap
}

// watchAhead is how many ids a slow watcher may be behind before it misses some.
const watchAhead = 256

// Watch tells the ids of a tenant's calls as they end, until stop is called, ctx ends or the waiter
// closes: then ids is closed. "" stands where some are missing, as the watcher was too slow or the
// connection was away. Stopping again does nothing.
func (w *Waiter) Watch(ctx context.Context, tenant forgehook.TenantID) (ids <-chan string, stop func()) {
	watching := &watch{tenant: tenant, ids: make(chan string, watchAhead+1)}
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.closing:
		close(watching.ids)
	default:
		w.watches[watching] = struct{}{}
	}
	release := context.AfterFunc(ctx, func() { w.unwatch(watching) })
	return watching.ids, func() {
		release()
		w.unwatch(watching)
	}
}

func (w *Waiter) unwatch(watching *watch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, watches := w.watches[watching]; watches {
		delete(w.watches, watching)
		close(watching.ids)
	}
}

// tell passes an id on; what does not fit is a gap, which stands where it is and always has room.
func (o *watch) tell(id string) {
	switch behind := len(o.ids); { // nobody else sends
	case id != "" && behind < watchAhead:
		o.ids <- id
		o.gapped = false
	case !o.gapped || behind == 0: // else the one that waits says it
		o.ids <- ""
		o.gapped = true
	}
}
