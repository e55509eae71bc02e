package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr"
	"github.com/forgehook/forgehook/internal/jsontree"
	"github.com/forgehook/forgehook/internal/mask"
)

const conditionPath = "condition"

// compileCondition returns the utility's own condition, or nil.
func (f *faults) compileCondition(text *string) *expr.Program {
	if text == nil {
		return nil
	}
	program, err := expr.Compile(expr.Subject, expr.BoolResult, *text, expr.In(f.language))
	if err != nil {
		f.addExpr(conditionPath, err, "")
		return nil
	}
	return program
}

// explainCondition tests the utility's own condition. Actual is one object with the values of all
// operands; the hint says what to change for each operand that failed.
func (p *Plan) explainCondition(sub *forgehook.Subject, m Meta, failures map[string]*forgehook.CallError) forgehook.Condition {
	c := condition(conditionPath, p.condition.Text(), nil, false, "")
	passed, parts, err := p.condition.Explain(m.vars(sub))
	if err != nil {
		f := conditionFailure(err)
		failures[conditionPath] = f
		c.Hint = f.Message
		return c
	}
	c.Passed, c.Actual = passed, object(seen(parts))
	if !passed {
		c.Hint = hints(parts)
	}
	return c
}

func conditionFailure(err error) *forgehook.CallError {
	f := failure(conditionPath, forgehook.CallErrorCondition, err)
	if limit, ok := errors.AsType[*expr.Failure](err); ok && limit.Code == forgehook.CallErrorExpressionLimit {
		f.Code = forgehook.CallErrorConditionTimeout
	} else {
		f.Code = forgehook.CallErrorCondition
	}
	return f
}

// hints joins the hints of the failed operands. Where there are several, each follows its operand.
func hints(parts []expr.Part) string {
	var list []string
	for _, part := range parts {
		switch {
		case part.Passed:
		case len(parts) == 1 && part.Hint == "":
			list = append(list, "It is false for what it saw: see actual.")
		case len(parts) == 1:
			list = append(list, part.Hint)
		case part.Hint == "":
			list = append(list, "False: "+part.Text+".")
		default:
			list = append(list, "False: "+part.Text+". "+strings.TrimSuffix(part.Hint, ".")+".")
		}
	}
	return strings.Join(list, " ")
}

// leaf is a part of a condition that depends on the subject, with its value.
type leaf struct {
	name  string
	value json.RawMessage
}

// seen lists the leaves of all operands in the order of the text, each once.
func seen(parts []expr.Part) []leaf {
	var list []leaf
	known := map[string]bool{}
	for _, part := range parts {
		tree, err := jsontree.Parse(part.Actual)
		if err != nil {
			continue
		}
		for member := range tree.All() {
			if name := member.Name(); !known[name] {
				known[name] = true
				list = append(list, leaf{name, member.Append(nil)})
			}
		}
	}
	return list
}

func object(leaves []leaf) json.RawMessage {
	out := []byte{'{'}
	for i, l := range leaves {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(jsontree.AppendString(out, l.name), ':'), l.value...)
	}
	return append(out, '}')
}

// maskConditions hides secrets in an explanation. It evaluates the condition again for the masked
// subject: a leaf whose value differs depends on a secret.
func (p *Plan) maskConditions(conditions []forgehook.Condition, secrets *mask.Secrets, m Meta) {
	redact := mask.NewRedactor(secrets.Values()...)
	for i := range conditions {
		c := &conditions[i]
		if c.Condition == conditionPath && string(c.Actual) != "null" {
			p.maskCondition(c, secrets.Masked(redact), m)
		}
		c.Actual = redact.ReplaceJSON(c.Actual)
		c.Hint = redact.Replace(c.Hint)
	}
}

func (p *Plan) maskCondition(c *forgehook.Condition, masked *forgehook.Subject, m Meta) {
	_, parts, err := p.condition.Explain(m.vars(masked))
	if err != nil {
		c.Actual = toJSON(forgehook.Masked)
		return
	}
	safe := map[string]json.RawMessage{}
	for _, l := range seen(parts) {
		safe[l.name] = l.value
	}
	leaves := seen([]expr.Part{{Actual: c.Actual}})
	for i, l := range leaves {
		if !bytes.Equal(safe[l.name], l.value) {
			leaves[i].value = toJSON(forgehook.Masked)
		}
	}
	c.Actual = object(leaves)
}
