package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
)

// step is one request of the golden story. An operation's first step with a body sends the request
// of examples.json, so that the document's examples are true.
type step struct {
	name    string
	id      string // operationId: its example is sent and, where it is a success, shown
	method  string
	path    string
	body    string
	headers []string
	before  func(t *testing.T, f *fixture)
}

// TestGolden keeps every shape and status of the contract. What differs from run to run is replaced
// by its kind.
var golden = filepath.Join("testdata", "golden")

func TestGolden(t *testing.T) {
	t.Parallel()
	f := setup(t)
	var ref forgehook.CallRef
	var run, token string
	var problemKey = f.keys[forgehook.Viewer]
	examples := readExamples(t)
	written := map[string]bool{}
	for i, s := range story(&ref, &token, problemKey) {
		if s.before != nil {
			s.before(t, f)
		}
		body := s.body
		if given, ok := examples[s.id]["request"]; ok && body == "" {
			body = requestText(t, given)
		}
		path := strings.NewReplacer("{call}", ref.CallID, "{run}", run, "{token}", token).Replace(s.path)
		a := f.do(t, s.method, path, body, append([]string{"X-Request-Id: golden"}, s.headers...)...)
		if s.id == "createCalls" && ref.CallID == "" {
			ref = forgehook.CallRef{Tenant: f.tenant, CallID: a.json(t)["calls"].([]any)[0].(map[string]any)["id"].(string)}
		}
		if s.id == "raiseEvent" {
			run = a.json(t)["run"].(map[string]any)["id"].(string)
		}
		file := filepath.Join(golden, fmt.Sprintf("%02d-%s.txt", i+1, s.name))
		written[file] = true
		compareGolden(t, file, s, path, a)
		if s.id != "" && a.status < 300 && a.status != 204 {
			if examples[s.id] == nil {
				examples[s.id] = map[string]json.RawMessage{}
			}
			examples[s.id]["answer"] = exampleOf(t, a)
		}
		if t.Failed() {
			return
		}
	}
	dropGolden(t, written)
	if *update {
		writeExamples(t, examples)
	} else if diff := cmp.Diff(readExamples(t), examples); diff != "" {
		t.Errorf("examples.json is stale, run make golden: %s", diff)
	}
}

func story(ref *forgehook.CallRef, token *string, viewer string) []step {
	evaluated := func(t *testing.T, f *fixture) {
		f.evaluate(t, *ref)
		f.build(t, *ref)
	}
	attempted := func(status int) func(*testing.T, *fixture) {
		return func(t *testing.T, f *fixture) { f.attempt(t, *ref, status) }
	}
	return []step{
		{name: "health", id: "health", method: "GET", path: "/healthz"},
		{name: "ready", id: "readiness", method: "GET", path: "/readyz"},
		{name: "ready-without-temporal", method: "GET", path: "/readyz", before: func(_ *testing.T, f *fixture) { f.engine.set(func(e *testEngine) { e.down = errDown }) }},
		{name: "create-key", id: "createKey", method: "POST", path: "/v1/keys", before: func(_ *testing.T, f *fixture) { f.engine.set(func(e *testEngine) { e.down = nil }) }},
		{name: "create-key-faults", method: "POST", path: "/v1/keys", body: `{"name":" ","roles":["Boss","Viewer"],"expiresAt":"2020-01-01","rolez":1}`},
		{name: "list-keys", id: "listKeys", method: "GET", path: "/v1/keys?limit=1"},
		{name: "unauthorized", method: "GET", path: "/v1/keys", headers: []string{as("fh_unknown")}},
		{name: "forbidden", method: "GET", path: "/v1/keys", headers: []string{as(viewer)}},
		{name: "create-project", id: "createProject", method: "POST", path: "/v1/projects"},
		{name: "create-project-conflict", method: "POST", path: "/v1/projects", body: `{"id":1001}`},
		{name: "create-project-malformed", method: "POST", path: "/v1/projects", body: `{"id":1001,}`},
		{name: "create-project-invalid", method: "POST", path: "/v1/projects", body: `{"id":-1,"name":7,"status":"Activ"}`},
		{name: "list-projects", id: "listProjects", method: "GET", path: "/v1/projects"},
		{name: "list-projects-faults", method: "GET", path: "/v1/projects?limit=0&cursr=x"},
		{name: "get-project", id: "getProject", method: "GET", path: "/v1/projects/1001"},
		{name: "get-project-not-found", method: "GET", path: "/v1/projects/7"},
		{name: "get-project-bad-id", method: "GET", path: "/v1/projects/first"},
		{name: "update-project", id: "updateProject", method: "PATCH", path: "/v1/projects/1001"},
		{name: "update-project-id", method: "PATCH", path: "/v1/projects/1001", body: `{"id":1002}`},
		{name: "create-service", id: "createService", method: "POST", path: "/v1/projects/1001/services"},
		{name: "list-services", id: "listServices", method: "GET", path: "/v1/projects/1001/services"},
		{name: "update-service", id: "updateService", method: "PATCH", path: "/v1/services/48072"},
		{name: "get-service", id: "getService", method: "GET", path: "/v1/services/48072"},
		{name: "get-service-settings", method: "GET", path: "/v1/services/48072/settings"},
		{name: "create-utility", id: "createUtility", method: "POST", path: "/v1/services/48072/utilities"},
		{name: "create-utility-own-secret", method: "POST", path: "/v1/services/48072/utilities", body: `{"type":"WebHook","id":48081,"name":"Second",
			"index":2,"settings":{"enabled":false,"webHook":{"method":"GET","url":"https://example.com/","body":"{}"},"signing":{"secret":"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="}}}`},
		{name: "create-utility-faults", method: "POST", path: "/v1/services/48072/utilities", body: `{"type":"Mail","nam":"x","settings":{"enabeld":true,
			"document":{"status":"Exception","extension":"("},"webHook":{"method":"FETCH","url":"http://10.0.0.1/","retryDelay":"5"}}}`},
		{name: "list-utilities", id: "listUtilities", method: "GET", path: "/v1/services/48072/utilities"},
		{name: "get-utility", method: "GET", path: "/v1/services/48080"},
		{name: "update-utility", method: "PATCH", path: "/v1/services/48080", body: `{"name":"Tell the ERP first","index":1}`},
		{name: "update-utility-fixed", method: "PATCH", path: "/v1/services/48080", body: `{"settings":{"enabled":false},"pausedAt":"2026-01-01T00:00:00Z","name":null}`},
		{name: "get-settings", id: "getSettings", method: "GET", path: "/v1/services/48080/settings"},
		{name: "put-settings", id: "putSettings", method: "PUT", path: "/v1/services/48080/settings"},
		{name: "patch-settings", id: "patchSettings", method: "PATCH", path: "/v1/services/48080/settings"},
		{name: "put-settings-faults", method: "PUT", path: "/v1/services/48080/settings", body: `{"webHook":{"url":"https://user:hush@example.com/","metod":"GET"},"batchSize":5}`},
		{name: "list-versions", id: "listSettingsVersions", method: "GET", path: "/v1/services/48080/settings/versions?limit=2"},
		{name: "put-document", id: "putDocument", method: "POST", path: "/v1/projects/1001/documents"},
		{name: "put-document-again", method: "POST", path: "/v1/projects/1001/documents", body: document},
		{name: "list-documents", id: "listDocuments", method: "GET", path: "/v1/projects/1001/documents"},
		{name: "import-documents", id: "importDocuments", method: "POST", path: "/v1/projects/1001/documents/import", headers: []string{"Content-Type: application/x-ndjson"}},
		{name: "import-documents-faults", method: "POST", path: "/v1/projects/1001/documents/import", body: "{\"id\":1}\n{\"id\":2,\"status\":\"Bad\"}\n\n{\n"},
		{name: "update-document", id: "updateDocument", method: "PATCH", path: "/v1/documents/912"},
		{name: "get-document", id: "getDocument", method: "GET", path: "/v1/documents/912"},
		{name: "create-calls", id: "createCalls", method: "POST", path: "/v1/calls", headers: []string{"Idempotency-Key: golden", "Prefer: wait=0"}},
		{name: "create-calls-again", method: "POST", path: "/v1/calls", body: ` {"documentId":912,"reason":"approved","serviceId":48072}`, headers: []string{"Idempotency-Key: golden"}},
		{name: "create-calls-key-reused", method: "POST", path: "/v1/calls", body: `{"documentId":912}`, headers: []string{"Idempotency-Key: golden"}},
		{name: "create-calls-faults", method: "POST", path: "/v1/calls", body: `{"documentId":"x","document":{"status":"Bad"},"workItemId":7,"docId":1}`, headers: []string{"Idempotency-Key: a b"}},
		{name: "get-call-accepted", method: "GET", path: "/v1/calls/{call}"},
		{name: "get-request-none-yet", method: "GET", path: "/v1/calls/{call}/request"},
		{name: "get-call-built", method: "GET", path: "/v1/calls/{call}", before: evaluated},
		{name: "get-call-waiting-retry", method: "GET", path: "/v1/calls/{call}", before: attempted(503)},
		{name: "retry-call", id: "retryCall", method: "POST", path: "/v1/calls/{call}/retry"},
		{name: "pause", id: "pauseUtility", method: "POST", path: "/v1/services/48080/pause"},
		{name: "retry-call-paused", method: "POST", path: "/v1/calls/{call}/retry", before: attempted(0)},
		{name: "resume", id: "resumeUtility", method: "POST", path: "/v1/services/48080/resume"},
		{name: "get-call-refused", method: "GET", path: "/v1/calls/{call}", before: func(t *testing.T, f *fixture) {
			f.attempt(t, *ref, 0)
		}},
		{name: "get-call-delivered", id: "getCall", method: "GET", path: "/v1/calls/{call}", before: attempted(200), headers: []string{"Prefer: wait=1000"}},
		{name: "list-attempts", id: "listAttempts", method: "GET", path: "/v1/calls/{call}/attempts"},
		{name: "get-request", id: "getRequest", method: "GET", path: "/v1/calls/{call}/request"},
		{name: "retry-call-completed", method: "POST", path: "/v1/calls/{call}/retry"},
		{name: "cancel-call", id: "cancelCall", method: "POST", path: "/v1/calls/{call}/cancel", before: func(t *testing.T, f *fixture) { *ref = f.call(t) }},
		{name: "cancel-call-completed", method: "POST", path: "/v1/calls/{call}/cancel"},
		{name: "list-calls", id: "listCalls", method: "GET", path: "/v1/calls?outcome=canceled"},
		{name: "list-calls-faults", method: "GET", path: "/v1/calls?status=done&outcome=ok&from=yesterday&limit=1000&webHookServiceId=x&cursor=y"},
		{name: "call-not-found", method: "GET", path: "/v1/calls/0193a5c2-7d3e-7a51-9c1e-5b8f0d2e4a67"},
		{name: "call-no-uuid", method: "GET", path: "/v1/calls/last"},
		{name: "get-version", id: "getSettingsVersion", method: "GET", path: "/v1/services/48080/settings/versions/1"},
		{name: "get-version-not-found", method: "GET", path: "/v1/services/48080/settings/versions/99"},
		{name: "diff-versions", id: "diffSettingsVersions", method: "GET", path: "/v1/services/48080/settings/versions/1/diff"},
		{name: "diff-versions-faults", method: "GET", path: "/v1/services/48080/settings/versions/1/diff?to=99"},
		{name: "restore-version", id: "restoreSettingsVersion", method: "POST", path: "/v1/services/48080/settings/versions/2/restore"},
		{name: "preview", id: "preview", method: "POST", path: "/v1/services/48080/preview"},
		{name: "preview-faults", method: "POST", path: "/v1/services/48080/preview", body: `{"documentId":7,"serviceId":1,"docId":1,"settings":{"enabeld":true,"document":{"pattern":"("}}}`},
		{name: "backtest", id: "backtest", method: "POST", path: "/v1/services/48080/backtest"},
		{name: "backtest-faults", method: "POST", path: "/v1/services/48072/backtest", body: `{"sample":{"source":"calls","limit":0,"order":1}}`},
		{name: "put-category", id: "putCategory", method: "POST", path: "/v1/projects/1001/categories"},
		{name: "put-category-again", method: "POST", path: "/v1/projects/1001/categories", body: `{"id":3307,"name":"Invoice"}`},
		{name: "put-category-faults", method: "POST", path: "/v1/projects/1001/categories", body: `{"id":-1,"name":7,"status":"On"}`},
		{name: "update-category", id: "updateCategory", method: "PATCH", path: "/v1/categories/3307"},
		{name: "list-categories", id: "listCategories", method: "GET", path: "/v1/projects/1001/categories"},
		{name: "get-category", id: "getCategory", method: "GET", path: "/v1/categories/3307"},
		{name: "delete-category", method: "DELETE", path: "/v1/categories/3307"},
		{name: "create-service-input", method: "POST", path: "/v1/projects/1001/services", body: `{"id":48073,"name":"Scans",
			"input":"{\"externalId\": source.no, \"filename\": source.file, \"status\": \"Processed\", \"usage\": \"Outbox\"}","inputSample":{"no":"PO-8","file":"scan.pdf"}}`},
		{name: "create-service-input-faults", method: "POST", path: "/v1/projects/1001/services", body: `{"input":"{\"status\": source.state}","inputSample":{"state":"Exception"}}`},
		{name: "import-utilities", id: "importUtilities", method: "POST", path: "/v1/services/48073/utilities/import"},
		{name: "import-utilities-dry", method: "POST", path: "/v1/services/48073/utilities/import?dryRun=true", body: hierarchyOf(48092, "WebHook/Method", "CONNECT", "Throttle", "5")},
		{name: "import-utilities-faults", method: "POST", path: "/v1/services/48073/utilities/import", body: `{"serviceTypeId":12}`},
		{name: "create-calls-raw", method: "POST", path: "/v1/calls?webHookServiceId=48090&reason=scanned", body: `{"no":"PO-8","file":"scan.pdf","pages":2}`},
		{name: "create-calls-raw-faults", method: "POST", path: "/v1/calls?serviceId=48073", body: `{"no":"PO-8"}`},
		{name: "create-calls-raw-no-input", method: "POST", path: "/v1/calls?serviceId=48072", body: `{"no":"PO-8"}`},
		{name: "put-document-raw", method: "POST", path: "/v1/projects/1001/documents?serviceId=48073", body: `{"no":"PO-9","file":"scan-9.pdf"}`},
		{name: "delete-service-in-use", method: "DELETE", path: "/v1/services/48072"},
		{name: "delete-document", method: "DELETE", path: "/v1/documents/913"},
		{name: "raise-event", id: "raiseEvent", method: "POST", path: "/v1/services/48072/events", headers: []string{"Idempotency-Key: event"}},
		{name: "raise-event-again", method: "POST", path: "/v1/services/48072/events", body: `{"event":"AfterProcess","reason":"batch 7","documentIds":[912]}`, headers: []string{"Idempotency-Key: event"}},
		{name: "raise-event-of-nobody", method: "POST", path: "/v1/services/48072/events", body: `{"type":"document.deleted","documentId":912}`},
		{name: "raise-event-faults", method: "POST", path: "/v1/services/48072/events", body: `{"type":"aftr_process","documentId":7,"documentIds":[912],"documents":[{"status":"Bad"}],"docs":1}`},
		{name: "raise-event-of-utility", method: "POST", path: "/v1/services/48080/events", body: `{"type":"after_process","documentId":912}`},
		{name: "list-runs", id: "listRuns", method: "GET", path: "/v1/runs?serviceId=48072&type=after_process"},
		{name: "list-runs-faults", method: "GET", path: "/v1/runs?serviceId=x&type=after&status=done&limit=0"},
		{name: "get-run", id: "getRun", method: "GET", path: "/v1/runs/{run}", headers: []string{"Prefer: wait=0"}},
		{name: "get-run-not-found", method: "GET", path: "/v1/runs/0193a5c2-7d3e-7a51-9c1e-5b8f0d2e4a67"},
		{name: "cancel-run", id: "cancelRun", method: "POST", path: "/v1/runs/{run}/cancel"},
		{name: "cancel-run-completed", method: "POST", path: "/v1/runs/{run}/cancel"},
		{name: "put-work-item", id: "putWorkItem", method: "POST", path: "/v1/projects/1001/work-items"},
		{name: "put-work-item-again", method: "POST", path: "/v1/projects/1001/work-items", body: `{"id":77,"documentId":912,"status":"Received","dueDate":"2026-12-01T12:00:00Z","pu":{"id":5},"puId":5}`},
		{name: "put-work-item-faults", method: "POST", path: "/v1/projects/1001/work-items", body: `{"id":-1,"status":"Opn","dueDate":"tomorrow"}`},
		{name: "list-work-items", id: "listWorkItems", method: "GET", path: "/v1/projects/1001/work-items"},
		{name: "update-work-item", id: "updateWorkItem", method: "PATCH", path: "/v1/work-items/77"},
		{name: "get-work-item", id: "getWorkItem", method: "GET", path: "/v1/work-items/77"},
		{name: "start-process", id: "startProcess", method: "POST", path: "/v1/work-items/77/process"},
		{name: "start-process-again", method: "POST", path: "/v1/work-items/77/process", body: `{"webHookServiceId":48080,"reason":"approval","onDue":"escalate"}`},
		{name: "start-process-other", method: "POST", path: "/v1/work-items/77/process", body: `{"webHookServiceId":48080,"reason":"another"}`},
		{name: "start-process-faults", method: "POST", path: "/v1/work-items/77/process", body: `{"webHookServiceId":48080,"callId":"x","onDue":"eskalate","due":1}`},
		{name: "get-process", id: "getProcess", method: "GET", path: "/v1/work-items/77/process"},
		{name: "delete-work-item", method: "DELETE", path: "/v1/work-items/77"},
		{name: "call-back", id: "callBack", method: "POST", path: "/v1/callbacks/{token}", headers: []string{noKey}, before: func(t *testing.T, f *fixture) {
			f.must(t, 201, "POST", "/v1/services/48072/utilities", fmt.Sprintf(`{"type":"WebHook","id":48085,"name":"Approval",
				"settings":{"executeAfterProcess":false,"webHook":{"url":%q},"callback":{"await":true}}}`, webhookURL))
			*ref, *token, _ = f.waitsForCallback(t, forgehook.CallAwaiting)
			*token = strings.TrimPrefix(*token, callbacksPath)
		}},
		{name: "call-back-again", method: "POST", path: "/v1/callbacks/{token}", body: `{}`, headers: []string{noKey}},
		{name: "call-back-unknown", method: "POST", path: "/v1/callbacks/unknown", body: `{}`, headers: []string{noKey}},
		{name: "call-back-expired", method: "POST", path: "/v1/callbacks/{token}", body: `{}`, headers: []string{noKey}, before: func(t *testing.T, f *fixture) {
			var open forgehook.CallRef
			open, *token, _ = f.waitsForCallback(t, forgehook.CallAwaiting)
			*token = strings.TrimPrefix(*token, callbacksPath)
			f.must(t, 202, "POST", "/v1/calls/"+open.CallID+"/cancel", "")
		}},
		{name: "get-call-called-back", method: "GET", path: "/v1/calls/{call}"},
		{name: "stream-calls", id: "streamCalls", method: "GET", path: "/v1/calls/stream?id={call}"},
		{name: "stream-calls-faults", method: "GET", path: "/v1/calls/stream?id=x&runId=y"},
		{name: "no-route", method: "GET", path: "/v1/replays"},
		{name: "no-method", method: "PUT", path: "/v1/projects"},
		{name: "media-type", method: "POST", path: "/v1/projects", body: "id=1", headers: []string{"Content-Type: application/x-www-form-urlencoded"}},
		{name: "too-large", method: "POST", path: "/v1/projects", body: strings.Repeat(" ", maxBody+1)},
	}
}

var kinds = []struct {
	pattern *regexp.Regexp
	kind    string
}{
	{regexp.MustCompile(`fh_[A-Za-z0-9_-]{43}`), "fh_Zx0tY4kQm7o2rV8sLw1uBn5cJp9dHgEi3fAaKqXyT6M"},
	{regexp.MustCompile(`fh_[A-Za-z0-9_-]{8}"`), `fh_Zx0tY4kQ"`},
	{regexp.MustCompile(`whsec_[A-Za-z0-9+/=]{20,}`), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`), "0193a5c2-7d3e-7a51-9c1e-5b8f0d2e4a67"},
	{regexp.MustCompile(`/v1/callbacks/[A-Za-z0-9_-]{64}`), "/v1/callbacks/AZOlwn0-elGcHluPDS5KZ1J1c3QgYW4gZXhhbXBsZSBvZiBhIHRva2VuISE0"},
	{regexp.MustCompile(`msg_[0-9a-f]{32}`), "msg_0193a5c27d3e7a519c1e5b8f0d2e4a67"},
	{regexp.MustCompile(`20(2[7-9]|[3-9]\d|26-(0[2-9]|1))[0-9T:.-]*Z`), "2026-11-24T09:01:07.037Z"},
	{regexp.MustCompile(`"nextCursor":"[^"]+"`), `"nextCursor":"cHJvamVjdHM6MTAwMQ"`},
	{regexp.MustCompile(`"sha256":"[0-9a-f]{64}"`), `"sha256":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`},
	{regexp.MustCompile(`"durationMs":\d+`), `"durationMs":12`},
}

func normalize(body []byte) []byte {
	for _, k := range kinds {
		body = k.pattern.ReplaceAll(body, []byte(k.kind))
	}
	return body
}

func indent(t *testing.T, body []byte) json.RawMessage {
	t.Helper()
	if len(body) == 0 {
		return nil
	}
	var b bytes.Buffer
	if err := json.Indent(&b, bytes.TrimSpace(body), "", "  "); err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	return b.Bytes()
}

// readable is a body with its members below each other; NDJSON and events stay as they are.
func readable(t *testing.T, a reply) []byte {
	t.Helper()
	if media := a.header.Get("Content-Type"); media == lineMedia || media == eventMedia {
		return bytes.TrimSpace(normalize(a.body))
	}
	return indent(t, normalize(a.body))
}

// exampleOf is a response as it stands in examples.json: NDJSON and events as a text.
func exampleOf(t *testing.T, a reply) json.RawMessage {
	t.Helper()
	if media := a.header.Get("Content-Type"); media != lineMedia && media != eventMedia {
		return readable(t, a)
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(string(normalize(a.body))); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(b.Bytes())
}

// promised are the headers that belong to the contract.
var promised = []string{"Allow", "Connection", "Content-Type", "Location", "Preference-Applied", "Retry-After", "Www-Authenticate", "X-Request-Id"}

func compareGolden(t *testing.T, file string, s step, path string, a reply) {
	t.Helper()
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s\n\n%d\n", s.method, normalize([]byte(path)), a.status)
	for _, header := range promised {
		if value := a.header.Get(header); value != "" {
			fmt.Fprintf(&b, "%s: %s\n", header, normalize([]byte(value)))
		}
	}
	if len(a.body) > 0 {
		fmt.Fprintf(&b, "\n%s\n", readable(t, a))
	}
	if *update {
		if err := os.MkdirAll(golden, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("%s (run make golden after a change that is meant): %s", file, diff)
	}
}

// dropGolden removes the files of steps that are gone.
func dropGolden(t *testing.T, written map[string]bool) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(golden, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		switch {
		case written[file]:
		case !*update:
			t.Errorf("no step of story writes %s: run make golden", file)
		default:
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func readExamples(t *testing.T) map[string]map[string]json.RawMessage {
	t.Helper()
	data, err := os.ReadFile("examples.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	for id, example := range all {
		for of, value := range example {
			all[id][of] = indent(t, value)
		}
	}
	return all
}

// requestText is an example as it is sent: NDJSON stands in the file as a text.
func requestText(t *testing.T, example json.RawMessage) string {
	t.Helper()
	if example[0] != '"' {
		return string(example)
	}
	var text string
	if err := json.Unmarshal(example, &text); err != nil {
		t.Fatal(err)
	}
	return text
}

func writeExamples(t *testing.T, all map[string]map[string]json.RawMessage) {
	t.Helper()
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(all); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("examples.json", b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestExamples wants an example of every body in the document.
func TestExamples(t *testing.T) {
	t.Parallel()
	for path, item := range parsedDocument(t)["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			var bodies []any
			if body, ok := op.(map[string]any)["requestBody"]; ok {
				bodies = append(bodies, body)
			}
			for _, response := range op.(map[string]any)["responses"].(map[string]any) {
				bodies = append(bodies, response)
			}
			for _, body := range bodies {
				content, _ := body.(map[string]any)["content"].(map[string]any)
				for media, m := range content {
					if _, ok := m.(map[string]any)["example"]; !ok {
						t.Errorf("%s %s has no example of %s: add a step to the golden story", method, path, media)
					}
				}
			}
		}
	}
}

func parsedDocument(t *testing.T) map[string]any {
	t.Helper()
	data, err := OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	var document map[string]any
	if err := json.Unmarshal(data, &document); err != nil {
		t.Fatal(err)
	}
	return document
}

// operations lists "METHOD path" of the document, sorted.
func operations(t *testing.T) []string {
	t.Helper()
	var all []string
	for path, item := range parsedDocument(t)["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			all = append(all, strings.ToUpper(method)+" "+path)
		}
	}
	slices.Sort(all)
	return all
}
