package bench

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/forgehook/forgehook"
)

// Awaiting is the cost of calls that await a callback.
type Awaiting struct {
	Calls         int     `json:"calls"`
	HeapBytes     float64 `json:"heapBytesPerCall"` // of the process with API and worker, with an empty workflow cache
	CachedBytes   float64 `json:"cachedBytesPerCall"`
	Goroutines    float64 `json:"goroutinesMore"`
	EngineBytes   float64 `json:"engineBytesPerCall"` // resident memory of the Temporal server's process; 0 if unknown
	DatabaseBytes float64 `json:"databaseBytesPerCall"`
	IdlePerMinute float64 `json:"transactionsPerMinuteBefore"` // of the engine and all else, without calls
	WaitPerMinute float64 `json:"transactionsPerMinuteWhileWaiting"`
	PerSecond     float64 `json:"callbacksPerSecond"`
	Waiters       int     `json:"httpWaiters"` // connections that waited for one call at once
	WaiterBytes   float64 `json:"heapBytesPerWaiter"`
	WaiterTx      float64 `json:"transactionsPerWaiter"`
}

// await makes calls wait for their callbacks, measures their cost, and calls back.
func (l *lab) await(ctx context.Context, report *Report) error {
	if l.Awaiting == 0 {
		return nil
	}
	f := &Awaiting{Calls: l.Awaiting}
	report.Awaiting = f
	last, err := l.hold(ctx, f)
	if err != nil {
		return err
	}
	if err := l.waiters(ctx, f, last); err != nil {
		return err
	}
	return l.callBack(ctx, f)
}

// hold fills the product with waiting calls and measures what they hold. It returns the id of one
// of the last.
func (l *lab) hold(ctx context.Context, f *Awaiting) (last string, err error) {
	x, n := l.product(), float64(f.Calls)
	if f.IdlePerMinute, err = l.quiet(ctx); err != nil {
		return "", err
	}
	if err := x.process.purge(ctx); err != nil {
		return "", err
	}
	before, err := l.db.ServerFigures(ctx)
	if err != nil {
		return "", err
	}
	empty, err := x.process.memory(ctx)
	if err != nil {
		return "", err
	}
	engine := residentBytes(l.StackPID)
	if last, err = l.fill(ctx, x.site, f.Calls); err != nil {
		return "", err
	}
	cached, err := x.process.memory(ctx)
	if err != nil {
		return "", err
	}
	if err := x.process.purge(ctx); err != nil {
		return "", err
	}
	full, err := x.process.memory(ctx)
	if err != nil {
		return "", err
	}
	f.CachedBytes, f.HeapBytes, f.Goroutines = (cached.live-empty.live)/n, (full.live-empty.live)/n, full.goroutines-empty.goroutines
	f.EngineBytes = (residentBytes(l.StackPID) - engine) / n
	after, err := l.db.ServerFigures(ctx)
	if err != nil {
		return "", err
	}
	f.DatabaseBytes = float64(after.Bytes-before.Bytes) / n
	f.WaitPerMinute, err = l.quiet(ctx)
	return last, err
}

// quiet measures the database's transactions a minute without load.
func (l *lab) quiet(ctx context.Context) (float64, error) {
	const watch = 20 * time.Second
	time.Sleep(settle)
	before, err := l.db.ServerFigures(ctx)
	if err != nil {
		return 0, err
	}
	time.Sleep(watch)
	after, err := l.db.ServerFigures(ctx)
	return float64(after.Transactions-before.Transactions) * float64(time.Minute/watch), err
}

// fill accepts so many calls and waits until they await their callbacks. It returns the id of one
// of the last.
func (l *lab) fill(ctx context.Context, s *site, calls int) (last string, err error) {
	var n atomic.Int64
	var mu sync.Mutex
	err = atOnce(l.Callers, func() error {
		for n.Add(1) <= int64(calls) {
			call, err := s.accepted(ctx, s.later)
			if err != nil {
				return err
			}
			mu.Lock()
			last = max(last, call.ID)
			mu.Unlock()
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	for {
		call, err := s.client.Call(ctx, last, 0)
		if err != nil || call.Status == forgehook.CallAwaiting && len(s.urls) == calls {
			return last, err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// waiters makes as many HTTP clients wait for one call as there are calls.
func (l *lab) waiters(ctx context.Context, f *Awaiting, id string) error {
	x := l.product()
	f.Waiters = min(f.Calls, 9_000) // both ends usually may open 20,000 files
	l.say("%d clients that wait over HTTP", f.Waiters)
	empty, err := x.process.memory(ctx)
	if err != nil {
		return err
	}
	before, err := l.db.ServerFigures(ctx)
	if err != nil {
		return err
	}
	waitCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	var waiters sync.WaitGroup
	for range f.Waiters {
		waiters.Go(func() { _, _ = x.site.client.Call(waitCtx, id, 5*time.Minute) })
	}
	var full memory
	for full.waiting < float64(f.Waiters) {
		if full, err = x.process.memory(ctx); err != nil {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
	f.WaiterBytes = (full.live - empty.live) / float64(f.Waiters)
	after, err := l.db.ServerFigures(ctx)
	f.WaiterTx = float64(after.Transactions-before.Transactions) / float64(f.Waiters)
	cancel()
	waiters.Wait()
	return err
}

// callBack calls back for all waiting calls.
func (l *lab) callBack(ctx context.Context, f *Awaiting) error {
	l.say("%d callbacks", f.Calls)
	var n atomic.Int64
	begin := time.Now()
	err := atOnce(l.Callers, func() error {
		for n.Add(1) <= int64(f.Calls) {
			if err := callBackTo(ctx, <-l.product().site.urls); err != nil {
				return err
			}
		}
		return nil
	})
	f.PerSecond = float64(f.Calls) / time.Since(begin).Seconds()
	return err
}

func (f *Awaiting) lines() (title string, lines []line) {
	return fmt.Sprintf("%d calls that await a callback", f.Calls), []line{
		{"heap of API and worker, bytes a call", f.HeapBytes},
		{"the same with the workflows cached", f.CachedBytes},
		{"resident memory of the engine, bytes a call", f.EngineBytes},
		{"database, engine included, bytes a call", f.DatabaseBytes},
		{"heap of API and worker for each HTTP client that waits", f.WaiterBytes},
		{"transactions for each of those", f.WaiterTx},
		{"goroutines more, all calls together", f.Goroutines},
		{"transactions a minute before, all together", f.IdlePerMinute},
		{"transactions a minute while they wait, all together", f.WaitPerMinute},
		{"callbacks a second", f.PerSecond},
	}
}
