package outbound

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// managed are headers that net/http handles itself, only under their canonical names.
var managed = []string{"Accept-Encoding", "Content-Length", "Host", "User-Agent"}

// refused are headers about the connection. Callers cannot set them: they could split a request or
// switch protocols.
var refused = []string{"Connection", "Expect", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

// request makes the outgoing request, or returns a [requestError].
func (s *Sender) request(ctx context.Context, r Request) (*http.Request, error) {
	u, err := parseURL(r.URL)
	if err != nil {
		return nil, requestError("the URL is not usable: it must be " + err.Error())
	}
	if s.guard.checkURL(u) != nil {
		return nil, &blockedError{u.Host}
	}
	var body io.Reader
	if r.Body != nil {
		body = bytes.NewReader(r.Body)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, body)
	if err != nil {
		return nil, requestError("the method is not usable")
	}
	// Without these, net/http would add its own name and decompress without a bound.
	req.Header["User-Agent"] = []string{""}
	req.Header["Accept-Encoding"] = []string{"gzip"}
	for _, h := range r.Headers {
		if err := setHeader(req, h); err != nil {
			return nil, err
		}
	}
	return req, nil
}

// setHeader adds a field in the caller's spelling. No message contains a value: it may be a secret.
func setHeader(req *http.Request, h Header) error {
	canonical := http.CanonicalHeaderKey(h.Name)
	switch {
	case !httpguts.ValidHeaderFieldName(h.Name):
		return requestError("a header's name has characters that header names cannot have")
	case !httpguts.ValidHeaderFieldValue(h.Value):
		return requestError("the value of header " + h.Name + " has a line break or another control character")
	case slices.Contains(refused, canonical) || strings.HasPrefix(canonical, "Proxy-"):
		return requestError("header " + h.Name + " belongs to the connection and cannot be set")
	case canonical == "Host":
		if h.Value == "" || !httpguts.ValidHostHeader(h.Value) {
			return requestError("header " + h.Name + " is not a host name")
		}
		req.Host = h.Value
	case slices.Contains(managed, canonical):
		req.Header[canonical] = []string{h.Value}
	default:
		req.Header[h.Name] = append(req.Header[h.Name], h.Value)
	}
	return nil
}
