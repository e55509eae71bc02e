package postgres_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
)

func neverBuilds(t *testing.T) func(postgres.Facts) (postgres.Built, error) {
	return func(postgres.Facts) (postgres.Built, error) {
		t.Error("the rule ran again")
		return postgres.Built{}, nil
	}
}

func TestBuildRequest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tests := []struct {
		name string
		made postgres.Built
		want forgehook.Request
	}{
		{"text", built, forgehook.Request{Method: "POST", URL: built.Request.URL, Headers: built.Request.Headers, Body: `{"id":912}`, BodyEncoding: "utf8"}},
		{
			"bytes", postgres.Built{Request: forgehook.Request{Method: "PUT", URL: "u"}, BodyBytes: []byte{0xff, 0}, SHA256: "x"},
			forgehook.Request{Method: "PUT", URL: "u", Headers: map[string]string{}, Body: "/wA=", BodyEncoding: "base64"},
		},
		{
			"no body", postgres.Built{Request: forgehook.Request{Method: "GET", URL: "u", Headers: map[string]string{"A": "b"}}, SHA256: "x"},
			forgehook.Request{Method: "GET", URL: "u", Headers: map[string]string{"A": "b"}, BodyEncoding: "utf8"},
		},
		{
			"a secret field", postgres.Built{
				Request:   forgehook.Request{Method: "POST", URL: "u?pin=1234", Headers: map[string]string{"X-Pin": "1234"}},
				BodyBytes: []byte("pin 1234"), SHA256: "x",
				Shown: &postgres.Shown{URL: "u?pin=[secret]", Headers: map[string]string{"X-Pin": "[secret]"}, Body: []byte("pin [secret]")},
			},
			forgehook.Request{Method: "POST", URL: "u?pin=[secret]", Headers: map[string]string{"X-Pin": "[secret]"}, Body: "pin [secret]", BodyEncoding: "utf8", Masked: true},
		},
		{
			"empty body", postgres.Built{Request: forgehook.Request{Method: "POST", URL: "u", Headers: map[string]string{}}, BodyBytes: []byte{}, SHA256: "x"},
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
			done, made, err := b.BuildRequest(t.Context(), b.ref(call.ID), func(facts postgres.Facts) (postgres.Built, error) {
				equal(t, "settings", loaded(t, facts.Settings), b.s.Utility.Settings)
				equal(t, "version", facts.Settings.Version, call.SettingsVersion)
				equal(t, "subject", facts.Subject, forgehook.Subject{Document: &b.s.Document, Project: &b.s.Project, Service: &b.s.Service})
				equal(t, "call", facts.Call, call)
				return test.made, nil
			})
			check(t, err)
			equal(t, "outcome", done.Outcome, "")
			equal(t, "built", made, test.made, cmpopts.EquateEmpty())

			_, again, err := b.BuildRequest(t.Context(), b.ref(call.ID), neverBuilds(t))
			check(t, err)
			equal(t, "built the second time", again, made)
			got, err := b.Request(t.Context(), b.tenant, call.ID)
			check(t, err)
			equal(t, "request", got, test.want)
			sent := start(t, b, call).Built
			equal(t, "sent", sent, test.made, cmpopts.EquateEmpty())
			if (sent.BodyBytes == nil) != (test.made.BodyBytes == nil) {
				t.Errorf("a body that is there or not: %q, want %q", sent.BodyBytes, test.made.BodyBytes)
			}
		})
	}
}

func TestBuildRequest_fails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := b.s.Call(t, b.DB)
	failure := &forgehook.CallError{Code: "bad_url", Message: "the URL has no host"}
	done, _, err := b.BuildRequest(t.Context(), b.ref(call.ID), func(postgres.Facts) (postgres.Built, error) {
		return postgres.Built{Failure: failure}, nil
	})
	check(t, err)
	equal(t, "outcome", done.Outcome, forgehook.Failed)
	got, err := b.Call(t.Context(), b.tenant, call.ID)
	check(t, err)
	equal(t, "error", got.Error, failure)
	done, _, err = b.BuildRequest(t.Context(), b.ref(call.ID), neverBuilds(t))
	check(t, err)
	equal(t, "outcome of the second time", done.Outcome, forgehook.Failed)
}

// The subject is read once where one process evaluates and builds; what may have changed about the call is read again.
func TestBuildRequest_afterEvaluate(t *testing.T) {
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
		_, _, err := b.Evaluate(t.Context(), b.ref(call.ID), fires)
		check(t, err)
		_, err = rawPool(t, b.url).ExecContext(t.Context(), `
			UPDATE call_requests SET subject = '{}' WHERE id = (SELECT request_id FROM calls WHERE id = $1)`, call.ID)
		check(t, err)
		for range test.times - 1 {
			_, _, err := test.builder.BuildRequest(t.Context(), b.ref(call.ID), func(postgres.Facts) (postgres.Built, error) { return built, errors.New("broken") })
			if err == nil {
				t.Errorf("%s: the rule's error is lost", name)
			}
		}
		_, _, err = test.builder.BuildRequest(t.Context(), b.ref(call.ID), func(facts postgres.Facts) (postgres.Built, error) {
			equal(t, name, facts.Subject, test.want)
			equal(t, "status for "+name, facts.Call.Status, forgehook.CallEvaluating)
			return built, nil
		})
		check(t, err)
	}
}

// The oldest subject makes room, and is read again.
func TestBuildRequest_afterManyEvaluations(t *testing.T) {
	t.Parallel()
	b := setup(t)
	calls := make([]forgehook.Call, postgres.KeptSubjects+1)
	for i := range calls {
		calls[i] = b.s.Call(t, b.DB)
		_, _, err := b.Evaluate(t.Context(), b.ref(calls[i].ID), fires)
		check(t, err)
	}
	_, err := rawPool(t, b.url).ExecContext(t.Context(), `UPDATE call_requests SET subject = '{}'`)
	check(t, err)
	for i, kept := range map[int]bool{0: false, 1: true, postgres.KeptSubjects: true} {
		_, _, err := b.BuildRequest(t.Context(), b.ref(calls[i].ID), func(facts postgres.Facts) (postgres.Built, error) {
			equal(t, fmt.Sprintf("subject %d is kept", i), facts.Subject.Document != nil, kept)
			return built, nil
		})
		check(t, err)
	}
}

// Two that build at once send the same: the request that was stored first.
func TestBuildRequest_twoAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := b.s.Call(t, b.DB)
	var inside, wg sync.WaitGroup
	inside.Add(2)
	results := make([]postgres.Built, 2)
	for i, url := range []string{"https://example.com/1", "https://example.com/2"} {
		wg.Go(func() {
			_, made, err := b.BuildRequest(t.Context(), b.ref(call.ID), func(postgres.Facts) (postgres.Built, error) {
				inside.Done()
				inside.Wait()
				return postgres.Built{Request: forgehook.Request{Method: "GET", URL: url}, SHA256: url}, nil
			})
			if err != nil {
				t.Error(err)
			}
			results[i] = made
		})
	}
	wg.Wait()
	equal(t, "requests", results[0], results[1])
}

func TestBuildRequest_large(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := b.s.Call(t, b.DB)
	body := []byte(strings.Repeat("0123456789abcdef", 1<<18)) // 4 MiB
	_, _, err := b.BuildRequest(t.Context(), b.ref(call.ID), func(postgres.Facts) (postgres.Built, error) {
		return postgres.Built{Request: built.Request, BodyBytes: body, SHA256: "x"}, nil
	})
	check(t, err)
	started, err := b.StartAttempt(t.Context(), postgres.AttemptStart{Ref: b.ref(call.ID), Now: time.Now()})
	check(t, err)
	equal(t, "body", string(started.Built.BodyBytes) == string(body), true)
	got, err := b.Call(t.Context(), b.tenant, call.ID)
	check(t, err)
	equal(t, "bodyBytes", got.Request.BodyBytes, len(body))
}
