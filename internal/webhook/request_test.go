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
	"github.com/forgehook/forgehook/internal/mask"
)

var update = flag.Bool("update", false, "write the golden requests anew; read the diff before you commit it")

// TestRequest_golden holds the exact bytes that are sent. Each file has settings, a subject, and the request. Receivers compare and
// verify bytes, and stored calls are rebuilt from them: a change here is a change of the contract.
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

// show renders a request as the golden files have it, its headers in the order in which they are sent.
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

// readArchive reads a txtar file: text, then "-- name --" lines with a file after each.
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

// A rebuild, from the stored subject and after any number of other requests, has the same bytes.
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
	diff(t, &Failure{forgehook.CallErrorPayload, "The default payload of this document cannot be written as JSON."}, err)
}

// Wherever a secret field stands, no part of it is in the payload, and everything else is.
func TestRequest_secretFields(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g := fieldGenerator{t: t, secret: map[int32]bool{}}
		for id := int32(1); id <= 4; id++ {
			g.secret[id] = rapid.Bool().Draw(t, "secret")
		}
		sub := forgehook.Subject{
			Document:       &forgehook.Document{ID: 1, ResultParameters: g.fields(2, false)},
			MasterDocument: &forgehook.Document{ID: 2, Documents: []forgehook.Document{{ID: 3, ResultParameters: g.fields(1, false)}}},
		}
		if rapid.Bool().Draw(t, "about a field") {
			p := g.field(0, false)
			sub.Parameter, sub.ParameterDef = &p, p.ParamDef
			if len(p.Verifications) > 0 {
				sub.Verification = &p.Verifications[0]
			}
		}
		body, err := payload(&sub, meta)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(body, []byte("hidden-")) {
			t.Fatalf("a secret value is in %s", body)
		}
		for _, value := range g.shown {
			if !bytes.Contains(body, []byte(`"`+value+`"`)) {
				t.Fatalf("%s is missing in %s", value, body)
			}
		}
	})
}

// fieldGenerator makes fields whose values tell whether they may be shown.
type fieldGenerator struct {
	t      *rapid.T
	secret map[int32]bool // by definition
	shown  []string
	next   int32
}

func (g *fieldGenerator) fields(depth int, hidden bool) []forgehook.DocumentParameter {
	var list []forgehook.DocumentParameter
	for range rapid.IntRange(0, 3).Draw(g.t, "fields") {
		list = append(list, g.field(depth, hidden))
	}
	return list
}

func (g *fieldGenerator) field(depth int, hidden bool) forgehook.DocumentParameter {
	g.next++
	id, def := g.next, rapid.Int32Range(1, 4).Draw(g.t, "definition")
	hidden = hidden || g.secret[def]
	value := fmt.Sprintf("shown-%d", id)
	if hidden {
		value = fmt.Sprintf("hidden-%d", id)
	} else {
		g.shown = append(g.shown, value)
	}
	valueType, preset := forgehook.ValueType(1), "preset"
	if g.secret[def] {
		valueType = rapid.SampledFrom([]forgehook.ValueType{forgehook.ValuePassword, forgehook.ValueSecure}).Draw(g.t, "type")
		preset = "hidden-default"
	}
	p := forgehook.DocumentParameter{
		ID: id, ParamDefID: &def, Value: &value, Verifications: []forgehook.Verification{{ID: id, ParameterID: id, Value: &value}},
		ParamDef: &forgehook.ParameterDef{ID: def, ValueType: valueType, DefaultValue: &preset},
	}
	if depth > 0 {
		p.Children = g.fields(depth-1, hidden)
	}
	return p
}

// Cells and inline entities may name their definition by id only, or not at all.
func TestWithoutSecrets_byID(t *testing.T) {
	t.Parallel()
	const password = `{"id":9,"valueType":10,"defaultValue":"hunter2"}`
	tests := []struct{ name, subject, want string }{
		{"parameter names the definition of a document's field",
			`{"document":{"id":1,"resultParameters":[{"id":5,"paramDefId":9,"paramDef":` + password + `}]},"parameter":{"id":77,"paramDefId":9,"value":"hunter2"}}`, "-"},
		{"parameter is a document's field", `{"document":{"id":1,"resultParameters":[{"id":5,"paramDef":` + password + `}]},"parameter":{"id":5,"value":"hunter2"}}`, "-"},
		{"parameter beside its definition", `{"document":{"id":1},"parameterDef":` + password + `,"parameter":{"id":5,"value":"hunter2"}}`, "def"},
		{"verification of a document's field", `{"document":{"id":1,"resultParameters":[{"id":5,"paramDef":` + password + `}]},"verification":{"parameterId":5,"value":"hunter2"}}`, "-"},
		{"verification of a cell", `{"document":{"id":1,"resultParameters":[{"id":5,"paramDef":` + password + `,"children":[{"id":6,"value":"hunter2"}]}]},
			"verification":{"parameterId":6,"value":"hunter2"}}`, "-"},
		{"verification beside its parameter", `{"document":{"id":1},"parameter":{"paramDef":` + password + `,"value":"hunter2"},"verification":{"value":"hunter2"}}`, "-"},
		{"definition below a definition", `{"document":{"id":1},"parameterDef":{"id":8,"valueType":1,"children":[` + password + `]},
			"parameter":{"id":5,"paramDefId":8,"value":"plain","children":[{"id":6,"paramDefId":9,"value":"hunter2"}]}}`, "def par plain"},
		{"definition without an id", `{"document":{"id":1,"resultParameters":[{"id":5,"paramDefId":9,"paramDef":{"valueType":11}}]},"parameter":{"id":6,"paramDefId":9,"value":"hunter2"}}`, "-"},
		{"parameter and verification of the master's field", `{"document":{"id":1},"masterDocument":{"id":2,"resultParameters":[{"id":5,"paramDef":` + password + `}]},
			"parameter":{"id":5,"value":"hunter2"},"verification":{"parameterId":5,"value":"hunter2"}}`, "-"},
		{"verification of the master's field", `{"document":{"id":1},"masterDocument":{"id":2,"resultParameters":[{"id":5,"paramDef":` + password + `}]},
			"verification":{"parameterId":5,"value":"hunter2"}}`, "-"},
		{"verification of the given field", `{"document":{"id":1},"parameterDef":{"id":8,"valueType":1},"parameter":{"id":5,"value":"plain","children":[{"id":6,"paramDef":` + password + `}]},
			"verification":{"parameterId":6,"value":"hunter2"}}`, "def par plain"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sub := mask.Of(subject(t, tt.subject)).Without()
			var got []string
			if sub.ParameterDef != nil {
				got = append(got, "def")
			}
			if sub.Parameter != nil {
				got = append(got, "par", *sub.Parameter.Value)
			}
			if sub.Verification != nil {
				got = append(got, "ver")
			}
			if got == nil {
				got = []string{"-"}
			}
			diff(t, tt.want, strings.Join(got, " "))
			if all := pretty(t, sub); strings.Contains(all, "hunter2") {
				t.Errorf("a secret is in %s", all)
			}
		})
	}
}

// Whatever settings and documents are: the same request gives the same bytes, a JSON body parses, an XML body parses, and the URL goes
// where the template says.
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
		if failure, ok := errors.AsType[*Failure](err); ok {
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
