package webhook

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr"
	"github.com/forgehook/forgehook/internal/place"
)

const maxHeader = 8192 // bytes of a value; servers refuse longer ones

// reservedHeaders are set by Forgehook or by the connection. A name that ends in "-" is a prefix.
var reservedHeaders = []string{
	"host", "content-length", "content-type", "content-encoding", "user-agent", "traceparent", "tracestate", "connection",
	"keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect", "proxy-", "webhook-", "forgehook-",
}

// headerText is a header of the settings.
type headerText struct {
	name string
	text *template
}

func (f *faults) checkHeaders(s *forgehook.Settings) []headerText {
	apiKeyHeader := defaultAPIKeyHeader
	if s.WebHook.APIKeyHeader != nil {
		apiKeyHeader = *s.WebHook.APIKeyHeader
	}
	var list []headerText
	for _, h := range s.Headers {
		path := "headers." + h.Name
		if allowed := headerNameFault(h.Name, apiKeyHeader); allowed != "" {
			f.add(path, "", allowed)
			continue
		}
		t := f.parseTemplate(path, h.Value, "")
		if t == nil {
			continue
		}
		t.put(place.All(place.Header, t.literals), nil, f)
		for i, literal := range t.literals {
			t.literals[i] = string(place.Header.Append(nil, literal))
		}
		list = append(list, headerText{h.Name, t})
	}
	return list
}

func headerNameFault(name, apiKeyHeader string) string {
	const masked = ", whose value is kept secret"
	switch {
	case !isToken(name):
		return "a header name: letters, digits and !#$%&'*+-.^_`|~"
	case strings.EqualFold(name, "Content-Type"):
		return "another header: webHook.contentType sets this one"
	case isReserved(name):
		return "another header: this one is set by Forgehook or by the connection"
	case strings.EqualFold(name, authorization):
		return "another header: this one comes from webHook.username, or from webHook.apiKeyHeader with webHook.apiKey" + masked
	case strings.EqualFold(name, "Cookie"):
		return "another header: this one comes from webHook.apiKeyHeader with webHook.apiKey" + masked
	case strings.EqualFold(name, apiKeyHeader):
		return "another header: this one comes from webHook.apiKey" + masked
	}
	return ""
}

// isToken reports whether s can be a header's name (RFC 9110, 5.6.2).
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}

func isReserved(header string) bool {
	header = strings.ToLower(header)
	return slices.ContainsFunc(reservedHeaders, func(r string) bool {
		return header == r || (strings.HasSuffix(r, "-") && strings.HasPrefix(header, r))
	})
}

// build returns the value for a subject, or "" to leave the header out.
func (h *headerText) build(vars *expr.Vars) (string, *forgehook.CallError) {
	value, failed := h.text.render(vars, 16*maxHeader, forgehook.CallErrorHeader) // before spaces are trimmed
	if failed != nil {
		return "", failed
	}
	value = bytes.Trim(value, " ")
	if len(value) > maxHeader {
		return "", &forgehook.CallError{Code: forgehook.CallErrorHeader, Message: fmt.Sprintf("%s is longer than %d bytes.", h.text.path, maxHeader)}
	}
	return string(value), nil
}
