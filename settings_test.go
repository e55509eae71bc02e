package forgehook

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/forgehook/forgehook/internal/jsontree"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func diff(t testing.TB, want, got any, opts ...cmp.Option) {
	t.Helper()
	opts = append(opts, cmp.AllowUnexported(Secret{}))
	if d := cmp.Diff(want, got, opts...); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// present are settings of an integrator, with secrets sealed.
func present(t testing.TB) Settings {
	t.Helper()
	s, err := DecodeSettings([]byte(`{"webHook":{"url":"https://example.com/hook","password":"p","apiKey":"k","username":"jo","retryCount":3},
		"document":{"status":"Error","category":[1,2]},"delivery":{"timeout":"10s"},"signing":{"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}}`), DefaultSettings(), false)
	if err != nil {
		t.Fatal(err)
	}
	err = s.EachSecret(func(path string, secret *Secret) error {
		*secret = Secret{Sealed: []byte("sealed " + path), UpdatedAt: Time{time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)}}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// faultsOf shows every fault as "path | value | allowed".
func faultsOf(t testing.TB, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Code != CodeInvalid {
		t.Fatalf("got %v, want %s", err, CodeInvalid)
	}
	var list []string
	for _, f := range e.Fields {
		list = append(list, fmt.Sprintf("%s | %s | %s", f.Path, f.Value, f.Allowed))
	}
	return list
}

// An undeclared field of the struct could not be set, shown, stored or sealed.
func TestEverySettingDeclared(t *testing.T) {
	t.Parallel()
	s := DefaultSettings()
	declared := map[uintptr]string{}
	for _, f := range s.fields() {
		if f.Kind != KindReserved {
			declared[f.at.Addr().Pointer()] = f.Path
		}
	}
	var walk func(path string, v reflect.Value)
	walk = func(path string, v reflect.Value) {
		for i := range v.NumField() {
			field, at := v.Type().Field(i), path+v.Type().Field(i).Name
			if at == "Language" {
				continue // stored beside the settings
			}
			if v.Field(i).Kind() == reflect.Struct && field.Type != reflect.TypeFor[Secret]() {
				walk(at+".", v.Field(i))
				continue
			}
			declaredAs, ok := declared[v.Field(i).Addr().Pointer()]
			if !ok {
				t.Errorf("%s is not declared: add it to declare in settings.go", at)
			} else if !strings.EqualFold(declaredAs, at) {
				t.Errorf("%s is declared as %s", at, declaredAs)
			}
		}
	}
	walk("", reflect.ValueOf(&s).Elem())
}

func TestSettingFields(t *testing.T) {
	t.Parallel()
	var platform, paths []string
	for _, f := range SettingFields() {
		if f.Key != "" {
			platform = append(platform, f.Key)
		}
		if slices.Contains(paths, f.Path) {
			t.Errorf("%s is declared twice", f.Path)
		}
		paths = append(paths, f.Path)
		if f.Doc == "" || f.Allowed == "" || !strings.HasSuffix(f.Doc, ".") {
			t.Errorf("%s: doc %q, allowed %q", f.Path, f.Doc, f.Allowed)
		}
		if f.Kind == KindReserved && (f.Built || f.Default != nil) {
			t.Errorf("%s is reserved, yet built or with a default", f.Path)
		}
	}
	diff(t, []string{
		"Enabled", "ExecuteBeforeProcess", "ExecuteAfterProcess", "ExecuteOnTrigger", "BatchSize", "ArchivingStrategy", "Password", "RemoveComments",
		"ForcePdfImage", "DocumentProcessedStatus", "Document/Category", "Document/Status", "Document/Usage", "Document/Extension", "Document/Pattern",
		"WebHook/Method", "WebHook/URL", "WebHook/Body", "WebHook/ContentType", "WebHook/Domain", "WebHook/Username", "WebHook/Password",
		"WebHook/APIKey", "WebHook/APIKeyHeader", "WebHook/RetryCount", "WebHook/RetryDelay",
	}, platform)
}

// The settings of a new utility, to the byte: clients rely on names, order and defaults.
func TestSettings_MarshalJSON(t *testing.T) {
	t.Parallel()
	got, err := json.Marshal(DefaultSettings())
	if err != nil {
		t.Fatal(err)
	}
	diff(t, `{"enabled":true,"executeBeforeProcess":false,"executeAfterProcess":true,"executeOnTrigger":false,"batchSize":100,"archivingStrategy":null,`+
		`"password":null,"removeComments":false,"forcePdfImage":false,"documentProcessedStatus":"Processed",`+
		`"document":{"category":null,"status":"Processed","usage":"Outbox","extension":".*","pattern":".*"},`+
		`"webHook":{"method":"POST","url":null,"body":null,"contentType":null,"domain":null,"username":null,"password":null,"apiKey":null,"apiKeyHeader":null,`+
		`"retryCount":null,"retryDelay":null,"bodyKind":null},"condition":null,"headers":null,`+
		`"delivery":{"timeout":"00:00:30","deadline":"5.00:00:00","schedule":"standard","jitter":null,"retryStatuses":null,"orderKey":null,"ratePerSecond":null,`+
		`"concurrency":null,"priority":null,"breaker":null},"signing":{"secret":null},"response":{"successWhen":null,"result":null,"maxBytes":131072,`+
		`"writeBack":{"document":{"status":null,"comment":null,"result":null,"category":null,"fields":null},`+
		`"verification":{"value":null,"status":null,"info":null},`+
		`"workItem":{"status":null,"reasonCode":null,"reasonDescription":null,"reasonComment":null}}},`+
		`"callback":{"await":false,"timeout":"3.00:00:00"},"onFailure":"continue","auth":null,"tls":null,"attachments":null,"debounce":null}`, string(got))
}

// A client may send back what it got. Nothing changes, and secrets are kept.
func TestSettings_sentBack(t *testing.T) {
	t.Parallel()
	want := present(t)
	body, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	body = append([]byte(`{"version":4,"updatedAt":"2026-01-05T07:30:00.000Z","warnings":[],"webHookServiceId":1,"serviceId":2,`), body[1:]...)
	for _, merge := range []bool{true, false} {
		got, err := DecodeSettings(body, want, merge)
		if err != nil {
			t.Fatalf("merge %v: %v", merge, err)
		}
		diff(t, want, got)
	}
}

func TestDecodeSettings(t *testing.T) {
	t.Parallel()
	text := func(s string) *string { return &s }
	count := func(n int) *int { return &n }
	tests := []struct {
		name, body string
		merge      bool
		change     func(*Settings) // of present (merge) or of the defaults with present's secrets
	}{
		{"PATCH nothing", `{}`, true, func(*Settings) {}},
		{"PATCH null body", `null`, true, func(*Settings) {}},
		{"PATCH one value", `{"webHook":{"retryCount":7}}`, true, func(s *Settings) { s.WebHook.RetryCount = count(7) }},
		{"PATCH null resets", `{"document":{"status":null,"category":null},"webHook":{"retryCount":null},"delivery":{"timeout":null},"enabled":null}`, true, func(s *Settings) {
			s.Document.Status, s.Document.Category, s.WebHook.RetryCount, s.Delivery.Timeout = []DocumentStatus{StatusProcessed}, nil, nil, 30*time.Second
		}},
		{"PATCH null resets a group", `{"document":null}`, true, func(s *Settings) { s.Document = DefaultSettings().Document }},
		{"PATCH null resets a group in any case", `{"DOCUMENT":null}`, true, func(s *Settings) { s.Document = DefaultSettings().Document }},
		{"PATCH clears a secret", `{"webHook":{"apiKey":null}}`, true, func(s *Settings) { s.WebHook.APIKey = Secret{} }},
		{"PATCH empty clears a secret", `{"webHook":{"apiKey":""}}`, true, func(s *Settings) { s.WebHook.APIKey = Secret{} }},
		{"PATCH keeps a secret", `{"webHook":{"apiKey":{"set":true,"updatedAt":"2026-01-05T00:00:00.000Z"}}}`, true, func(*Settings) {}},
		{"PATCH a secret", `{"webHook":{"apiKey":"new"}}`, true, func(s *Settings) { s.WebHook.APIKey = NewSecret("new") }},
		{"PATCH an empty list is any", `{"document":{"status":[],"usage":""}}`, true, func(s *Settings) { s.Document.Status, s.Document.Usage = nil, nil }},

		{"PUT", `{"webHook":{"url":"https://b.example"}}`, false, func(s *Settings) { s.WebHook.URL = text("https://b.example") }},
		{"PUT null is empty", `{"documentProcessedStatus":null,"document":{"status":null,"usage":null,"extension":null},"webHook":{"url":"https://b.example","method":null}}`, false, func(s *Settings) {
			s.DocumentProcessedStatus, s.Document.Status, s.Document.Usage, s.WebHook.URL = nil, nil, nil, text("https://b.example")
		}},
		{"PUT null clears a secret", `{"signing":{"secret":null},"webHook":{"url":"https://b.example"}}`, false, func(s *Settings) {
			s.Signing.Secret, s.WebHook.URL = Secret{}, text("https://b.example")
		}},
		{"names and values as .NET writes them", `{"Enabled":"False","WebHook":{"URL":"https://b.example","Method":"patch","RetryCount":"4","RetryDelay":"00:00:05"},
			"Document":{"Status":"processed;9","Usage":[3,"inbox"],"Category":"3307, 3308"}}`, false, func(s *Settings) {
			delay := 5 * time.Second
			s.Enabled, s.WebHook.URL, s.WebHook.Method, s.WebHook.RetryCount, s.WebHook.RetryDelay = false, text("https://b.example"), MethodPatch, count(4), &delay
			s.Document = DocumentSettings{[]int32{3307, 3308}, []DocumentStatus{10, 9}, []UsageType{3, 2}, ".*", ".*"}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			before, want := present(t), DefaultSettings()
			want.WebHook.Password, want.WebHook.APIKey, want.Signing = before.WebHook.Password, before.WebHook.APIKey, before.Signing
			if tt.merge {
				want = present(t)
			}
			tt.change(&want)
			got, err := DecodeSettings([]byte(tt.body), before, tt.merge)
			if err != nil {
				t.Fatal(err)
			}
			diff(t, want, got)
			diff(t, present(t), before) // the present settings are not changed
		})
	}
}

func TestDecodeSettings_refuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		want       []string
	}{
		{"no object", `[1]`, []string{" | [1] | an object"}},
		{"did you mean", `{"enabeld":true}`, []string{`enabeld |  | no such setting: did you mean "enabled"?`}},
		{"did you mean in a group", `{"webhook":{"ulr":"x"}}`, []string{`webHook.ulr |  | no such setting: did you mean "webHook.url"?`}},
		{"the right name in the wrong place", `{"retryCount":3}`, []string{`retryCount |  | no such setting: did you mean "webHook.retryCount"?`}},
		{"nothing near", `{"signing":{"colour":"red"}}`, []string{"signing.colour |  | no such setting; allowed here: secret"}},
		{"no group", `{"document":"Processed"}`, []string{"document |  | an object"}},
		{"no group but a value", `{"webHook":{"url":{"x":1}}}`, []string{`webHook.url | {"x":1} | a text of at most 8192 bytes`}},
		{"later: a value", `{"archivingStrategy":30}`, []string{"archivingStrategy | 30 | only null: this setting comes with a later release"}},
		{"nearly an event", `{"executeOnTrigger":["document.create"]}`, []string{
			`executeOnTrigger | ["document.create"] | did you mean "document.created"? Allowed: true, false, or a list of document.created, document.updated, document.deleted, verification, workitem, call.completed, call.failed, utility.held, utility.recovered`}},
		{"an event with a setting of its own", `{"executeOnTrigger":["after_process"]}`, []string{
			`executeOnTrigger | ["after_process"] | true, false, or a list of document.created, document.updated, document.deleted, verification, workitem, call.completed, call.failed, utility.held, utility.recovered`}},
		{"batch size", `{"batchSize":0}`, []string{"batchSize | 0 | a whole number from 1 to 1000"}},
		{"a field's expression that is no text", `{"response":{"writeBack":{"document":{"fields":{"Total":1}}}}}`, []string{
			`response.writeBack.document.fields | {"Total":1} | an object of at most 50 names, each with a text of at most 8192 bytes`}},
		{"a part of the write-back", `{"response":{"writeBack":{"documents":{}}}}`, []string{
			`response.writeBack.documents |  | no such setting: did you mean "response.writeBack.document"?`}},
		{"what a failure means", `{"onFailure":"stop"}`, []string{"onFailure | stop | one of continue, hold, error"}},
		{"a secret with a line break", `{"password":"hunter2\n"}`, []string{"password |  | a text without line breaks or control characters, as it is a header's value"}},
		{"later: a group", `{"auth":{"kind":"basic","password":"hunter2"}}`, []string{"auth |  | only null: this setting comes with a later release"}},
		{"a secret under a wrong name", `{"webHook":{"pwd":"hunter2"}}`, []string{"webHook.pwd |  | no such setting; allowed here: method, url, body, contentType, domain, username, password, apiKey, apiKeyHeader, retryCount, retryDelay, bodyKind"}},
		{"a secret in a wrong group", `{"webHok":{"password":"hunter2"}}`, []string{`webHok |  | no such setting: did you mean "webHook"?`}},
		{"a secret that is no text", `{"webHook":{"apiKey":["hunter2"]}}`, []string{`webHook.apiKey |  | a text of at most 4096 bytes, {"set":true} to keep the present one, or null`}},
		{"a secret with a line break", `{"webHook":{"password":"hunter2\r\nX: y"}}`, []string{"webHook.password |  | a text without line breaks or control characters, as it is a header's value"}},
		{"a signing secret", `{"signing":{"secret":"hunter2"}}`, []string{"signing.secret |  | whsec_ and the base64 of 24 to 64 random bytes"}},
		{"no status", `{"document":{"status":"Exception"}}`, []string{"document.status | Exception | one of " + strings.Join(documentStatuses.names(), ", ") + ", or the number"}},
		{"nearly a status", `{"document":{"status":["Procezzed"]}}`, []string{`document.status | ["Procezzed"] | did you mean "Processed"? Allowed: one of ` + strings.Join(documentStatuses.names(), ", ") + ", or the number"}},
		{"a number without a status", `{"document":{"status":77}}`, []string{"document.status | 77 | one of " + strings.Join(documentStatuses.names(), ", ") + ", or the number"}},
		{"a category that is no number", `{"document":{"category":"invoices"}}`, []string{"document.category | invoices | a whole number, a list of them, or null for any"}},
		{"count out of range", `{"webHook":{"retryCount":101}}`, []string{"webHook.retryCount | 101 | a whole number from 0 to 100"}},
		{"count with a fraction", `{"webHook":{"retryCount":1.5}}`, []string{"webHook.retryCount | 1.5 | a whole number from 0 to 100"}},
		{"a bare number of days", `{"webHook":{"retryDelay":5}}`, []string{`webHook.retryDelay | 5 | a duration with a unit such as "00:00:30", "PT30S" or "30s": the platform reads a bare number as days`}},
		{"a duration out of range", `{"delivery":{"timeout":"7ms"}}`, []string{"delivery.timeout | 7ms | a duration from 00:00:01 to 00:05:00"}},
		{"no list", `{"delivery":{"schedule":"fast"}}`, []string{"delivery.schedule | fast | only \"standard\": this setting comes with a later release"}},
		{"all at once, in order of names", `{"webHook":{"retryCount":-1,"method":"GETS"},"enabled":1,"colour":"red","delivery":{"jitter":0.1}}`, []string{
			"colour |  | no such setting; allowed here: enabled, executeBeforeProcess, executeAfterProcess, executeOnTrigger, batchSize, archivingStrategy, password, removeComments, forcePdfImage, documentProcessedStatus, document, webHook, condition, headers, delivery, signing, response, callback, onFailure, auth, tls, attachments, debounce",
			"delivery.jitter |  | only null: this setting comes with a later release",
			"enabled | 1 | true or false",
			"webHook.method | GETS | did you mean \"GET\"? Allowed: one of GET, POST, PUT, HEAD, DELETE, PATCH, OPTIONS, CONNECT, or the number",
			"webHook.retryCount | -1 | a whole number from 0 to 100"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := DecodeSettings([]byte(tt.body), present(t), true)
			diff(t, tt.want, faultsOf(t, err))
			if strings.Contains(fmt.Sprintf("%+v", err), "hunter2") {
				t.Errorf("a secret is in %v", err)
			}
		})
	}
}

func TestDecodeSettings_required(t *testing.T) {
	t.Parallel()
	const missing = "webHook.url |  | required: an absolute https URL"
	for body, want := range map[string][]string{
		`{}`:                      {missing},
		`{"webHook":{"url":""}}`:  {missing},
		`{"webHook":{"url":" "}}`: nil, // webhook.Compile checks URLs
		`{"webHook":{"url":7}}`:   {"webHook.url | 7 | a text of at most 8192 bytes"},
		`{"webHook":{"url":"x","apiKey":{"set":true}}}`: {`webHook.apiKey |  | a text, or null: {"set":true} keeps a value, but none is set`},
	} {
		_, err := DecodeSettings([]byte(body), DefaultSettings(), false)
		diff(t, want, faultsOf(t, err))
	}
}

func TestDecodeSettings_headers(t *testing.T) {
	t.Parallel()
	present := DefaultSettings()
	present.WebHook.URL = &[]string{"https://example.com"}[0]
	present.Headers = []Header{{"X-A", "1"}, {"X-B", "2"}}
	for _, tt := range []struct {
		body  string
		merge bool
		want  []Header
	}{
		{`{"headers":{"x-a":"3","X-B":null,"X-C":"{{ doc.id }}"}}`, true, []Header{{"X-C", "{{ doc.id }}"}, {"x-a", "3"}}},
		{`{"headers":null}`, true, nil},
		{`{"headers":{}}`, true, []Header{{"X-A", "1"}, {"X-B", "2"}}},
		{`{"headers":{"X-Z":"26","X-Y":"25"},"webHook":{"url":"x"}}`, false, []Header{{"X-Y", "25"}, {"X-Z", "26"}}},
		{`{"webHook":{"url":"x"}}`, false, nil},
	} {
		got, err := DecodeSettings([]byte(tt.body), present, tt.merge)
		if err != nil {
			t.Fatal(err)
		}
		diff(t, tt.want, got.Headers)
	}
	for body, want := range map[string]string{
		`{"headers":{"X-A":"1","x-a":"2"}}`: "headers |  | each name once: x-a is there in another spelling",
		`{"headers":{"X-A":1}}`:             "headers |  | an object of at most 50 header names, each with a text of at most 8192 bytes",
		`{"headers":[]}`:                    "headers |  | an object of at most 50 header names, each with a text of at most 8192 bytes",
	} {
		_, err := DecodeSettings([]byte(body), present, true)
		diff(t, []string{want}, faultsOf(t, err))
	}
	diff(t, []Header{{"X-A", "1"}, {"X-B", "2"}}, present.Headers)
}

// A candidate keeps missing values, as a merge does, and null empties a value, as in a whole
// settings object.
func TestDecodeCandidate(t *testing.T) {
	t.Parallel()
	present := DefaultSettings()
	present.WebHook.URL = &[]string{"https://example.com"}[0]
	present.Document.Category = []int32{7}
	got, err := DecodeCandidate([]byte(`{"document":{"status":null},"removeComments":true}`), present)
	if err != nil {
		t.Fatal(err)
	}
	want := present
	want.Document.Status, want.RemoveComments = nil, true
	diff(t, want, got)
}

// Imported values stay through a merge, and through whole settings that repeat them. Other values
// are refused.
func TestDecodeImported(t *testing.T) {
	t.Parallel()
	imported, err := DecodeImported([]byte(`{"executeBeforeProcess":true,"archivingStrategy":"30","webHook":{"url":"https://example.com","domain":"ACME"}}`))
	if err != nil {
		t.Fatal(err)
	}
	for body, merge := range map[string]bool{
		`{"removeComments":true}`: true,
		`{"executeBeforeProcess":true,"archivingStrategy":30,"webHook":{"url":"https://example.com","domain":"ACME"},"removeComments":true}`: false,
	} {
		kept, err := DecodeSettings([]byte(body), imported, merge)
		if err != nil {
			t.Fatal(err)
		}
		want := imported
		want.RemoveComments = true
		diff(t, want, kept)
	}
	_, err = DecodeSettings([]byte(`{"archivingStrategy":31}`), imported, true)
	diff(t, []string{"archivingStrategy | 31 | only null: this setting comes with a later release"}, faultsOf(t, err))
	_, err = DecodeImported([]byte(`{"webHook":{"url":"x"},"auth":{"kind":"basic"}}`))
	diff(t, []string{"auth |  | only null: this setting comes with a later release"}, faultsOf(t, err))
}

func TestSettings_Host(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"https://example.com/hook":                           "example.com",
		"https://example.com:8443?x=1":                       "example.com:8443",
		"https://example.com/{{ doc.id }}?a={{ a ? b : c }}": "example.com",
		`return $"https://example.com/{doc.Id}";`:            "example.com",
		"https://{{ doc.filename }}/x":                       "",
		"":                                                   "",
	} {
		w := WebHookSettings{URL: &url}
		if got := w.Host(); got != want {
			t.Errorf("%s: got %q, want %q", url, got, want)
		}
	}
}

func TestDecodeSettings_malformed(t *testing.T) {
	t.Parallel()
	_, err := DecodeSettings([]byte("{\n \"enabled\": yes}"), DefaultSettings(), true)
	if ErrorCode(err) != CodeMalformed || !strings.Contains(err.Error(), "line 2, column 13") {
		t.Errorf("got %v", err)
	}
}

// A million faults are reported as a hundred.
func TestDecodeSettings_manyFaults(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`{"webHook":{"url":"https://example.com"`)
	for i := range 20_000 {
		fmt.Fprintf(&b, `,"x%d":1`, i)
	}
	b.WriteString("}}")
	_, err := DecodeSettings([]byte(b.String()), DefaultSettings(), false)
	if n := len(faultsOf(t, err)); n != jsontree.MaxFaults {
		t.Errorf("%d faults", n)
	}
}

func TestStoreSettings(t *testing.T) {
	t.Parallel()
	want := present(t)
	stored, err := StoreSettings(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := LoadSettings(stored)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, want, got)

	want.WebHook.APIKey = NewSecret("hunter2")
	if stored, err := StoreSettings(want); err == nil || stored != nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a secret that is not sealed: %s, %v", stored, err)
	}
}

func TestLoadSettings(t *testing.T) {
	t.Parallel()
	s, err := LoadSettings([]byte(`{"webHook":{"url":"https://example.com","later":1},"unknown":{"a":1},"document":{"status":null}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultSettings()
	url := "https://example.com"
	want.WebHook.URL, want.Document.Status = &url, nil
	want.Language = Language1 // older releases stored none
	diff(t, want, s)
	for _, broken := range []string{`{`, `{"language":3}`, `{"language":0}`, `{"language":"2"}`, `{"enabled":"maybe"}`, `{"webHook":{"apiKey":"plain"}}`} {
		if _, err := LoadSettings([]byte(broken)); err == nil {
			t.Errorf("%s was read", broken)
		}
	}
}

// Settings come back from the database, and from a client, unchanged.
func TestSettings_roundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := DefaultSettings()
		url := rapid.StringMatching(`https://[a-z]{1,8}\.example/[ -~ü☃]{0,20}`).Draw(t, "url")
		want.WebHook.URL = &url
		want.Enabled = rapid.Bool().Draw(t, "enabled")
		want.DocumentProcessedStatus = rapid.Ptr(rapid.SampledFrom([]DocumentStatus{0, 9, 10, 190}), true).Draw(t, "processed status")
		want.Document.Category = rapid.SliceOfN(rapid.Int32(), 1, 3).Draw(t, "category")
		want.Document.Status = rapid.SliceOfN(rapid.SampledFrom([]DocumentStatus{0, 9, 10, 190}), 1, 3).Draw(t, "status")
		want.Document.Pattern = rapid.StringN(1, 20, 100).Draw(t, "pattern")
		want.WebHook.Method = rapid.SampledFrom([]Method{MethodGet, MethodPost, MethodOptions}).Draw(t, "method")
		want.WebHook.Body = rapid.Ptr(rapid.StringN(1, 50, 200), true).Draw(t, "body")
		want.WebHook.RetryCount = rapid.Ptr(rapid.IntRange(0, 100), true).Draw(t, "count")
		if ticks := rapid.Int64Range(10_000, int64(7*24*time.Hour/100)).Draw(t, "delay"); ticks%2 == 0 {
			d := time.Duration(ticks) * 100
			want.WebHook.RetryDelay = &d
		}
		for _, event := range TriggerTypes {
			if rapid.Bool().Draw(t, "on "+string(event)) {
				want.ExecuteOnTrigger = append(want.ExecuteOnTrigger, event)
			}
		}
		want.Response.SuccessWhen = rapid.Ptr(rapid.StringN(1, 20, 100), true).Draw(t, "successWhen")
		want.Response.WriteBack.WorkItem.Status = rapid.Ptr(rapid.StringN(1, 20, 100), true).Draw(t, "status of the work item")
		for _, name := range []string{"Total", "total"} { // names of fields are case-sensitive
			if rapid.Bool().Draw(t, name) {
				want.Response.WriteBack.Document.Fields = append(want.Response.WriteBack.Document.Fields, Header{Name: name, Value: "result." + name})
			}
		}
		want.Callback.Await = rapid.Bool().Draw(t, "await")
		want.OnFailure = rapid.SampledFrom([]string{OnFailureContinue, OnFailureHold, OnFailureError}).Draw(t, "onFailure")
		want.Delivery.Deadline = time.Duration(rapid.IntRange(1, 30*24*3600).Draw(t, "deadline")) * time.Second

		stored, err := StoreSettings(want)
		if err != nil {
			t.Fatal(err)
		}
		loaded, err := LoadSettings(stored)
		if err != nil {
			t.Fatal(err)
		}
		body, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := DecodeSettings(body, DefaultSettings(), false)
		if err != nil {
			t.Fatal(err)
		}
		for name, got := range map[string]Settings{"stored": loaded, "sent back": decoded} {
			if d := cmp.Diff(want, got, cmp.AllowUnexported(Secret{})); d != "" {
				t.Fatalf("%s: -want +got:\n%s", name, d)
			}
		}
	})
}

// true means the document events; a list means its events.
func TestSettings_Fires(t *testing.T) {
	t.Parallel()
	tests := []struct {
		settings string
		want     []EventType
		trigger  string // as it is shown
	}{
		{`{}`, []EventType{EventAfterProcess}, `false`},
		{`{"executeBeforeProcess":true}`, []EventType{EventBeforeProcess, EventAfterProcess}, `false`},
		{`{"executeAfterProcess":false}`, nil, `false`},
		{`{"enabled":false,"executeOnTrigger":true}`, nil, `true`},
		{`{"executeAfterProcess":false,"executeOnTrigger":"True"}`, []EventType{EventDocumentCreated, EventDocumentUpdated, EventDocumentDeleted}, `true`},
		{`{"executeAfterProcess":false,"executeOnTrigger":["workitem","document.created","workitem"]}`,
			[]EventType{EventDocumentCreated, EventWorkItem}, `["document.created","workitem"]`},
		{`{"executeAfterProcess":false,"executeOnTrigger":"call.failed"}`, []EventType{EventCallFailed}, `["call.failed"]`},
		{`{"executeAfterProcess":false,"executeOnTrigger":[]}`, nil, `false`},
	}
	for _, tt := range tests {
		s, err := DecodeSettings([]byte(tt.settings), present(t), true)
		if err != nil {
			t.Fatal(err)
		}
		diff(t, tt.want, s.Fires())
		if got := shown(t, s); !strings.Contains(got, `"executeOnTrigger":`+tt.trigger+`,`) {
			t.Errorf("%s is shown as %s", tt.settings, got)
		}
	}
}

// A patch of one field's expression keeps the others, and null removes one. Names are
// case-sensitive.
func TestDecodeSettings_fields(t *testing.T) {
	t.Parallel()
	const path = `{"response":{"writeBack":{"document":{"fields":%s}}}}`
	s := present(t)
	for _, step := range []struct{ fields, want string }{
		{`{"Total":"result.total","Date":"result.date"}`, `{"Date":"result.date","Total":"result.total"}`},
		{`{"Total":null,"date":"1"}`, `{"Date":"result.date","date":"1"}`},
		{`null`, `null`},
	} {
		var err error
		if s, err = DecodeSettings(fmt.Appendf(nil, path, step.fields), s, true); err != nil {
			t.Fatal(err)
		}
		if got := shown(t, s); !strings.Contains(got, `"fields":`+step.want+`}`) {
			t.Errorf("after %s: %s", step.fields, got)
		}
	}
}

func TestHost(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{"https://example.com:8443/a": "example.com:8443", "://": ""} {
		if got := (&WebHookSettings{URL: &raw}).Host(); got != want {
			t.Errorf("%s: got %q", raw, got)
		}
	}
	if got := (&WebHookSettings{}).Host(); got != "" {
		t.Errorf("no URL: got %q", got)
	}
}

// FuzzDecodeSettings: any input gives settings that can be stored, or faults with a path.
func FuzzDecodeSettings(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `{"webHook":{"url":"https://example.com","retryDelay":"00:00:05"}}`, `{"document":{"status":["Processed",9],"category":"1;2"}}`,
		`{"Enabled":"True","signing":{"secret":null}}`, `{"webHook.url":"x"}`, `{"webHook":{"apiKey":{"set":true}}}`, `{"":{"":{}}}`, `{"delivery":{"timeout":1e3}}`,
	} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, data []byte, merge bool) {
		s, err := DecodeSettings(data, present(t), merge)
		if err != nil {
			if code := ErrorCode(err); code != CodeInvalid && code != CodeMalformed {
				t.Fatalf("%q: %v", data, err)
			}
			return
		}
		err = s.EachSecret(func(_ string, secret *Secret) error {
			secret.Sealed = []byte{1}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		stored, err := StoreSettings(s)
		if err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		again, err := LoadSettings(stored)
		if err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		if first, second := shown(t, s), shown(t, again); first != second {
			t.Fatalf("%q: stored %s, loaded %s", data, first, second)
		}
	})
}

func shown(t testing.TB, s Settings) string {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
