package webhook

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr"
	"github.com/forgehook/forgehook/internal/place"
)

const maxURL = 32 << 10 // bytes; most servers accept a quarter of it

func (f *faults) checkMethod(m forgehook.Method) {
	if m == forgehook.MethodConnect {
		f.add("webHook.method", m.String(), "GET, POST, PUT, HEAD, DELETE, PATCH or OPTIONS: CONNECT asks a proxy for a tunnel")
	}
}

// address is where a request goes. Expressions cannot change its scheme and host.
type address struct {
	static string
	text   *template // nil: static
	origin int       // length of scheme and host, in bytes
}

// checkURL checks webHook.url. The guard decides which hosts and ports are allowed.
func (f *faults) checkURL(raw *string) *address {
	const path = "webHook.url"
	if raw == nil {
		f.add(path, "", "required: an absolute https URL")
		return nil
	}
	var t *template
	switch {
	case csharpText.MatchString(*raw):
		if t = f.parseCSharpURL(path, *raw); t == nil {
			return nil
		}
	case strings.Contains(*raw, "{{"):
		if t = f.parseTemplate(path, *raw, ""); t == nil {
			return nil
		}
	default:
		t = &template{literals: []string{*raw}}
	}
	if places, why := place.InURL(t.literals); !t.put(places, why, f) {
		return nil
	}
	filled := t.filled(placeholder)
	u, err := url.Parse(filled)
	if allowed := urlFault(filled, u, err); allowed != "" {
		value := *raw
		if strings.Contains(strings.Join(t.literals, ""), "@") { // a password may precede it
			value = ""
		}
		f.add(path, value, allowed)
		return nil
	}
	if len(t.holes) == 0 {
		return &address{static: u.String()}
	}
	origin := (&url.URL{Scheme: u.Scheme, Host: u.Host}).String() // as sent: lower case, escaped
	t.literals[0] = origin + t.literals[0][len(place.Origin(t.literals[0]))-1:]
	a := &address{text: t, origin: len(origin)}
	from := a.origin
	for i, literal := range t.literals {
		path, query, found := strings.Cut(literal[from:], "?")
		t.literals[i] = literal[:from] + place.EscapePath(path)
		if found {
			t.literals[i] += "?" + query
			break
		}
		from = 0
	}
	return a
}

// placeholder stands for a value in the checks on save.
func placeholder(p place.Place) string {
	if p == place.JSONValue {
		return "null"
	}
	return "x"
}

func (a *address) build(vars *expr.Vars) (string, *forgehook.CallError) {
	if a.text == nil {
		return a.static, nil
	}
	t := a.text
	path := segments{template: t, out: []byte(t.literals[0][:a.origin])}
	for i, literal := range t.literals {
		if i == 0 {
			literal = literal[a.origin:]
		}
		if failed := path.literal(literal); failed != nil {
			return "", failed
		}
		if i == len(t.holes) {
			break
		}
		v, err := t.holes[i].program.Eval(vars)
		if err != nil {
			return "", failure(t.path, forgehook.CallErrorURL, err)
		}
		if failed := path.value(&t.holes[i], v); failed != nil {
			return "", failed
		}
	}
	if failed := path.end(); failed != nil {
		return "", failed
	}
	if len(path.out) > maxURL {
		return "", &forgehook.CallError{Code: forgehook.CallErrorURL, Message: fmt.Sprintf("%s is longer than %d bytes.", t.path, maxURL)}
	}
	return string(path.out), nil
}

// segments writes a URL and checks each path segment that contains a value: an empty one, "." or
// ".." would lead elsewhere.
type segments struct {
	template *template
	out      []byte
	start    int   // offset of the current segment
	last     *hole // in the current segment
	query    bool
}

func (s *segments) literal(text string) *forgehook.CallError {
	for _, c := range []byte(text) {
		if !s.query && (c == '/' || c == '?') {
			if failed := s.end(); failed != nil {
				return failed
			}
			s.query = c == '?'
			s.start = len(s.out) + 1
		}
		s.out = append(s.out, c)
	}
	return nil
}

func (s *segments) value(h *hole, v expr.Value) *forgehook.CallError {
	if !s.query {
		s.last = h
		if v.IsNull() {
			return s.fault("is null")
		}
	}
	s.out = h.place.Append(s.out, v.Text())
	return nil
}

// end checks the current segment without what follows a ";": servers remove such parameters.
func (s *segments) end() *forgehook.CallError {
	if s.last == nil || s.query {
		return nil
	}
	segment, _, _ := strings.Cut(string(s.out[s.start:]), ";")
	plain, err := url.PathUnescape(segment)
	if err != nil {
		return s.fault("cannot be read back")
	}
	switch plain {
	case "":
		return s.fault("comes out empty")
	case ".", "..":
		return s.fault("comes out as a step within the path (. or ..)")
	}
	s.last = nil
	return nil
}

func (s *segments) fault(why string) *forgehook.CallError {
	where := s.last.where
	if s.last.text != "" {
		where += ", {{ " + forgehook.Shorten(s.last.text, 60) + " }}"
	}
	return &forgehook.CallError{Code: forgehook.CallErrorURL, Message: s.template.path + ", " + where + ": its part of the path " + why + "."}
}

func urlFault(raw string, u *url.URL, err error) string {
	switch {
	case strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return "an absolute URL without spaces and control characters: a space is written %20"
	case err != nil && strings.Contains(raw, "@"): // Go's message may quote a password
		return "an absolute https URL"
	case err != nil:
		if parse, ok := errors.AsType[*url.Error](err); ok {
			err = parse.Err
		}
		return "an absolute https URL: " + err.Error()
	case u.Scheme != "https" && u.Scheme != "http", u.Opaque != "", u.Hostname() == "":
		return "an absolute https URL with a host, like https://example.com/hook"
	case u.User != nil:
		return "a URL without user and password: they belong in webHook.username and webHook.password"
	case u.Fragment != "" || strings.Contains(raw, "#"):
		return "a URL without #fragment, which no client sends: a # in the path is written %23"
	case strings.ContainsFunc(u.RawQuery, func(r rune) bool { return r > 0x7f }):
		return "a URL whose query is percent-encoded: ü is written %C3%BC"
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return "a URL with a port from 1 to 65535"
		}
	}
	return ""
}
