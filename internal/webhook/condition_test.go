package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/forgehook/forgehook"
)

// line shows a condition as "path: expected <- actual ok|FAILED hint".
func line(c forgehook.Condition) string {
	state := "ok"
	if !c.Passed {
		state = "FAILED"
	}
	return strings.TrimSpace(fmt.Sprintf("%s: %s <- %s %s %s", c.Condition, c.Expected, c.Actual, state, c.Hint))
}

func TestExplain(t *testing.T) {
	t.Parallel()
	allPass := []string{
		`enabled: true <- true ok`,
		`document.category: null <- 3307 ok`,
		`document.status: "Processed" <- "Processed" ok`,
		`document.usage: "Outbox" <- "Outbox" ok`,
		`document.extension: ".*" <- "pdf" ok`,
		`document.pattern: ".*" <- "inv-0042.pdf" ok`,
	}
	with := func(lines ...string) []string { // the passing lines, some replaced
		all := slices.Clone(allPass)
		for _, l := range lines {
			path, _, _ := strings.Cut(l, ":")
			i := slices.IndexFunc(all, func(have string) bool { return strings.HasPrefix(have, path+":") })
			all[i] = l
		}
		return all
	}
	tests := []struct {
		name, settings, document string
		want                     []string
	}{
		{"defaults", `{}`, `{}`, allPass},
		{"disabled", `{"enabled":false}`, `{}`, with(
			`enabled: true <- false FAILED Set enabled to true. To keep calls for later instead of skipping them, pause the utility.`)},
		{"everything fails", `{"enabled":false,"document":{"category":1,"status":"Error","usage":"Label","extension":"^tif$","pattern":"^scan"}}`, `{}`, []string{
			`enabled: true <- false FAILED Set enabled to true. To keep calls for later instead of skipping them, pause the utility.`,
			`document.category: 1 <- 3307 FAILED Add 3307 to document.category, set it to null for any, or give the document another category.`,
			`document.status: "Error" <- "Processed" FAILED Call when the document has that status, or add Processed to document.status.`,
			`document.usage: "Label" <- "Outbox" FAILED Call with a document of that usage, or add Outbox to document.usage.`,
			`document.extension: "^tif$" <- "pdf" FAILED The pattern does not match: widen document.extension, or set it to ".*" for any.`,
			`document.pattern: "^scan" <- "inv-0042.pdf" FAILED The pattern does not match: widen document.pattern, or set it to ".*" for any.`,
		}},
		{"any", `{"document":{"status":[],"usage":[]}}`, `{"status":9,"usage":2,"classId":null}`, with(
			`document.category: null <- null ok`, `document.status: null <- "Verification" ok`, `document.usage: null <- "Inbox" ok`)},
		{"several, one matches", `{"document":{"category":[1,3307],"status":["Verification","Processed"],"usage":"Inbox;Outbox"}}`, `{}`, with(
			`document.category: [1,3307] <- 3307 ok`, `document.status: ["Verification","Processed"] <- "Processed" ok`,
			`document.usage: ["Inbox","Outbox"] <- "Outbox" ok`)},
		{"several, none matches", `{"document":{"status":"Verification;Error"}}`, `{}`, with(
			`document.status: ["Verification","Error"] <- "Processed" FAILED Call when the document has one of those statuses, or add Processed to document.status.`)},
		{"category of an unclassified document", `{"document":{"category":3307}}`, `{"classId":null}`, with(
			`document.category: 3307 <- null FAILED The document has no category (classId is null): classify it, or set document.category to null.`)},
		{"a status without a name", `{}`, `{"status":77}`, with(`document.status: "Processed" <- 77 FAILED Call when the document has that status, or add 77 to document.status.`)},
		{"an Inbox document", `{}`, `{"usage":2}`, with(`document.usage: "Outbox" <- "Inbox" FAILED ` +
			`This is a source document. Call with the Outbox document that was made from it (its masterId is this id), or add Inbox to document.usage.`)},
		{"extension without dot", `{"document":{"extension":"^pdf$"}}`, `{}`, with(`document.extension: "^pdf$" <- "pdf" ok`)},
		{"extension with dot", `{"document":{"extension":"^\\.(pdf|tiff?)$"}}`, `{}`, with(`document.extension: "^\\.(pdf|tiff?)$" <- "pdf" ok`)},
		{"extension of the filename", `{"document":{"extension":"^pdf$"}}`, `{"fileType":null}`, with(`document.extension: "^pdf$" <- "pdf" ok`)},
		{"extension in another case", `{"document":{"extension":"^PDF$"}}`, `{}`, with(
			`document.extension: "^PDF$" <- "pdf" FAILED Only upper and lower case differ; this matches: (?i)^PDF$`)},
		{"extension with dot in another case", `{"document":{"extension":"^\\.PDF$"}}`, `{}`, with(
			`document.extension: "^\\.PDF$" <- "pdf" FAILED Only upper and lower case differ; this matches: (?i)^\.PDF$`)},
		{"no extension", `{"document":{"extension":"."}}`, `{"fileType":"","filename":"README"}`, with(
			`document.extension: "." <- "" FAILED The document has no fileType, and no dot in its filename.`,
			`document.pattern: ".*" <- "README" ok`)},
		{"no filename", `{"document":{"pattern":"."}}`, `{"filename":null}`, with(
			`document.pattern: "." <- "" FAILED The document has no filename.`)},
		{"no filename, pattern takes it", `{"document":{"pattern":"^$"}}`, `{"filename":null}`, with(`document.pattern: "^$" <- "" ok`)},
		{"unanchored", `{"document":{"pattern":"\\d{4}"}}`, `{}`, with(`document.pattern: "\\d{4}" <- "inv-0042.pdf" ok`)},
		{"the .NET dialect", `{"document":{"pattern":"^(?<kind>inv)-(?=\\d)(?!0{4})[\\d-[9]]+\\.(?>pdf)$"}}`, `{}`, with(
			`document.pattern: "^(?<kind>inv)-(?=\\d)(?!0{4})[\\d-[9]]+\\.(?>pdf)$" <- "inv-0042.pdf" ok`)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sub := invoice(t)
			if err := mergeInto(sub.Document, tt.document); err != nil {
				t.Fatal(err)
			}
			conditions, err := conditionsOf(plan(t, tt.settings), sub, meta)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			failed := false
			for _, c := range conditions {
				got = append(got, line(c))
				failed = failed || !c.Passed
			}
			diff(t, tt.want, got)
			if allPassed(conditions) == failed {
				t.Errorf("Fires is %v", allPassed(conditions))
			}
		})
	}
}

// mergeInto sets members of a document, also to null.
func mergeInto(doc *forgehook.Document, members string) error {
	b, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	tree := map[string]any{}
	if err := errors.Join(json.Unmarshal(b, &tree), json.Unmarshal([]byte(members), &tree)); err != nil {
		return err
	}
	if b, err = json.Marshal(tree); err != nil {
		return err
	}
	*doc = forgehook.Document{}
	return forgehook.Decode(b, doc)
}

func TestFires_nothingExplained(t *testing.T) {
	t.Parallel()
	if allPassed(nil) {
		t.Error("a call without an explanation fires")
	}
}

// A pattern that runs away ends the call; the message repeats nothing of the document.
func TestExplain_timeout(t *testing.T) {
	t.Parallel()
	for name, pattern := range map[string]string{"time": `^(a+)+$`, "stack": `^(?:(a)|(a))*?$`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sub := invoice(t)
			long := strings.Repeat("a", 40) + "!"
			if name == "stack" {
				long = strings.Repeat("a", 200_000) + "!"
			}
			sub.Document.Filename = &long
			conditions, err := conditionsOf(plan(t, `{"document":{"pattern":`+string(toJSON(pattern))+`}}`), sub, meta)
			failure, ok := errors.AsType[*forgehook.CallError](err)
			if !ok || failure.Code != "condition_timeout" || failure.Message != "The pattern of document.pattern took too long on this document." {
				t.Errorf("got %v", err)
			}
			if len(conditions) != 6 || conditions[5].Passed || conditions[5].Hint == "" || allPassed(conditions) {
				t.Errorf("got %s", pretty(t, conditions))
			}
			if strings.Contains(err.Error(), "aaa") {
				t.Errorf("the document's value is in %q", err)
			}
		})
	}
}

// Mending exactly the failed conditions makes the webhook fire. Each mending is needed, and
// breaking any one condition makes it skip for that reason alone.
func TestExplain_mendingFires(t *testing.T) {
	t.Parallel()
	statuses := []forgehook.DocumentStatus{0, 9, 10, 13, 77, 90}
	usages := []forgehook.UsageType{2, 3, 4}
	patterns := []string{".*", "^pdf$", `^\.PDF$`, "(?i)^TIF$", "inv", "^$"}
	conditions := []string{"true", "doc.status == DocumentStatus.Processed", "doc.filename != null && doc.filename.size() > 3", "doc.classId == 1 || doc.usage == 3", "doc.comment.size() > 0"}
	rapid.Check(t, func(t *rapid.T) {
		s := withURL("https://example.com/")
		s.Enabled = rapid.Bool().Draw(t, "enabled")
		s.Document.Category = rapid.SliceOfN(rapid.Int32Range(1, 3), 0, 2).Draw(t, "categories")
		s.Document.Status = rapid.SliceOfN(rapid.SampledFrom(statuses), 0, 3).Draw(t, "statuses")
		s.Document.Usage = rapid.SliceOfN(rapid.SampledFrom(usages), 0, 2).Draw(t, "usages")
		s.Document.Extension = rapid.SampledFrom(patterns).Draw(t, "extension")
		s.Document.Pattern = rapid.SampledFrom(patterns).Draw(t, "pattern")
		s.Condition = rapid.Ptr(rapid.SampledFrom(conditions), true).Draw(t, "condition")
		doc := &forgehook.Document{
			Status:   rapid.SampledFrom(statuses).Draw(t, "status"),
			Usage:    rapid.SampledFrom(usages).Draw(t, "usage"),
			ClassID:  rapid.Ptr(rapid.Int32Range(1, 3), true).Draw(t, "classId"),
			Filename: rapid.Ptr(rapid.SampledFrom([]string{"", "inv.pdf", "INV.PDF", "a.tif"}), true).Draw(t, "filename"),
			FileType: rapid.Ptr(rapid.SampledFrom([]string{"", "pdf", ".PDF"}), true).Draw(t, "fileType"),
			Comment:  rapid.Ptr(rapid.SampledFrom([]string{"", "urgent"}), true).Draw(t, "comment"),
		}
		before := explained(t, s, doc)
		unmended := s
		for _, c := range before {
			if c.Passed {
				if c.Hint != "" {
					t.Fatalf("%s passed, with hint %q", c.Condition, c.Hint)
				}
				continue
			}
			if c.Hint == "" {
				t.Fatalf("%s failed and does not say what to change", c.Condition)
			}
			if unmended = s; allPassed(explained(t, s, doc)) {
				t.Fatalf("it fires before %s is mended", c.Condition)
			}
			mend(&s, c, doc)
		}
		after := explained(t, s, doc)
		if !allPassed(after) {
			t.Fatalf("still does not fire: %+v", after)
		}
		if !allPassed(before) && allPassed(explained(t, unmended, doc)) {
			t.Fatal("it fires without the last mending")
		}
		path := rapid.SampledFrom([]string{"enabled", "document.category", "document.status", "document.usage", "document.extension", "document.pattern", "condition"}).Draw(t, "broken")
		broken := s
		breakOne(&broken, path)
		for _, c := range explained(t, broken, doc) {
			if c.Passed == (c.Condition == path) {
				t.Fatalf("broken at %s: %+v", path, c)
			}
		}
	})
}

// mend changes only the setting of a failed condition, so that the document passes.
func mend(s *forgehook.Settings, c forgehook.Condition, doc *forgehook.Document) {
	switch c.Condition {
	case "enabled":
		s.Enabled = true
	case "document.category":
		s.Document.Category = nil
	case "document.status":
		s.Document.Status = append(slices.Clone(s.Document.Status), doc.Status)
	case "document.usage":
		s.Document.Usage = append(slices.Clone(s.Document.Usage), doc.Usage)
	case "document.extension":
		s.Document.Extension = mended(c, s.Document.Extension)
	case "document.pattern":
		s.Document.Pattern = mended(c, s.Document.Pattern)
	case "condition":
		loose := "true || " + *s.Condition
		s.Condition = &loose
	}
}

func breakOne(s *forgehook.Settings, path string) {
	never := "false"
	switch path {
	case "enabled":
		s.Enabled = false
	case "document.category":
		s.Document.Category = []int32{-1}
	case "document.status":
		s.Document.Status = []forgehook.DocumentStatus{-1}
	case "document.usage":
		s.Document.Usage = []forgehook.UsageType{-1}
	case "document.extension":
		s.Document.Extension = "a^"
	case "document.pattern":
		s.Document.Pattern = "a^"
	case "condition":
		s.Condition = &never
	}
}

// explained returns the explanation. A condition that could not be evaluated has failed.
func explained(t *rapid.T, s forgehook.Settings, doc *forgehook.Document) []forgehook.Condition {
	conditions, err := explain(s, doc)
	if _, ok := errors.AsType[*forgehook.CallError](err); err != nil && !ok {
		t.Fatal(err)
	}
	return conditions
}

func explain(s forgehook.Settings, doc *forgehook.Document) ([]forgehook.Condition, error) {
	p, err := Compile(s)
	if err != nil {
		return nil, err
	}
	return conditionsOf(p, &forgehook.Subject{Document: doc}, meta)
}

// mended follows the hint literally.
func mended(c forgehook.Condition, pattern string) string {
	if _, suggested, ok := strings.Cut(c.Hint, "this matches: "); ok {
		return suggested
	}
	return pattern + "|"
}

// The utility's own condition is the last line: it shows what it saw and what to change.
func TestExplain_condition(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, condition string
		passed          bool
		actual          string   // "": any
		hint            []string // parts of it
	}{
		{"passes", `doc.status == DocumentStatus.Processed`, true, `{"doc.status":10}`, nil},
		{"fails", `doc.status == DocumentStatus.Error`, false, `{"doc.status":10}`, nil},
		{"several operands", `doc.status == 10 && doc.id > 1000 && doc.filename == "x"`, false, `{"doc.status":10,"doc.id":912,"doc.filename":"inv-0042.pdf"}`,
			[]string{"False: doc.id > 1000.", `False: doc.filename == "x".`}},
		{"a leaf twice", `doc.id > 1 && doc.id < 1000`, true, `{"doc.id":912}`, nil},
		{"call and time", `call.reason == "nightly" && now > timestamp("2026-01-01T00:00:00Z") && call.webHookServiceId == 7`, true, "", nil},
		{"null", `doc.comment.size() > 3`, false, "", []string{"doc.comment", "null"}},
		{"markup", `doc.filename == "<&>"`, false, `{"doc.filename":"inv-0042.pdf"}`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := withURL("https://example.com/")
			s.Condition = &tt.condition
			m := meta
			m.Reason, m.WebHookServiceID = "nightly", 7
			conditions, err := conditionsOf(compiled(t, s), invoice(t), m)
			if err != nil {
				t.Fatal(err)
			}
			c := conditions[len(conditions)-1]
			if c.Condition != "condition" || len(conditions) != 7 || c.Passed != tt.passed || allPassed(conditions) != tt.passed {
				t.Errorf("got %s", pretty(t, conditions))
			}
			diff(t, string(toJSON(tt.condition)), string(c.Expected))
			if tt.actual != "" {
				diff(t, tt.actual, string(c.Actual))
			}
			if tt.passed != (c.Hint == "") && tt.hint != nil {
				t.Errorf("hint %q", c.Hint)
			}
			for _, part := range tt.hint {
				if !strings.Contains(c.Hint, part) {
					t.Errorf("hint %q lacks %q", c.Hint, part)
				}
			}
		})
	}
}

func TestExplain_conditionFailures(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, condition string
		code            forgehook.CallErrorCode
	}{
		{"error", `int(doc.filename) > 1`, "condition_error"},
		{"pattern that runs away", `doc.filename.isMatch("^(a+)+$")`, "condition_timeout"},
		{"work that grows", `[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, lists.range(1000).all(c, lists.range(1000).all(d, a + b + c + d > doc.id - 2000))))`, "condition_timeout"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := withURL("https://example.com/")
			s.Condition = &tt.condition
			sub := invoice(t)
			long := strings.Repeat("a", 40) + "!"
			sub.Document.Filename = &long
			conditions, err := conditionsOf(compiled(t, s), sub, meta)
			failure, ok := errors.AsType[*forgehook.CallError](err)
			if !ok || failure.Code != tt.code || !strings.HasPrefix(failure.Message, "condition, line 1, column ") || strings.Contains(failure.Message, "aaa") {
				t.Fatalf("got %v", err)
			}
			if c := conditions[6]; c.Passed || c.Hint == "" || string(c.Actual) != "null" || allPassed(conditions) {
				t.Errorf("got %s", pretty(t, c))
			}
		})
	}
}

// Values that depend on a secret field are masked; all others are shown.
func TestExplain_secrets(t *testing.T) {
	t.Parallel()
	s := withURL("https://example.com/")
	condition := `doc.field("Door").value == "hunter2-door" && doc.id == 1 && doc.field("Door").value.size() == 12 && doc.filename.startsWith("x")`
	s.Condition = &condition
	conditions, err := conditionsOf(compiled(t, s), subject(t, vault), meta)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, `"[secret].pdf"`, string(conditions[5].Actual))
	c := conditions[6]
	for name, want := range map[string]string{"doc.id": "1", `doc.field("Door").value`: `"[secret]"`, `doc.field("Door").value.size()`: `"[secret]"`} {
		if got := string(member(t, c.Actual, name)); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if c.Passed || strings.Contains(string(c.Actual)+c.Hint, "hunter2") || !strings.Contains(string(c.Actual), `"[secret]"`) {
		t.Errorf("got %s", pretty(t, c))
	}
}

func member(t *testing.T, object json.RawMessage, name string) json.RawMessage {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal(object, &members); err != nil {
		t.Fatal(err)
	}
	return members[name]
}
