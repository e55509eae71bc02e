package api

import (
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

// Codes that only HTTP knows.
const (
	codeMethod   forgehook.Code = "method-not-allowed"
	codeMedia    forgehook.Code = "unsupported-media-type"
	codeRate     forgehook.Code = "rate-limited"
	codeInternal                = forgehook.Code(forgehook.CallErrorInternal)
)

// problems is the one table from codes to what HTTP says.
var problems = map[forgehook.Code]struct {
	status int
	title  string
}{
	forgehook.CodeMalformed:    {http.StatusBadRequest, "Malformed JSON"},
	forgehook.CodeUnauthorized: {http.StatusUnauthorized, "Unauthorized"},
	forgehook.CodeForbidden:    {http.StatusForbidden, "Forbidden"},
	forgehook.CodeNotFound:     {http.StatusNotFound, "Not found"},
	codeMethod:                 {http.StatusMethodNotAllowed, "Method not allowed"},
	forgehook.CodeConflict:     {http.StatusConflict, "Conflict"},
	forgehook.CodeCompleted:    {http.StatusConflict, "Call completed"},
	forgehook.CodePaused:       {http.StatusConflict, "Utility paused"},
	forgehook.CodeRunCompleted: {http.StatusConflict, "Run completed"},
	forgehook.CodeCallbackUsed: {http.StatusConflict, "Callback used"},
	forgehook.CodeCallbackLate: {http.StatusGone, "Callback expired"},
	forgehook.CodeTooLarge:     {http.StatusRequestEntityTooLarge, "Too large"},
	codeMedia:                  {http.StatusUnsupportedMediaType, "Unsupported media type"},
	forgehook.CodeInvalid:      {http.StatusUnprocessableEntity, "Invalid"},
	forgehook.CodeKeyReused:    {http.StatusUnprocessableEntity, "Idempotency key reused"},
	codeRate:                   {http.StatusTooManyRequests, "Too many requests"},
	codeInternal:               {http.StatusInternalServerError, "Internal error"},
	forgehook.CodeUnavailable:  {http.StatusServiceUnavailable, "Unavailable"},
}

const problemPrefix = "urn:forgehook:problem:"

// statusGone is logged for a client that left before its answer; it is never sent.
const statusGone = 499

// maxDrain is what is read and thrown away of a body that is too large: a client that is still sending when the connection closes
// sees a reset instead of the answer.
const maxDrain = 64 << 20

// problem is an error as clients see it: RFC 9457.
type problem struct {
	Type     string         `json:"type"`     // urn:forgehook:problem:<code>; stable
	Title    string         `json:"title"`    // of the code
	Status   int            `json:"status"`   // as the answer's
	Detail   string         `json:"detail"`   // what happened this time
	Instance string         `json:"instance"` // urn:forgehook:request:<X-Request-Id>
	Errors   []problemError `json:"errors"`   // every fault of the input
}

// problemError is one fault of an input.
type problemError struct {
	Location string  `json:"location"` // body.settings.webHook.method, query.limit, path.id
	Message  string  `json:"message"`  // what is allowed
	Value    *string `json:"value"`    // what stood there, shortened; null for secrets and where nothing stood
}

// secretName matches places whose values are not repeated: a secret may stand where it does not belong.
var secretName = regexp.MustCompile(`(?i)pass|secret|token|auth|api-?key`)

// fail answers an error: what it says of itself where it has a code, else "Internal error" outside and the whole chain in the log.
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
		if r.read || r.gin.GetHeader("Expect") == "" { // else it has not been sent, and reading asks for it
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
	s.write(r, p.Status, "application/problem+json", p)
}

// location completes the place of a fault. Those found here have it whole; the store names its own from the page or the body.
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
