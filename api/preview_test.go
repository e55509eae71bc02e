package api

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
)

// receipt is a document as an extraction leaves it, of about 4 KB.
func receipt(id int, random *rand.Rand) string {
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	var fields []string
	for i, name := range []string{"Company", "Date", "Address", "Total", "Pin"} {
		kind := map[string]int{"Date": 5, "Total": 3, "Pin": 11}[name]
		field := id*100 + i
		text := fmt.Sprintf("%s-%d %s", strings.ToUpper(name), random.IntN(1e6), pick("SDN BHD", `"quoted" \ back`, "zażółć 漢字", "<b>&amp;</b>", "a\u2028b", ""))
		quoted, _ := json.Marshal(text)
		fields = append(fields, fmt.Sprintf(`{"id":%d,"documentId":%d,"paramDefId":%d,"parentId":null,"value":%s,
			"paramDef":{"id":%d,"name":%q,"label":%q,"category":4,"grouping":12,"valueType":%d},"children":[],
			"verifications":[{"id":%d,"parameterId":%d,"value":%s,"dt":"2025-08-01T08:00:00.1234567Z","confidence":%g,"type":1,"status":3,
			"provider":"OCR","box":"165,372,342,389"}]}`, field, id, 179801+i, quoted, 179801+i, name, name, kind, field*10, field, quoted, random.Float64()))
	}
	return fmt.Sprintf(`{"id":%d,"serviceId":48072,"status":%s,"usage":%s,"classId":%s,"contentType":"image/jpeg","filename":%s,"fileType":%s,
		"dtc":%s,"comment":%s,"externalId":"SROIE-%d","resultId":"run-8aefb0","resultParameters":[%s],"unknown":{"kept":false}}`,
		id, pick("10", "10", `"Verification"`, "9"), pick("3", "3", "1"), pick("3307", "null", "3308"), pick(`"receipt 1.jpg"`, `"rechnung_ä.pdf"`, "null"),
		pick(`"jpg"`, "null"), pick(`"2025-08-01T08:00:00.9999999+02:00"`, "null"), pick(`"Checked by hand"`, "null"), id, strings.Join(fields, ","))
}

// differing are what two requests made at different moments of different calls may differ in.
var differing = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}|msg_[0-9a-f]{32}|202[67]-[0-9T:.-]+Z`)

func alike(body string) string { return differing.ReplaceAllString(body, "*") }

// spelt is JSON without HTML escapes, as all answers are.
func spelt(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(plainHTML(data))
}

// bodies are a method and what is sent with it; urls are where to.
var (
	bodies = []string{
		`POST "body":null`, `PUT "body":null,"contentType":"application/json; charset=utf-8"`, `GET "body":null`, `DELETE "body":null`, `POST "body":"{\"fixed\":\"<ä>\"}"`,
		`POST "body":"{\"total\":{{ doc.field('Total').value }},\"pin\":\"x{{ doc.field('Pin').value }}\",\"at\":\"{{ now }}\"}"`,
		`POST "body":"<r a=\"{{ doc.filename }}\">{{ doc.field('Company').value }}</r>","contentType":"application/xml"`,
		`POST "bodyKind":"expression","body":"{'z': doc.fields().map(f, f.value), 'a': text(now), 'webhook': call.webhookId}"`,
	}
	urls = []string{
		`"https://erp.example.com/hooks?a=b%20c"`, `"https://erp.example.com/hooks/{{ doc.id }}?name={{ doc.filename }}&pin={{ doc.field('Pin').value }}"`,
		`"https://erp.example.com/{{ doc.field('Address').value }}/{{ doc.comment }}"`,
	}
)

// TestPreviewIsWhatIsSent previews random documents with random settings, calls the webhook for
// them, and compares.
func TestPreviewIsWhatIsSent(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	seen := map[string]int{}
	for i := range 150 {
		id := 5000 + i
		method, body := pick(bodies...), ""
		method, body, _ = strings.Cut(method, " ")
		settings := fmt.Sprintf(`{"enabled":%s,"removeComments":%s,"document":{"category":%s,"status":%s,"usage":%s,"extension":%s,"pattern":%s},
			"condition":%s,"headers":%s,"webHook":{"method":%q,"url":%s,%s,"apiKey":%s,"username":"erp","password":%s}}`,
			pick("true", "true", "true", "false"), pick("true", "false"), pick("null", "3307", "[3307,3308]"), pick("null", `"Processed"`, `[10,9]`), pick("null", `"Outbox"`),
			pick(`".*"`, `".*"`, `"^jpg$"`), pick(`".*"`, `".*"`, `"^receipt"`), pick("null", `"doc.status == DocumentStatus.Processed && call.reason == 'why not'"`),
			pick("null", `{"X-Total":"{{ doc.field('Total').value }}","X-Call":"{{ call.id }} {{ now }}"}`),
			method, pick(urls...), body, pick("null", `"hush-hush"`), pick("null", `"hush-hush"`))
		f.must(t, 200, "PUT", "/v1/services/48080/settings", settings)
		document := receipt(id, random)
		about := fmt.Sprintf(`"documentId":%d`, id)
		switch random.IntN(3) {
		case 0:
			about = `"document":` + document
		case 1:
			about += fmt.Sprintf(`,"parameterId":%d,"masterDocument":%s`, id*100+1, document)
			fallthrough
		default:
			f.must(t, 201, "POST", "/v1/projects/1001/documents", document)
		}
		shown := f.must(t, 200, "POST", "/v1/services/48080/preview", fmt.Sprintf(`{%s,"reason":"why not"}`, about))
		var got preview
		if err := json.Unmarshal(shown.body, &got); err != nil {
			t.Fatal(err)
		}

		made := f.must(t, 202, "POST", "/v1/calls", fmt.Sprintf(`{"webHookServiceId":48080,%s,"reason":"why not"}`, about))
		ref := forgehook.CallRef{Tenant: f.tenant, CallID: made.json(t)["calls"].([]any)[0].(map[string]any)["id"].(string)}
		outcome := f.workOn(t, ref)
		call, err := f.db.Call(t.Context(), f.tenant, ref.CallID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(spelt(t, call.Explanation), spelt(t, got.Explanation)); diff != "" || got.WouldFire == (outcome == forgehook.Skipped) {
			t.Fatalf("document %d: would fire %v, outcome %q, explanation (-call +preview): %s", id, got.WouldFire, outcome, diff)
		}
		seen["fires "+fmt.Sprint(got.WouldFire)]++
		switch {
		case outcome == forgehook.Skipped:
			if got.Request == nil && got.Error == nil {
				t.Fatalf("document %d would not fire, and its request is not shown: %s", id, shown.body)
			}
			continue
		case got.Error != nil:
			if diff := cmp.Diff(call.Error, got.Error); diff != "" || got.Request != nil {
				t.Fatalf("document %d (-call +preview): %s", id, diff)
			}
			seen["cannot be built"]++
			continue
		}
		sent := f.must(t, 200, "GET", "/v1/calls/"+ref.CallID+"/request", "")
		if diff := cmp.Diff(alike(string(sent.body)), alike(spelt(t, got.Request)+"\n")); diff != "" {
			t.Fatalf("document %d, request (-sent +previewed): %s", id, diff)
		}
		if strings.Contains(string(shown.body), "hush-hush") || strings.Contains(string(shown.body), "PIN-") {
			t.Fatalf("document %d: a secret is shown: %s", id, shown.body)
		}
		seen[got.Request.Method]++
	}
	for _, kind := range []string{"fires true", "fires false", "cannot be built", "POST", "GET"} {
		if seen[kind] == 0 {
			t.Errorf("no document of kind %q: %v", kind, seen)
		}
	}
}

// workOn evaluates and builds as a worker does. The outcome is "" where the call is ready to be
// sent.
func (f *fixture) workOn(t *testing.T, ref forgehook.CallRef) forgehook.Outcome {
	t.Helper()
	if outcome := f.evaluate(t, ref); outcome != "" {
		return outcome
	}
	return f.build(t, ref)
}

func TestPreview(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	type want struct {
		Fires            bool
		Failed           []string // conditions
		Method, Body     string
		WarnedOf         []string
		ErrorCode        string
		BodyIsThePayload bool
	}
	for _, row := range []struct {
		name, service, body string
		want                want
	}{
		{"the settings in force", "48080", `{"documentId":912}`, want{Fires: true, Method: "POST", BodyIsThePayload: true}},
		{"by utility and service too", "48080", `{"documentId":912,"webHookServiceId":48080,"serviceId":48072}`, want{Fires: true, Method: "POST", BodyIsThePayload: true}},
		{"one setting changed", "48080", `{"documentId":912,"settings":{"document":{"category":3308}}}`,
			want{Failed: []string{"document.category"}, Method: "POST", BodyIsThePayload: true}},
		{"an empty value", "48080", `{"document":{"status":9,"usage":3},"settings":{"document":{"status":null}}}`,
			want{Fires: true, Method: "POST", BodyIsThePayload: true}},
		{"no settings are none", "48080", `{"documentId":912,"settings":null}`, want{Fires: true, Method: "POST", BodyIsThePayload: true}},
		{"a body on GET", "48080", `{"documentId":912,"settings":{"webHook":{"method":"GET","body":"{}"}}}`,
			want{Fires: true, Method: "GET", Body: "{}", WarnedOf: []string{"webHook.body"}}},
		{"a pattern that runs away", "48080", `{"document":{"status":10,"usage":3,"filename":"` + strings.Repeat("a", 40) + `!"},"settings":{"document":{"pattern":"^(a+)+$"}}}`,
			want{Failed: []string{"document.pattern"}, Method: "POST", BodyIsThePayload: true, ErrorCode: "condition_timeout"}},
		{"a plain service", "48072", `{"documentId":912,"settings":{"webHook":{"url":"https://example.com/","body":"{}"}}}`,
			want{Fires: true, Method: "POST", Body: "{}", WarnedOf: []string{"signing.secret"}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			var p preview
			a := f.must(t, 200, "POST", "/v1/services/"+row.service+"/preview", row.body)
			if err := json.Unmarshal(a.body, &p); err != nil {
				t.Fatal(err)
			}
			got := want{Fires: p.WouldFire, Method: p.Request.Method, Body: p.Request.Body}
			if strings.HasPrefix(got.Body, `{"type":"document.processed"`) {
				got.Body, got.BodyIsThePayload = "", true
			}
			for _, c := range p.Explanation {
				if !c.Passed {
					got.Failed = append(got.Failed, c.Condition)
				}
			}
			for _, w := range p.Warnings {
				got.WarnedOf = append(got.WarnedOf, w.Path)
			}
			if p.Error != nil {
				got.ErrorCode = string(p.Error.Code)
			}
			got.WarnedOf = onlyOf(got.WarnedOf, row.want.WarnedOf)
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("(-want +got): %s", diff)
			}
		})
	}
	if n := len(f.must(t, 200, "GET", "/v1/calls", "").json(t)["calls"].([]any)); n != 0 {
		t.Errorf("previews have left %d calls", n)
	}
}

// onlyOf are those of a list that are expected; what else is warned of belongs to the rules' own
// tests.
func onlyOf(list, expected []string) (only []string) {
	for _, e := range expected {
		for _, s := range list {
			if s == e {
				only = append(only, s)
			}
		}
	}
	return only
}

func TestPreviewFaults(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	for _, row := range []struct {
		name, service, body string
		status              int
		want                []string
	}{
		{"nothing", "48080", ``, 400, nil},
		{"about nothing", "48080", `{}`, 422, []string{"body.document"}},
		{"null", "48080", `null`, 422, []string{"body", "body.document"}},
		{"of no service", "77", `{"documentId":912}`, 404, nil},
		{"of no number", "first", `{"documentId":912}`, 422, []string{"path.id"}},
		{"no settings anywhere", "48072", `{"documentId":912}`, 422, []string{"body.settings"}},
		{"no URL anywhere", "48072", `{"documentId":912,"settings":{}}`, 422, []string{"body.settings.webHook.url"}},
		{"a utility of elsewhere", "48072", `{"documentId":912,"webHookServiceId":48080,"settings":{"webHook":{"url":"https://example.com/"}}}`, 422, []string{"body.webHookServiceId"}},
		{"a private address", "48080", `{"documentId":912,"settings":{"webHook":{"url":"https://10.0.0.1/"}}}`, 422, []string{"body.settings.webHook.url"}},
		{"all at once", "48080", `{"documentId":7,"documentId2":1,"serviceId":5,"webHookServiceId":6,"reason":1,"settings":{"enabeld":1,"document":{"pattern":3}}}`, 422,
			[]string{"body.reason", "body.documentId2", "body.settings.document.pattern", "body.settings.enabeld", "body.documentId", "body.serviceId", "body.webHookServiceId"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := f.do(t, "POST", "/v1/services/"+row.service+"/preview", row.body)
			if a.status != row.status {
				t.Fatalf("status %d: %s", a.status, a.body)
			}
			if diff := cmp.Diff(row.want, a.places(t)); diff != "" {
				t.Errorf("(-want +got): %s", diff)
			}
		})
	}
}

// BenchmarkPreview is the server's time for a stored receipt: with the settings in force, and with
// expressions to try, which are compiled each time.
func BenchmarkPreview(b *testing.B) {
	f := setup(b)
	f.seed(b)
	f.must(b, 201, "POST", "/v1/projects/1001/documents", receipt(5000, rand.New(rand.NewPCG(1, 2))))
	for name, settings := range map[string]string{
		"in force": "null",
		"expressions": `{"condition":"doc.status == DocumentStatus.Processed && doc.field('Total').exists","headers":{"X-Name":"{{ doc.filename }}"},
			"webHook":{"url":"https://erp.example.com/hooks/{{ doc.id }}","body":"{\"total\":{{ doc.field('Total').value }},\"at\":\"{{ now }}\"}"}}`,
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				f.must(b, 200, "POST", "/v1/services/48080/preview", `{"documentId":5000,"settings":`+settings+`}`)
			}
		})
	}
}

// TestPreviewOfRawJSON takes what calls of a service with an input take.
func TestPreviewOfRawJSON(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	f.must(t, 200, "PATCH", "/v1/services/48072", `{"input":"{'filename': source.name, 'status': 'Processed', 'usage': 'Outbox', 'externalId': source.ref}"}`)
	const about = `"Document":{"ref":"PO-7","name":"a.pdf","status":"finished"}`
	f.must(t, 202, "POST", "/v1/calls", `{"webHookServiceId":48080,`+about+`}`)
	a := f.must(t, 200, "POST", "/v1/services/48080/preview", `{`+about+`}`)
	if body := string(a.body); !strings.Contains(body, `"wouldFire":true`) || !strings.Contains(body, `PO-7`) || strings.Contains(body, "finished") {
		t.Errorf("%s", body)
	}
	a = f.must(t, 422, "POST", "/v1/services/48080/preview", `{"documentId":912,"document":{"ref":7},"docId":1,"settings":{"enabeld":1}}`)
	if diff := cmp.Diff([]string{"body.docId", "body.document", "body.settings.enabeld"}, a.places(t)); diff != "" {
		t.Errorf("(-want +got): %s\n%s", diff, a.body)
	}
}
