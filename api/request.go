package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/jsontree"
)

const (
	maxBody   = 16 << 20
	maxImport = 256 << 20

	lineMedia = "application/x-ndjson"
)

// request is one exchange on its way through this room: who asks, the body, and the faults found so
// far.
type request struct {
	gin    *gin.Context
	raw    io.Reader        // the body as it comes in, unbounded
	id     string           // X-Request-Id
	key    forgehook.APIKey // zero before admission
	hash   []byte           // of the key
	body   []byte           // as far as register reads it
	tree   *jsontree.Node   // the body, once somebody has parsed it
	status int              // for the log, where nothing could be sent
	read   bool             // some of the body was
	cut    bool             // the response broke off
	lost   error            // the path leads nowhere
	faults []forgehook.FieldError
	done   func() // gives up the body and its room, once
}

func (r *request) tenant() forgehook.TenantID { return r.key.Tenant }

func (r *request) fault(location, value, allowed string) {
	r.faults = append(r.faults, forgehook.FieldError{Path: location, Value: forgehook.Shorten(value, 100), Allowed: allowed})
}

// invalid returns what speaks against the request so far as one error, nil when nothing does.
func (r *request) invalid() error {
	if r.lost != nil {
		return r.lost
	}
	return forgehook.Invalid(r.faults...)
}

// faulty reports whether a place has a fault already.
func (r *request) faulty(location string) bool {
	return slices.ContainsFunc(r.faults, func(f forgehook.FieldError) bool {
		return f.Path == location || strings.HasPrefix(f.Path, location+"[")
	})
}

// value shows an optional text in a fault.
func value(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// some makes the empty list of an empty page; cursor is null after the last one.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func cursor(next string) *string {
	if next == "" {
		return nil
	}
	return &next
}

// collect keeps the faults of a decoder or a rule, each below a place, and returns any other error.
// Where a place has faults already those count: later rules stumble over what earlier ones found.
func (r *request) collect(below string, err error) error {
	e, ok := errors.AsType[*forgehook.Error](err)
	if !ok || e.Code != forgehook.CodeInvalid {
		return err
	}
	before := request{faults: r.faults}
	for _, f := range forgehook.Under(below, e.Fields) {
		if !before.faulty(f.Path) {
			r.faults = append(r.faults, f)
		}
	}
	return nil
}

// accept checks the media type of a body and bounds what is read of it, with and without
// Content-Length.
func (r *request) accept(limit int64, media ...string) error {
	req := r.gin.Request
	if encoding := req.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return forgehook.Errorf(codeMedia, "The body is sent as %s; it must come without Content-Encoding.", forgehook.Shorten(encoding, 40))
	}
	if given := req.Header.Get("Content-Type"); given != "" {
		kind, _, err := mime.ParseMediaType(given)
		json := kind == "application/json" || strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")
		if err != nil || !json && !slices.Contains(media, kind) {
			return forgehook.Errorf(codeMedia, "The body is sent as %s; it must be %s.", forgehook.Shorten(given, 100),
				strings.Join(append([]string{"application/json"}, media...), " or "))
		}
	}
	if req.ContentLength > limit {
		return tooLarge(limit)
	}
	req.Body = http.MaxBytesReader(r.gin.Writer, req.Body, limit)
	return nil
}

const (
	largeBody = 1 << 20
	// largeBodies is how many bytes of large bodies are worked on at once: decoded they take many
	// times that.
	largeBodies = 2 * maxBody
)

// take reads the whole body. A large one then waits until there is room for it: not before, or a
// slow sender would keep others out.
func (s *server) take(ctx context.Context, r *request) (err error) {
	if err := r.accept(maxBody, "application/merge-patch+json"); err != nil {
		return err
	}
	if r.body, err = io.ReadAll(r); err != nil || len(r.body) <= largeBody {
		return err
	}
	size := int64(len(r.body))
	if err := s.room.Acquire(ctx, size); err != nil {
		return err
	}
	r.done = sync.OnceFunc(func() {
		r.body, r.tree = nil, nil
		s.room.Release(size)
	})
	return nil
}

// Read takes the body as it comes; its errors say what the client did.
func (r *request) Read(p []byte) (int, error) {
	r.read = true
	n, err := r.gin.Request.Body.Read(p)
	if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return n, tooLarge(large.Limit)
	}
	if err != nil && err != io.EOF {
		return n, &forgehook.Error{Code: forgehook.CodeMalformed, Detail: "The body ended early.", Err: err}
	}
	return n, err
}

func tooLarge(limit int64) error {
	return forgehook.Errorf(forgehook.CodeTooLarge, "The body may have at most %d MiB.", limit>>20)
}

// decode reads the body into a platform entity (open to unknown names) or, strictly, into an input
// of ours.
func (r *request) decode(into any, strict bool) error {
	tree, err := r.parse()
	if err != nil {
		return err
	}
	if tree.IsNull() {
		r.fault("body", "null", "an object")
		return nil
	}
	return r.collect("body", forgehook.DecodeTree(tree, into, strict))
}

// parse reads the body as JSON, once.
func (r *request) parse() (_ *jsontree.Node, err error) {
	if r.tree == nil {
		r.tree, err = forgehook.ParseJSON(r.body)
	}
	return r.tree, err
}

func isNull(body []byte) bool { return string(bytes.TrimSpace(body)) == "null" }
