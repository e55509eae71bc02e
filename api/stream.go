package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/jsontree"
)

const (
	eventMedia   = "text/event-stream"
	maxStreamIDs = 100
	// beatEvery keeps proxies from closing a silent stream and shows us that its reader has left.
	// It is also how long a stream outlives its key.
	beatEvery = 15 * time.Second
	keyWithin = 5 * time.Second // to look a key up
	// maxFeeds and maxFeedsOfKey bound the open streams of this process. Each holds a connection
	// and up to one portion of calls.
	maxFeeds      = 2000
	maxFeedsOfKey = 100
	// writeWithin bounds one write. A reader that takes nothing for that long is cut off.
	writeWithin = 30 * time.Second
	// gatherFor is how long ended calls are gathered, so that the stream of a busy tenant reads
	// many at once.
	gatherFor  = 50 * time.Millisecond
	gatherMost = 200
)

type streamInput struct {
	IDs              []string          `query:"id" doc:"Of a call; may be given up to 100 times. The stream ends when all of them have completed. Without it: all calls as they end."`
	WebHookServiceID int32             `query:"webHookServiceId"`
	DocumentID       int32             `query:"documentId"`
	WorkItemID       int32             `query:"workItemId"`
	Outcome          forgehook.Outcome `query:"outcome"`
	RunID            string            `query:"runId" format:"uuid"`
	LastEventID      string            `header:"Last-Event-ID" doc:"Of a reader that comes back: without id the stream begins with gap then, for what it missed."`
}

// filter selects among the calls that end.
func (in *streamInput) filter() forgehook.CallFilter {
	return forgehook.CallFilter{
		Status: forgehook.CallCompleted, Outcome: in.Outcome, WebHookServiceID: in.WebHookServiceID, DocumentID: in.DocumentID,
		WorkItemID: in.WorkItemID, RunID: in.RunID,
	}
}

func (in *streamInput) check(r *request) {
	if len(in.IDs) > 0 && in.filter() != (forgehook.CallFilter{Status: forgehook.CallCompleted}) {
		r.fault("query.id", "", "either ids of calls or filters, not both")
	}
}

// feed writes server-sent events.
type feed struct {
	r       *request
	control *http.ResponseController
	beat    *time.Ticker // of comments that keep the stream alive
	good    func() bool  // whether the key is still valid
}

// feeds counts the open streams.
type feeds struct {
	mu   sync.Mutex
	all  int
	keys map[string]int // by the key's id
}

// open reserves a stream until done.
func (f *feeds) open(key string) (done func(), err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.keys[key] >= maxFeedsOfKey:
		return nil, forgehook.Errorf(codeRate, "This key has %d streams open; no more are served at once.", f.keys[key])
	case f.all >= maxFeeds:
		return nil, forgehook.Errorf(codeRate, "%d streams are open here; no more are served at once.", f.all)
	case f.keys == nil:
		f.keys = map[string]int{}
	}
	f.all++
	f.keys[key]++
	return sync.OnceFunc(func() { f.close(key) }), nil
}

func (f *feeds) close(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all--
	if f.keys[key]--; f.keys[key] == 0 {
		delete(f.keys, key)
	}
}

// event sends one event; data is JSON, which has no line breaks here.
func (f *feed) event(name, id string, data any) error {
	var b bytes.Buffer
	if id != "" {
		fmt.Fprintf(&b, "id: %s\n", id)
	}
	fmt.Fprintf(&b, "event: %s\ndata: ", name)
	content, err := jsontree.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	b.Write(plainHTML(content))
	b.WriteString("\n\n")
	return f.write(b.Bytes())
}

func (f *feed) write(text []byte) error {
	_ = f.control.SetWriteDeadline(time.Now().Add(writeWithin)) // a test's recorder has no deadline
	if _, err := f.r.gin.Writer.Write(text); err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	if err := f.control.Flush(); err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return nil
}

// newFeed begins a stream. The server's time limits for a request no longer apply to it.
func (s *server) newFeed(ctx context.Context, r *request) (*feed, error) {
	f := &feed{r: r, control: http.NewResponseController(r.gin.Writer), beat: time.NewTicker(s.heartbeat), good: func() bool {
		ctx, cancel := context.WithTimeout(ctx, keyWithin)
		defer cancel()
		_, err := s.DB.KeyByHash(ctx, r.hash, time.Now())             // the gate may remember a key that was revoked since
		return forgehook.ErrorCode(err) != forgehook.CodeUnauthorized // if the database is away, no key is revoked
	}}
	_ = f.control.SetReadDeadline(time.Time{})
	r.gin.Header("Content-Type", eventMedia)
	r.gin.Header("X-Accel-Buffering", "no") // nginx
	r.gin.Status(http.StatusOK)
	return f, f.write([]byte("retry: 2000\n\n"))
}

// streamCalls registers with the waiter before it reads, so that no end is missed.
func (s *server) streamCalls(ctx context.Context, r *request, in *streamInput) (*response[forgehook.Call], error) {
	leave, err := s.feeds.open(r.key.ID)
	if err != nil {
		return nil, err
	}
	ended, stop := s.Waiter.Watch(ctx, r.tenant())
	done := func() {
		stop()
		leave()
	}
	portions, err := s.present(ctx, r, in.IDs)
	if err != nil {
		done()
		return nil, err
	}
	return &response[forgehook.Call]{status: http.StatusOK, events: func() error {
		defer done()
		f, err := s.newFeed(ctx, r)
		defer f.beat.Stop()
		switch {
		case err != nil:
			return err
		case len(in.IDs) > 0:
			open, err := s.streamPresent(ctx, f, portions)
			if err != nil {
				return err
			}
			return s.streamOf(ctx, f, open, ended)
		case in.LastEventID != "":
			if err := f.gap(); err != nil {
				return err
			}
		}
		return s.streamAll(ctx, f, in.filter(), ended)
	}}, nil
}

// present returns the portions of the calls, all of which must exist.
func (s *server) present(ctx context.Context, r *request, ids []string) ([][]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	portions, err := s.DB.Portions(ctx, r.tenant(), ids, forgehook.CallFilter{})
	found := slices.Concat(portions...)
	if err != nil || len(found) == len(ids) {
		return portions, err
	}
	missing := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return slices.Contains(found, id) })
	_, err = s.DB.CallsOf(ctx, r.tenant(), missing[:1])
	return nil, err
}

// streamPresent sends calls as they are, and returns those that are still open.
func (s *server) streamPresent(ctx context.Context, f *feed, portions [][]string) (open []string, err error) {
	for _, ids := range portions {
		for _, call := range s.read(ctx, f.r, ids) {
			if err := f.event("call", call.ID, call); err != nil {
				return nil, err
			}
			if unfinished(call) {
				open = append(open, call.ID)
			}
		}
	}
	return open, nil
}

// streamOf sends open calls as they end.
func (s *server) streamOf(ctx context.Context, f *feed, open []string, ended <-chan string) error {
	for len(open) > 0 {
		ids, gap, err := f.next(ctx, ended, 0)
		if err != nil || ids == nil && !gap {
			return err
		}
		look := slices.DeleteFunc(ids, func(id string) bool { return !slices.Contains(open, id) })
		if gap {
			look = open
		}
		sent, err := s.streamEnded(ctx, f, look, forgehook.CallFilter{Status: forgehook.CallCompleted})
		if err != nil {
			return err
		}
		open = slices.DeleteFunc(open, func(id string) bool { return slices.Contains(sent, id) })
	}
	return f.event("end", "", struct{}{})
}

// streamEnded sends the calls that pass the filter, and returns their ids.
func (s *server) streamEnded(ctx context.Context, f *feed, ids []string, filter forgehook.CallFilter) (sent []string, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	portions, err := s.DB.Portions(ctx, f.r.tenant(), ids, filter)
	if err != nil {
		return nil, err
	}
	for _, portion := range portions {
		for _, call := range s.read(ctx, f.r, portion) {
			if err := f.event("call", call.ID, call); err != nil {
				return nil, err
			}
			sent = append(sent, call.ID)
		}
	}
	return sent, nil
}

// streamAll sends the calls of a tenant as they end.
func (s *server) streamAll(ctx context.Context, f *feed, filter forgehook.CallFilter, ended <-chan string) error {
	for {
		ids, gap, err := f.next(ctx, ended, gatherFor)
		if err != nil || ids == nil && !gap {
			return err
		}
		_, err = s.streamEnded(ctx, f, ids, filter)
		switch {
		case errors.Is(err, errGone):
			return err
		case err != nil && ctx.Err() == nil:
			s.warn(ctx, f.r, "calls that have ended cannot be found for a stream", err)
			gap = true
		}
		if gap {
			if err := f.gap(); err != nil {
				return err
			}
		}
	}
}

// gap tells the reader that it may have missed calls.
func (f *feed) gap() error { return f.event("gap", "", struct{}{}) }

// next waits for ended calls, and beats meanwhile. Calls that end within gatherFor come together;
// gap says that some were missed. Neither is set when the stream is over: the reader has left, its
// key is no longer valid, or this process stops.
func (f *feed) next(ctx context.Context, ended <-chan string, gather time.Duration) (ids []string, gap bool, err error) {
	var gathered <-chan time.Time
	for {
		select {
		case id, more := <-ended:
			switch {
			case !more:
				return ids, gap, nil
			case id == "":
				gap = true
			default:
				ids = append(ids, id)
			}
			if len(ids) == gatherMost {
				return ids, gap, nil
			}
			if gathered == nil {
				gathered = time.After(gather)
			}
		case <-gathered:
			return ids, gap, nil
		case <-f.beat.C:
			if !f.good() {
				return nil, false, nil
			}
			if err := f.write([]byte(":\n\n")); err != nil {
				return nil, false, err
			}
		case <-ctx.Done():
			return nil, false, nil
		}
	}
}

// read returns the calls of ids that still exist. If they cannot be read together it reads them one
// by one, because a call that was erased meanwhile must not hide the others.
func (s *server) read(ctx context.Context, r *request, ids []string) []forgehook.Call {
	if len(ids) == 0 {
		return nil
	}
	calls, err := s.DB.CallsOf(ctx, r.tenant(), ids)
	if err == nil {
		return calls
	}
	for _, id := range ids {
		call, err := s.DB.Call(ctx, r.tenant(), id)
		if err != nil {
			if ctx.Err() == nil {
				s.warn(ctx, r, "a call that has ended cannot be read for a stream", err)
			}
			continue
		}
		calls = append(calls, call)
	}
	return calls
}
