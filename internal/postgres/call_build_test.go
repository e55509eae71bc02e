package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
)

func TestRecordRequest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tests := []struct {
		name string
		made forgehook.Built
		want forgehook.Request
	}{
		{"text", built, forgehook.Request{Method: "POST", URL: built.URL, Headers: built.Headers, Body: `{"id":912}`, BodyEncoding: "utf8"}},
		{
			"bytes", forgehook.Built{Method: "PUT", URL: "u", Body: []byte{0xff, 0}, SHA256: "x"},
			forgehook.Request{Method: "PUT", URL: "u", Headers: map[string]string{}, Body: "/wA=", BodyEncoding: "base64"},
		},
		{
			"no body", forgehook.Built{Method: "GET", URL: "u", Headers: map[string]string{"A": "b"}, SHA256: "x"},
			forgehook.Request{Method: "GET", URL: "u", Headers: map[string]string{"A": "b"}, BodyEncoding: "utf8"},
		},
		{
			"a secret field", forgehook.Built{
				Method: "POST", URL: "u?pin=1234", Headers: map[string]string{"X-Pin": "1234"}, Body: []byte("pin 1234"), SHA256: "x",
				Shown: &forgehook.Shown{URL: "u?pin=[secret]", Headers: map[string]string{"X-Pin": "[secret]"}, Body: []byte("pin [secret]")},
			},
			forgehook.Request{Method: "POST", URL: "u?pin=[secret]", Headers: map[string]string{"X-Pin": "[secret]"}, Body: "pin [secret]", BodyEncoding: "utf8", Masked: true},
		},
		{
			"empty body", forgehook.Built{Method: "POST", URL: "u", Headers: map[string]string{}, Body: []byte{}, SHA256: "x"},
			forgehook.Request{Method: "POST", URL: "u", Headers: map[string]string{}, BodyEncoding: "utf8"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			call := b.s.Call(t, b.DB)
			_, err := b.Request(t.Context(), b.tenant, call.ID)
			refused(t, "request before it is built", err, forgehook.CodeNotFound)
			if !strings.Contains(err.Error(), "no request yet") {
				t.Errorf("the error does not say that there is none yet: %v", err)
			}
			read := facts(t, b.DB, b.ref(call.ID))
			equal(t, "settings", loaded(t, read.Settings), b.s.Utility.Settings)
			equal(t, "version", read.Settings.Version, call.SettingsVersion)
			equal(t, "subject", read.Subject, forgehook.Subject{Document: &b.s.Document, Project: &b.s.Project, Service: &b.s.Service})
			equal(t, "call", read.Call, call)
			equal(t, "built before", read.Built, false)
			done, made, err := b.RecordRequest(t.Context(), read, test.made)
			check(t, err)
			equal(t, "outcome", done.Outcome, "")
			equal(t, "built", made, test.made, cmpopts.EquateEmpty())

			equal(t, "the next run of the step finds it", facts(t, b.DB, b.ref(call.ID)).Built, true)
			again, err := b.BuiltRequest(t.Context(), b.ref(call.ID))
			check(t, err)
			equal(t, "what it finds", again, made)
			_, again = build(t, b.DB, b.ref(call.ID), forgehook.Built{Method: "GET", URL: "another"})
			equal(t, "built the second time", again, made)
			got, err := b.Request(t.Context(), b.tenant, call.ID)
			check(t, err)
			equal(t, "request", got, test.want)
			sent := start(t, b, call).Built
			equal(t, "sent", sent, test.made, cmpopts.EquateEmpty())
			if (sent.Body == nil) != (test.made.Body == nil) {
				t.Errorf("a body that is there or not: %q, want %q", sent.Body, test.made.Body)
			}
		})
	}
}

func TestRecordRequest_fails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := b.s.Call(t, b.DB)
	failure := &forgehook.CallError{Code: "bad_url", Message: "the URL has no host"}
	done, _ := build(t, b.DB, b.ref(call.ID), forgehook.Built{Failure: failure})
	equal(t, "outcome", done.Outcome, forgehook.Failed)
	got, err := b.Call(t.Context(), b.tenant, call.ID)
	check(t, err)
	equal(t, "error", got.Error, failure)
	equal(t, "what the next run of the step finds", facts(t, b.DB, b.ref(call.ID)).Call.Outcome, got.Outcome)
}

// The subject is read once where one process evaluates and builds; what may have changed about the
// call is read again.
func TestRecordRequest_afterEvaluate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	want := forgehook.Subject{Document: &b.s.Document, Project: &b.s.Project, Service: &b.s.Service}
	for name, test := range map[string]struct {
		builder *postgres.DB
		times   int
		want    forgehook.Subject
	}{
		"the process that evaluated": {b.DB, 1, want},
		"another process":            {open(t, b.url), 1, forgehook.Subject{}},
		"a second time":              {b.DB, 2, forgehook.Subject{}},
	} {
		call := b.s.Call(t, b.DB)
		explain(t, b.DB, b.ref(call.ID), fires)
		_, err := rawPool(t, b.url).ExecContext(t.Context(), `
			UPDATE call_requests SET subject = '{}' WHERE id = (SELECT request_id FROM calls WHERE id = $1)`, call.ID)
		check(t, err)
		var read postgres.Facts
		for range test.times {
			read = facts(t, test.builder, b.ref(call.ID))
		}
		equal(t, name, read.Subject, test.want)
		equal(t, "status for "+name, read.Call.Status, forgehook.CallEvaluating)
	}
}

// The oldest subject makes room, and is read again.
func TestRecordRequest_afterManyEvaluations(t *testing.T) {
	t.Parallel()
	b := setup(t)
	calls := make([]forgehook.Call, postgres.KeptSubjects+1)
	for i := range calls {
		calls[i] = b.s.Call(t, b.DB)
		explain(t, b.DB, b.ref(calls[i].ID), fires)
	}
	_, err := rawPool(t, b.url).ExecContext(t.Context(), `UPDATE call_requests SET subject = '{}'`)
	check(t, err)
	for i, kept := range map[int]bool{0: false, 1: true, postgres.KeptSubjects: true} {
		equal(t, fmt.Sprintf("subject %d is kept", i), facts(t, b.DB, b.ref(calls[i].ID)).Subject.Document != nil, kept)
	}
}

// Two that build at once send the same: the request that was stored first.
func TestRecordRequest_twoAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := b.s.Call(t, b.DB)
	var results []forgehook.Built
	read := []postgres.Facts{facts(t, b.DB, b.ref(call.ID)), facts(t, b.DB, b.ref(call.ID))}
	for i, url := range []string{"https://example.com/1", "https://example.com/2"} {
		_, made, err := b.RecordRequest(t.Context(), read[i], forgehook.Built{Method: "GET", URL: url, Headers: map[string]string{}, SHA256: url})
		check(t, err)
		results = append(results, made)
	}
	equal(t, "requests", results[1], results[0])
}

func TestRecordRequest_large(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := b.s.Call(t, b.DB)
	body := []byte(strings.Repeat("0123456789abcdef", 1<<18)) // 4 MiB
	large := built
	large.Body = body
	build(t, b.DB, b.ref(call.ID), large)
	started, err := b.StartAttempt(t.Context(), postgres.AttemptStart{Ref: b.ref(call.ID), Now: time.Now()})
	check(t, err)
	equal(t, "body", string(started.Built.Body) == string(body), true)
	got, err := b.Call(t.Context(), b.tenant, call.ID)
	check(t, err)
	equal(t, "bodyBytes", got.Request.BodyBytes, len(body))
}
