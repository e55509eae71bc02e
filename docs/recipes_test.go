package docs_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/webhook"
)

// block is a fenced block of a recipe: settings, a change of the subject (JSON Merge Patch) and the
// resulting request; then a response ("answer"), a callback, and their meaning.
var block = regexp.MustCompile("(?s)```(settings|change|request|answer|callback|meaning)\n(.*?)```")

// TestRecipes runs every recipe of expressions.md and compares its request and meaning with the
// page, or writes them.
func TestRecipes(t *testing.T) {
	const page = "expressions.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	intro, rest, _ := strings.Cut(string(text), "\n### ")
	recipes := strings.Split(rest, "\n### ")
	if len(recipes) < 20 {
		t.Errorf("%d recipes, want 20 or more", len(recipes))
	}
	for i, recipe := range recipes {
		title, _, _ := strings.Cut(recipe, "\n")
		t.Run(title, func(t *testing.T) {
			blocks := map[string]string{}
			for _, m := range block.FindAllStringSubmatch(recipe, -1) {
				blocks[m[1]] = m[2]
			}
			plan, sub := planOf(t, blocks["settings"]), subject(t, blocks["change"])
			made := map[string]string{"request": requestOf(t, plan, &sub)}
			if response, ok := blocks["answer"]; ok {
				made["meaning"] = meaningOf(t, plan, &sub, response, blocks["callback"])
			}
			for kind, want := range made {
				if *update {
					recipes[i] = strings.Replace(recipes[i], "```"+kind+"\n"+blocks[kind], "```"+kind+"\n"+want, 1)
				} else if diff := cmp.Diff(blocks[kind], want); diff != "" {
					t.Errorf("the page shows a different %s (-page +made):\n%s", kind, diff)
				}
			}
		})
	}
	if *update {
		if err := os.WriteFile(page, []byte(intro+"\n### "+strings.Join(recipes, "\n### ")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// call is the recipes' call.
var call = webhook.Meta{
	CallID: "0199aa11-0000-7000-8000-000000000001", WebhookID: "msg_0199aa11000070008000000000000001",
	AcceptedAt: time.Date(2026, 1, 6, 9, 0, 0, 0, time.UTC), EventType: string(forgehook.EventExplicit), UserAgent: "Forgehook/1",
	CallbackURL: "https://hooks.example.com/v1/callbacks/" + webhook.ShownToken,
}

func planOf(t *testing.T, settings string) *webhook.Plan {
	t.Helper()
	decoded, err := forgehook.DecodeSettings([]byte(settings), forgehook.Settings{}, false)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := webhook.Compile(decoded)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// meaningOf judges and reads the response of a recipe: a status, headers, an empty line, a body.
func meaningOf(t *testing.T, plan *webhook.Plan, sub *forgehook.Subject, text, callback string) string {
	t.Helper()
	head, body, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(strings.TrimSpace(head), "\n")
	status, err := strconv.Atoi(lines[0])
	if err != nil {
		t.Fatal(err)
	}
	exchange := forgehook.Exchange{StartedAt: call.AcceptedAt, StatusCode: status, Headers: map[string]string{}, Body: []byte(body)}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		exchange.Headers[name] = value
	}
	evidence := webhook.Evidence{Subject: sub, Meta: call, Exchange: exchange}
	switch d := plan.Judge(evidence, webhook.Tally{Counted: 1}); d.Verdict {
	case forgehook.VerdictRetry:
		return "tried again: " + d.Reason + "\n"
	case forgehook.VerdictPermanent:
		return "failed: " + string(d.Code) + "\n" + d.Message + "\n"
	}
	if callback != "" {
		evidence.Callback = new(forgehook.Callback)
		if err := forgehook.DecodeStrict([]byte(callback), evidence.Callback); err != nil {
			t.Fatal(err)
		}
	}
	reading, err := plan.Read(evidence)
	if err != nil {
		return "failed: " + err.Error() + "\n"
	}
	var b strings.Builder
	b.WriteString("delivered\n")
	encoder := json.NewEncoder(&b) // it ends each value with a line break
	encoder.SetEscapeHTML(false)
	part := func(name string, value any, isSet bool) {
		if !isSet {
			return
		}
		b.WriteString(name + ": ")
		if err := encoder.Encode(value); err != nil {
			t.Fatal(err)
		}
	}
	part("result", reading.Result, reading.Result != nil)
	if w := reading.WriteBack; w != nil {
		part("document", w.Document, w.Document != nil)
		part("verification", w.Verification, w.Verification != nil)
		part("work item", w.WorkItem, w.WorkItem != nil)
	}
	return b.String()
}

// requestOf builds the request of a recipe as it is shown.
func requestOf(t *testing.T, plan *webhook.Plan, sub *forgehook.Subject) string {
	t.Helper()
	explained := plan.Explain(sub, call)
	if !explained.Fires() {
		t.Fatalf("it does not fire: %v %s", explained.Failure, show(t, explained.Conditions))
	}
	built := plan.Request(sub, call)
	if built.Failure != nil {
		t.Fatal(built.Failure.Message)
	}
	request := built.Seen()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", request.Method, request.URL)
	for _, name := range slices.Sorted(maps.Keys(request.Headers)) {
		if !strings.HasPrefix(name, "webhook-") && name != "User-Agent" {
			fmt.Fprintf(&b, "%s: %s\n", name, request.Headers[name])
		}
	}
	if built.Body != nil {
		fmt.Fprintf(&b, "\n%s\n", strings.TrimSuffix(request.Body, "\n"))
	}
	return b.String()
}

// subject is the page's example with a change.
func subject(t *testing.T, change string) (sub forgehook.Subject) {
	t.Helper()
	text, err := os.ReadFile("examples/subject.json")
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	if change != "" {
		var patch map[string]any
		if err := json.Unmarshal([]byte(change), &patch); err != nil {
			t.Fatal(err)
		}
		for name, value := range patch {
			into, ok := members[name].(map[string]any)
			if changes, isObject := value.(map[string]any); ok && isObject {
				for member, v := range changes {
					into[member] = v
				}
				continue
			}
			members[name] = value
		}
	}
	if text, err = json.Marshal(members); err != nil {
		t.Fatal(err)
	}
	if err := forgehook.Decode(text, &sub); err != nil {
		t.Fatal(err)
	}
	return sub
}

func show(t *testing.T, v any) string {
	t.Helper()
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
