package forgehook

import (
	"slices"
	"strconv"
	"strings"
)

// CallErrorCode says why a call, an attempt or a run failed. Codes are stable.
type CallErrorCode string

// CallError is a code and what happened.
type CallError struct {
	Code    CallErrorCode `json:"code"`
	Message string        `json:"message"` // what the code means, or what happened this time
}

// Error makes CallError an error. The messages of rules hold no document value, except that
// [CallErrorWriteBackRefused] quotes the value that does not fit.
func (e *CallError) Error() string { return string(e.Code) + ": " + e.Message }

// The codes. [CallErrors] says what each means and what to do about it.
const (
	CallErrorCondition        CallErrorCode = "condition_error"
	CallErrorConditionTimeout CallErrorCode = "condition_timeout"

	CallErrorURL             CallErrorCode = "url_error"
	CallErrorHeader          CallErrorCode = "header_error"
	CallErrorBody            CallErrorCode = "body_error"
	CallErrorPayload         CallErrorCode = "payload_error"
	CallErrorExpression      CallErrorCode = "expression_error"
	CallErrorExpressionNull  CallErrorCode = "expression_null"
	CallErrorExpressionLimit CallErrorCode = "expression_limit"
	CallErrorSettings        CallErrorCode = "settings_not_allowed"
	CallErrorInvalid                       = CallErrorCode(CodeInvalid)
	CallErrorNotFound                      = CallErrorCode(CodeNotFound)

	CallErrorDNS          CallErrorCode = "dns_error"
	CallErrorRefused      CallErrorCode = "connection_refused"
	CallErrorReset        CallErrorCode = "connection_reset"
	CallErrorTimeout      CallErrorCode = "timeout"
	CallErrorTLS          CallErrorCode = "tls_error"
	CallErrorTLSUntrusted CallErrorCode = "tls_untrusted"
	CallErrorGuardBlocked CallErrorCode = "guard_blocked"
	CallErrorBadRequest   CallErrorCode = "bad_request"
	CallErrorBadResponse  CallErrorCode = "bad_response"
	CallErrorNoAnswer     CallErrorCode = "no_answer"

	CallErrorAnswerRefused    CallErrorCode = "answer_refused"
	CallErrorAnswerUnreadable CallErrorCode = "answer_unreadable"
	CallErrorResultTooLarge   CallErrorCode = "result_too_large"
	CallErrorWriteBackRefused CallErrorCode = "write_back_refused"
	CallErrorCallbackFailed   CallErrorCode = "callback_failed"
	CallErrorCallbackTimeout  CallErrorCode = "callback_timeout"

	CallErrorDeadlinePassed CallErrorCode = "deadline_passed"
	CallErrorCanceled       CallErrorCode = "canceled"
	CallErrorTerminated     CallErrorCode = "terminated"
	CallErrorWorkerLost     CallErrorCode = "worker_lost"
	CallErrorInternal       CallErrorCode = "internal"

	CallErrorCallFailed CallErrorCode = "call_failed"
	CallErrorTooSlow    CallErrorCode = "too_slow"
)

// The families: codes that end in a status or state.
const (
	httpFamily = "http_"
	runFamily  = "run_"
)

// CallErrorHTTP is the code of a response whose status is no success.
func CallErrorHTTP(status int) CallErrorCode {
	return CallErrorCode(httpFamily + strconv.Itoa(status))
}

// CallErrorRun is the code of a workflow that ended in a state of the engine without an outcome.
func CallErrorRun(state string) CallErrorCode { return CallErrorCode(runFamily + state) }

// CallErrorKind declares a code or a family of codes.
type CallErrorKind struct {
	When    string        // the step that failed
	Code    CallErrorCode // a family has a placeholder: http_<status>
	Pattern string        // regular expression for the codes of a family; "" for one code
	Means   string        // clause without a full stop
	Retried bool          // attempts go on until none is left or the deadline passes
	Mend    string        // what the reader can do
}

// The steps that can fail.
const (
	whenConditions = "Telling whether the webhook fires"
	whenRequest    = "Making the request"
	whenExchange   = "Reaching the endpoint"
	whenResponse   = "Reading the response"
	whenCall       = "Bringing the call to its end"
	whenElsewhere  = "Runs of events, and backtests"
)

var callErrors = []CallErrorKind{
	{whenConditions, CallErrorCondition, "", "the condition cannot be evaluated for this document", false,
		"Correct `condition`: the message names the place. A preview tries it on any document."},
	{whenConditions, CallErrorConditionTimeout, "", "a pattern or the condition takes too long", false,
		"Write the pattern without nested repetition, or the condition with fewer steps."},

	{whenRequest, CallErrorURL, "", "the built URL is too long, or is not the one that was meant", false,
		"Correct `webHook.url`, or the value that the message points at."},
	{whenRequest, CallErrorHeader, "", "a built header is too long, or cannot be sent", false,
		"Correct the template of the header that the message names."},
	{whenRequest, CallErrorBody, "", "the built body is too long, or is not JSON", false,
		"Correct `webHook.body`: the message gives line and column."},
	{whenRequest, CallErrorPayload, "", "the default payload cannot be written as JSON", false,
		"Look at the document for a value that JSON cannot hold, or write a `webHook.body`."},
	{whenRequest, CallErrorExpression, "", "an expression cannot be calculated for this document", false,
		"Correct the expression that the message points at. A preview tries it on any document."},
	{whenRequest, CallErrorExpressionNull, "", "an expression calculates with null", false,
		"Test for null first, or give another value with `coalesce`."},
	{whenRequest, CallErrorExpressionLimit, "", "an expression takes too long, needs too much memory or gives too much", false,
		"Write it with fewer steps, or make the document smaller."},
	{whenRequest, CallErrorSettings, "", "the settings of the call are not allowed any more", false,
		"Save the utility's settings again, mend what the response names, and make a new call."},
	{whenRequest, CallErrorInvalid, "", "the settings of the call cannot be used", false,
		"Save the utility's settings again, mend what the response names, and make a new call."},
	{whenRequest, CallErrorNotFound, "", "what the call needs is gone", false,
		"Look whether the utility, its service or its project was deleted; the worker's log says what is missing."},

	{whenExchange, CallErrorDNS, "", "host name not resolved", true,
		"Correct the host of `webHook.url`, or its entry in DNS."},
	{whenExchange, CallErrorRefused, "", "connection refused", true,
		"Start the endpoint, and let it be reached on its port."},
	{whenExchange, CallErrorReset, "", "connection reset", true,
		"Look into the log of the endpoint, or of the proxy before it, for why it hung up."},
	{whenExchange, CallErrorTimeout, "", "timed out", true,
		"Make the endpoint quicker, let it take the request and call back (`callback.await`), or raise `delivery.timeout`."},
	{whenExchange, CallErrorTLS, "", "TLS handshake failed", true,
		"Let the endpoint speak TLS 1.2 or later on this port."},
	{whenExchange, CallErrorTLSUntrusted, "", "TLS certificate not trusted", true,
		"Renew the endpoint's certificate, or have the operator trust its authority."},
	{whenExchange, CallErrorGuardBlocked, "", "address not allowed", false,
		"Use a public address over https, or have the operator add it to `FORGEHOOK_EGRESS_ALLOW`."},
	{whenExchange, CallErrorBadRequest, "", "request cannot be sent", false,
		"Correct the URL, method or header that the message names."},
	{whenExchange, CallErrorBadResponse, "", "no valid HTTP answer", true,
		"Look whether an HTTP server listens on this port, and how many headers it sends."},
	{whenExchange, CallErrorNoAnswer, "", "no answer", true,
		"Look into the log of the endpoint."},

	{whenResponse, httpFamily + "<status>", "^http_[1-9][0-9]{2}$", "the endpoint answers with this status, which is no success", true,
		"What the status asks for. Not tried again are 3xx, 400, 405, 410, 413, 414, 415, 422 and 501."},
	{whenResponse, CallErrorAnswerRefused, "", "response.successWhen is false for a 2xx response", false,
		"Look at the response of the attempt: the endpoint says there why it refused, or the expression is wrong."},
	{whenResponse, CallErrorAnswerUnreadable, "", "an expression over the response cannot be evaluated", false,
		"Correct the expression that the message names; the attempt shows the response."},
	{whenResponse, CallErrorResultTooLarge, "", "the result is too large", false,
		"Let `response.result` take less of the response, at most 1 MiB of JSON; a workflow that asked for calls gets at most 64 KiB."},
	{whenResponse, CallErrorWriteBackRefused, "", "a value does not fit where it is to be written", false,
		"Correct the part of `response.writeBack` that the message names."},
	{whenResponse, CallErrorCallbackFailed, "", "the endpoint called back that it failed", false,
		"What the message says: it is the endpoint's own."},
	{whenResponse, CallErrorCallbackTimeout, "", "the endpoint took the request, and did not call back within callback.timeout", false,
		"Look into the log of the endpoint, or raise `callback.timeout`."},

	{whenCall, CallErrorDeadlinePassed, "", "the call did not end within its deadline", true,
		"The last attempt says what kept it from ending. A longer `delivery.deadline` gives the endpoint more time."},
	{whenCall, CallErrorCanceled, "", "canceled", false,
		"Nothing, if it was meant: somebody canceled it, or the work item that waited for it is gone."},
	{whenCall, CallErrorTerminated, "", "the workflow was ended in Temporal", false,
		"Cancel calls by the API instead. Make a new call if it is still wanted."},
	{whenCall, runFamily + "<state>", "^run_(completed|failed|timed_out)$", "the workflow ended without an outcome", false,
		"Look into the worker's log and at the workflow in Temporal, and make a new call."},
	{whenCall, CallErrorWorkerLost, "", "the worker died during three attempts in a row; nobody knows whether the endpoint got them", true,
		"Look why the workers died: a request or a response that needs too much memory. The endpoint may have got the request."},
	{whenCall, CallErrorInternal, "", "a step failed: see the worker's log", false,
		"The operator finds the whole error in the log of the worker or of the API."},

	{whenElsewhere, CallErrorCallFailed, "", "a call of a utility with onFailure error failed", false,
		"Mend what made that call fail, and raise the event again for the documents that were not called for."},
	{whenElsewhere, CallErrorTooSlow, "", "the conditions take too long", false,
		"Test fewer calls at a time, or write the condition with fewer steps."},
}

// CallErrors declares every code of [CallError], in the order in which a call may meet them.
func CallErrors() []CallErrorKind { return slices.Clone(callErrors) }

// kind is the declaration of a code or of its family, nil for an unknown code.
func (c CallErrorCode) kind() *CallErrorKind {
	for i := range callErrors {
		family, _, isFamily := strings.Cut(string(callErrors[i].Code), "<")
		if callErrors[i].Code == c || isFamily && strings.HasPrefix(string(c), family) {
			return &callErrors[i]
		}
	}
	return nil
}

// Declared reports whether the code is in [CallErrors].
func (c CallErrorCode) Declared() bool { return c.kind() != nil }

// Means is the code in words: a clause without a full stop. An unknown code means itself.
func (c CallErrorCode) Means() string {
	if k := c.kind(); k != nil {
		return k.Means
	}
	return string(c)
}

// Because is an error whose message is what the code means, as a sentence.
func (c CallErrorCode) Because() *CallError {
	means := c.Means()
	return &CallError{Code: c, Message: strings.ToUpper(means[:1]) + means[1:] + "."}
}
