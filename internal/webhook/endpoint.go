package webhook

import (
	"errors"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/forgehook/forgehook"
)

// csharp recognises the platform's C# scripts: "return ...", an interpolated string, or declarations before either.
var csharp = regexp.MustCompile(`(?s)^\s*(?://[^\n]*\s*|/\*.*?\*/\s*)*(?:return\b|var\s+\w+\s*=|\$@?"|@\$")`)

// laterLanguage says why a text is more than static text, "" when it is static. Sending a script's source would be worse than
// refusing it.
func laterLanguage(text string) string {
	switch {
	case csharp.MatchString(text), strings.Contains(text, "JsonSerializer."):
		return "static text: C# comes with a later release"
	case strings.Contains(text, "{{"):
		return "static text: templates ({{ }}) come with a later release"
	}
	return ""
}

func (f *faults) checkMethod(m forgehook.Method) {
	if m == forgehook.MethodConnect {
		f.add("webHook.method", m.String(), "GET, POST, PUT, HEAD, DELETE, PATCH or OPTIONS: CONNECT asks a proxy for a tunnel")
	}
}

// checkURL returns the address as it is sent. Which hosts and ports are allowed is the guard's to say.
func (f *faults) checkURL(raw *string) *url.URL {
	const path = "webHook.url"
	if raw == nil {
		f.add(path, "", "required: an absolute https URL")
		return nil
	}
	value := *raw
	if strings.Contains(value, "@") { // there may be a password before it
		value = ""
	}
	u, err := url.Parse(*raw)
	if allowed := urlFault(*raw, u, err); allowed != "" {
		f.add(path, value, allowed)
		return nil
	}
	return u
}

func urlFault(raw string, u *url.URL, err error) string {
	later := laterLanguage(raw)
	switch {
	case later != "":
		return later
	case strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return "an absolute URL without spaces and control characters: a space is written %20"
	case err != nil && strings.Contains(raw, "@"): // Go's message may quote what stands there
		return "an absolute https URL"
	case err != nil:
		if parse, ok := errors.AsType[*url.Error](err); ok {
			err = parse.Err
		}
		return "an absolute https URL: " + err.Error()
	case u.Scheme != "https" && u.Scheme != "http", u.Opaque != "", u.Hostname() == "":
		return "an absolute https URL with a host, like https://example.com/hook"
	case u.User != nil:
		return "a URL without user and password: they belong into webHook.username and webHook.password"
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
