package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/forgehook/forgehook"
)

const (
	eventMedia   = "text/event-stream"
	maxStreamIDs = 100
	// beatEvery keeps proxies from closing a silent stream, and tells us that its reader has left.
	beatEvery = 15 * time.Second
	// writeWithin bounds one write: a reader that takes nothing for that long is cut.
	writeWithin = 30 * time.Second
	// gatherFor is how long ends of calls are gathered, so that a busy tenant's stream reads many of them at once.
	gatherFor  = 50 * time.Millisecond
	gatherMost = 200
)

type streamInput struct {
	IDs              []string    `query:"id,explode" maxItems:"100" doc:"Of a call; may be given up to 100 times. The stream ends when all of them have completed. Without it: all calls as they end."`
	WebHookServiceID idText      `query:"webHookServiceId"`
	DocumentID       idText      `query:"documentId"`
	WorkItemID       idText      `query:"workItemId"`
	Outcome          outcomeText `query:"outcome"`
	RunID            string      `query:"runId" format:"uuid"`
	ids              []string
	filter           forgehook.CallFilter
}

func (in *streamInput) parse(r *request) {
	for _, text := range in.IDs {
		id, err := uuid.Parse(text)
		if err != nil || len(text) != 36 {
			r.fault("query.id", text, "the id of a call: a UUID")
			continue
		}
		if !slices.Contains(in.ids, id.String()) {
			in.ids = append(in.ids, id.String())
		}
	}
	if len(in.IDs) > maxStreamIDs {
		r.fault("query.id", fmt.Sprint(len(in.IDs)), fmt.Sprintf("at most %d", maxStreamIDs))
	}
	in.filter = forgehook.CallFilter{
		Outcome:          word(r, "query.outcome", string(in.Outcome), forgehook.Outcomes),
		WebHookServiceID: r.integer("query.webHookServiceId", string(in.WebHookServiceID)),
		DocumentID:       r.integer("query.documentId", string(in.DocumentID)),
		WorkItemID:       r.integer("query.workItemId", string(in.WorkItemID)),
		RunID:            r.filterUUID("query.runId", in.RunID),
	}
	if len(in.IDs) > 0 && in.filter != (forgehook.CallFilter{}) {
		r.fault("query.id", "", "either ids of calls or filters, not both")
	}
}

// filterUUID reads an id of a filter, "" when it is absent.
func (r *request) filterUUID(location, text string) string {
	if text == "" {
		return ""
	}
	id, err := uuid.Parse(text)
	if err != nil || len(text) != 36 {
		r.fault(location, text, "a UUID")
	}
	return id.String()
}

// feed writes server-sent events.
type feed struct {
	r       *request
	control *http.ResponseController
	beat    time.Duration // between comments that say nothing
}

// event sends one event; data is JSON, which has no line breaks here.
func (f *feed) event(name, id string, data any) error {
	var b bytes.Buffer
	if id != "" {
		fmt.Fprintf(&b, "id: %s\n", id)
	}
	fmt.Fprintf(&b, "event: %s\ndata: ", name)
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(data); err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	b.WriteByte('\n')
	return f.write(plainHTML(b.Bytes()))
}

func (f *feed) write(text []byte) error {
	_ = f.control.SetWriteDeadline(time.Now().Add(writeWithin)) // not known to recorders of tests
	if _, err := f.r.gin.Writer.Write(text); err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	if err := f.control.Flush(); err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return nil
}

// newFeed begins a stream: from here on it is the reader's, and the server's time limits of a request are not for it.
func (s *server) newFeed(r *request) (*feed, error) {
	f := &feed{r: r, control: http.NewResponseController(r.gin.Writer), beat: s.heartbeat}
	_ = f.control.SetReadDeadline(time.Time{})
	r.gin.Header("Content-Type", eventMedia)
	r.gin.Header("X-Accel-Buffering", "no") // nginx
	r.gin.Status(http.StatusOK)
	return f, f.write([]byte("retry: 2000\n\n"))
}

// streamCalls registers with the waiter before it reads, so that no end is missed.
func (s *server) streamCalls(ctx context.Context, r *request, in *streamInput) (*answer[forgehook.Call], error) {
	ended, stop := s.Waiter.Watch(ctx, r.tenant())
	var calls []forgehook.Call
	if len(in.ids) > 0 {
		var err error
		if calls, err = s.DB.CallsOf(ctx, r.tenant(), in.ids); err != nil {
			stop()
			return nil, err
		}
	}
	return &answer[forgehook.Call]{status: http.StatusOK, events: func() error {
		defer stop()
		f, err := s.newFeed(r)
		if err != nil {
			return err
		}
		if len(in.ids) > 0 {
			return s.streamOf(ctx, f, calls, ended)
		}
		return s.streamAll(ctx, f, in.filter, ended)
	}}, nil
}

// streamOf sends calls as they are and at their end.
func (s *server) streamOf(ctx context.Context, f *feed, calls []forgehook.Call, ended <-chan string) error {
	var open []string
	for _, call := range calls {
		if err := f.event("call", call.ID, call); err != nil {
			return err
		}
		if unfinished(call) {
			open = append(open, call.ID)
		}
	}
	for len(open) > 0 {
		ids, gap, err := f.next(ctx, ended, 0)
		if err != nil || ids == nil && !gap {
			return err
		}
		look := slices.DeleteFunc(ids, func(id string) bool { return !slices.Contains(open, id) })
		if gap {
			look = open
		}
		for _, call := range s.read(ctx, f.r, look) {
			if unfinished(call) {
				continue
			}
			if err := f.event("call", call.ID, call); err != nil {
				return err
			}
			open = slices.DeleteFunc(open, func(id string) bool { return id == call.ID })
		}
	}
	return f.event("end", "", struct{}{})
}

// streamAll sends the calls of a tenant as they end.
func (s *server) streamAll(ctx context.Context, f *feed, filter forgehook.CallFilter, ended <-chan string) error {
	for {
		ids, gap, err := f.next(ctx, ended, gatherFor)
		if err != nil || ids == nil && !gap {
			return err
		}
		for _, call := range s.read(ctx, f.r, ids) {
			if unfinished(call) || !matches(filter, call) {
				continue
			}
			if err := f.event("call", call.ID, call); err != nil {
				return err
			}
		}
		if gap {
			if err := f.event("gap", "", struct{}{}); err != nil {
				return err
			}
		}
	}
}

// next waits for calls that have ended, and beats meanwhile. Those that end within gather come together. Gap says that some were missed. Both are empty when the stream is over:
// the reader has left, or this process stops.
func (f *feed) next(ctx context.Context, ended <-chan string, gather time.Duration) (ids []string, gap bool, err error) {
	beat := time.NewTicker(f.beat)
	defer beat.Stop()
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
		case <-beat.C:
			if err := f.write([]byte(":\n\n")); err != nil {
				return nil, false, err
			}
		case <-ctx.Done():
			return nil, false, nil
		}
	}
}

// read returns the calls of ids that are still there. Where they cannot be read they are looked for again one by one: one that was
// erased meanwhile hides no other.
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
				s.later(ctx, r, "a call that has ended cannot be read for a stream", err)
			}
			continue
		}
		calls = append(calls, call)
	}
	return calls
}

// matches applies the filters of a stream.
func matches(f forgehook.CallFilter, call forgehook.Call) bool {
	same := func(want int32, got *int32) bool { return want == 0 || got != nil && *got == want }
	return (f.Outcome == "" || *call.Outcome == f.Outcome) && (f.WebHookServiceID == 0 || call.WebHookServiceID == f.WebHookServiceID) &&
		same(f.DocumentID, call.DocumentID) && same(f.WorkItemID, call.WorkItemID) && (f.RunID == "" || value(call.RunID) == f.RunID)
}
