package api

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
)

// rawInput makes documents of {"no": .., "file": .., "state": ..}.
const rawInput = `{"externalId": source.no, "filename": source.file, "status": source.state, "usage": UsageType.Outbox, "dtm": now}`

// seedRaw makes service 48073 with an input and utility 48083, and service 48074 with an input in
// another project.
func (f *fixture) seedRaw(t testing.TB) {
	t.Helper()
	f.seed(t)
	f.must(t, 201, "POST", "/v1/projects/1001/services", fmt.Sprintf(`{"id":48073,"name":"Scans","input":%q}`, rawInput))
	f.must(t, 201, "POST", "/v1/services/48073/utilities", fmt.Sprintf(`{"type":"WebHook","id":48083,"name":"x","settings":{"webHook":{"url":%q}}}`, webhookURL))
	f.must(t, 201, "POST", "/v1/projects", `{"id":1002}`)
	f.must(t, 201, "POST", "/v1/projects/1002/services", `{"id":48074,"input":"{}"}`)
}

// subject reads what was frozen for the first call of a response.
func (f *fixture) subject(t testing.TB, a reply) forgehook.Subject {
	t.Helper()
	id := a.json(t)["calls"].([]any)[0].(map[string]any)["id"].(string)
	s, err := f.db.Subject(t.Context(), forgehook.CallRef{Tenant: f.tenant, CallID: id})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCreateCalls_raw(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seedRaw(t)
	f.must(t, 201, "POST", "/v1/projects/1001/categories", `{"id":7,"name":"Bills"}`)
	const raw = `{ "state" : "Processed", "no": "A-1", "file":"a.pdf", "extra": { "z":1.10, "a":"<&>" } }`
	const compact = `{"state":"Processed","no":"A-1","file":"a.pdf","extra":{"z":1.10,"a":"<&>"}}`
	for _, row := range []struct{ name, path, body, source string }{
		{"by service", "/v1/calls?serviceId=48073", raw, compact},
		{"by utility", "/v1/calls?webHookServiceId=48083", raw, compact},
		{"by both", "/v1/calls?serviceId=48073&webHookServiceId=48083", raw, compact},
		{"inline by service", "/v1/calls", `{"serviceId":48073,"document":` + raw + `}`, compact},
		{"inline by utility", "/v1/calls", `{"reason":"x","Document":` + raw + `,"WEBHOOKSERVICEID":48083.0}`, compact},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := f.subject(t, f.must(t, 202, "POST", row.path, row.body))
			d := s.Document
			if value(d.ExternalID) != "A-1" || value(d.Filename) != "a.pdf" || d.Status != forgehook.StatusProcessed || d.DTM == nil || d.ServiceID != 48073 || d.ProjectID != 1001 {
				t.Errorf("document %+v", d)
			}
			if string(d.Source) != row.source {
				t.Errorf("source %s", d.Source)
			}
			if s.Service == nil || s.Service.Input != nil || s.Service.InputSample != nil {
				t.Errorf("service %+v", s.Service)
			}
		})
	}
	s := f.subject(t, f.must(t, 202, "POST", "/v1/calls?serviceId=48073&reason="+url.QueryEscape("new scan"), raw))
	if s.Document == nil {
		t.Error("no document")
	}
	s = f.subject(t, f.must(t, 202, "POST", "/v1/calls", `{"serviceId":48073,"documentId":912,"masterDocument":`+raw+`}`))
	if s.Document.ID != 912 || string(s.MasterDocument.Source) != compact {
		t.Errorf("master %+v", s.MasterDocument)
	}
	// A service without input takes the platform's JSON; a source in it stays as it is written.
	s = f.subject(t, f.must(t, 202, "POST", "/v1/calls", `{"serviceId":48072,"document":{"id":5,"classId":7,"source": {"z": 1.10, "a": 1}}}`))
	if string(s.Document.Source) != `{"z":1.10,"a":1}` || s.Category == nil || value(s.Category.Name) != "Bills" {
		t.Errorf("document %+v, category %+v", s.Document, s.Category)
	}
}

func TestCreateCalls_rawFaults(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seedRaw(t)
	_, others := f.newTenant(t, "other")
	for _, row := range []struct {
		name, path, body string
		status           int
		want             []string // places; then what a message holds
		message          string
	}{
		{"a member that is missing", "/v1/calls?serviceId=48073", `{"no":"x"}`, 422, []string{"body"}, "line 1, column"},
		{"a status that is none", "/v1/calls?serviceId=48073", `{"no":"x","file":"f","state":"HUSH"}`, 422, []string{"body"}, "input result: status: "},
		{"inline", "/v1/calls", `{"serviceId":48073,"document":{"no":"x","file":"f","state":"HUSH"},"masterDocument":{},"resaon":"x"}`, 422,
			[]string{"body.resaon", "body.document", "body.masterDocument"}, "input result: status: "},
		{"inline and by id", "/v1/calls", `{"serviceId":48073,"documentId":912,"document":{"no":"x","file":"f","state":9}}`, 422, []string{"body.document"}, "not both"},
		{"inline is no object", "/v1/calls", `{"serviceId":48073,"document":"x"}`, 422, []string{"body.document"}, "input"},
		{"no input", "/v1/calls?serviceId=48072", `{}`, 422, []string{"query.serviceId"}, "has none"},
		{"no input of a utility", "/v1/calls?webHookServiceId=48080", `{}`, 422, []string{"query.webHookServiceId"}, "has none"},
		{"no such service", "/v1/calls?serviceId=1", `{}`, 404, nil, ""},
		{"a utility as service", "/v1/calls?serviceId=48083", `{}`, 404, nil, ""},
		{"another service's utility", "/v1/calls?serviceId=48072&webHookServiceId=48083", `{"no":"x","file":"f","state":9}`, 422, []string{"body.serviceId"}, "48073"},
		{"null", "/v1/calls?serviceId=48073", `null`, 422, []string{"body"}, "an object"},
		{"no JSON", "/v1/calls?serviceId=48073", `{"no":}`, 400, nil, ""},
		{"no UTF-8", "/v1/calls?serviceId=48073", "\"\xff\"", 400, nil, ""},
		{"all at once", "/v1/calls?serviceId=x&webHookServiceId=0&resaon=x", `{}`, 422, []string{"query.serviceId", "query.webHookServiceId", "query.resaon"}, ""},
		{"a reason alone", "/v1/calls?reason=x", `{}`, 422, []string{"query.reason"}, ""},
		{"a long reason", "/v1/calls?serviceId=48073&reason=" + strings.Repeat("x", 501), `{}`, 422, []string{"query.reason"}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := f.do(t, "POST", row.path, row.body, as(f.keys[forgehook.Caller]))
			if a.status != row.status {
				t.Fatalf("status %d, want %d: %s", a.status, row.status, a.body)
			}
			if got := a.places(t); row.status == 422 && !cmp.Equal(got, row.want) {
				t.Errorf("places: %s\n%s", cmp.Diff(row.want, got), a.body)
			}
			if !strings.Contains(string(a.body), row.message) || strings.Contains(string(a.body), "HUSH") {
				t.Errorf("want %q and no value in %s", row.message, a.body)
			}
		})
	}
	for _, path := range []string{"/v1/calls?serviceId=48073", "/v1/calls?webHookServiceId=48083"} {
		if a := f.do(t, "POST", path, `{}`, as(others[forgehook.Owner])); a.status != 404 {
			t.Errorf("%s of another tenant: %d %s", path, a.status, a.body)
		}
	}
}

// TestCreateCalls_rawKey: a key stands for what was sent, not for what an input made of it, which
// holds the time and may change.
func TestCreateCalls_rawKey(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seedRaw(t)
	const key = "Idempotency-Key: once"
	const path, raw = "/v1/calls?serviceId=48073", `{"no":"A","file":"f","state":9,"n":1.10}`
	first := callIDs(t, f.must(t, 202, "POST", path, raw, key))
	if again := callIDs(t, f.must(t, 202, "POST", path, `{"n":1.10, "state":9,"file":"f","no":"A"}`, key)); !cmp.Equal(again, first) {
		t.Errorf("calls %v, want %v", again, first)
	}
	if a := f.do(t, "POST", path, `{"no":"B","file":"f","state":9}`, key); a.status != 422 || a.problem() != "idempotency-key-reused" {
		t.Errorf("another body: %d %s", a.status, a.body)
	}
	if a := f.do(t, "POST", path+"&reason=x", raw, key); a.problem() != "idempotency-key-reused" {
		t.Errorf("another reason: %d %s", a.status, a.body)
	}
	const inline = `{"serviceId":48073,"document":{"no":"A","file":"f","state":9}}`
	firstInline := callIDs(t, f.must(t, 202, "POST", "/v1/calls", inline, "Idempotency-Key: inline"))
	f.must(t, 200, "PATCH", "/v1/services/48073", `{"input":"{\"filename\": source.gone}"}`)
	if again := callIDs(t, f.must(t, 202, "POST", path, raw, key)); !cmp.Equal(again, first) {
		t.Errorf("after the input has changed: calls %v, want %v", again, first)
	}
	if again := callIDs(t, f.must(t, 202, "POST", "/v1/calls", inline, "Idempotency-Key: inline")); !cmp.Equal(again, firstInline) {
		t.Errorf("inline: calls %v, want %v", again, firstInline)
	}
	if a := f.do(t, "POST", path, raw); a.status != 422 {
		t.Errorf("without a key: %d %s", a.status, a.body)
	}
	f.must(t, 200, "PATCH", "/v1/services/48073", `{"input":null}`)
	if again := callIDs(t, f.must(t, 202, "POST", path, raw, key)); !cmp.Equal(again, first) {
		t.Errorf("without an input: calls %v, want %v", again, first)
	}
}

// TestCreateCalls_large sends documents of 10 MB: ours, with fields without end, and raw JSON.
func TestCreateCalls_large(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seedRaw(t)
	var fields strings.Builder
	for i := 0; fields.Len() < 10<<20; i++ {
		fmt.Fprintf(&fields, `{"id":%d,"value":"value %d <&> \"x\"","unknown":{"deep":[[[1e3]]]},"paramDef":{"id":1,"name":"Field"}},`, i+1, i)
	}
	list := strings.TrimSuffix(fields.String(), ",")
	s := f.subject(t, f.must(t, 202, "POST", "/v1/calls", `{"webHookServiceId":48080,"document":{"id":5,"resultParameters":[`+list+`]}}`))
	if n := len(s.Document.ResultParameters); n < 80_000 {
		t.Errorf("%d fields", n)
	}
	raw := `{"no":"A","file":"f.pdf","state":9,"fields":[` + list + `]}`
	s = f.subject(t, f.must(t, 202, "POST", "/v1/calls?serviceId=48073", raw))
	if string(s.Document.Source) != raw || value(s.Document.Filename) != "f.pdf" {
		t.Errorf("a source of %d bytes, want %d", len(s.Document.Source), len(raw))
	}
}

func TestPutDocument_raw(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seedRaw(t)
	const raw = `{ "state": 9, "no": "A-1", "file":"a.pdf", "z": 1.10, "a": {"b":null} }`
	a := f.must(t, 201, "POST", "/v1/projects/1001/documents?serviceId=48073", raw, as(f.keys[forgehook.Caller]))
	path := a.header.Get("Location")
	source := func() string {
		t.Helper()
		var d struct{ Source json.RawMessage }
		if err := json.Unmarshal(f.must(t, 200, "GET", path, "").body, &d); err != nil {
			t.Fatal(err)
		}
		return string(d.Source)
	}
	if got := source(); got != `{"state":9,"no":"A-1","file":"a.pdf","z":1.10,"a":{"b":null}}` {
		t.Errorf("source %s", got)
	}
	if d := f.must(t, 200, "PATCH", path, `{"status":10}`).json(t); d["status"] != 10.0 || d["serviceId"] != 48073.0 || d["projectId"] != 1001.0 || d["externalId"] != "A-1" {
		t.Errorf("document %v", d)
	}
	if got := source(); got != `{"state":9,"no":"A-1","file":"a.pdf","z":1.10,"a":{"b":null}}` {
		t.Errorf("source after a change %s", got)
	}
	f.must(t, 200, "PATCH", path, `{"Source":{"z": 2.00, "b":null}}`)
	if got := source(); got != `{"z":2.00,"b":null}` {
		t.Errorf("source after it was replaced: %s", got)
	}
	f.must(t, 200, "PATCH", path, `{"source":null}`)
	if got := source(); got != "" {
		t.Errorf("source after it was taken away: %s", got)
	}
	const nested = `"source":{"z":1.10,"a":1}`
	f.must(t, 200, "PATCH", path, `{"documents":[{"id":5,`+nested+`}]}`)
	if got := f.must(t, 200, "PATCH", path, `{"comment":"x"}`).body; !strings.Contains(string(got), nested) {
		t.Errorf("what the sender of a document within wrote is not kept: %s", got)
	}
	for _, row := range []struct {
		path, body string
		status     int
		want       []string
	}{
		{"/v1/projects/1001/documents?serviceId=48072", `{}`, 422, []string{"query.serviceId"}},
		{"/v1/projects/1001/documents?serviceId=48074", `{}`, 422, []string{"query.serviceId"}},
		{"/v1/projects/1001/documents?serviceId=48083", `{}`, 404, nil},
		{"/v1/projects/77/documents?serviceId=48073", `{}`, 404, nil},
		{"/v1/projects/1001/documents?serviceId=48073", `{"no":1,"file":2,"state":9}`, 422, []string{"body", "body"}},
		{"/v1/projects/1001/documents/import?serviceId=48072", `{}`, 422, []string{"query.serviceId"}},
		{"/v1/projects/1001/documents/import?serviceId=1", `{}`, 404, nil},
		{"/v1/projects/1001/documents/import?serviceId=48073", "{\"no\":\"x\",\"file\":\"f\",\"state\":9}\n{\"no\":\"x\"}\n{\nnull\n{\"no\":1,\"file\":2,\"state\":\"Bad\"}", 422,
			[]string{"body[2]", "body[3]", "body[4]", "body[5]", "body[5]", "body[5]"}},
	} {
		a := f.do(t, "POST", row.path, row.body)
		if a.status != row.status {
			t.Fatalf("%s: status %d, want %d: %s", row.path, a.status, row.status, a.body)
		}
		if got := a.places(t); !cmp.Equal(got, row.want) {
			t.Errorf("%s: %s\n%s", row.path, cmp.Diff(row.want, got), a.body)
		}
	}
}

func TestImport_raw(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seedRaw(t)
	f.must(t, 200, "PATCH", "/v1/services/48073", `{"input":"{\"id\": source.no, \"status\": 9, \"filename\": source.file}"}`)
	var lines strings.Builder
	for i := range 700 {
		fmt.Fprintf(&lines, `{"no": %d, "file": "f%d <&>\u003c", "z":1.10, "a":1}`+"\n", i+1, i+1)
	}
	a := f.must(t, 200, "POST", "/v1/projects/1001/documents/import?serviceId=48073", lines.String()).json(t)
	if diff := cmp.Diff(map[string]any{"imported": 700.0, "created": 700.0, "updated": 0.0}, a); diff != "" {
		t.Error(diff)
	}
	d, err := f.db.Document(t.Context(), f.tenant, 700)
	if err != nil {
		t.Fatal(err)
	}
	if string(d.Source) != `{"no":700,"file":"f700 <&>\u003c","z":1.10,"a":1}` || value(d.Filename) != "f700 <&><" || d.ServiceID != 48073 {
		t.Errorf("document %+v", d)
	}
}

func TestServiceInput(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	const path = "/v1/projects/1001/services"
	example := exampleInput(t, "rossum")
	body, err := json.Marshal(map[string]any{"id": 5, "name": "x", "input": example.Input, "inputSample": example.InputSample})
	if err != nil {
		t.Fatal(err)
	}
	f.must(t, 201, "POST", path, string(body))
	f.must(t, 201, "POST", path, `{"id":6,"input":"{\"filename\": source.f}","inputSample":{"f":"x", "n": 1.10}}`)
	sample := func(body []byte) string {
		var s struct{ InputSample json.RawMessage }
		if err := json.Unmarshal(body, &s); err != nil {
			t.Fatal(err)
		}
		return string(s.InputSample)
	}
	if got := sample(f.must(t, 200, "GET", "/v1/services/6", "").body); got != `{"f":"x","n":1.10}` {
		t.Errorf("sample %s", got)
	}
	if a := f.must(t, 200, "GET", path, ""); strings.Contains(string(a.body), "inputSample") || !strings.Contains(string(a.body), `"input":`) {
		t.Errorf("a list has %s", a.body)
	}
	if got := sample(f.must(t, 200, "PATCH", "/v1/services/6", `{"name":"y"}`).body); got != `{"f":"x","n":1.10}` {
		t.Errorf("sample after another change %s", got)
	}
	for _, row := range []struct {
		name, method, path, body string
		want                     []string
		message                  string
	}{
		{"two faults in it, and others", "POST", path, `{"id":-1,"input":"{\"a\": sorce.a, \"b\": nwo}","status":1}`, []string{"body.id", "body.input", "body.input"}, "line 1, column"},
		{"no object", "POST", path, `{"input":"true"}`, []string{"body.input"}, ""},
		{"the sample gives no document", "POST", path, `{"input":"{\"status\": source.s, \"id\": source.i}","inputSample":{"s":"Bad","i":"x"}}`,
			[]string{"body.input", "body.input"}, "input result: status: "},
		{"the sample lacks a member", "POST", path, `{"input":"{\"status\": source.s}","inputSample":{}}`, []string{"body.input"}, "line 1, column"},
		{"a text is no input", "POST", path, `{"input":1}`, []string{"body.input"}, "text"},
		{"a new input and the old sample", "PATCH", "/v1/services/6", `{"input":"{\"filename\": source.gone}"}`, []string{"body.input"}, "gone"},
		{"a new sample and the old input", "PATCH", "/v1/services/6", `{"inputSample":{"f":1}}`, []string{"body.input"}, "input result: filename: "},
		{"a utility has none", "PATCH", "/v1/services/48080", `{"input":"{}"}`, []string{"body.input"}, "no such name"},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := f.do(t, row.method, row.path, row.body)
			if a.status != 422 {
				t.Fatalf("status %d: %s", a.status, a.body)
			}
			if got := a.places(t); !cmp.Equal(got, row.want) {
				t.Errorf("places: %s\n%s", cmp.Diff(row.want, got), a.body)
			}
			if !strings.Contains(string(a.body), row.message) {
				t.Errorf("no %q in %s", row.message, a.body)
			}
		})
	}
	if a := f.must(t, 200, "PATCH", "/v1/services/6", `{"input":"","inputSample":null}`); strings.Contains(string(a.body), "input") {
		t.Errorf("taken away: %s", a.body)
	}
}
