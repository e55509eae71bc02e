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
	success *expr.Program // nil: the status decides
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

// compileOver compiles an expression over a response. It returns nil where there is none or it has
// a fault.
func (f *faults) compileOver(scope expr.Scope, want expr.Result, path string, text *string) *expr.Program {
	if text == nil || !f.takes(path, 1) {
		return nil
	}
	program, err := expr.Compile(scope, want, *text, expr.In(f.language))
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

// responseVars are what expressions over a response see, with their own budget. The callback's URL
// has no token.
func (p *Plan) responseVars(e *Evidence) *expr.Vars {
	sub := p.subject(e.Subject)
	vars := expr.ResponseVars(sub, p.meta(e.Meta).shown().call(), &e.Exchange)
	vars.ShowEntities(entityView(sub))
	return vars
}

// verdict evaluates response.successWhen, which must be set; nil is a success.
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

// falsePart is the text of the operands that are false, or the whole text where none is known to
// be.
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

// unreadable says which expression over a response failed.
func unreadable(path string, err error) *forgehook.CallError {
	f := failure(path, forgehook.CallErrorAnswerUnreadable, err)
	f.Code = forgehook.CallErrorAnswerUnreadable
	return f
}

// redacted removes secrets from the message of a *forgehook.CallError.
func redacted(err error, redact *mask.Redactor) error {
	if f, ok := errors.AsType[*forgehook.CallError](err); ok {
		return &forgehook.CallError{Code: f.Code, Message: redact.Replace(f.Message)}
	}
	return err
}

// Read makes the result and the write-back of an exchange that succeeded, or of the callback that
// followed it. A call that awaits a callback reads nothing before it, and a callback that says
// failed writes nothing. The result and the messages mask the old and the new values of secret
// fields; the write-back has the true values. The error is a *forgehook.CallError with the code
// answer_unreadable, result_too_large or write_back_refused; the secrets are returned beside it.
func (p *Plan) Read(e Evidence) (forgehook.Reading, error) {
	callback := e.Callback
	if callback == nil && (p.Awaits() || !p.NeedsSubject()) {
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
	if callback != nil {
		made.Result, err = resultOf(callback.Result)
	} else {
		made.Result, err = p.evaluateResult(vars)
	}
	if err != nil {
		return forgehook.Reading{Secrets: made.Secrets}, redacted(err, redact)
	}
	if vars == nil || callback != nil && callback.Ended() != forgehook.Delivered {
		made.Result = redact.ReplaceJSON(made.Result)
		return made, nil
	}
	vars.SetResult(made.Result, callback)
	made.WriteBack, err = p.evaluateWrites(e.Subject, vars, redact)
	made.Secrets = append(made.Secrets, secrets.Written(made.WriteBack)...)
	redact = redact.With(made.Secrets...)
	if err != nil {
		return forgehook.Reading{Secrets: made.Secrets}, redacted(err, redact)
	}
	made.Result = redact.ReplaceJSON(made.Result)
	return made, nil
}

// evaluateWrites makes the write-back, nil for one without values. With the first error it returns
// the values that could be made.
func (p *Plan) evaluateWrites(sub *forgehook.Subject, vars *expr.Vars, redact *mask.Redactor) (*forgehook.WriteBack, error) {
	var back forgehook.WriteBack
	var first error
	for i := range p.meaning.writes {
		if sub.WorkItem == nil && strings.HasPrefix(p.meaning.writes[i].path, workItemPath) {
			continue // ReadWorkItem serves the items that only wait for the call
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

// resultOf returns a result as it is stored: nil for null.
func resultOf(data json.RawMessage) (json.RawMessage, error) {
	switch {
	case len(data) > maxResult:
		return nil, &forgehook.CallError{Code: forgehook.CallErrorResultTooLarge, Message: fmt.Sprintf("The result has %d bytes of JSON; at most %d are stored.", len(data), maxResult)}
	case len(data) == 0 || string(data) == "null":
		return nil, nil
	}
	return data, nil
}

// ReadWorkItem makes the write-back to another work item than the call's; e.Subject has that item,
// and result is the call's. It returns nil where the settings write nothing. The errors are those
// of [Plan.Read].
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
