package workflows

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
)

// line is one transition of a diagram.
type line struct{ from, to string }

// tested names the tests of each line of each diagram, as "package Test".
var tested = map[string]map[line][]string{
	"A call": {
		{"[*]", "accepted"}:                 {"internal/postgres TestAcceptCalls"},
		{"accepted", "evaluating"}:          {"internal/postgres TestRecordExplanation"},
		{"accepted", "completed"}:           {"workflows TestCall_cancelBeforeTheStart", "internal/postgres TestRecordCallback_anyStatus"},
		{"evaluating", "delivering"}:        {"internal/postgres TestStartAttempt"},
		{"evaluating", "completed"}:         {"internal/postgres TestRecordExplanation", "internal/postgres TestRecordRequest_fails", "workflows TestCall_skips"},
		{"evaluating", "paused"}:            {"internal/postgres TestHold_drain", "workflows TestCall_holdResume"},
		{"delivering", "completed"}:         {"internal/postgres TestRecordAttempt_budgetUsedUp", "internal/postgres TestRecordCallback_early"},
		{"delivering", "waiting_retry"}:     {"internal/postgres TestRecordAttempt_retryThenDelivered"},
		{"delivering", "awaiting_callback"}: {"internal/postgres TestRecordAttempt_awaitsCallback"},
		{"delivering", "paused"}:            {"internal/postgres TestHold_afterLostWorker"},
		{"waiting_retry", "delivering"}:     {"internal/postgres TestRecordAttempt_retryThenDelivered", "internal/postgres TestStartAttempt_atOnce"},
		{"waiting_retry", "paused"}:         {"internal/postgres TestHold_beforeSendingAgain", "workflows TestCall_staleResumeIsDropped"},
		{"waiting_retry", "completed"}:      {"workflows TestCall_cancelDuringFirstBackoff", "internal/postgres TestRecordCallback_anyStatus"},
		{"awaiting_callback", "completed"}:  {"internal/postgres TestRecordCallback", "workflows TestCallback_timeout", "workflows TestCallback_cancelWhileAwaiting"},
		{"awaiting_callback", "delivering"}: {"internal/postgres TestStartAttempt_awaitingSentAgain", "workflows TestCallback_retryNowSendsAgain"},
		{"awaiting_callback", "paused"}:     {"internal/postgres TestHold_beforeSendingAgain", "workflows TestCallback_retryHeldAndReleased"},
		{"paused", "delivering"}:            {"internal/postgres TestHold_drain"},
		{"paused", "awaiting_callback"}:     {"internal/postgres TestRecordAttempt_lateAwait"},
		{"paused", "completed"}:             {"workflows TestCall_holdCancel", "internal/postgres TestRecordCallback_anyStatus"},
		{"completed", "[*]"}:                {"internal/postgres TestCompleteCall_race"},
	},
	"The run of an event": {
		{"[*]", "accepted"}:      {"internal/postgres TestAcceptEvent"},
		{"[*]", "completed"}:     {"internal/postgres TestAcceptEvent_nobodyFires"},
		{"accepted", "running"}:  {"workflows TestRun_completes", "internal/postgres TestAcceptBatch"},
		{"accepted", "canceled"}: {"workflows TestRun_canceled"},
		{"running", "running"}:   {"workflows TestRun_waitsBetweenBatches", "workflows TestRun_continuesAsNew", "internal/postgres TestAcceptBatch"},
		{"running", "completed"}: {"workflows TestRun_completes", "internal/postgres TestCompleteCall_run"},
		{"running", "failed"}:    {"workflows TestRun_stopped", "internal/postgres TestAcceptBatch_onFailureError"},
		{"running", "canceled"}:  {"workflows TestRun_canceled"},
		{"completed", "[*]"}:     {"workflows TestRun_standingOutcomeAdopted"},
		{"failed", "[*]"}:        {"workflows TestRun_standingOutcomeAdopted"},
		{"canceled", "[*]"}:      {"workflows TestRun_standingOutcomeAdopted"},
	},
	"The process of a work item": {
		{"[*]", "waiting"}:          {"internal/postgres TestAcceptProcess"},
		{"waiting", "waiting"}:      {"workflows TestWorkItem_escalates", "internal/postgres TestEscalateItem"},
		{"waiting", "handed_over"}:  {"workflows TestWorkItem_handedOver", "internal/postgres TestLookAtItem_follows"},
		{"handed_over", "waiting"}:  {"workflows TestWorkItem_handedOver", "internal/postgres TestLookAtItem_follows"},
		{"handed_over", "dead"}:     {"workflows TestWorkItem_endsWhileHandedOver"},
		{"handed_over", "canceled"}: {"workflows TestWorkItem_endsWhileHandedOver"},
		{"waiting", "answered"}:     {"workflows TestWorkItem_answered", "internal/postgres TestEndProcess"},
		{"waiting", "settled"}:      {"workflows TestWorkItem_decidedByOthers"},
		{"waiting", "dead"}:         {"workflows TestWorkItem_decidedByOthers"},
		{"waiting", "rejected"}:     {"workflows TestWorkItem_due", "internal/postgres TestEndProcess"},
		{"waiting", "due"}:          {"workflows TestWorkItem_due"},
		{"waiting", "canceled"}:     {"workflows TestWorkItem_canceled"},
		{"answered", "[*]"}:         {"workflows TestWorkItem_standingOutcomeAdopted"},
		{"settled", "[*]"}:          {"workflows TestWorkItem_standingOutcomeAdopted"},
		{"dead", "[*]"}:             {"workflows TestWorkItem_standingOutcomeAdopted"},
		{"rejected", "[*]"}:         {"workflows TestWorkItem_standingOutcomeAdopted"},
		{"due", "[*]"}:              {"workflows TestWorkItem_standingOutcomeAdopted"},
		{"canceled", "[*]"}:         {"workflows TestWorkItem_standingOutcomeAdopted"},
	},
}

// states are the code's words for each diagram.
var states = map[string][]string{
	"A call":                     words(forgehook.CallStatuses...),
	"The run of an event":        append(words(forgehook.RunAccepted, forgehook.RunRunning), words(forgehook.RunOutcomes...)...),
	"The process of a work item": append([]string{"waiting", "handed_over"}, words(forgehook.ProcessOutcomes...)...),
}

func words[W ~string](list ...W) (texts []string) {
	for _, w := range list {
		texts = append(texts, string(w))
	}
	return texts
}

var arrow = regexp.MustCompile(`(?m)^ +(\S+) --> ([^\s:]+)`)

// diagrams reads docs/states.md: the lines by heading, in order.
func diagrams(t *testing.T) map[string][]line {
	t.Helper()
	text, err := os.ReadFile("../docs/states.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]line{}
	for _, section := range strings.Split(string(text), "\n## ")[1:] {
		heading, body, _ := strings.Cut(section, "\n")
		for _, m := range arrow.FindAllStringSubmatch(body, -1) {
			found[heading] = append(found[heading], line{m[1], m[2]})
		}
	}
	return found
}

// Each line of the diagrams has a test, and each state is one of the code.
func TestStates(t *testing.T) {
	t.Parallel()
	tests := testNames(t, "workflows", "internal/postgres")
	found := diagrams(t)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(tested)), slices.Sorted(maps.Keys(found))); diff != "" {
		t.Fatalf("diagrams of docs/states.md (-tested +found):\n%s", diff)
	}
	for heading, lines := range found {
		named := map[string]bool{}
		for _, l := range lines {
			named[l.from], named[l.to] = true, true
			if len(tested[heading][l]) == 0 {
				t.Errorf("%s: no test drives %s --> %s: name one in states_test.go", heading, l.from, l.to)
			}
			for _, name := range tested[heading][l] {
				if !tests[name] {
					t.Errorf("%s: %s --> %s: there is no test %q", heading, l.from, l.to, name)
				}
			}
		}
		for l := range tested[heading] {
			if !slices.Contains(lines, l) {
				t.Errorf("%s: docs/states.md does not draw %s --> %s", heading, l.from, l.to)
			}
		}
		delete(named, "[*]")
		if diff := cmp.Diff(slices.Sorted(slices.Values(states[heading])), slices.Sorted(maps.Keys(named))); diff != "" {
			t.Errorf("%s: states (-code +diagram):\n%s", heading, diff)
		}
	}
}

// testNames lists the tests of packages as "package Test".
func testNames(t *testing.T, packages ...string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, folder := range packages {
		files, err := filepath.Glob(filepath.Join("..", folder, "*_test.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("tests of %s: %v", folder, err)
		}
		for _, path := range files {
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range file.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
					names[folder+" "+f.Name.Name] = true
				}
			}
		}
	}
	return names
}

// onlyStored are lines that the workflow does not see: Deliver asks PostgreSQL, which shows as
// delivering.
var onlyStored = []line{
	{"evaluating", "paused"}, {"waiting_retry", "paused"}, {"awaiting_callback", "paused"}, {"paused", "awaiting_callback"},
}

// Workflows of calls move along every line of the diagram, and along no other.
func TestStates_phases(t *testing.T) {
	t.Parallel()
	drawn := diagrams(t)["A call"]
	driven := map[line]bool{}
	for name, arrange := range map[string]func(*bench){
		"canceled at once":      func(b *bench) { b.cancel(0) },
		"canceled, evaluating":  func(b *bench) { b.evaluate = away[Evaluation]; b.cancel(30 * time.Second) },
		"delivered":             func(*bench) {},
		"retry":                 func(b *bench) { b.script(result(refused(1, 10*time.Second))) },
		"retry, canceled":       func(b *bench) { b.script(result(refused(1, time.Hour))); b.cancel(time.Minute) },
		"held, resumed":         func(b *bench) { b.script(held); b.signal(time.Minute, ResumeSignal) },
		"held, canceled":        func(b *bench) { b.script(held); b.cancel(time.Minute) },
		"awaiting, called back": func(b *bench) { b.script(b.awaits(time.Hour)); b.calledBack(time.Minute, forgehook.Delivered) },
		"awaiting, sent again":  func(b *bench) { b.script(b.awaits(time.Hour)); b.signal(time.Minute, RetryNowSignal) },
	} {
		b := setup(t)
		b.takes["Deliver"] = 5 * time.Second
		b.evaluate = unreachableAtFirst(b) // for 20 s, to be seen
		arrange(b)
		seen := []string{string(forgehook.CallAccepted)}
		look := func() {
			if now := string(b.phase().Phase); now != "" && now != seen[len(seen)-1] {
				seen = append(seen, now)
			}
		}
		for second := range 180 {
			b.at(time.Duration(second)*time.Second+500*time.Millisecond, look)
		}
		b.call(input())
		look()
		for i, to := range seen[1:] {
			l := line{seen[i], to}
			if driven[l] = true; !slices.Contains(drawn, l) {
				t.Errorf("%s: went %v, and docs/states.md does not draw %s --> %s", name, seen, l.from, l.to)
			}
		}
	}
	for _, l := range drawn {
		if l.from != "[*]" && l.to != "[*]" && !driven[l] && !slices.Contains(onlyStored, l) {
			t.Errorf("no workflow went %s --> %s", l.from, l.to)
		}
	}
}

// away fails like a database that is down.
func away[Out any](context.Context, CallRef) (out Out, err error) {
	return out, errors.New("the database is away")
}
