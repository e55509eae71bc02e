package webhook

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/jsontree"
	"github.com/forgehook/forgehook/internal/mask"
)

// Explain tests every condition, in the order of all explanations. It does not stop at the first
// failure: an operator mends all of them at once. One failed condition is enough not to fire, even
// where another could not be evaluated. Values of secret fields are masked.
func (p *Plan) Explain(sub *forgehook.Subject, m Meta) forgehook.Explained {
	sub, m = p.subject(sub), p.meta(m).shown()
	doc, filter := sub.Document, p.settings.Document
	failures := map[string]*forgehook.CallError{} // by path
	conditions := []forgehook.Condition{
		p.enabled(),
		category(filter.Category, doc.ClassID),
		status(filter.Status, doc.Status),
		usage(filter.Usage, doc.Usage),
		filename("document.extension", p.extension, doc.Extension(), failures),
		filename("document.pattern", p.pattern, text(doc.Filename), failures),
	}
	if p.condition != nil {
		conditions = append(conditions, p.explainCondition(sub, m, failures))
	}
	if secrets := mask.Of(sub); secrets.Found() {
		p.maskConditions(conditions, secrets, m)
	}
	explained := forgehook.Explained{Conditions: conditions}
	for _, c := range conditions {
		switch f := failures[c.Condition]; {
		case f == nil && !c.Passed:
			return forgehook.Explained{Conditions: conditions}
		case f != nil && explained.Failure == nil:
			explained.Failure = f
		}
	}
	return explained
}

// condition makes one line; hint is used where it failed.
func condition(path string, expected, actual any, passed bool, hint string) forgehook.Condition {
	c := forgehook.Condition{Condition: path, Expected: toJSON(expected), Actual: toJSON(actual), Passed: passed}
	if !passed {
		c.Hint = hint
	}
	return c
}

func (p *Plan) enabled() forgehook.Condition {
	on := p.settings.Enabled
	return condition("enabled", true, on, on, "Set enabled to true. To keep calls for later instead of skipping them, pause the utility.")
}

func category(filter []int32, classID *int32) forgehook.Condition {
	const path = "document.category"
	expected := single(filter, func(n int32) any { return n })
	if classID == nil {
		return condition(path, expected, nil, len(filter) == 0,
			"The document has no category (classId is null): classify it, or set document.category to null.")
	}
	return condition(path, expected, *classID, passes(filter, *classID),
		fmt.Sprintf("Add %d to document.category, set it to null for any, or give the document another category.", *classID))
}

func status(filter []forgehook.DocumentStatus, actual forgehook.DocumentStatus) forgehook.Condition {
	return condition("document.status", names(filter), name(actual), passes(filter, actual), fmt.Sprintf(
		"Call when the document has %s, or add %v to document.status.", oneOf(filter, "that status", "one of those statuses"), name(actual)))
}

func oneOf[T any](filter []T, one, several string) string {
	if len(filter) > 1 {
		return several
	}
	return one
}

func usage(filter []forgehook.UsageType, actual forgehook.UsageType) forgehook.Condition {
	hint := fmt.Sprintf("Call with a document of %s, or add %v to document.usage.", oneOf(filter, "that usage", "one of those usages"), name(actual))
	if actual == forgehook.UsageInbox && slices.Contains(filter, forgehook.UsageOutbox) {
		hint = "This is a source document. Call with the Outbox document that was made from it (its masterId is this id), or add Inbox to document.usage."
	}
	return condition("document.usage", names(filter), name(actual), passes(filter, actual), hint)
}

func filename(path string, want *pattern, actual string, failures map[string]*forgehook.CallError) forgehook.Condition {
	passed, err := matches(path, want, actual)
	hint := "The pattern does not match: widen " + path + `, or set it to ".*" for any.`
	switch {
	case err != nil:
		hint = "The match was stopped after " + matchBudget.String() + " or too much backtracking: write the pattern without nested repetition."
		failures[path] = &forgehook.CallError{Code: forgehook.CallErrorConditionTimeout, Message: "The pattern of " + path + " took too long on this document."}
	case passed:
	case actual == "":
		hint = missing[path]
	default:
		if folded := want.ignoringCase(); folded != nil {
			if ok, err := matches(path, folded, actual); ok && err == nil {
				hint = "Only upper and lower case differ; this matches: " + folded.text
			}
		}
	}
	return condition(path, want.text, actual, passed, hint)
}

var missing = map[string]string{
	"document.extension": "The document has no fileType, and no dot in its filename.",
	"document.pattern":   "The document has no filename.",
}

// matches tries an extension without its dot and, if it has one, with it.
func matches(path string, want *pattern, actual string) (bool, error) {
	passed, err := want.match(actual)
	if passed || err != nil || actual == "" || path != "document.extension" {
		return passed, err
	}
	return want.match("." + actual)
}

// passes reports whether a filter accepts a value; an empty filter accepts all.
func passes[T comparable](filter []T, actual T) bool {
	return len(filter) == 0 || slices.Contains(filter, actual)
}

// named is an enum whose values have names.
type named interface {
	~int32
	comparable
	fmt.Stringer
}

// name returns an enum's name, or its number where it has no name.
func name[E named](e E) any {
	if s := e.String(); s != strconv.Itoa(int(e)) {
		return s
	}
	return int32(e)
}

func names[E named](filter []E) any { return single(filter, func(e E) any { return name(e) }) }

// single shows a filter as settings write it: null for any value, one value without a list.
func single[T any](filter []T, show func(T) any) any {
	shown := make([]any, len(filter))
	for i, v := range filter {
		shown[i] = show(v)
	}
	switch len(shown) {
	case 0:
		return nil
	case 1:
		return shown[0]
	}
	return shown
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// toJSON writes names, numbers and texts, which cannot fail.
func toJSON(v any) json.RawMessage {
	data, _ := jsontree.Marshal(v)
	return data
}
