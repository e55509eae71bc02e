package api

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
)

// sent is one event of a stream, or a comment.
type sent struct{ event, id, data string }

// watch opens a stream over a real socket; events come until it ends.
func (f *fixture) watch(t *testing.T, ctx context.Context, address, path, key string) <-chan sent {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Api-Key", key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != eventMedia {
		t.Fatalf("%s: %d %s", path, response.StatusCode, response.Header.Get("Content-Type"))
	}
	events := make(chan sent, 1000)
	go func() {
		defer close(events)
		defer response.Body.Close() //nolint:errcheck // a test
		var next sent
		lines := bufio.NewScanner(response.Body)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			switch name, value, _ := strings.Cut(lines.Text(), ": "); name {
			case "event":
				next.event = value
			case "id":
				next.id = value
			case "data":
				next.data = value
			case ":", "retry":
				events <- sent{event: name, data: value}
			case "":
				if next != (sent{}) {
					events <- next
				}
				next = sent{}
			}
		}
	}()
	return events
}

// next is the next event that is no comment.
func next(t *testing.T, events <-chan sent) sent {
	t.Helper()
	for {
		select {
		case e, more := <-events:
			if !more {
				return sent{event: "closed"}
			}
			if e.event != ":" {
				return e
			}
		case <-time.After(20 * time.Second):
			t.Fatal("no event within 20 s")
		}
	}
}

func (e sent) outcome(t *testing.T) any {
	t.Helper()
	var call map[string]any
	if err := json.Unmarshal([]byte(e.data), &call); err != nil {
		t.Fatalf("%+v: %v", e, err)
	}
	return call["outcome"]
}

// serve serves the API with a write timeout that streams outlive.
func (f *fixture) serve(t *testing.T) string {
	t.Helper()
	server := httptest.NewUnstartedServer(f.handler)
	server.Config.WriteTimeout, server.Config.ReadTimeout = 300*time.Millisecond, 300*time.Millisecond
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

func TestStream_ofCalls(t *testing.T) {
	t.Parallel()
	f := setup(t, func(c *Config, _ string) { c.heartbeat = 200 * time.Millisecond })
	f.seed(t)
	address := f.serve(t)
	first, second := f.call(t), f.call(t)
	f.deliver(t, first)
	events := f.watch(t, t.Context(), address, "/v1/calls/stream?id="+first.CallID+"&id="+second.CallID+"&id="+second.CallID, f.keys[forgehook.Viewer])
	if e := next(t, events); e.event != "retry" || e.data != "2000" {
		t.Errorf("first %+v", e)
	}
	for _, want := range []struct {
		id      string
		outcome any
	}{{first.CallID, "delivered"}, {second.CallID, nil}} {
		if e := next(t, events); e.event != "call" || e.id != want.id || e.outcome(t) != want.outcome {
			t.Errorf("%+v, want %v", e, want)
		}
	}
	for range 3 { // beyond the time limits of a request
		if e := <-events; e.event != ":" {
			t.Errorf("%+v, want a heartbeat", e)
		}
	}
	f.deliver(t, second)
	if e := next(t, events); e.event != "call" || e.id != second.CallID || e.outcome(t) != "delivered" {
		t.Errorf("%+v", e)
	}
	if e := next(t, events); e.event != "end" || e.data != "{}" {
		t.Errorf("%+v, want the end", e)
	}
	if e := next(t, events); e.event != "closed" {
		t.Errorf("%+v after the end", e)
	}
}

func TestStream_ofAll(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	f.must(t, 201, "POST", "/v1/services/48072/utilities", fmt.Sprintf(`{"type":"WebHook","id":48081,"name":"Second","settings":{"webHook":{"url":%q}}}`, webhookURL))
	_, others := f.newTenant(t, "other")
	address := f.serve(t)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	all := f.watch(t, ctx, address, "/v1/calls/stream", f.keys[forgehook.Owner])
	other := f.watch(t, ctx, address, "/v1/calls/stream", others[forgehook.Owner])
	some := f.watch(t, ctx, address, "/v1/calls/stream?webHookServiceId=48081&documentId=912&outcome=canceled", f.keys[forgehook.Owner])
	ofRun := f.watch(t, ctx, address, "/v1/calls/stream?runId=01a20f14-efa7-7b06-bf8c-18452239e004", f.keys[forgehook.Owner])
	for _, events := range []<-chan sent{all, other, some, ofRun} {
		next(t, events) // retry
	}
	first := f.call(t)
	f.deliver(t, first)
	if e := next(t, all); e.id != first.CallID || e.outcome(t) != "delivered" {
		t.Errorf("%+v", e)
	}
	second := forgehook.CallRef{Tenant: f.tenant, CallID: callIDs(t, f.must(t, 202, "POST", "/v1/calls", `{"webHookServiceId":48081,"documentId":912}`))[0]}
	f.must(t, 202, "POST", "/v1/calls/"+second.CallID+"/cancel", "")
	for _, events := range []<-chan sent{all, some} {
		if e := next(t, events); e.id != second.CallID || e.outcome(t) != "canceled" {
			t.Errorf("%+v", e)
		}
	}
	_ = f.waiter.Close() // the process stops
	for name, events := range map[string]<-chan sent{"all": all, "of another tenant": other, "filtered": some, "of another run": ofRun} {
		if e := next(t, events); e.event != "closed" {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

// TestStream_gap checks that a stream says so where it has missed something.
func TestStream_gap(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	call := f.call(t)
	f.deliver(t, call)
	ended := make(chan string, 2)
	ended <- call.CallID
	ended <- ""
	close(ended)
	recorder := httptest.NewRecorder()
	stream := func(do func(*server, *feed, *request) error) string {
		s := &server{Config: Config{DB: f.db, heartbeat: time.Hour}, log: discard()}
		r := requestFor(recorder, f.tenant)
		feed, err := s.newFeed(t.Context(), r)
		if err == nil {
			err = do(s, feed, r)
		}
		if err != nil {
			t.Fatal(err)
		}
		return recorder.Body.String()
	}
	text := stream(func(s *server, feed *feed, _ *request) error {
		return s.streamAll(t.Context(), feed, forgehook.CallFilter{}, ended)
	})
	if !strings.Contains(text, "event: call\ndata: {\"id\":\""+call.CallID) || !strings.HasSuffix(text, "event: gap\ndata: {}\n\n") {
		t.Errorf("all: %s", text)
	}
	missed := make(chan string, 1)
	missed <- ""
	text = stream(func(s *server, feed *feed, _ *request) error {
		return s.streamOf(t.Context(), feed, []string{call.CallID}, missed)
	})
	if !strings.HasSuffix(text, "event: end\ndata: {}\n\n") || !strings.Contains(text, `"outcome":"delivered"`) {
		t.Errorf("of calls: %s", text)
	}
}

func TestStream_faults(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	call := f.call(t)
	_, others := f.newTenant(t, "other")
	many := strings.Repeat("&id="+call.CallID, maxStreamIDs+1)
	for _, row := range []struct {
		query  string
		key    string
		status int
		want   []string
	}{
		{"?id=" + call.CallID, others[forgehook.Owner], 404, []string{"not-found"}},
		{"?id=last", "", 422, []string{"invalid", "query.id"}},
		{"?" + many[1:], "", 422, []string{"invalid", "query.id"}},
		{"?id=" + call.CallID + "&outcome=failed", "", 422, []string{"invalid", "query.id"}},
		{"?runId=x&documentId=0&webHookServiceId=x&outcome=ok&limit=1", "", 422,
			[]string{"invalid", "query.webHookServiceId", "query.documentId", "query.outcome", "query.runId", "query.limit"}},
	} {
		key := row.key
		if key == "" {
			key = f.keys[forgehook.Viewer]
		}
		a := f.do(t, "GET", "/v1/calls/stream"+row.query, "", as(key))
		if got := append([]string{a.problem()}, a.places(t)...); a.status != row.status || !cmp.Equal(got, row.want) {
			t.Errorf("%.80s: %d %s", row.query, a.status, a.body)
		}
	}
}

// TestStream_many has a thousand wait at once, half with a stream and half with Prefer: wait.
func TestStream_many(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	address := f.serve(t)
	ref := f.call(t)
	var begun, done sync.WaitGroup
	var mu sync.Mutex
	told := map[string]int{}
	var keys []string // one may not have so many streams
	for range 5 {
		keys = append(keys, f.must(t, 201, "POST", "/v1/keys", `{"name":"reader","roles":["Viewer"]}`).json(t)["key"].(string))
	}
	for i := range 1000 {
		begun.Add(1)
		waits := sync.OnceFunc(begun.Done)
		done.Go(func() {
			defer waits() // also where it fails before
			var how string
			if i%2 == 0 {
				events := f.watch(t, t.Context(), address, "/v1/calls/stream?id="+ref.CallID, keys[i/2%len(keys)])
				next(t, events)
				next(t, events) // as it is now
				waits()
				how = fmt.Sprint("stream ", next(t, events).outcome(t), " ", next(t, events).event)
			} else {
				waits()
				how = fmt.Sprint("wait ", f.do(t, "GET", "/v1/calls/"+ref.CallID, "", "Prefer: wait=60").json(t)["outcome"])
			}
			mu.Lock()
			defer mu.Unlock()
			told[how]++
		})
	}
	begun.Wait()
	f.deliver(t, ref)
	done.Wait()
	if diff := cmp.Diff(map[string]int{"stream delivered end": 500, "wait delivered": 500}, told); diff != "" {
		t.Error(diff)
	}
}

// TestStream_key checks that a stream does not outlive its key, and that a key has so many of them.
func TestStream_key(t *testing.T) {
	t.Parallel()
	f := setup(t, func(c *Config, _ string) { c.heartbeat = 100 * time.Millisecond })
	f.seed(t)
	address := f.serve(t)
	stream := func(ctx context.Context, key string) (status int, problem map[string]any) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/v1/calls/stream", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Api-Key", key)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = response.Body.Close() })
		if response.StatusCode != http.StatusOK {
			if err := json.NewDecoder(response.Body).Decode(&problem); err != nil {
				t.Fatal(err)
			}
		}
		return response.StatusCode, problem
	}
	expires := time.Now().Add(1500 * time.Millisecond).UTC().Format(time.RFC3339Nano)
	for name, body := range map[string]string{"revoked": `{"name":"x","roles":["Viewer"]}`, "expired": `{"name":"y","roles":["Viewer"],"expiresAt":"` + expires + `"}`} {
		made := f.must(t, 201, "POST", "/v1/keys", body).json(t)
		events := f.watch(t, t.Context(), address, "/v1/calls/stream", made["key"].(string))
		next(t, events)
		if name == "revoked" {
			if err := f.db.RevokeKey(t.Context(), f.tenant, made["id"].(string)); err != nil { // by another process
				t.Fatal(err)
			}
		}
		if e := next(t, events); e.event != "closed" {
			t.Errorf("%s: %+v", name, e)
		}
	}

	ctx, leave := context.WithCancel(t.Context())
	for range maxFeedsOfKey {
		if status, problem := stream(ctx, f.keys[forgehook.Viewer]); status != 200 {
			t.Fatal(status, problem)
		}
	}
	if status, problem := stream(ctx, f.keys[forgehook.Viewer]); status != 429 || problem["type"] != problemPrefix+"rate-limited" {
		t.Errorf("one more: %d %v", status, problem)
	}
	if status, _ := stream(ctx, f.keys[forgehook.Owner]); status != 200 {
		t.Errorf("another key: %d", status)
	}
	leave()
	for status := 429; status != 200; { // those that have left are noticed
		status, _ = stream(t.Context(), f.keys[forgehook.Viewer])
	}
}

func TestFeeds(t *testing.T) {
	t.Parallel()
	var f feeds
	var last func()
	for i := range maxFeeds {
		done, err := f.open(fmt.Sprint(i % 50))
		if err != nil {
			t.Fatal(err)
		}
		last = done
	}
	if _, err := f.open("one more"); forgehook.ErrorCode(err) != codeRate {
		t.Errorf("one more: %v", err)
	}
	last()
	last()
	if _, err := f.open("one more"); err != nil {
		t.Error(err)
	}
	if f.all != maxFeeds || len(f.keys) != 51 || f.keys["49"] != maxFeeds/50-1 {
		t.Errorf("%d, %v", f.all, f.keys)
	}
}

// TestStream_comesBack checks that a reader which was away hears that it may have missed something.
func TestStream_comesBack(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	call := f.call(t)
	f.deliver(t, call)
	address := f.serve(t)
	for _, row := range []struct{ query, want string }{
		{"", "retry: 2000\n\nevent: gap\ndata: {}\n\n"}, {"?id=" + call.CallID, "retry: 2000\n\nid: " + call.CallID + "\nevent: call\n"},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/v1/calls/stream"+row.query, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Api-Key", f.keys[forgehook.Viewer])
		request.Header.Set("Last-Event-ID", call.CallID)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(row.want))
		_, err = io.ReadFull(response.Body, got)
		_ = response.Body.Close()
		if string(got) != row.want {
			t.Errorf("%s: %q, %v", row.query, got, err)
		}
	}
}
