package postgres_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/postgres/pgtest"
)

func TestCall_allFields(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := begun(t, b)
	start(t, b, call)
	recorded, err := b.RecordAttempt(t.Context(), postgres.AttemptEnd{
		Ref: b.ref(call.ID), Number: 1, Now: at("2026-04-01T00:00:00Z"),
		Exchange: forgehook.Exchange{
			StatusCode: 410, Duration: 12345 * time.Microsecond, Headers: map[string]string{"Server": "x"}, Body: []byte("gone \x00 ünïcode"), Truncated: true,
		},
		Decision: forgehook.Decision{Verdict: forgehook.VerdictPermanent, Reason: "410 Gone", Code: "http_410", Message: "410 \x00 \xff Gone"},
	})
	check(t, err)
	equal(t, "recorded", recorded, postgres.Recorded{Outcome: forgehook.Failed, Attempts: 1})

	want := call
	want.Status, want.Outcome, want.Explanation, want.Attempts = forgehook.CallCompleted, new(forgehook.Failed), fires.Conditions, 1
	want.CompletedAt = &forgehook.Time{Time: at("2026-04-01T00:00:00Z")}
	want.Error = &forgehook.CallError{Code: "http_410", Message: "410 \uFFFD \uFFFD Gone"}
	want.Request = &forgehook.RequestInfo{
		Method: "POST", URL: "https://example.com/hooks", Headers: built.Headers, BodyBytes: len(built.Body), SHA256: "ab",
	}
	want.Response = &forgehook.Response{
		StatusCode: 410, Headers: map[string]string{"Server": "x"}, Body: "gone \x00 ünïcode", BodyEncoding: "utf8", BodyTruncated: true,
	}
	got, err := b.Call(t.Context(), b.tenant, call.ID)
	check(t, err)
	equal(t, "call", got, want)
	several, err := b.CallsOf(t.Context(), b.tenant, []string{call.ID})
	check(t, err)
	equal(t, "calls by id", several, []forgehook.Call{want})
	list, _, err := b.Calls(t.Context(), b.tenant, forgehook.CallFilter{}, forgehook.Page{})
	check(t, err)
	equal(t, "list", list, []forgehook.Call{want})

	_, err = b.CallsOf(t.Context(), b.stranger, []string{call.ID})
	refused(t, "calls by id for a stranger", err, forgehook.CodeNotFound)
	_, err = b.CallsOf(t.Context(), b.tenant, []string{call.ID, "nonsense"})
	refused(t, "no UUID", err, forgehook.CodeNotFound)
}

// Large calls are read in portions, and those that do not pass a filter not at all.
func TestPortions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	second := pgtest.Utility(t, b.DB, b.tenant, b.s.Service.ID)
	var ids []string
	var calls []forgehook.Call
	for _, size := range []int{5 << 20, 5 << 20, 2 << 20} {
		call := begun(t, b)
		_, err := b.RecordAttempt(t.Context(), postgres.AttemptEnd{
			Ref: b.ref(call.ID), Number: start(t, b, call).Number, Exchange: forgehook.Exchange{StatusCode: 200, Body: make([]byte, size/2)},
			Decision: forgehook.Decision{Verdict: forgehook.VerdictSuccess, Final: true},
			Reading:  forgehook.Reading{Result: []byte(`"` + strings.Repeat("x", size/2) + `"`)}, Now: time.Now(),
		})
		check(t, err)
		ids, calls = append(ids, call.ID), append(calls, call)
	}
	open := b.s.Call(t, b.DB)
	ids = append([]string{open.ID}, ids...)
	a, c, d := calls[0].ID, calls[1].ID, calls[2].ID
	run := "01a20f14-efa7-7b06-bf8c-18452239e004"
	_, err := rawPool(t, b.url).ExecContext(t.Context(), `UPDATE calls SET run_id = $1 WHERE id = $2`, run, c)
	check(t, err)
	done := forgehook.CallCompleted
	for _, row := range []struct {
		name   string
		filter forgehook.CallFilter
		want   [][]string
	}{
		{"all", forgehook.CallFilter{}, [][]string{{open.ID, a}, {c, d}}},
		{"completed", forgehook.CallFilter{Status: done}, [][]string{{a}, {c, d}}},
		{"outcome", forgehook.CallFilter{Status: done, Outcome: forgehook.Failed}, nil},
		{"utility", forgehook.CallFilter{WebHookServiceID: second.ID}, nil},
		{"of the utility", forgehook.CallFilter{WebHookServiceID: calls[0].WebHookServiceID, DocumentID: *calls[0].DocumentID, Status: done}, [][]string{{a}, {c, d}}},
		{"document", forgehook.CallFilter{DocumentID: 1}, nil},
		{"work item", forgehook.CallFilter{WorkItemID: 1}, nil},
		{"run", forgehook.CallFilter{RunID: run}, [][]string{{c}}},
	} {
		got, err := b.Portions(t.Context(), b.tenant, ids, row.filter)
		check(t, err)
		equal(t, row.name, got, row.want)
	}
	got, err := b.Portions(t.Context(), b.stranger, ids, forgehook.CallFilter{})
	check(t, err)
	equal(t, "of a stranger", got, nil)
}

func TestCalls(t *testing.T) {
	t.Parallel()
	b := setup(t)
	second := pgtest.Utility(t, b.DB, b.tenant, b.s.Service.ID)
	day := at("2026-05-01T00:00:00Z")
	var calls []forgehook.Call
	for i, utility := range []int32{b.s.Utility.ID, second.ID, b.s.Utility.ID, second.ID, b.s.Utility.ID} {
		request := forgehook.CallRequest{WebHookServiceID: &utility, Document: &forgehook.Document{ID: int32(i%2 + 1)}}
		accepted, err := b.AcceptCalls(t.Context(), b.tenant, postgres.Acceptance{Request: request, BodySHA256: []byte("x"), Now: day.Add(time.Duration(i) * time.Hour)})
		check(t, err)
		calls = append(calls, accepted.Calls...)
	}
	explain(t, b.DB, b.ref(calls[1].ID), skips)
	explain(t, b.DB, b.ref(calls[2].ID), fires)

	tests := []struct {
		name   string
		filter forgehook.CallFilter
		want   []int // places in calls
	}{
		{"all", forgehook.CallFilter{}, []int{4, 3, 2, 1, 0}},
		{"status", forgehook.CallFilter{Status: forgehook.CallAccepted}, []int{4, 3, 0}},
		{"outcome", forgehook.CallFilter{Outcome: forgehook.Skipped}, []int{1}},
		{"utility", forgehook.CallFilter{WebHookServiceID: second.ID}, []int{3, 1}},
		{"document", forgehook.CallFilter{DocumentID: 1}, []int{4, 2, 0}},
		{"from, inclusive", forgehook.CallFilter{From: day.Add(3 * time.Hour)}, []int{4, 3}},
		{"to, exclusive", forgehook.CallFilter{To: day.Add(time.Hour)}, []int{0}},
		{"span", forgehook.CallFilter{From: day.Add(time.Millisecond), To: day.Add(2*time.Hour + time.Millisecond)}, []int{2, 1}},
		{"together", forgehook.CallFilter{DocumentID: 1, Status: forgehook.CallEvaluating, From: day}, []int{2}},
		{"nothing", forgehook.CallFilter{DocumentID: 7}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var got, want []string
			for page := (forgehook.Page{Limit: 2}); ; {
				list, next, err := b.Calls(t.Context(), b.tenant, test.filter, page)
				check(t, err)
				for _, call := range list {
					got = append(got, call.ID)
				}
				if page.Cursor = next; next == "" {
					break
				}
			}
			for _, place := range test.want {
				want = append(want, calls[place].ID)
			}
			equal(t, "ids", got, want)
		})
	}
	list, _, err := b.Calls(t.Context(), b.stranger, forgehook.CallFilter{}, forgehook.Page{})
	check(t, err)
	equal(t, "a stranger's calls", list, []forgehook.Call{}, cmpopts.EquateEmpty())
}

// Ids follow the moment of acceptance, also where calls of one moment are many.
func TestCalls_order(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 9 {
		pgtest.Utility(t, b.DB, b.tenant, b.s.Service.ID)
	}
	moment := at("2026-05-01T00:00:00.999Z").Add(999_900 * time.Nanosecond)
	request := forgehook.CallRequest{DocumentID: &b.s.Document.ID}
	var ids []string
	for i := range 3 {
		accepted, err := b.AcceptCalls(t.Context(), b.tenant, postgres.Acceptance{
			Request: request, BodySHA256: []byte("x"), Now: moment.Add(time.Duration(i) * time.Millisecond),
		})
		check(t, err)
		for _, call := range accepted.Calls {
			ids = append(ids, call.ID)
		}
	}
	if len(ids) != 30 || !slices.IsSorted(ids) {
		t.Errorf("%d ids, not in order: %v", len(ids), ids)
	}
	list, _, err := b.Calls(t.Context(), b.tenant, forgehook.CallFilter{To: at("2026-05-01T00:00:01Z")}, forgehook.Page{})
	check(t, err)
	equal(t, "calls before the next second", len(list), 10)
}
