package webhook

import (
	"encoding/json"
	"time"

	"github.com/forgehook/forgehook"
)

// The codes of a call whose answer does not mean what its settings ask for.
const (
	CodeAnswerRefused    = "answer_refused"     // response.successWhen is false for a 2xx answer
	CodeAnswerUnreadable = "answer_unreadable"  // an expression over the answer cannot be evaluated
	CodeResultTooLarge   = "result_too_large"   // response.result gives more than 1 MiB of JSON
	CodeWriteBackRefused = "write_back_refused" // a value has a shape that its place cannot take
)

// Reading is what an answer gives. A nil part is none.
type Reading struct {
	Result    json.RawMessage
	WriteBack *forgehook.WriteBack
}

// NeedsSubject reports whether judging or reading an answer needs the call's subject: response.successWhen, response.result or a
// part of response.writeBack is set.
func (p *Plan) NeedsSubject() bool { return false }

// Callback says whether the endpoint answers later than with its response, and how long the call waits for that from then on.
func (p *Plan) Callback() (timeout time.Duration, await bool) {
	return p.settings.Callback.Timeout, p.settings.Callback.Await
}

// Read makes the result and the write-back of a successful answer. said is what the endpoint has said later, nil where it has not: then
// nothing is read of an answer whose call awaits a callback. The error is a *Failure of the code answer_unreadable, result_too_large
// or write_back_refused.
func (p *Plan) Read(sub *forgehook.Subject, m Meta, a Answer, said *forgehook.CallbackAnswer) (Reading, error) {
	return Reading{}, nil
}

// ReadWorkItem makes the part of the write-back about a work item, for another item than the call's: sub.WorkItem is that one. The
// result is the call's. It is nil where the settings write nothing, and the error is that of [Plan.Read].
func (p *Plan) ReadWorkItem(
	sub *forgehook.Subject, m Meta, a Answer, said *forgehook.CallbackAnswer, result json.RawMessage,
) (*forgehook.WorkItemWrite, error) {
	return nil, nil
}
