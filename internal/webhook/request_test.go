package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/forgehook/forgehook"
)

var update = flag.Bool("update", false, "write the golden requests anew; read the diff before you commit it")

// TestRequest_golden pins the exact bytes that are sent. Each file has settings, a subject, and the
// request. Receivers verify these bytes and stored calls are rebuilt from them, so a change here
// changes the contract.
func TestRequest_golden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/requests/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden requests", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive := readArchive(t, file)
			sub := subject(t, archive["subject.json"])
			before := pretty(t, sub)
			got := show(t, plan(t, archive["settings.json"]), sub)
			if before != pretty(t, sub) {
				t.Error("the subject was changed")
			}
			if *update {
				archive["request"] = got
				writeArchive(t, file, archive)
				return
			}
			diff(t, archive["request"], got)
			if strings.Contains(got, "hunter2") {
				t.Error("a secret is in the request")
			}
		})
	}
}

// show writes a request as the golden files do, with its headers in the order of sending.
func show(t *testing.T, p *Plan, sub *forgehook.Subject) string {
	t.Helper()
	r, err := requested(p, sub, meta)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(r.URL)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\nhost: %s\nsha256: %s\n", r.Method, r.URL, u.Host, r.SHA256)
	for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
		fmt.Fprintf(&b, "> %s: %s\n", name, r.Headers[name])
	}
	if r.Body == nil {
		return b.String() + "(no body)\n"
	}
	fmt.Fprintf(&b, "\n%s\n", r.Body)
	return b.String()
}

var archiveParts = []string{"settings.json", "subject.json", "request"}

// readArchive reads a txtar file: text, then files, each after a "-- name --" line.
func readArchive(t *testing.T, file string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parts, name := map[string]string{}, ""
	for l := range strings.Lines(string(data)) {
		if n, ok := strings.CutPrefix(strings.TrimSpace(l), "-- "); ok && strings.HasSuffix(n, " --") {
			name = strings.TrimSuffix(n, " --")
			continue
		}
		parts[name] += l
	}
	for _, want := range archiveParts[:2] {
		if parts[want] == "" {
			t.Fatalf("%s has no %s", file, want)
		}
	}
	return parts
}

func writeArchive(t *testing.T, file string, parts map[string]string) {
	t.Helper()
	b := bytes.NewBufferString(parts[""])
	for _, name := range archiveParts {
		fmt.Fprintf(b, "-- %s --\n%s", name, parts[name])
	}
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A rebuild from the stored subject has the same bytes, after any number of other requests.
func TestRequest_rebuild(t *testing.T) {
	t.Parallel()
	p := plan(t, `{}`)
	sub := subject(t, `{"document":{"id":1,"resultParameters":[{"id":2,"verifications":[{"id":3,"charge":1.50,"symbolsConfidence":{"b":1,"a":["<",0.50]}}]}]}}`)
	first, err := requested(p, sub, meta)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		stored, err := json.Marshal(sub)
		if err != nil {
			t.Fatal(err)
		}
		sub = subject(t, string(stored))
		again, err := requested(p, sub, meta)
		if err != nil {
			t.Fatal(err)
		}
		diff(t, first, again)
	}
}

func TestRequest_methods(t *testing.T) {
	t.Parallel()
	for method, want := range map[string]bool{"GET": false, "POST": true, "PUT": true, "HEAD": false, "DELETE": false, "PATCH": true, "OPTIONS": false} {
		r, err := requested(plan(t, `{"webHook":{"method":"`+method+`"}}`), invoice(t), meta)
		if err != nil {
			t.Fatal(err)
		}
		_, typed := r.Headers["Content-Type"]
		if (r.Body != nil) != want || typed != want {
			t.Errorf("%s: body %v, Content-Type %v; want %v", method, r.Body != nil, typed, want)
		}
		sent, err := requested(plan(t, `{"webHook":{"method":"`+method+`","body":"{}"}}`), invoice(t), meta)
		if err != nil || string(sent.Body) != "{}" || sent.Headers["Content-Type"] != "application/json" {
			t.Errorf("%s with a body: %+v, %v", method, sent, err)
		}
	}
}

func TestRequest_payloadError(t *testing.T) {
	t.Parallel()
	sub := invoice(t)
	sub.Document.ResultParameters[0].Verifications[0].SymbolsConfidence = json.RawMessage(`{"secret`)
	_, err := requested(plan(t, `{}`), sub, meta)
	diff(t, &forgehook.CallError{Code: forgehook.CallErrorPayload, Message: "The default payload of this document cannot be written as JSON."}, err)
}

// For any settings and documents: the same request has the same bytes, a JSON or XML body parses,
// and the URL goes where the template says.
func TestRequest_properties(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom(hostile), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
	expressions := rapid.SampledFrom([]string{
		"doc.filename", "doc.comment", "doc.id", "doc.field('Total').value", "doc.fields()", "doc.fields().map(f, f.value)", "doc.statusName", "doc.source",
		"{'b': doc.filename, 'a': doc.comment}", "doc", "doc.field('None')", "now", "call.reason", "doc.dtc", "doc.table('Total')",
	})
	rapid.Check(t, func(t *rapid.T) {
		hole := func(label string) string { return "{{ " + expressions.Draw(t, label) + " }}" }
		kind := rapid.SampledFrom([]string{"application/json", "text/xml", "expression"}).Draw(t, "kind")
		var s forgehook.Settings
		switch kind {
		case "expression":
			s = withBody("application/json", forgehook.BodyExpression, "["+expressions.Draw(t, "a")+", {'z': "+expressions.Draw(t, "b")+"}]")
		case "text/xml":
			s = withBody(kind, forgehook.BodyTemplate, `<a b="`+hole("a")+`">]`+hole("b")+`><![CDATA[]`+hole("c")+`]>]]></a>`)
		default:
			s = withBody(kind, forgehook.BodyTemplate, `{"a`+hole("key")+`":"`+hole("a")+`","b":[`+hole("b")+`,`+hole("c")+`]}`)
		}
		address := "https://example.com/x" + hole("segment") + "/" + hole("whole") + "/y?q=" + hole("query") + "&r"
		s.WebHook.URL = &address
		s.Headers = []forgehook.Header{{Name: "X-A", Value: hole("header")}}
		p, err := Compile(s)
		if err != nil {
			t.Fatal(err)
		}
		filename, comment := text.Draw(t, "filename"), rapid.Ptr(text, true).Draw(t, "comment")
		name, value := "Total", text.Draw(t, "value")
		sub := &forgehook.Subject{Document: &forgehook.Document{
			ID: rapid.Int32().Draw(t, "id"), Filename: &filename, Comment: comment, Status: forgehook.DocumentStatus(rapid.Int32Range(0, 20).Draw(t, "status")),
			Source:           toJSON(map[string]any{"a": filename, "n": 1.5}),
			ResultParameters: []forgehook.DocumentParameter{{ID: 1, Value: &value, ParamDef: &forgehook.ParameterDef{ID: 2, Name: &name}}},
		}}
		first, err := requested(p, sub, meta)
		again, errAgain := requested(p, sub, meta)
		if failure, ok := errors.AsType[*forgehook.CallError](err); ok {
			if failure.Code != forgehook.CallErrorURL || errAgain == nil || err.Error() != errAgain.Error() {
				t.Fatalf("%v, another time %v", err, errAgain)
			}
			return
		}
		if d := cmp.Diff(first, again); d != "" || err != nil || errAgain != nil {
			t.Fatalf("two requests differ: %s, %v, %v", d, err, errAgain)
		}
		checkShape(t, p, first.URL)
		if kind == "text/xml" {
			if _, why := xmlFault(string(first.Body)); why != "" {
				t.Fatalf("%q: %s", first.Body, why)
			}
		} else if !json.Valid(first.Body) {
			t.Fatalf("%q is no JSON", first.Body)
		}
	})
}
