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

// compileCondition returns the utility's own condition, nil when there is none.
func (f *faults) compileCondition(text *string) *expr.Program {
	if text == nil {
		return nil
	}
	program, err := expr.Compile(expr.Subject, expr.BoolResult, *text)
	if err != nil {
		f.addExpr(conditionPath, err, "")
		return nil
	}
	return program
}

// explainCondition tests the utility's own condition. What it saw is one object over all its
// operands; its hint says what to change for each that failed.
func (p *Plan) explainCondition(sub *forgehook.Subject, m Meta, untold map[string]*forgehook.CallError) forgehook.Condition {
	c := condition(conditionPath, p.condition.Text(), nil, false, "")
	passed, parts, err := p.condition.Explain(m.vars(sub))
	if err != nil {
		f := conditionFailure(err)
		untold[conditionPath] = f
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

// hints joins those of the failed operands, each behind the operand where there are several.
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

// leaf is something in a condition that depends on the subject, and its value.
type leaf struct {
	name  string
	value json.RawMessage
}

// seen lists what the operands of a condition saw, each leaf once, in the order of the text.
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

// maskConditions takes secrets out of an explanation. What a condition saw is told again for the
// subject without secrets: a leaf that differs depends on one.
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
