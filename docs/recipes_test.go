package docs_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/webhook"
)

// block is a fenced block of a recipe: settings, a change of the subject (JSON Merge Patch), and the request that comes of it.
var block = regexp.MustCompile("(?s)```(settings|change|request)\n(.*?)```")

// TestRecipes runs every recipe of expressions.md and compares the request that it makes, or writes it.
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
			want := requestOf(t, blocks["settings"], blocks["change"])
			if *update {
				recipes[i] = strings.Replace(recipe, "```request\n"+blocks["request"], "```request\n"+want, 1)
			} else if diff := cmp.Diff(blocks["request"], want); diff != "" {
				t.Errorf("the page shows another request (-page +made):\n%s", diff)
			}
		})
	}
	if *update {
		if err := os.WriteFile(page, []byte(intro+"\n### "+strings.Join(recipes, "\n### ")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// requestOf makes the request of a recipe, as it is shown, and says so where it is not made.
func requestOf(t *testing.T, settings, change string) string {
	t.Helper()
	decoded, err := forgehook.DecodeSettings([]byte(settings), forgehook.Settings{}, false)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := webhook.Compile(decoded)
	if err != nil {
		t.Fatal(err)
	}
	sub := subject(t, change)
	meta := webhook.Meta{
		CallID: "0199aa11-0000-7000-8000-000000000001", WebhookID: "msg_0199aa11000070008000000000000001",
		AcceptedAt: time.Date(2026, 1, 6, 9, 0, 0, 0, time.UTC), EventType: "document.processed", UserAgent: "Forgehook/1",
	}
	conditions, err := plan.Explain(&sub, meta)
	if err != nil || !webhook.Fires(conditions) {
		t.Fatalf("it does not fire: %v %s", err, show(t, conditions))
	}
	request, err := plan.Request(&sub, meta)
	if err != nil {
		t.Fatal(err)
	}
	url, headers, body := request.URL, request.Headers, request.Body
	if s := request.Shown; s != nil {
		url, headers, body = s.URL, s.Headers, s.Body
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", request.Method, url)
	for _, h := range headers {
		if !strings.HasPrefix(h.Name, "webhook-") && h.Name != "User-Agent" {
			fmt.Fprintf(&b, "%s: %s\n", h.Name, h.Value)
		}
	}
	if body != nil {
		fmt.Fprintf(&b, "\n%s\n", strings.TrimSuffix(string(body), "\n"))
	}
	return b.String()
}

// subject is the example of the page, changed.
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
