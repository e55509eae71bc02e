//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
)

const examples = "../../docs/examples/clients/"

// exampleClients are the clients that users copy. make builds one and returns its command.
var exampleClients = []struct {
	name string
	make func(t *testing.T, dir string) (command []string)
}{
	{"go", func(t *testing.T, dir string) []string {
		program := filepath.Join(dir, "client")
		made(t, "", "go", "build", "-o", program, examples+"go")
		return []string{program}
	}},
	{"python", func(*testing.T, string) []string { return []string{"python3", "-B", examples + "python/forgehook.py"} }},
	{"typescript", func(t *testing.T, dir string) []string {
		const node = "../../.forgehook/node/node_modules/"
		made(t, "make e2e installs it", "node", node+"typescript/bin/tsc", "-p", examples+"typescript", "--typeRoots", node+"@types", "--outDir", dir)
		module, err := os.ReadFile(examples + "typescript/package.json")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "package.json"), module, 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{"node", filepath.Join(dir, "main.js")}
	}},
	{"csharp", func(t *testing.T, dir string) []string {
		program := filepath.Join(dir, "client.exe")
		made(t, "apt-get install mono-mcs libmono-system-net-http4.0-cil libmono-system-runtime-serialization4.0-cil libmono-system-xml-linq4.0-cil",
			"mcs", "-langversion:7", "-warnaserror", "-r:System.Net.Http.dll", "-r:System.Runtime.Serialization.dll", "-r:System.Xml.Linq.dll",
			"-out:"+program, examples+"csharp/ForgehookClient.cs", examples+"csharp/Program.cs")
		return []string{"mono", program}
	}},
}

// made runs a compiler; hint says how to get it.
func made(t *testing.T, hint string, command ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v (is all of it installed? %s)\n%s", strings.Join(command, " "), err, hint, out)
	}
}

// orders is the endpoint of these tests: /takes/ID, /refuses/ID, /holds/ID, which responds once
// released, and /calls-back/ID.
type orders struct {
	*httptest.Server
	callbacks sync.WaitGroup
	mu        sync.Mutex
	arrived   map[string]int // path -> requests
	released  map[string]chan struct{}
}

func newOrders(t *testing.T) *orders {
	o := &orders{arrived: map[string]int{}, released: map[string]chan struct{}{}}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		o.mu.Lock()
		o.arrived[r.URL.Path]++
		o.mu.Unlock()
		if strings.HasPrefix(r.URL.Path, "/refuses/") {
			http.Error(w, "no", http.StatusBadRequest)
			return
		}
		if callback := r.Header.Get("Forgehook-Callback-Url"); callback != "" {
			o.callbacks.Go(func() {
				response, err := http.Post(callback, "application/json", strings.NewReader(`{"result": {"orderId": "B-8"}}`))
				if err != nil || response.StatusCode != http.StatusOK {
					t.Errorf("call back: %v %v", response, err)
				}
			})
		}
		if strings.HasPrefix(r.URL.Path, "/holds/") {
			select {
			case <-o.hold(r.URL.Path):
			case <-r.Context().Done():
			}
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"orderId": "A-7"}`)
	}))
	t.Cleanup(func() { o.CloseClientConnections(); o.Close(); o.callbacks.Wait() })
	return o
}

func (o *orders) hold(path string) chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.released[path] == nil {
		o.released[path] = make(chan struct{})
	}
	return o.released[path]
}

// times counts the document's requests on any path.
func (o *orders) times(document int32) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := 0
	for path, times := range o.arrived {
		if strings.HasSuffix(path, fmt.Sprintf("/%d", document)) {
			n += times
		}
	}
	return n
}

// TestClients runs the example clients side by side on real processes. Each reports the same about
// the same calls.
func TestClients(t *testing.T) {
	t.Parallel()
	endpoint := newOrders(t)
	in := install(t, map[string]any{"response": map[string]any{"result": "response.json"}, "webHook": map[string]any{"url": endpoint.URL + "/takes/{{ doc.id }}"}})
	api, err := url.Parse("http://" + in.value("FORGEHOOK_HTTP_ADDR"))
	if err != nil {
		t.Fatal(err)
	}
	var first forgehook.Document
	in.do("GET", fmt.Sprintf("/v1/documents/%d", in.document), nil, &first)
	webhooks := map[string]int32{"takes": in.webhook}
	for _, does := range []string{"refuses", "holds", "calls-back"} {
		var utility struct{ ID int32 }
		in.do("POST", fmt.Sprintf("/v1/services/%d/utilities", first.ServiceID), map[string]any{"type": "WebHook", "name": does,
			"settings": map[string]any{"webHook": map[string]any{"url": endpoint.URL + "/" + does + "/{{ doc.id }}"},
				"callback": map[string]any{"await": does == "calls-back"}}}, &utility)
		webhooks[does] = utility.ID
	}

	type front func(api http.Handler, document int32) http.Handler
	tests := []struct {
		name    string
		webhook string
		status  string // of the document; "" is Processed
		inline  bool   // the document is sent but not stored
		unknown bool   // the document's id is sent but not stored
		badKey  bool
		front   front // between the client and the API
		arrived int   // requests at the endpoint
		says    string
		problem string // on stderr; the program fails
	}{
		{name: "delivered", webhook: "takes", arrived: 1, says: "outcome: delivered\nresult: {\"orderId\":\"A-7\"}\n"},
		{name: "whole document", webhook: "takes", inline: true, arrived: 1, says: "outcome: delivered\nresult: {\"orderId\":\"A-7\"}\n"},
		{name: "skipped", webhook: "takes", status: "Verification", says: "outcome: skipped\nresult: null\n"},
		{name: "failed", webhook: "refuses", arrived: 1, says: "outcome: failed\nresult: null\nerror: http_400: 400 Bad Request\n"},
		{name: "called back", webhook: "calls-back", arrived: 1, says: "outcome: delivered\nresult: {\"orderId\":\"B-8\"}\n"},
		{name: "bad key", webhook: "takes", badKey: true, problem: "problem unauthorized: 401 Unauthorized: "},
		{name: "unknown document", webhook: "takes", unknown: true, problem: "; body.documentId: "},
		{name: "not an API", webhook: "takes", front: notAPI, problem: "problem : 404 Not Found"},
		{name: "result", webhook: "takes", front: anyResult, says: "outcome: delivered\nresult: " + richResult + "\n"},
		{name: "API away for a second", webhook: "takes", front: away(t), arrived: 1, says: "outcome: delivered\nresult: {\"orderId\":\"A-7\"}\n"},
		{name: "outcome after the wait", webhook: "holds", front: later(endpoint), arrived: 1, says: "outcome: delivered\nresult: null\n"},
	}
	for _, language := range exampleClients {
		t.Run(language.name, func(t *testing.T) {
			t.Parallel()
			command := language.make(t, t.TempDir())
			for _, tt := range tests {
				t.Run(tt.name, func(t *testing.T) {
					document := forgehook.Document{ID: 1 << 30}
					argument := any(document.ID)
					if !tt.unknown {
						document = in.another(first, tt.status)
						argument = document.ID
					}
					if tt.inline {
						argument = document
					}
					about, err := json.Marshal(argument)
					if err != nil {
						t.Fatal(err)
					}
					var handler http.Handler = httputil.NewSingleHostReverseProxy(api)
					if tt.front != nil {
						handler = tt.front(handler, document.ID)
					}
					server := httptest.NewServer(handler)
					defer server.Close()
					key := in.key
					if tt.badKey {
						key = "fh_wrong"
					}
					program := exec.CommandContext(t.Context(), command[0], append(command[1:], fmt.Sprint(webhooks[tt.webhook]), string(about))...)
					program.Env = append(environ(), "FORGEHOOK_URL="+server.URL, "FORGEHOOK_API_KEY="+key)
					var said, complained bytes.Buffer
					program.Stdout, program.Stderr = &said, &complained
					err = program.Run()
					if failed, ok := errors.AsType[*exec.ExitError](err); (tt.problem != "") != (ok && failed.ExitCode() == 1) || err != nil && !ok {
						t.Errorf("it ended with %v", err)
					}
					if diff := cmp.Diff(tt.says, loosely(said.String())); diff != "" {
						t.Errorf("it says (-want +got):\n%s", diff)
					}
					if tt.problem == "" && complained.Len() > 0 || !strings.Contains(complained.String(), tt.problem) {
						t.Errorf("it complains %q, want %q", complained.String(), tt.problem)
					}
					if n := endpoint.times(document.ID); n != tt.arrived {
						t.Errorf("the endpoint got the document %d times, want %d", n, tt.arrived)
					}
				})
			}
		})
	}
}

// another stores a document like the first, with this status unless it is "".
func (in *installation) another(first forgehook.Document, status string) forgehook.Document {
	in.t.Helper()
	if status == "" {
		status = "Processed"
	}
	var document forgehook.Document
	in.do("POST", fmt.Sprintf("/v1/projects/%d/documents", first.ProjectID),
		map[string]any{"serviceId": first.ServiceID, "status": status, "usage": "Outbox", "filename": "e2e.pdf"}, &document)
	return document
}

// loosely formats JSON as Go does, because each language places blanks differently.
func loosely(said string) string {
	lines := strings.SplitAfter(said, "\n")
	for i, line := range lines {
		text, ok := strings.CutPrefix(line, "result: ")
		var value any
		if ok && json.Unmarshal([]byte(text), &value) == nil {
			compact, _ := json.Marshal(value)
			lines[i] = "result: " + string(compact) + "\n"
		}
	}
	return strings.Join(lines, "")
}

// notAPI is a server other than the API; it sends a page.
func notAPI(http.Handler, int32) http.Handler { return http.NotFoundHandler() }

// richResult has what a JSON reader may lose: members that are no XML names, types, order,
// characters.
const richResult = `{"":"","0 a":[1,2.5,-3e-7,true,null,"é\"\\\n😀",[],{}],"item":[{"item":1}],"number":"7","type":"object","x:y":{"Z":null}}`

// anyResult responds with a call whose result has every shape.
func anyResult(http.Handler, int32) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"calls":[{"id":"1","status":"completed","outcome":"delivered","response":{"statusCode":200},"result":%s,"error":null}]}`, richResult)
	})
}

// away passes the first request on and loses its response. Then for a second it cuts connections or
// says that it is not available.
func away(t *testing.T) func(http.Handler, int32) http.Handler {
	return func(api http.Handler, _ int32) http.Handler {
		var mu sync.Mutex
		var keys []string
		var back time.Time
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			keys = append(keys, r.Header.Get("Idempotency-Key"))
			n := len(keys)
			if keys[0] == "" || keys[n-1] != keys[0] {
				t.Errorf("idempotency keys %q, want one", keys)
			}
			mu.Unlock()
			switch {
			case n == 1:
				api.ServeHTTP(httptest.NewRecorder(), r)
				mu.Lock()
				back = time.Now().Add(time.Second)
				mu.Unlock()
				panic(http.ErrAbortHandler)
			case time.Now().Before(back) && n%2 == 0:
				panic(http.ErrAbortHandler)
			case time.Now().Before(back):
				w.WriteHeader(http.StatusServiceUnavailable)
			default:
				api.ServeHTTP(w, r)
			}
		})
	}
}

// later does not wait, so the client must ask again. It releases the endpoint after the second
// request.
func later(endpoint *orders) func(http.Handler, int32) http.Handler {
	return func(api http.Handler, document int32) http.Handler {
		var mu sync.Mutex
		asked := 0
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			asked++
			switch {
			case asked < 3:
				r.Header.Del("Prefer")
			case asked == 3:
				close(endpoint.hold(fmt.Sprintf("/holds/%d", document)))
			}
			mu.Unlock()
			api.ServeHTTP(w, r)
		})
	}
}
