package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/client"
)

func TestReport(t *testing.T) {
	t.Parallel()
	ended := func(outcome forgehook.Outcome, change func(*forgehook.Call)) *forgehook.Call {
		c := &forgehook.Call{Status: forgehook.CallCompleted, Outcome: &outcome}
		change(c)
		return c
	}
	delivered := func(c *forgehook.Call) { c.Attempts, c.Response = 2, &forgehook.Response{StatusCode: 201} }
	skipped := func(c *forgehook.Call) {
		c.Explanation = []forgehook.Condition{
			{Condition: "enabled", Expected: []byte("true"), Actual: []byte("true"), Passed: true},
			{Condition: "document.status", Expected: []byte(`"Processed"`), Actual: []byte(`"Uploaded"`)},
			{Condition: "document.pattern", Expected: []byte(`"\\.pdf$"`), Actual: []byte(`""`)},
		}
	}
	gone := func(c *forgehook.Call) { c.Error = &forgehook.CallError{Code: "http_410", Message: "410 Gone"} }
	results := []called{
		{1, ended(forgehook.Delivered, delivered), nil}, {2, ended(forgehook.Delivered, delivered), nil},
		{3, ended(forgehook.Skipped, skipped), nil}, {4, ended(forgehook.Failed, gone), nil}, {5, nil, errors.New("no JSON")},
		{6, &forgehook.Call{Status: forgehook.CallDelivering}, nil}, {7, ended(forgehook.Canceled, func(*forgehook.Call) {}), nil},
		{8, nil, errors.New("no JSON")}, {9, ended(forgehook.Delivered, delivered), nil},
	}
	var out bytes.Buffer
	err := report(&out, results, 2*time.Second)
	if err == nil || err.Error() != "2 documents were not called, 2 calls were neither delivered nor skipped" {
		t.Errorf("got %v", err)
	}
	equal(t, "report", out.String(), `  calls  outcome       why
      3  delivered     201 after 2 attempt(s)
      2  not called    
      1  canceled      
      1  delivering    
      1  failed        410 Gone
      1  skipped       document.status is "Uploaded", expected "Processed"; document.pattern is "", expected "\\.pdf$"
9 documents in 2.0 s, 4.5 a second
line 5: no JSON
line 8: no JSON
`)
	out.Reset()
	check(t, report(&out, results[:3], time.Second))
}

// fakeAPI accepts calls. The name of a call's document decides how it ends.
type fakeAPI struct {
	mu   sync.Mutex
	keys []string // Idempotency-Key and document of each request
	gets int
}

func newFakeAPI(t *testing.T) (*fakeAPI, string) {
	t.Helper()
	f := &fakeAPI{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/calls", f.call)
	mux.HandleFunc("GET /v1/calls/{id}", f.get)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return f, server.URL
}

func (f *fakeAPI) call(w http.ResponseWriter, r *http.Request) {
	var in struct {
		WebHookServiceID int32
		Document         struct{ Filename string }
	}
	body, _ := io.ReadAll(r.Body)
	if r.Header.Get("X-Api-Key") != "fh_key" || json.Unmarshal(body, &in) != nil || in.WebHookServiceID != 48100 {
		http.Error(w, "no", http.StatusTeapot)
		return
	}
	f.mu.Lock()
	f.keys = append(f.keys, r.Header.Get("Idempotency-Key")+" "+in.Document.Filename+" "+r.Header.Get("Prefer"))
	f.mu.Unlock()
	switch in.Document.Filename {
	case "refused":
		w.WriteHeader(http.StatusUnprocessableEntity)
		fmt.Fprint(w, `{"title":"Invalid","detail":"1 value is not allowed.","errors":[{"location":"body.document.status","message":"a status"}]}`)
	case "slow":
		fmt.Fprint(w, `{"calls":[{"id":"slow","status":"delivering"}]}`)
	case "none":
		fmt.Fprint(w, `{"calls":[]}`)
	default:
		fmt.Fprint(w, `{"calls":[{"id":"x","status":"completed","outcome":"delivered","attempts":1,"response":{"statusCode":200}}]}`)
	}
}

// get ends the call at the second request.
func (f *fakeAPI) get(w http.ResponseWriter, _ *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gets++
	if f.gets == 1 {
		fmt.Fprint(w, `{"id":"slow","status":"waiting_retry"}`)
		return
	}
	fmt.Fprint(w, `{"id":"slow","status":"completed","outcome":"expired","error":{"code":"deadline_passed","message":"Too late."}}`)
}

const documents = `{"filename":"a"}

{"filename":"refused"}
{"filename":
  {"filename":"slow"}  
{"filename":"none"}`

// ends are the results as reported.
func ends(results []called) (lines []string) {
	for _, r := range results {
		switch {
		case r.err != nil:
			lines = append(lines, fmt.Sprintf("%d: %v", r.line, r.err))
		case r.call.Outcome == nil:
			lines = append(lines, fmt.Sprintf("%d: %s", r.line, r.call.Status))
		default:
			lines = append(lines, fmt.Sprintf("%d: %s", r.line, *r.call.Outcome))
		}
	}
	return lines
}

func TestBatch(t *testing.T) {
	t.Parallel()
	const refused = "422 Invalid: 1 value is not allowed.; body.document.status: a status"
	tests := []struct {
		name string
		wait bool
		want []string
		keys []string
	}{
		{"without waiting", false, []string{"1: delivered", "3: " + refused, "4: no JSON", "5: delivering", "6: 0 calls instead of one"},
			[]string{"run-1 a ", "run-3 refused ", "run-5 slow ", "run-6 none "}},
		{"to the end", true, []string{"1: delivered", "3: " + refused, "4: no JSON", "5: expired", "6: 0 calls instead of one"},
			[]string{"run-1 a wait=300", "run-3 refused wait=300", "run-5 slow wait=300", "run-6 none wait=300"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			api, address := newFakeAPI(t)
			var progress bytes.Buffer
			b := &batch{client: client.New(address, "fh_key"), webhook: 48100, wait: tt.wait, parallel: 3, run: "run", progress: &progress}
			results, err := b.calls(t.Context(), strings.NewReader(documents))
			check(t, err)
			equal(t, "results", ends(results), tt.want)
			slices.Sort(api.keys)
			equal(t, "requests", api.keys, tt.keys)
			if !strings.HasSuffix(progress.String(), "\r5 documents called\n") {
				t.Errorf("progress %q", progress.String())
			}
		})
	}
}

func TestBatch_refuses(t *testing.T) {
	t.Parallel()
	for _, parallel := range []int{0, 1001} {
		if _, err := (&batch{parallel: parallel}).calls(t.Context(), strings.NewReader("{}")); err == nil {
			t.Errorf("--parallel %d is taken", parallel)
		}
	}
	_, address := newFakeAPI(t)
	b := &batch{client: client.New(address, "fh_key"), webhook: 48100, parallel: 1, progress: io.Discard}
	huge := io.MultiReader(strings.NewReader(`{"filename":"a"}`+"\n"), strings.NewReader(strings.Repeat("x", maxLine+1)))
	results, err := b.calls(t.Context(), huge)
	if err == nil || !strings.Contains(err.Error(), "a document is over 16 MiB") {
		t.Errorf("got %v", err)
	}
	equal(t, "results", ends(results), []string{"1: delivered"})
}

func TestCall_command(t *testing.T) {
	t.Parallel()
	_, address := newFakeAPI(t)
	dir := t.TempDir()
	file, key := filepath.Join(dir, "documents.jsonl"), filepath.Join(dir, "key")
	check(t, os.WriteFile(file, []byte(`{"filename":"a"}`), 0o600))
	check(t, os.WriteFile(key, []byte("fh_key\n"), 0o600))
	table := "  calls  outcome       why\n      1  delivered     200 after 1 attempt(s)\n"
	const faulty = "not called, 0 calls were neither delivered nor skipped\n"
	tests := []struct {
		name     string
		settings []string
		args     []string
		stdin    string
		want     ran // Out is only the beginning
	}{
		{"a file", []string{"FORGEHOOK_API_KEY=fh_key"}, []string{"--file", file}, "", ran{Out: table, Err: "\r1 documents called\n"}},
		{"a key in a file", []string{"FORGEHOOK_API_KEY=@" + key}, []string{"--file", file}, "", ran{Out: table, Err: "\r1 documents called\n"}},
		{"standard input", []string{"FORGEHOOK_API_KEY=fh_key"}, []string{"--file", "-"}, `{"filename":"a"}`, ran{Out: table, Err: "\r1 documents called\n"}},
		{"a faulty line", []string{"FORGEHOOK_API_KEY=fh_key"}, []string{"--file", "-"}, "nothing\n" + `{"filename":"a"}`,
			ran{Out: table + "      1  not called    \n", Err: "\r1 documents called\r2 documents called\nforgehook: 1 documents were " + faulty, Code: 1}},
		{"no key", nil, []string{"--file", file}, "",
			ran{Err: "forgehook: no API key: set FORGEHOOK_API_KEY, or run make dev, which writes .forgehook/api-key\n", Code: 1}},
		{"no such file", []string{"FORGEHOOK_API_KEY=fh_key"}, []string{"--file", "nowhere"}, "",
			ran{Err: "forgehook: open nowhere: no such file or directory\n", Code: 1}},
		{"no file named", []string{"FORGEHOOK_API_KEY=fh_key"}, nil, "", ran{Err: "forgehook: required flag(s) \"file\" not set\n", Code: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cmd := program(t, append(tt.settings, "FORGEHOOK_URL="+address), append([]string{"call", "--webhook", "48100"}, tt.args...)...)
			cmd.Stdin = strings.NewReader(tt.stdin)
			got := finish(t, cmd)
			got.Out = got.Out[:min(len(got.Out), len(tt.want.Out))] // the duration comes last
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
