package outbound

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/forgehook/forgehook"
)

const (
	maxHeaders     = 100
	maxHeaderName  = 256
	maxHeaderValue = 8 << 10
	maxStatus      = 256
)

// read reads the response into the exchange, at most keep bytes of its body.
func read(res *http.Response, keep int, x *forgehook.Exchange) error {
	// 101 would hand over the bare connection, without a deadline; no request asks for it. Below
	// 100 is not a status.
	if res.StatusCode <= http.StatusSwitchingProtocols {
		return errNoStatus
	}
	x.StatusCode, x.Status = res.StatusCode, printable(res.Status, maxStatus)
	x.Headers = headers(res.Header)
	x.Body, x.Truncated = body(res, keep)
	return nil
}

// judged are the headers that the rules read: they stay when there are too many.
var judged = []string{"Content-Encoding", "Content-Type", "Date", "Location", "Retry-After"}

// headers makes headers safe to store: bounded, valid UTF-8 and without NUL, which PostgreSQL
// refuses in text.
func headers(h http.Header) map[string]string {
	safe := make(map[string]string)
	for _, name := range slices.Concat(judged, slices.Sorted(maps.Keys(h))) {
		if values, ok := h[name]; ok && len(safe) < maxHeaders {
			safe[printable(name, maxHeaderName)] = printable(strings.Join(values, ", "), maxHeaderValue)
		}
	}
	return safe
}

func printable(s string, limit int) string {
	s = strings.ToValidUTF8(s[:min(len(s), limit)], "\uFFFD")
	return strings.ReplaceAll(s, "\x00", "\uFFFD")
}

// body reads at most limit bytes, decompressed. Closing an unfinished body drops its connection. It
// returns no error: the status has already said whether the endpoint took the request.
func body(res *http.Response, limit int) (read []byte, truncated bool) {
	// Compressed bytes are bounded too: gzip can consist of any number of empty members.
	raw := bufio.NewReader(io.LimitReader(res.Body, 2*int64(limit)+64<<10))
	var plain io.Reader = raw
	if compressed(res.Header.Get("Content-Encoding"), raw) {
		z, err := gzip.NewReader(raw)
		if err != nil {
			return nil, true
		}
		plain = z
	}
	read, err := io.ReadAll(io.LimitReader(plain, int64(limit)+1))
	if len(read) > limit {
		return read[:limit], true
	}
	return read, err != nil
}

// compressed reports whether a body is compressed as its header claims: some endpoints name gzip
// and send plain text.
func compressed(encoding string, body *bufio.Reader) bool {
	if !strings.EqualFold(encoding, "gzip") && !strings.EqualFold(encoding, "x-gzip") {
		return false
	}
	magic, _ := body.Peek(2)
	return bytes.Equal(magic, []byte{0x1f, 0x8b})
}
