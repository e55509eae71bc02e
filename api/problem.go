package api

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/forgehook/forgehook"
)

// Codes that only HTTP uses.
const (
	codeMethod   forgehook.Code = "method-not-allowed"
	codeMedia    forgehook.Code = "unsupported-media-type"
	codeRate     forgehook.Code = "rate-limited"
	codeInternal                = forgehook.Code(forgehook.CallErrorInternal)
)

// problems maps each code to its HTTP status, its title and what mends it.
var problems = map[forgehook.Code]struct {
	status      int
	title, mend string
}{
	forgehook.CodeMalformed:    {http.StatusBadRequest, "Malformed JSON", "Send JSON: `detail` says what is wrong with it."},
	forgehook.CodeUnauthorized: {http.StatusUnauthorized, "Unauthorized", "Send a key that has neither expired nor been revoked, as `X-Api-Key` or `Authorization: Bearer`."},
	forgehook.CodeForbidden:    {http.StatusForbidden, "Forbidden", "Use a key with a role that may do this: `detail` names what it has and what is needed."},
	forgehook.CodeNotFound:     {http.StatusNotFound, "Not found", "Correct the path or the id. What another tenant has is not found either."},
	codeMethod:                 {http.StatusMethodNotAllowed, "Method not allowed", "Use a method that the OpenAPI document has for this path."},
	forgehook.CodeConflict:     {http.StatusConflict, "Conflict", "Do what `detail` says, then try again."},
	forgehook.CodeCompleted:    {http.StatusConflict, "Call completed", "Make a new call: this one has its outcome."},
	forgehook.CodePaused:       {http.StatusConflict, "Utility paused", "Resume the utility: the call is sent then."},
	forgehook.CodeRunCompleted: {http.StatusConflict, "Run completed", "Nothing: the run has its outcome."},
	forgehook.CodeCallbackUsed: {http.StatusConflict, "Callback used", "Nothing: the first callback counts."},
	forgehook.CodeCallbackLate: {http.StatusGone, "Callback expired", "Call back sooner, or raise `callback.timeout`."},
	forgehook.CodeTooLarge:     {http.StatusRequestEntityTooLarge, "Too large", "Send less at a time: `detail` says how much is taken."},
	codeMedia:                  {http.StatusUnsupportedMediaType, "Unsupported media type", "Send the type that `detail` names, without `Content-Encoding`."},
	forgehook.CodeInvalid:      {http.StatusUnprocessableEntity, "Invalid", "Correct what `errors` lists, all of it at once: each has its place and what is allowed there."},
	forgehook.CodeKeyReused:    {http.StatusUnprocessableEntity, "Idempotency key reused", "Send the same body as before, or another `Idempotency-Key`."},
	codeRate:                   {http.StatusTooManyRequests, "Too many requests", "Wait for as long as `Retry-After` says; where `detail` is about streams, close one."},
	codeInternal:               {http.StatusInternalServerError, "Internal error", "Give the operator the request id in `instance`: the API's log has the whole error beside it."},
	forgehook.CodeUnavailable:  {http.StatusServiceUnavailable, "Unavailable", "Try again after `Retry-After`. With the same `Idempotency-Key` nothing is done twice."},
}

// ProblemType documents one type of problem.
type ProblemType struct {
	Type   string // as the member of that name
	Status int
	Title  string
	Mend   string
}

// ProblemTypes are all types that the API sends, sorted by status and type.
func ProblemTypes() []ProblemType {
	var list []ProblemType
	for code, p := range problems {
		list = append(list, ProblemType{problemPrefix + string(code), p.status, p.title, p.mend})
	}
	slices.SortFunc(list, func(a, b ProblemType) int { return cmp.Or(a.Status-b.Status, strings.Compare(a.Type, b.Type)) })
	return list
}

const problemPrefix = "urn:forgehook:problem:"

// statusGone is logged for a client that left before its response. It is never sent.
const statusGone = 499

// maxDrain is how much of a body that is too large is read and discarded. A client that is still
// sending when the connection closes sees a reset instead of the response.
const maxDrain = 64 << 20

// problem is an error as clients see it: RFC 9457.
type problem struct {
	Type     string         `json:"type"`     // urn:forgehook:problem:<code>; stable
	Title    string         `json:"title"`    // of the code
	Status   int            `json:"status"`   // the response's status
	Detail   string         `json:"detail"`   // what happened this time
	Instance string         `json:"instance"` // urn:forgehook:request:<X-Request-Id>
	Errors   []problemError `json:"errors"`   // every fault of the input
}

// problemError is one fault of an input.
type problemError struct {
	Location string  `json:"location"` // body.settings.webHook.method, query.limit, path.id
	Message  string  `json:"message"`  // what is allowed
	Value    *string `json:"value"`    // the faulty value, shortened; null for secrets and for absent values
}

// secretName matches places whose values are not repeated. A secret may stand in the wrong place.
var secretName = regexp.MustCompile(`(?i)pass|secret|token|auth|api-?key`)

// fail sends an error as a problem. An error with a code speaks for itself; any other one is
// "Internal error" to the client and is logged with its whole chain.
func (s *server) fail(r *request, err error) {
	if errors.Is(err, context.Canceled) && r.gin.Request.Context().Err() != nil {
		r.status = statusGone
		return
	}
	e := &forgehook.Error{Code: codeInternal, Detail: "Something went wrong here; the log has the request id."}
	if known, ok := errors.AsType[*forgehook.Error](err); ok {
		if _, ok := problems[known.Code]; ok {
			e = known
		}
	}
	switch e.Code {
	case codeInternal:
		s.log.LogAttrs(r.gin.Request.Context(), slog.LevelError, "internal error", slog.String("request_id", r.id), slog.Any("error", err))
	case forgehook.CodeUnavailable:
		s.log.LogAttrs(r.gin.Request.Context(), slog.LevelWarn, "unavailable", slog.String("request_id", r.id), slog.Any("error", err))
		r.gin.Header("Retry-After", "5")
	case forgehook.CodeTooLarge:
		if r.read || r.gin.GetHeader("Expect") == "" { // otherwise the client has not sent the body yet, and reading would ask for it
			_, _ = io.CopyN(io.Discard, r.raw, maxDrain)
		}
		r.gin.Header("Connection", "close")
	case forgehook.CodeUnauthorized:
		r.gin.Header("WWW-Authenticate", `Bearer realm="forgehook"`)
	}
	known := problems[e.Code]
	p := problem{
		Type: problemPrefix + string(e.Code), Title: known.title, Status: known.status, Detail: e.Detail,
		Instance: "urn:forgehook:request:" + r.id, Errors: []problemError{},
	}
	for _, f := range e.Fields {
		fault := problemError{Location: location(f.Path), Message: f.Allowed}
		if f.Value != "" && !secretName.MatchString(f.Path) {
			fault.Value = &f.Value
		}
		p.Errors = append(p.Errors, fault)
	}
	s.write(r, p.Status, problemMedia, p)
}

// location completes the place of a fault. The API's own faults have the whole place; the store's
// start at the page or the body.
func location(path string) string {
	whole := func(part string) bool {
		return path == part || strings.HasPrefix(path, part+".") || strings.HasPrefix(path, part+"[")
	}
	switch {
	case slices.ContainsFunc([]string{"body", "path", "query", "header"}, whole):
		return path
	case path == "cursor", path == "limit":
		return "query." + path
	default:
		return forgehook.Under("body", []forgehook.FieldError{{Path: path}})[0].Path
	}
}
