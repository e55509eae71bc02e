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

// request is one exchange: the client's key, the body, and the faults found so far.
type request struct {
	gin    *gin.Context
	raw    io.Reader        // the body from the connection, without a limit
	id     string           // X-Request-Id
	key    forgehook.APIKey // zero before admission
	hash   []byte           // of the key
	body   []byte           // the body, as far as register has read it
	tree   *jsontree.Node   // the parsed body, nil until it is needed
	status int              // for the log, where nothing could be sent
	read   bool             // some of the body was read
	cut    bool             // the response broke off
	lost   error            // why the path names nothing
	faults []forgehook.FieldError
	done   func() // frees the body and its share of memory; may be called again
}

func (r *request) tenant() forgehook.TenantID { return r.key.Tenant }

func (r *request) fault(location, value, allowed string) {
	r.faults = append(r.faults, forgehook.FieldError{Path: location, Value: forgehook.Shorten(value, 100), Allowed: allowed})
}

// invalid returns all faults of the request as one error, nil if it has none.
func (r *request) invalid() error {
	if r.lost != nil {
		return r.lost
	}
	return forgehook.Invalid(r.faults...)
}

// faulty reports whether a place already has a fault.
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

// some returns the list, empty instead of nil; cursor is null after the last page.
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

// collect adds the faults of a decoder or a rule, each below a place, and returns any other error.
// A place that already has faults gets no more: the later ones only follow from the earlier.
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

// accept checks the media type of a body and limits its size, with or without Content-Length.
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
	// largeBodies is how many bytes of large bodies are decoded at once. Decoded, they take several
	// times as much memory.
	largeBodies = 2 * maxBody
)

// byteOrderMark begins the UTF-8 of some programs. RFC 8259 lets readers of JSON ignore it.
var byteOrderMark = []byte("\uFEFF")

// take reads the whole body. A large body waits for memory only after it was read, so that a slow
// sender keeps nobody waiting.
func (s *server) take(ctx context.Context, r *request) (err error) {
	if err := r.accept(maxBody, "application/merge-patch+json"); err != nil {
		return err
	}
	r.body, err = io.ReadAll(r)
	r.body = bytes.TrimPrefix(r.body, byteOrderMark)
	if err != nil || len(r.body) <= largeBody {
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

// Read reads the body from the connection. Its errors say what the client did wrong.
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

// decode reads the body into an entity of the platform, which may have unknown members, or strictly
// into an input of our own.
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
