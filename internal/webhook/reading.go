package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr"
	"github.com/forgehook/forgehook/internal/mask"
)

const (
	successPath = "response.successWhen"
	resultPath  = "response.result"
	maxResult   = 1 << 20 // bytes of a result's JSON, and of one text that is written back
)

// meaning is what the settings say about a response.
type meaning struct {
	success *expr.Program // nil: the status tells
	result  *expr.Program // nil: none
	writes  []write
}

func (f *faults) compileMeaning(s *forgehook.ResponseSettings) meaning {
	n := meaning{
		success: f.compileOver(expr.Received, expr.BoolResult, successPath, s.SuccessWhen),
		result:  f.compileOver(expr.Received, expr.AnyResult, resultPath, s.Result),
	}
	for _, w := range writesOf(&s.WriteBack) {
		if w.program = f.compileOver(expr.WriteBack, w.want, w.path, w.text); w.program == nil {
			continue
		}
		if v, constant := w.program.Constant(); constant && !v.IsNull() {
			if why := w.put(new(forgehook.WriteBack), v); why != "" {
				f.add(w.path, *w.text, why)
				continue
			}
		}
		n.writes = append(n.writes, w)
	}
	return n
}

// compileOver compiles an expression over a response. It returns nil where there is no expression,
// or a faulty one.
func (f *faults) compileOver(scope expr.Scope, want expr.Result, path string, text *string) *expr.Program {
	if text == nil || !f.takes(path, 1) {
		return nil
	}
	program, err := expr.Compile(scope, want, *text)
	if err != nil {
		f.addExpr(path, err, "")
		return nil
	}
	return program
}

// NeedsSubject reports whether judging or reading a response needs the call's subject:
// response.successWhen, response.result or a part of response.writeBack is set.
func (p *Plan) NeedsSubject() bool {
	return p.meaning.success != nil || p.meaning.result != nil || len(p.meaning.writes) > 0
}

// Awaits reports whether the call waits for the endpoint's callback after a success.
func (p *Plan) Awaits() bool { return p.settings.Callback.Await }

// responseVars are what expressions over a response see, with a budget of their own. The callback's
// URL is shown as it may be kept.
func (p *Plan) responseVars(e *Evidence) *expr.Vars {
	sub := p.subject(e.Subject)
	vars := expr.ResponseVars(sub, p.meta(e.Meta).shown().call(), &e.Exchange)
	vars.ShowEntities(entityView(sub))
	return vars
}

// verdict asks response.successWhen, which must be set; nil is a success.
func (n *meaning) verdict(vars *expr.Vars) *forgehook.CallError {
	v, err := n.success.Eval(vars)
	switch {
	case err != nil:
		return unreadable(successPath, err)
	case v.Bool():
		return nil
	}
	return &forgehook.CallError{Code: forgehook.CallErrorAnswerRefused, Message: successPath + " is false: " + n.falsePart(vars)}
}

// falsePart is the text of the operands that are false, or of all where that cannot be told.
func (n *meaning) falsePart(vars *expr.Vars) string {
	_, parts, err := n.success.Explain(vars)
	var list []string
	for _, part := range parts {
		if !part.Passed {
			list = append(list, part.Text)
		}
	}
	if err != nil || len(list) == 0 {
		list = []string{n.success.Text()}
	}
	return forgehook.Shorten(strings.Join(list, "; "), 500)
}

// unreadable says which expression over a response has given nothing.
func unreadable(path string, err error) *forgehook.CallError {
	f := failure(path, forgehook.CallErrorAnswerUnreadable, err)
	f.Code = forgehook.CallErrorAnswerUnreadable
	return f
}

// redacted is a *forgehook.CallError without secrets in its message.
func redacted(err error, redact *mask.Redactor) error {
	if f, ok := errors.AsType[*forgehook.CallError](err); ok {
		return &forgehook.CallError{Code: f.Code, Message: redact.Replace(f.Message)}
	}
	return err
}

// Read makes the result and the write-back of an exchange that succeeded, or of the callback that
// came after it. Nothing is read before the callback that a call awaits, and nothing is written
// after one that says failed. Values of secret fields, those that they have and those that they are
// given, are masked in the result and in what is said of them; what is written is true. The error
// is a *forgehook.CallError of the code answer_unreadable, result_too_large or write_back_refused,
// and comes with the secrets.
func (p *Plan) Read(e Evidence) (forgehook.Reading, error) {
	said := e.Callback
	if said == nil && (p.Awaits() || !p.NeedsSubject()) {
		return forgehook.Reading{}, nil
	}
	var made forgehook.Reading
	var vars *expr.Vars
	var secrets *mask.Secrets
	if e.Subject != nil {
		secrets = mask.Of(e.Subject)
		made.Secrets = secrets.Values()
	}
	redact := e.Redact.With(made.Secrets...)
	if p.NeedsSubject() {
		vars = p.responseVars(&e)
	}
	var err error
	if said != nil {
		made.Result, err = resultOf(said.Result)
	} else {
		made.Result, err = p.evaluateResult(vars)
	}
	if err != nil {
		return forgehook.Reading{Secrets: made.Secrets}, redacted(err, redact)
	}
	if vars == nil || said != nil && said.Ended() != forgehook.Delivered {
		made.Result = redact.ReplaceJSON(made.Result)
		return made, nil
	}
	vars.SetResult(made.Result, said)
	made.WriteBack, err = p.evaluateWrites(e.Subject, vars, redact)
	made.Secrets = append(made.Secrets, secrets.Written(made.WriteBack)...)
	redact = redact.With(made.Secrets...)
	if err != nil {
		return forgehook.Reading{Secrets: made.Secrets}, redacted(err, redact)
	}
	made.Result = redact.ReplaceJSON(made.Result)
	return made, nil
}

// evaluateWrites makes the write-back, nil for one without values. The error is the first one, and
// what could be made comes with it.
func (p *Plan) evaluateWrites(sub *forgehook.Subject, vars *expr.Vars, redact *mask.Redactor) (*forgehook.WriteBack, error) {
	var back forgehook.WriteBack
	var first error
	for i := range p.meaning.writes {
		if sub.WorkItem == nil && strings.HasPrefix(p.meaning.writes[i].path, workItemPath) {
			continue // work items that only wait for the call get theirs by ReadWorkItem
		}
		if err := p.meaning.writes[i].run(vars, &back, redact); err != nil && first == nil {
			first = err
		}
	}
	if back == (forgehook.WriteBack{}) {
		return nil, first
	}
	return &back, first
}

func (p *Plan) evaluateResult(vars *expr.Vars) (json.RawMessage, error) {
	if p.meaning.result == nil {
		return nil, nil
	}
	v, err := p.meaning.result.Eval(vars)
	if err != nil {
		return nil, unreadable(resultPath, err)
	}
	data, err := v.AppendJSON(nil)
	if err != nil {
		return nil, unreadable(resultPath, err)
	}
	return resultOf(data)
}

// resultOf is a result as it is kept: nil for null.
func resultOf(data json.RawMessage) (json.RawMessage, error) {
	switch {
	case len(data) > maxResult:
		return nil, &forgehook.CallError{Code: forgehook.CallErrorResultTooLarge, Message: fmt.Sprintf("The result has %d bytes of JSON; at most %d are kept.", len(data), maxResult)}
	case len(data) == 0 || string(data) == "null":
		return nil, nil
	}
	return data, nil
}

// ReadWorkItem makes the part of the write-back about a work item, for another item than the
// call's: the subject has that one. The result is the call's. It is nil where the settings write
// nothing, and the error is that of [Plan.Read].
func (p *Plan) ReadWorkItem(e Evidence, result json.RawMessage) (*forgehook.WorkItemWrite, error) {
	var vars *expr.Vars
	var redact *mask.Redactor
	var back forgehook.WriteBack
	for i := range p.meaning.writes {
		w := &p.meaning.writes[i]
		if !strings.HasPrefix(w.path, workItemPath) {
			continue
		}
		if vars == nil {
			redact = e.Redact.With(mask.Of(e.Subject).Values()...)
			vars = p.responseVars(&e)
			vars.SetResult(result, e.Callback)
		}
		if err := w.run(vars, &back, redact); err != nil {
			return nil, err
		}
	}
	return back.WorkItem, nil
}
