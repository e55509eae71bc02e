package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

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
			`document.category: 1 <- 3307 FAILED`,
			`document.status: "Error" <- "Processed" FAILED`,
			`document.usage: "Label" <- "Outbox" FAILED`,
			`document.extension: "^tif$" <- "pdf" FAILED`,
			`document.pattern: "^scan" <- "inv-0042.pdf" FAILED`,
		}},
		{"any", `{"document":{"status":[],"usage":[]}}`, `{"status":9,"usage":2,"classId":null}`, with(
			`document.category: null <- null ok`, `document.status: null <- "Verification" ok`, `document.usage: null <- "Inbox" ok`)},
		{"several, one matches", `{"document":{"category":[1,3307],"status":["Verification","Processed"],"usage":"Inbox;Outbox"}}`, `{}`, with(
			`document.category: [1,3307] <- 3307 ok`, `document.status: ["Verification","Processed"] <- "Processed" ok`,
			`document.usage: ["Inbox","Outbox"] <- "Outbox" ok`)},
		{"several, none matches", `{"document":{"status":"Verification;Error"}}`, `{}`, with(
			`document.status: ["Verification","Error"] <- "Processed" FAILED`)},
		{"category of an unclassified document", `{"document":{"category":3307}}`, `{"classId":null}`, with(
			`document.category: 3307 <- null FAILED The document has no category (classId is null): classify it, or set document.category to null.`)},
		{"a status without a name", `{}`, `{"status":77}`, with(`document.status: "Processed" <- 77 FAILED`)},
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
			`document.pattern: "^(?\u003ckind\u003einv)-(?=\\d)(?!0{4})[\\d-[9]]+\\.(?\u003epdf)$" <- "inv-0042.pdf" ok`)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sub := invoice(t)
			if err := mergeInto(sub.Document, tt.document); err != nil {
				t.Fatal(err)
			}
			conditions, err := plan(t, tt.settings).Explain(sub)
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
			if Fires(conditions) == failed {
				t.Errorf("Fires is %v", Fires(conditions))
			}
		})
	}
}

// mergeInto sets members of a document, null included.
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
	if Fires(nil) {
		t.Error("a call without an explanation fires")
	}
}

// A pattern that runs away ends the call, in bounded time, and says nothing about the document.
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
			start := time.Now()
			conditions, err := plan(t, `{"document":{"pattern":`+string(toJSON(pattern))+`}}`).Explain(sub)
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
			failure, ok := errors.AsType[*Failure](err)
			if !ok || failure.Code != "condition_timeout" || failure.Message != "The pattern of document.pattern took too long on this document." {
				t.Errorf("got %v", err)
			}
			if len(conditions) != 6 || conditions[5].Passed || conditions[5].Hint == "" || Fires(conditions) {
				t.Errorf("got %s", pretty(t, conditions))
			}
			if strings.Contains(err.Error(), "aaa") {
				t.Errorf("the document's value is in %q", err)
			}
		})
	}
}

// Mending what the explanation says failed makes the webhook fire, and a failed condition is the only thing that keeps it from firing.
func TestExplain_mendingFires(t *testing.T) {
	t.Parallel()
	statuses := []forgehook.DocumentStatus{0, 9, 10, 13, 77, 90}
	usages := []forgehook.UsageType{2, 3, 4}
	patterns := []string{".*", "^pdf$", `^\.PDF$`, "(?i)^TIF$", "inv", "^$"}
	rapid.Check(t, func(t *rapid.T) {
		s := forgehook.DefaultSettings()
		url := "https://example.com/"
		s.WebHook.URL = &url
		s.Enabled = rapid.Bool().Draw(t, "enabled")
		s.Document.Category = rapid.SliceOfN(rapid.Int32Range(1, 3), 0, 2).Draw(t, "categories")
		s.Document.Status = rapid.SliceOfN(rapid.SampledFrom(statuses), 0, 3).Draw(t, "statuses")
		s.Document.Usage = rapid.SliceOfN(rapid.SampledFrom(usages), 0, 2).Draw(t, "usages")
		s.Document.Extension = rapid.SampledFrom(patterns).Draw(t, "extension")
		s.Document.Pattern = rapid.SampledFrom(patterns).Draw(t, "pattern")
		doc := &forgehook.Document{
			Status:   rapid.SampledFrom(statuses).Draw(t, "status"),
			Usage:    rapid.SampledFrom(usages).Draw(t, "usage"),
			ClassID:  rapid.Ptr(rapid.Int32Range(1, 3), true).Draw(t, "classId"),
			Filename: rapid.Ptr(rapid.SampledFrom([]string{"", "inv.pdf", "INV.PDF", "a.tif"}), true).Draw(t, "filename"),
			FileType: rapid.Ptr(rapid.SampledFrom([]string{"", "pdf", ".PDF"}), true).Draw(t, "fileType"),
		}
		before, err := explain(s, doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range before {
			if c.Passed {
				if c.Hint != "" {
					t.Fatalf("%s passed, with hint %q", c.Condition, c.Hint)
				}
				continue
			}
			switch c.Condition {
			case "enabled":
				s.Enabled = true
			case "document.category":
				s.Document.Category = nil
			case "document.status":
				s.Document.Status = append(s.Document.Status, doc.Status)
			case "document.usage":
				s.Document.Usage = append(s.Document.Usage, doc.Usage)
			case "document.extension":
				s.Document.Extension = mended(c, s.Document.Extension)
			case "document.pattern":
				s.Document.Pattern = mended(c, s.Document.Pattern)
			}
		}
		after, err := explain(s, doc)
		if err != nil {
			t.Fatal(err)
		}
		if !Fires(after) {
			t.Fatalf("still does not fire: %+v", after)
		}
	})
}

func explain(s forgehook.Settings, doc *forgehook.Document) ([]forgehook.Condition, error) {
	p, err := Compile(s)
	if err != nil {
		return nil, err
	}
	return p.Explain(&forgehook.Subject{Document: doc})
}

// mended takes the hint at its word.
func mended(c forgehook.Condition, pattern string) string {
	if _, suggested, ok := strings.Cut(c.Hint, "this matches: "); ok {
		return suggested
	}
	return pattern + "|"
}

func BenchmarkExplain(b *testing.B) {
	sub := invoice(b)
	for name, s := range map[string]string{
		"defaults": `{}`,
		"patterns": `{"document":{"category":3307,"extension":"^(pdf|tiff?)$","pattern":"(?i)^inv-\\d{4}\\.pdf$"}}`,
	} {
		p := plan(b, s)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if c, err := p.Explain(sub); err != nil || !Fires(c) {
					b.Fatal(c, err)
				}
			}
		})
	}
}
