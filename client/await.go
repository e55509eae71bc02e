package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/forgehook/forgehook"
)

const (
	longestWait    = 300 * time.Second // the longest that one request waits
	pause          = time.Second       // before the next request, if a response came at once or not at all
	reconnectAfter = 2 * time.Second   // as the API proposes
	longestEvent   = 64 << 20          // bytes: a call with its response and result
)

// NotDelivered is a call that ended otherwise or has not ended.
type NotDelivered struct{ Call forgehook.Call }

func (e *NotDelivered) Error() string {
	if e.Call.Outcome == nil {
		return fmt.Sprintf("call %s has not completed: %s", e.Call.ID, e.Call.Status)
	}
	text := fmt.Sprintf("call %s: %s", e.Call.ID, *e.Call.Outcome)
	if e.Call.Error != nil {
		text += fmt.Sprintf(": %s: %s", e.Call.Error.Code, e.Call.Error.Message)
	}
	return text
}

// Result reads the result of a delivered call: what response.result made of the response, or the
// result of the callback. A call without result gives the zero value. The error is a *NotDelivered,
// or says why the result is no T.
func Result[T any](call forgehook.Call) (result T, err error) {
	if call.Outcome == nil || *call.Outcome != forgehook.Delivered {
		return result, &NotDelivered{call}
	}
	if len(call.Result) == 0 {
		return result, nil
	}
	if err := json.Unmarshal(call.Result, &result); err != nil {
		return result, fmt.Errorf("result of call %s: %w", call.ID, err)
	}
	return result, nil
}

// Await returns a call when it has completed, however long that takes: it survives broken
// connections and an API that is down. When ctx ends, it returns the call as last seen and the
// context's error. Lasting problems, such as a call that does not exist, end it at once.
func (c *Client) Await(ctx context.Context, callID string) (forgehook.Call, error) {
	return await(ctx, func() (forgehook.Call, bool, error) {
		call, err := c.Call(ctx, callID, longestWait)
		return call, call.Status == forgehook.CallCompleted, err
	})
}

// await asks until ask says that its result is the last.
func await[T any](ctx context.Context, ask func() (T, bool, error)) (last T, err error) {
	for {
		asked := time.Now()
		now, done, err := ask()
		if err == nil {
			last = now
		}
		switch {
		case ctx.Err() != nil && !done:
			return last, ctx.Err()
		case err == nil && done || err != nil && lasting(err):
			return last, err
		case err == nil && time.Since(asked) > pause:
			continue
		}
		select {
		case <-ctx.Done():
			return last, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// lasting reports whether asking again will give the same error.
func lasting(err error) bool { return !passing(err) || errors.Is(err, errUnreadable) }

// Event raises an event of a service. With Wait it returns when the run has completed or the time
// is over; check Status. The service and utility of request.Request are not sent, since an event
// fires all utilities that are set to it.
func (c *Client) Event(ctx context.Context, serviceID int32, request forgehook.EventRequest, o Options) (Event, error) {
	body, err := eventBody(request)
	if err != nil {
		return Event{}, err
	}
	var event Event
	err = c.do(ctx, http.MethodPost, fmt.Sprintf("/v1/services/%d/events", serviceID), o.headers(), body, &event)
	return event, err
}

// Event is a raised event: its run and the calls accepted so far, at most 200.
type Event struct {
	Run   forgehook.Run    `json:"run"`
	Calls []forgehook.Call `json:"calls"`
}

// eventBody writes the members of a request that are set.
func eventBody(request forgehook.EventRequest) ([]byte, error) {
	request.Request.ServiceID, request.Request.WebHookServiceID = nil, nil
	subject, err := json.Marshal(request.Request)
	if err != nil {
		return nil, err
	}
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(subject, &members); err != nil {
		return nil, err
	}
	for name, value := range members {
		if string(value) == "null" {
			delete(members, name)
		}
	}
	add := func(name string, value any) {
		if err == nil {
			members[name], err = json.Marshal(value)
		}
	}
	add("type", request.Type)
	if request.DocumentIDs != nil {
		add("documentIds", request.DocumentIDs)
	}
	if request.Documents != nil {
		add("documents", request.Documents)
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(members)
}

// Run reads the run of an event. With wait it returns when the run has completed or the time is
// over.
func (c *Client) Run(ctx context.Context, id string, wait time.Duration) (forgehook.Run, error) {
	headers := http.Header{}
	preferWait(headers, wait)
	var run forgehook.Run
	err := c.do(ctx, http.MethodGet, "/v1/runs/"+url.PathEscape(id), headers, nil, &run)
	return run, err
}

// AwaitRun is [Client.Await] for the run of an event.
func (c *Client) AwaitRun(ctx context.Context, id string) (forgehook.Run, error) {
	return await(ctx, func() (forgehook.Run, bool, error) {
		run, err := c.Run(ctx, id, longestWait)
		return run, run.Status == forgehook.RunCompleted, err
	})
}

// ErrMissed is yielded by a stream of all calls that may have missed the ends of some. The stream
// goes on.
var ErrMissed = errors.New("the stream may have missed the ends of some calls")

// Stream yields calls, at most 100, as they are now and again when they end, until all have ended.
// Without ids it yields all calls of the tenant as they end, until ctx ends, and [ErrMissed] where
// some may be missing. It reconnects after a broken connection and may then repeat an open call.
// Any other error ends it.
func (c *Client) Stream(ctx context.Context, ids ...string) iter.Seq2[forgehook.Call, error] {
	return func(yield func(forgehook.Call, error) bool) {
		seen := map[string]bool{} // ended calls
		for connections := 0; ; connections++ {
			if connections > 0 && len(ids) == 0 && !yield(forgehook.Call{}, ErrMissed) {
				return
			}
			ended, err := c.stream(ctx, ids, func(call forgehook.Call, err error) bool {
				if seen[call.ID] {
					return true
				}
				if len(ids) > 0 && call.Status == forgehook.CallCompleted {
					seen[call.ID] = true
				}
				return yield(call, err)
			})
			if ended {
				return
			}
			if ctx.Err() == nil && err != nil && lasting(err) {
				yield(forgehook.Call{}, err)
				return
			}
			select {
			case <-ctx.Done():
				yield(forgehook.Call{}, ctx.Err())
				return
			case <-time.After(reconnectAfter):
			}
		}
	}
}

// stream is one connection. ended reports that all calls are told or the caller stopped.
func (c *Client) stream(ctx context.Context, ids []string, tell func(forgehook.Call, error) bool) (ended bool, err error) {
	ctx, cancel := context.WithCancel(ctx) // an early stop closes the connection
	defer cancel()
	path := "/v1/calls/stream"
	if len(ids) > 0 {
		path += "?" + url.Values{"id": ids}.Encode()
	}
	response, err := c.send(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return false, err
	}
	defer response.Body.Close() //nolint:errcheck // read to its end or dropped
	if response.StatusCode >= 300 {
		content, err := io.ReadAll(response.Body)
		if err != nil {
			return false, err
		}
		return false, problemOf(response.StatusCode, content)
	}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, longestEvent)
	var name string
	var data []byte
	for lines.Scan() {
		field, value, _ := bytes.Cut(lines.Bytes(), []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch {
		case string(field) == "event":
			name = string(value)
		case string(field) == "data":
			data = append(data, value...)
		case len(field) == 0 && len(lines.Bytes()) == 0:
			if ended, err := dispatch(name, data, tell); ended || err != nil {
				return ended, err
			}
			name, data = "", data[:0]
		}
	}
	return false, lines.Err()
}

// dispatch tells of one event. It ignores unknown events, which a later API may send.
func dispatch(name string, data []byte, tell func(forgehook.Call, error) bool) (ended bool, err error) {
	switch strings.TrimSpace(name) {
	case "call":
		var call forgehook.Call
		if err := json.Unmarshal(data, &call); err != nil {
			return false, fmt.Errorf("%w: %w", errUnreadable, err)
		}
		return !tell(call, nil), nil
	case "gap":
		return !tell(forgehook.Call{}, ErrMissed), nil
	case "end":
		return true, nil
	}
	return false, nil
}
