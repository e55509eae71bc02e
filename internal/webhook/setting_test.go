package webhook

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/forgehook/forgehook"
)

// The platform's 26 settings in the order of its tree; one test each shows what the setting does.
// Settings of later releases accept only their default, and an import stores them with a warning.

// decode reads one setting, given by its path.
func decode(path, value string) (forgehook.Settings, error) {
	s := forgehook.DefaultSettings()
	url := "https://example.com/hook"
	s.WebHook.URL = &url
	return forgehook.DecodeSettings([]byte(nested(path, value)), s, true)
}

func nested(path, value string) string {
	text := value
	for _, name := range slices.Backward(strings.Split(path, ".")) {
		text = fmt.Sprintf("{%q:%s}", name, text)
	}
	return text
}

// takesOnly checks a setting without an effect yet: it accepts its default only, and an import
// accepts any value with a warning.
func takesOnly(t *testing.T, path, standard string, others ...string) {
	t.Helper()
	if _, err := decode(path, standard); err != nil {
		t.Errorf("%s %s: %v", path, standard, err)
	}
	for _, other := range others {
		_, err := decode(path, other)
		diff(t, []string{path + " | " + strings.Trim(other, `"`) + " | only " + standard + ": this setting comes with a later release"}, faultsOf(t, err))
		p := imported(t, nested(path, other))
		if !slices.ContainsFunc(p.Warnings(), func(w Warning) bool { return w.Path == path }) {
			t.Errorf("%s %s is imported without a warning: %v", path, other, p.Warnings())
		}
	}
}

// imported returns the plan of settings imported from another platform.
func imported(t *testing.T, data string) *Plan {
	t.Helper()
	s, err := forgehook.DecodeImported([]byte(strings.TrimSuffix(data, "}") + `,"enabled":true}`))
	if s.WebHook.URL == nil { // it is missing in data, and reported
		url := "https://example.com/hook"
		s.WebHook.URL = &url
	} else if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// fires reports whether a document passes, and the hints of its failed conditions.
func fires(t *testing.T, settings, document string) (bool, string) {
	t.Helper()
	sub := invoice(t)
	if err := mergeInto(sub.Document, document); err != nil {
		t.Fatal(err)
	}
	conditions, err := conditionsOf(plan(t, settings), sub, meta)
	if err != nil {
		t.Fatal(err)
	}
	var failed []string
	for _, c := range conditions {
		if !c.Passed {
			failed = append(failed, c.Condition)
		}
	}
	return allPassed(conditions), strings.Join(failed, " ")
}

type firing struct {
	settings, document string
	failed             string // "": it fires
}

func checkFiring(t *testing.T, tests []firing) {
	t.Helper()
	for _, tt := range tests {
		ok, failed := fires(t, tt.settings, tt.document)
		if failed != tt.failed || ok != (failed == "") {
			t.Errorf("%s with %s: fires %v, failed %q, want %q", tt.settings, tt.document, ok, failed, tt.failed)
		}
	}
}

func sent(t *testing.T, settings, subjectJSON string) forgehook.Built {
	t.Helper()
	r, err := requested(plan(t, settings), subject(t, subjectJSON), meta)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func firesOn(t *testing.T, settings string, want ...forgehook.EventType) {
	t.Helper()
	s := plan(t, settings).Settings()
	diff(t, want, s.Fires())
}

func TestSetting01_Enabled(t *testing.T) {
	t.Parallel()
	checkFiring(t, []firing{{`{}`, `{}`, ""}, {`{"enabled":true}`, `{}`, ""}, {`{"enabled":false}`, `{}`, "enabled"}, {`{"enabled":"False"}`, `{}`, "enabled"}})
	diff(t, Warning{"enabled", "Never fires: every call is skipped while enabled is false."}, plan(t, `{"enabled":false}`).Warnings()[0])
}

func TestSetting02_ExecuteBeforeProcess(t *testing.T) {
	t.Parallel()
	firesOn(t, `{"executeAfterProcess":false}`)
	firesOn(t, `{"executeBeforeProcess":true,"executeAfterProcess":false}`, forgehook.EventBeforeProcess)
}

func TestSetting03_ExecuteAfterProcess(t *testing.T) {
	t.Parallel()
	firesOn(t, `{}`, forgehook.EventAfterProcess)
	firesOn(t, `{"executeBeforeProcess":true}`, forgehook.EventBeforeProcess, forgehook.EventAfterProcess)
	firesOn(t, `{"enabled":false}`)
}

func TestSetting04_BatchSize(t *testing.T) {
	t.Parallel()
	for setting, want := range map[string]int{`100`: 100, `"1"`: 1, `1000`: 1000} {
		diff(t, want, *plan(t, nested("batchSize", setting)).Settings().BatchSize)
	}
	for _, setting := range []string{"0", "1001"} {
		if _, err := decode("batchSize", setting); err == nil {
			t.Errorf("%s is taken", setting)
		}
	}
}

func TestSetting05_ArchivingStrategy(t *testing.T) {
	t.Parallel()
	takesOnly(t, "archivingStrategy", "null", "30")
}

// It is the HTTP password only where setting 20 is set and 21 is not.
func TestSetting06_Password(t *testing.T) {
	t.Parallel()
	const noUser, twice = "No effect: it is the password of webHook.username, which is not set.", "No effect: webHook.password is sent."
	tests := []struct{ settings, credential, warning string }{
		{`{"password":"generic","webHook":{"username":"jo"}}`, "jo:generic", ""},
		{`{"password":"generic","webHook":{"username":"jo","password":"own"}}`, "jo:own", twice},
		{`{"password":"generic"}`, "", noUser},
	}
	for _, tt := range tests {
		s := settings(t, tt.settings)
		p, err := Compile(s)
		if err != nil {
			t.Fatal(err)
		}
		credential := ""
		for _, h := range p.Credentials(s) {
			b, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(h.Value, "Basic "))
			credential += string(b)
		}
		warning := ""
		for _, w := range p.Warnings() {
			if w.Path == "password" {
				warning = w.Message
			}
		}
		diff(t, []string{tt.credential, tt.warning}, []string{credential, warning})
	}
}

const commented = `{"document":{"id":1,"comment":"c1","documents":[{"id":2,"comment":"c2","documents":[{"id":3,"comment":"c3"}]}]},
	"masterDocument":{"id":4,"comment":"c4"},"workItem":{"id":5,"comment":"c5"},"project":{"id":6,"comment":"c6"},"category":{"id":7,"comment":"c7"}}`

func TestSetting07_RemoveComments(t *testing.T) {
	t.Parallel()
	const members = `[doc.comment, doc.documents[0].comment, doc.documents[0].documents[0].comment, master.comment, wi.comment, project.comment, category.comment]`
	const expression = `,"webHook":{"bodyKind":"expression","body":"` + members + `"}}`
	diff(t, `["c1","c2","c3","c4","c5","c6","c7"]`, string(sent(t, `{"removeComments":false`+expression, commented).Body))
	diff(t, `[null,null,null,null,null,null,null]`, string(sent(t, `{"removeComments":true`+expression, commented).Body))
	body := string(sent(t, `{"removeComments":true}`, commented).Body)
	for i := 1; i <= 7; i++ {
		if strings.Contains(body, fmt.Sprintf("c%d", i)) {
			t.Errorf("comment c%d is in %s", i, body)
		}
	}
	if body := string(sent(t, `{}`, commented).Body); !strings.Contains(body, `"c3"`) {
		t.Errorf("no comment in %s", body)
	}
	sub := subject(t, commented)
	conditions, err := conditionsOf(plan(t, `{"removeComments":true,"document":{"status":[],"usage":[]},"condition":"doc.comment == null && category.comment == null"}`), sub, meta)
	if err != nil || !allPassed(conditions) {
		t.Errorf("conditions see comments: %s, %v", pretty(t, conditions), err)
	}
	diff(t, pretty(t, subject(t, commented)), pretty(t, sub)) // the given subject is unchanged
}

func TestSetting08_ForcePdfImage(t *testing.T) {
	t.Parallel()
	takesOnly(t, "forcePdfImage", "false", "true")
}

// Storing an outcome sets the status; the rules only pass it on.
func TestSetting09_DocumentProcessedStatus(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]any{`"Error"`: int32(90), `"error"`: int32(90), `13`: int32(13), `null`: int32(10)} {
		s, err := decode("documentProcessedStatus", value)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Compile(s)
		if err != nil {
			t.Fatal(err)
		}
		diff(t, want, any(int32(*p.Settings().DocumentProcessedStatus)))
	}
	if _, err := decode("documentProcessedStatus", `"Procesessed"`); err == nil || !strings.Contains(err.Error(), `did you mean "Processed"?`) {
		t.Errorf("got %v", err)
	}
}

func TestSetting10_DocumentCategory(t *testing.T) {
	t.Parallel()
	checkFiring(t, []firing{
		{`{}`, `{"classId":null}`, ""},
		{`{"document":{"category":3307}}`, `{}`, ""},
		{`{"document":{"category":"3307"}}`, `{}`, ""},
		{`{"document":{"category":1}}`, `{}`, "document.category"},
		{`{"document":{"category":[1,3307]}}`, `{}`, ""},
		{`{"document":{"category":"1;3307"}}`, `{}`, ""},
		{`{"document":{"category":3307}}`, `{"classId":null}`, "document.category"},
	})
}

func TestSetting11_DocumentStatus(t *testing.T) {
	t.Parallel()
	checkFiring(t, []firing{
		{`{}`, `{"status":9}`, "document.status"}, // the default is Processed
		{`{"document":{"status":"Error"}}`, `{"status":90}`, ""},
		{`{"document":{"status":90}}`, `{"status":90}`, ""},
		{`{"document":{"status":["Error","Verification"]}}`, `{"status":9}`, ""},
		{`{"document":{"status":"Error, Verification"}}`, `{"status":9}`, ""},
		{`{"document":{"status":[]}}`, `{"status":77}`, ""},
		{`{"document":{"status":"Error"}}`, `{"status":77}`, "document.status"},
	})
}

func TestSetting12_DocumentUsage(t *testing.T) {
	t.Parallel()
	checkFiring(t, []firing{
		{`{}`, `{"usage":2}`, "document.usage"}, // the default is Outbox
		{`{"document":{"usage":"Inbox"}}`, `{"usage":2}`, ""},
		{`{"document":{"usage":"Inbox;Outbox"}}`, `{"usage":3}`, ""},
		{`{"document":{"usage":[]}}`, `{"usage":99}`, ""},
	})
}

func TestSetting13_DocumentExtension(t *testing.T) {
	t.Parallel()
	checkFiring(t, []firing{
		{`{}`, `{"fileType":null,"filename":null}`, ""}, // the default is .*
		{`{"document":{"extension":"^pdf$"}}`, `{}`, ""},
		{`{"document":{"extension":"^\\.pdf$"}}`, `{}`, ""},
		{`{"document":{"extension":"^tif$"}}`, `{"fileType":null,"filename":"a.pdf.tif"}`, ""},
		{`{"document":{"extension":"^PDF$"}}`, `{}`, "document.extension"},
		{`{"document":{"extension":"(?i)^PDF$"}}`, `{}`, ""},
		{`{"document":{"extension":"p"}}`, `{}`, ""}, // unanchored
	})
}

func TestSetting14_DocumentPattern(t *testing.T) {
	t.Parallel()
	checkFiring(t, []firing{
		{`{"document":{"pattern":"\\d{4}"}}`, `{}`, ""},
		{`{"document":{"pattern":"^INV"}}`, `{}`, "document.pattern"},
		{`{"document":{"pattern":"^$"}}`, `{"filename":null}`, ""},
		{`{"document":{"pattern":"(?<=inv-)\\d+(?!\\d)"}}`, `{}`, ""}, // the .NET dialect
	})
}

func TestSetting15_Method(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"GET", "POST", "PUT", "HEAD", "DELETE", "PATCH", "OPTIONS"} {
		diff(t, method, sent(t, nested("webHook.method", `"`+method+`"`), `{"document":{"id":1}}`).Method)
	}
	diff(t, "POST", sent(t, `{}`, `{"document":{"id":1}}`).Method)
	_, err := Compile(settings(t, `{"webHook":{"method":"CONNECT"}}`))
	diff(t, []string{"webHook.method | CONNECT | GET, POST, PUT, HEAD, DELETE, PATCH or OPTIONS: CONNECT asks a proxy for a tunnel"}, faultsOf(t, err))
}

func TestSetting16_URL(t *testing.T) {
	t.Parallel()
	const doc = `{"document":{"id":912,"filename":"a/b c.pdf","comment":null}}`
	for url, want := range map[string]string{
		`https://example.com/hook`: "https://example.com/hook",
		`https://example.com/{{ doc.id }}/{{ doc.filename }}?c={{ doc.comment }}&f={{ doc.filename }}`: "https://example.com/912/a%2Fb%20c.pdf?c=&f=a%2Fb%20c.pdf",
		`$\"https://example.com/{doc.Id}/{doc.Filename}?id={doc.Id:D6}\"`:                              "https://example.com/912/a%2Fb%20c.pdf?id=000912",
	} {
		diff(t, want, sent(t, nested("webHook.url", `"`+url+`"`), doc).URL)
	}
	_, err := Compile(forgehook.DefaultSettings())
	diff(t, []string{"webHook.url |  | required: an absolute https URL"}, faultsOf(t, err))
}

func TestSetting17_Body(t *testing.T) {
	t.Parallel()
	const doc = `{"document":{"id":912,"filename":"say \"hi\".pdf","status":9}}`
	for body, want := range map[string]string{
		`"{\"static\":true}"`: `{"static":true}`,
		`"{\"id\":{{ doc.id }},\"f\":\"{{ doc.filename }}\"}"`:                         `{"id":912,"f":"say \"hi\".pdf"}`,
		`"return JsonSerializer.Serialize(new { doc.Id, doc.Filename, doc.Status });"`: `{"Id":912,"Filename":"say \"hi\".pdf","Status":9}`,
		`"{\"status\": doc.statusName, \"id\": doc.id}","bodyKind":"expression"`:       `{"status":"Verification","id":912}`,
		`"{\"a\":\"{{ doc.id }}\"}","bodyKind":"static"`:                               `{"a":"{{ doc.id }}"}`,
	} {
		r := sent(t, `{"webHook":{"body":`+body+`}}`, doc)
		diff(t, want, string(r.Body))
	}
	if r := sent(t, `{"webHook":{"method":"DELETE"}}`, doc); r.Body != nil {
		t.Errorf("a DELETE without a body sends %s", r.Body)
	}
	if r := sent(t, `{}`, doc); !strings.HasPrefix(string(r.Body), `{"type":"document.processed",`) {
		t.Errorf("the default payload is %s", r.Body)
	}
}

func TestSetting18_ContentType(t *testing.T) {
	t.Parallel()
	const doc = `{"document":{"id":1,"filename":"<&\">"}}`
	diff(t, "application/json", sent(t, `{}`, doc).Headers["Content-Type"])
	for _, tt := range []struct{ contentType, body, want string }{
		{"application/json", `\"{{ doc.filename }}\"`, `"<&\">"`},
		{"application/vnd.x+json", `{{ doc.filename }}`, `"<&\">"`},
		{"application/xml", `<a>{{ doc.filename }}</a>`, `<a>&lt;&amp;&#34;&gt;</a>`},
		{"image/svg+xml", `<a b='{{ doc.filename }}'/>`, `<a b='&lt;&amp;&#34;&gt;'/>`},
		{"application/x-www-form-urlencoded", `a={{ doc.filename }}&b`, `a=%3C%26%22%3E&b`},
		{"text/plain", `a: {{ doc.filename }}`, `a: <&">`},
	} {
		r := sent(t, `{"webHook":{"contentType":"`+tt.contentType+`","body":"`+tt.body+`"}}`, doc)
		diff(t, []string{tt.contentType, tt.want}, []string{r.Headers["Content-Type"], string(r.Body)})
	}
}

// NTLM does not exist yet. An import stores the domain, and its password is not sent by any other
// scheme.
func TestSetting19_Domain(t *testing.T) {
	t.Parallel()
	takesOnly(t, "webHook.domain", "null", `"CORP"`)
	for _, user := range []string{`jo`, `CORP\\jo`} {
		p := imported(t, `{"password":"generic","webHook":{"url":"https://example.com/","domain":"CORP","username":"`+user+`","password":"p","apiKey":"k"}}`)
		if got := p.Credentials(p.Settings()); got != nil {
			t.Errorf("credentials are sent: %v", got)
		}
		r, err := requested(p, invoice(t), meta)
		if err != nil || slices.Contains(slices.Collect(maps.Values(r.Headers)), forgehook.Masked) {
			t.Errorf("got %+v, %v", r, err)
		}
	}
}

func TestSetting20_Username(t *testing.T) {
	t.Parallel()
	s := settings(t, `{"webHook":{"username":"jo","password":"p"}}`)
	diff(t, []Credential{{"Authorization", "Basic am86cA=="}}, plan(t, `{"webHook":{"username":"jo"}}`).Credentials(s))
	for _, name := range []string{`CORP\\jo`, `a:b`, `a\nb`} {
		if _, err := Compile(settings(t, nested("webHook.username", `"`+name+`"`))); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestSetting21_WebHookPassword(t *testing.T) {
	t.Parallel()
	_, err := Compile(settings(t, `{"webHook":{"password":"hunter2"}}`))
	diff(t, []string{"webHook.password |  | only together with webHook.username; null removes a stored one"}, faultsOf(t, err))
	r := sent(t, `{"webHook":{"username":"jo","password":"hunter2"}}`, `{"document":{"id":1}}`)
	if strings.Contains(fmt.Sprintf("%+v%s", r, r.Body), "hunter2") {
		t.Errorf("the password is in %+v", r)
	}
}

func TestSetting22_APIKey(t *testing.T) {
	t.Parallel()
	s := settings(t, `{"webHook":{"apiKey":"Bearer x"}}`)
	diff(t, []Credential{{"X-Api-Key", "Bearer x"}}, plan(t, `{"webHook":{"apiKey":"Bearer x"}}`).Credentials(s))
}

func TestSetting23_APIKeyHeader(t *testing.T) {
	t.Parallel()
	s := settings(t, `{"webHook":{"apiKey":"Bearer x","apiKeyHeader":"Authorization"}}`)
	p, err := Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, []Credential{{"Authorization", "Bearer x"}}, p.Credentials(s))
	for _, header := range []string{"Host", "webhook-id", "Content-Length", "a b"} {
		if _, err := Compile(settings(t, `{"webHook":{"apiKey":"k","apiKeyHeader":"`+header+`"}}`)); err == nil {
			t.Errorf("%s is taken", header)
		}
	}
}

func TestSetting24_RetryCount(t *testing.T) {
	t.Parallel()
	for setting, attempts := range map[string]int{`null`: 10, `0`: 1, `3`: 4, `100`: 101} {
		p := plan(t, nested("webHook.retryCount", setting))
		for counted := 1; counted <= attempts; counted++ {
			if d := p.Judge(evidence(nil, forgehook.Exchange{StatusCode: 500}), Tally{Counted: counted}); d.Final != (counted == attempts) {
				t.Errorf("retryCount %s, attempt %d: final is %v", setting, counted, d.Final)
			}
		}
	}
	if _, err := decode("webHook.retryCount", "101"); err == nil {
		t.Error("101 is taken")
	}
}

func TestSetting25_RetryDelay(t *testing.T) {
	t.Parallel()
	for setting, want := range map[string]time.Duration{`"00:00:05"`: 5 * time.Second, `"PT2M"`: 2 * time.Minute, `"1.00:00:00"`: 24 * time.Hour} {
		p := plan(t, nested("webHook.retryDelay", setting))
		diff(t, want, p.Judge(evidence(nil, forgehook.Exchange{StatusCode: 500}), Tally{Counted: 1, Jitter: 1}).Delay)
	}
	if _, err := decode("webHook.retryDelay", `"5"`); err == nil || !strings.Contains(err.Error(), "days") {
		t.Errorf("a bare 5, which is 5 days in .NET: %v", err)
	}
}

func TestSetting26_ExecuteOnTrigger(t *testing.T) {
	t.Parallel()
	const only = `{"executeAfterProcess":false,"executeOnTrigger":`
	firesOn(t, only+`false}`)
	firesOn(t, only+`true}`, forgehook.EventDocumentCreated, forgehook.EventDocumentUpdated, forgehook.EventDocumentDeleted)
	firesOn(t, only+`"True"}`, forgehook.EventDocumentCreated, forgehook.EventDocumentUpdated, forgehook.EventDocumentDeleted)
	firesOn(t, only+`["call.failed","verification"]}`, forgehook.EventVerification, forgehook.EventCallFailed)
	if _, err := decode("executeOnTrigger", `"before_process"`); err == nil {
		t.Error("before_process, which executeBeforeProcess is for, is taken")
	}
}

// Every setting of the platform has a test above.
func TestSettings_counted(t *testing.T) {
	t.Parallel()
	n := 0
	for _, f := range forgehook.SettingFields() {
		if f.Key != "" {
			n++
		}
	}
	diff(t, 26, n)
	var e *forgehook.Error
	if _, err := decode("executeAlways", "true"); !errors.As(err, &e) {
		t.Errorf("an unknown setting: %v", err)
	}
}
