package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
)

// at is the time of every test: no rule reads a clock.
var at = time.Date(2026, 1, 5, 7, 31, 3, 123_456_789, time.UTC)

var meta = Meta{
	CallID: "019b8d21-0000-7000-8000-000000000001", WebhookID: "evt_01", AcceptedAt: at,
	EventType: string(forgehook.EventExplicit), UserAgent: "Forgehook/1.0.0",
}

// settings returns the defaults with a URL and the members of the JSON.
func settings(t testing.TB, merge string) forgehook.Settings {
	t.Helper()
	s := forgehook.DefaultSettings()
	url := "https://example.com/hook"
	s.WebHook.URL = &url
	s, err := forgehook.DecodeSettings([]byte(merge), s, true)
	if err != nil {
		t.Fatalf("settings %s: %v", merge, err)
	}
	return s
}

func plan(t testing.TB, merge string) *Plan {
	t.Helper()
	p, err := Compile(settings(t, merge))
	if err != nil {
		t.Fatalf("compile %s: %v", merge, err)
	}
	return p
}

func subject(t testing.TB, data string) *forgehook.Subject {
	t.Helper()
	var sub forgehook.Subject
	if err := forgehook.Decode([]byte(data), &sub); err != nil {
		t.Fatalf("subject: %v", err)
	}
	return &sub
}

// invoice returns the platform's example: a document with a field, its verification, and a table.
func invoice(t testing.TB) *forgehook.Subject {
	t.Helper()
	data, err := os.ReadFile("testdata/invoice.json")
	if err != nil {
		t.Fatal(err)
	}
	return subject(t, `{"document":`+string(data)+`}`)
}

// requested returns the request of a plan; a *forgehook.CallError in its place becomes the error.
func requested(p *Plan, sub *forgehook.Subject, m Meta) (forgehook.Built, error) {
	built := p.Request(sub, m)
	if built.Failure != nil {
		return built, built.Failure
	}
	return built, nil
}

// conditionsOf explains a plan's conditions; the error is a *forgehook.CallError where one could
// not be evaluated.
func conditionsOf(p *Plan, sub *forgehook.Subject, m Meta) ([]forgehook.Condition, error) {
	explained := p.Explain(sub, m)
	if explained.Failure != nil {
		return explained.Conditions, explained.Failure
	}
	return explained.Conditions, nil
}

func allPassed(conditions []forgehook.Condition) bool {
	explained := forgehook.Explained{Conditions: conditions}
	return explained.Fires()
}

// evidence returns an exchange of a call, without a callback.
func evidence(sub *forgehook.Subject, x forgehook.Exchange) Evidence {
	return Evidence{Subject: sub, Meta: meta, Exchange: x}
}

// lost returns an exchange without a response.
func lost(code forgehook.CallErrorCode, message string) forgehook.Exchange {
	return forgehook.Exchange{Err: &forgehook.CallError{Code: code, Message: message}}
}

// judged returns a decision without delay.
func judged(verdict forgehook.Verdict, reason string, code forgehook.CallErrorCode, message string, final bool) forgehook.Decision {
	return forgehook.Decision{Verdict: verdict, Reason: reason, Code: code, Message: message, Final: final}
}

func faultsOf(t testing.TB, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*forgehook.Error](err)
	if !ok || e.Code != forgehook.CodeInvalid {
		t.Fatalf("got %v, want a fault of the settings", err)
	}
	var list []string
	for _, f := range e.Fields {
		list = append(list, fmt.Sprintf("%s | %s | %s", f.Path, f.Value, f.Allowed))
	}
	return list
}

func diff(t testing.TB, want, got any, opts ...cmp.Option) {
	t.Helper()
	if d := cmp.Diff(want, got, opts...); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func pretty(t testing.TB, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// hostile are values that try to break out of their place.
var hostile = []string{
	"", " ", `"`, `'`, `\`, `\"`, "a\r\nX-Evil: 1", "../", "..", ".", "/", "//evil.test", "?a=b#c", "&a=b", "%2e%2e", "%", "]]>", "]]", "]", ">", "<!--", "-->",
	"<x/>", "&amp;", "&", "{{ doc.id }}", "}}", "\x00", "\x7f", "\u0085", "\u2028", "\ufeff", "\ufffe", "ä€😀", "\xff\xfe", "\xed\xa0\x80", "@evil.test", ":8080", ";x=1", "\t",
}
