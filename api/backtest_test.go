package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/webhook"
)

// found is a backtest's response, read.
type found struct {
	Differences []string // "912 newly: document.category"
	Progress    []string // "200/450"
	Total       backtestTotal
}

// readLines reads a response of which the totals come last.
func readLines(t testing.TB, body []byte) found {
	t.Helper()
	var f found
	lines := bytes.Split(bytes.TrimSuffix(body, []byte("\n")), []byte("\n"))
	for i, line := range lines {
		var any struct {
			difference
			Progress *progress `json:"progress"`
		}
		if i == len(lines)-1 {
			decoder := json.NewDecoder(bytes.NewReader(line))
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(&f.Total); err != nil {
				t.Fatalf("last line %s: %v", line, err)
			}
			break
		}
		if err := json.Unmarshal(line, &any); err != nil {
			t.Fatalf("line %s: %v", line, err)
		}
		if p := any.Progress; p != nil {
			f.Progress = append(f.Progress, fmt.Sprintf("%d/%d", p.Done, p.Of))
			continue
		}
		text := "inline"
		if any.DocumentID != nil {
			text = fmt.Sprint(*any.DocumentID)
		}
		switch {
		case any.WouldFire && !any.FiresToday:
			text += " newly:"
		case any.FiresToday && !any.WouldFire:
			text += " no longer:"
		}
		for _, c := range any.Reasons {
			text += " " + c.Condition
		}
		if any.Error != nil {
			text += " " + string(any.Error.Code)
		}
		f.Differences = append(f.Differences, text)
	}
	return f
}

// documents stores some, each of a status in turn, and returns the number of their project.
func (f *fixture) documents(t testing.TB, from, count int, statuses ...int) {
	t.Helper()
	var b strings.Builder
	for i := range count {
		fmt.Fprintf(&b, `{"id":%d,"serviceId":48072,"status":%d,"usage":3,"classId":3307,"filename":"r.pdf"}`+"\n", from+i, statuses[i%len(statuses)])
	}
	f.must(t, 200, "POST", "/v1/projects/1001/documents/import", b.String())
}

func TestBacktest(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	f.documents(t, 5000, 4, 10, 9, 10, 3)
	f.must(t, 200, "PATCH", "/v1/documents/5000", `{"comment":"changed last"}`)
	f.must(t, 201, "POST", "/v1/projects", `{"id":1002}`)
	f.must(t, 201, "POST", "/v1/projects/1002/documents", `{"id":6000,"status":10,"usage":3}`)
	_, others := f.newTenant(t, "other")
	f.seed(t, as(others[forgehook.Owner]))

	const path = "/v1/services/48080/backtest"
	for _, row := range []struct {
		name, path, body string
		want             found
	}{
		{"nothing changes", path, `{"settings":{}}`, found{Total: backtestTotal{Total: 5, WouldFire: 3, FiresToday: 3}}},
		{"more fires", path, `{"settings":{"document":{"status":["Processed","Verification"]}}}`, found{
			Differences: []string{"5001 newly: document.status"}, Total: backtestTotal{Total: 5, WouldFire: 4, FiresToday: 3, NewlyFires: 1}}},
		{"other fires", path, `{"settings":{"document":{"status":9}}}`, found{
			Differences: []string{"5000 no longer: document.status", "5002 no longer: document.status", "5001 newly: document.status", "912 no longer: document.status"},
			Total:       backtestTotal{Total: 5, WouldFire: 1, FiresToday: 3, NewlyFires: 1, NoLongerFire: 3}}},
		{"nothing fires", path, `{"settings":{"enabled":false,"document":{"category":1}},"sample":{"limit":1},"progress":true}`, found{
			Differences: []string{"5000 no longer: enabled document.category"}, Progress: []string{"1/1"}, Total: backtestTotal{Total: 1, FiresToday: 1, NoLongerFire: 1}}},
		{"of a plain service", "/v1/services/48072/backtest", `{"settings":{"webHook":{"url":"https://example.com/"}},"sample":{"source":"documents","limit":2}}`, found{
			Differences: []string{"5000 newly:"}, Total: backtestTotal{Total: 2, WouldFire: 1, NewlyFires: 1}}},
		{"of no calls yet", path, `{"settings":{"enabled":false},"sample":{"source":"calls"},"progress":true}`, found{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := f.must(t, 200, "POST", row.path, row.body)
			if got := a.header.Get("Content-Type"); got != lineMedia {
				t.Errorf("Content-Type %s", got)
			}
			if diff := cmp.Diff(row.want, readLines(t, a.body)); diff != "" {
				t.Errorf("(-want +got): %s\n%s", diff, a.body)
			}
		})
	}
}

// TestBacktestCalls looks at subjects as they were frozen, whatever became of the documents.
func TestBacktestCalls(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	first := f.call(t).CallID
	f.must(t, 200, "PATCH", "/v1/documents/912", `{"status":9}`)
	second := f.call(t).CallID
	f.must(t, 202, "POST", "/v1/calls", `{"webHookServiceId":48080,"document":{"status":10,"usage":1,"filename":"inline.pdf"}}`)
	f.must(t, 204, "DELETE", "/v1/documents/912", "")
	a := f.must(t, 200, "POST", "/v1/services/48080/backtest", `{"settings":{"document":{"status":9,"usage":null}},"sample":{"source":"calls","limit":2}}`)
	var line difference
	if err := json.Unmarshal(bytes.Split(a.body, []byte("\n"))[0], &line); err != nil {
		t.Fatal(err)
	}
	if line.CallID != second || line.Filename == nil || *line.Filename != "inv-0042.pdf" || !line.WouldFire {
		t.Errorf("first difference %+v, want call %s", line, second)
	}
	want := backtestTotal{Total: 2, WouldFire: 1, NewlyFires: 1}
	if diff := cmp.Diff(want, readLines(t, a.body).Total); diff != "" {
		t.Errorf("the last two (-want +got): %s", diff)
	}
	a = f.must(t, 200, "POST", "/v1/services/48080/backtest", `{"settings":{"document":{"usage":[1,3]}},"sample":{"source":"calls"}}`)
	if got := readLines(t, a.body).Total; got != (backtestTotal{Total: 3, WouldFire: 2, FiresToday: 1, NewlyFires: 1}) || strings.Contains(string(a.body), first) {
		t.Errorf("all three: %s", a.body)
	}
	if strings.Contains(string(a.body), `"documentId":0`) {
		t.Errorf("an inline document has no id: %s", a.body)
	}
}

func TestBacktestErrors(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	f.must(t, 201, "POST", "/v1/projects/1001/documents", fmt.Sprintf(`{"id":5000,"status":10,"usage":3,"filename":"%s!"}`, strings.Repeat("a", 40)))
	a := f.must(t, 200, "POST", "/v1/services/48080/backtest", `{"settings":{"document":{"pattern":"^(a+)+$"}}}`)
	want := found{Differences: []string{"5000 no longer: document.pattern condition_timeout", "912 no longer: document.pattern"},
		Total: backtestTotal{Total: 2, FiresToday: 2, NoLongerFire: 2, Errors: 1}}
	if diff := cmp.Diff(want, readLines(t, a.body)); diff != "" {
		t.Errorf("the pattern to try (-want +got): %s", diff)
	}
	f.must(t, 200, "PATCH", "/v1/services/48080/settings", `{"document":{"pattern":"^(a+)+$"}}`)
	a = f.must(t, 200, "POST", "/v1/services/48080/backtest", `{"settings":{"document":{"pattern":".*"}}}`)
	want = found{Differences: []string{"5000 newly: document.pattern condition_timeout", "912 newly: document.pattern"},
		Total: backtestTotal{Total: 2, WouldFire: 2, NewlyFires: 2, Errors: 1}}
	if diff := cmp.Diff(want, readLines(t, a.body)); diff != "" || !strings.Contains(string(a.body), "With the settings in force: ") {
		t.Errorf("the pattern in force (-want +got): %s\n%s", diff, a.body)
	}
}

func TestBacktestFaults(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	for _, row := range []struct {
		name, service, body string
		status              int
		want                []string
	}{
		{"nothing", "48080", ``, 400, nil},
		{"no settings", "48080", `{}`, 422, []string{"body.settings"}},
		{"of no service", "77", `{"settings":{}}`, 404, nil},
		{"all at once", "48080", `{"settings":{"webHook":{"url":"ftp://example.com","method":"FETCH"}},"sample":{"source":"mails","limit":10001,"order":"asc"},"progress":1}`, 422,
			[]string{"body.sample.order", "body.progress", "body.settings.webHook.method", "body.settings.webHook.url", "body.sample.source", "body.sample.limit"}},
		{"no source", "48080", `{"settings":{},"sample":{"source":"","limit":0}}`, 422, []string{"body.sample.source", "body.sample.limit"}},
		{"calls of a plain service", "48072", `{"settings":{"webHook":{"url":"https://example.com/"}},"sample":{"source":"calls"}}`, 422, []string{"body.sample.source"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := f.do(t, "POST", "/v1/services/"+row.service+"/backtest", row.body)
			if a.status != row.status {
				t.Fatalf("status %d: %s", a.status, a.body)
			}
			if diff := cmp.Diff(row.want, a.places(t)); diff != "" {
				t.Errorf("(-want +got): %s", diff)
			}
		})
	}
}

// TestBacktestPages looks at more documents than one page holds.
func TestBacktestPages(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	f.documents(t, 5000, 450, 10, 9)
	a := f.must(t, 200, "POST", "/v1/services/48080/backtest", `{"settings":{"document":{"status":9}},"progress":true,"sample":{"limit":430}}`)
	got := readLines(t, a.body)
	if diff := cmp.Diff([]string{"200/430", "400/430", "430/430"}, got.Progress); diff != "" {
		t.Errorf("progress (-want +got): %s", diff)
	}
	if want := (backtestTotal{Total: 430, WouldFire: 215, FiresToday: 215, NewlyFires: 215, NoLongerFire: 215}); got.Total != want {
		t.Errorf("%+v, want %+v", got.Total, want)
	}
	slices.Sort(got.Differences)
	if n := len(slices.Compact(got.Differences)); n != 430 {
		t.Errorf("%d different documents, want 430", n)
	}
}

// watched is a response whose first flush does something.
type watched struct {
	*httptest.ResponseRecorder
	flushed func()
}

func (w *watched) Flush() {
	w.ResponseRecorder.Flush()
	if w.flushed != nil {
		w.flushed()
		w.flushed = nil
	}
}

// TestBacktestEnds ends it early: it stops, and half a response does not look whole.
func TestBacktestEnds(t *testing.T) {
	t.Parallel()
	line := &proxy{}
	f := setup(t, func(config *Config, url string) { config.DB = line.open(t, url) })
	f.seed(t)
	f.documents(t, 5000, 450, 9)
	ask := func(ctx context.Context, flushed func()) (body string, cut bool) {
		request := httptest.NewRequestWithContext(ctx, "POST", "/v1/services/48080/backtest", strings.NewReader(`{"settings":{"document":{"status":9}}}`))
		request.Header.Set("X-Api-Key", f.keys[forgehook.Owner])
		w := &watched{httptest.NewRecorder(), flushed}
		func() {
			defer func() { cut = recover() != nil }()
			f.handler.ServeHTTP(w, request)
		}()
		return w.Body.String(), cut
	}
	ctx, leave := context.WithCancel(t.Context())
	body, cut := ask(ctx, leave)
	if n := strings.Count(body, "\n"); !cut || n != 200 || strings.Contains(body, "total") {
		t.Errorf("a client that left got %d lines, cut %v", n, cut)
	}
	if log := f.log.String(); !strings.Contains(log, `"status":499`) || strings.Contains(log, "internal error") {
		t.Errorf("a client that left is in the log as %s", log)
	}
	body, cut = ask(t.Context(), line.cut)
	if !cut || strings.Contains(body, "total") || strings.Contains(body, "problem") {
		t.Errorf("without the database the response is cut %v: %s", cut, body[max(0, len(body)-200):])
	}
	if !strings.Contains(f.log.String(), `"msg":"unavailable"`) {
		t.Error("the database that went away is not in the log")
	}
}

// TestBacktestGivesUp has no time left.
func TestBacktestGivesUp(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	s := &server{turns: make(chan struct{}, 1), Config: Config{DB: f.db}, log: slog.New(slog.DiscardHandler)}
	at, err := f.db.Site(t.Context(), f.tenant, 48080)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := webhook.Compile(at.Utility.Settings)
	if err != nil {
		t.Fatal(err)
	}
	query := postgres.SampleQuery{At: at, Source: postgres.SampleDocuments, Limit: 10}
	for _, row := range []struct {
		until time.Time
		want  backtestTotal
	}{
		{time.Now().Add(time.Minute), backtestTotal{Total: 1, WouldFire: 1, NewlyFires: 1}},
		{time.Now().Add(-time.Second), backtestTotal{Error: &forgehook.CallError{Code: "too_slow"}}},
	} {
		var last backtestLine
		b := backtest{server: s, next: plan, until: row.until}
		err := b.run(t.Context(), &request{key: forgehook.APIKey{Tenant: f.tenant}}, query, false, func(lines ...backtestLine) error {
			last = lines[len(lines)-1]
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(row.want, last.line, cmpopts.IgnoreFields(forgehook.CallError{}, "Message")); diff != "" {
			t.Errorf("(-want +got): %s", diff)
		}
	}
}

// BenchmarkBacktest is 10,000 receipts.
func BenchmarkBacktest(b *testing.B) {
	f := setup(b)
	f.seed(b)
	random := rand.New(rand.NewPCG(1, 2))
	for from := 0; from < 10_000; from += 1000 {
		var lines bytes.Buffer
		for i := range 1000 {
			if err := json.Compact(&lines, []byte(receipt(10_000+from+i, random))); err != nil {
				b.Fatal(err)
			}
			lines.WriteByte('\n')
		}
		f.must(b, 200, "POST", "/v1/projects/1001/documents/import", lines.String())
	}
	for b.Loop() {
		a := f.must(b, 200, "POST", "/v1/services/48080/backtest", `{"settings":{"document":{"status":null,"category":3307}},"sample":{"limit":10000}}`)
		if n := readLines(b, a.body).Total.Total; n != 10_000 {
			b.Fatalf("%d documents", n)
		}
	}
}
