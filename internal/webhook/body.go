package webhook

import (
	"mime"
	"strings"
	"unicode"

	"github.com/forgehook/forgehook"
)

const defaultContentType = "application/json"

// checkBody returns the static body, nil when there is none.
func (f *faults) checkBody(w *forgehook.WebHookSettings) []byte {
	const path = "webHook.body"
	if w.Body == nil {
		return nil
	}
	static := w.BodyKind != nil && *w.BodyKind == forgehook.BodyStatic
	if later := laterLanguage(*w.Body); later != "" && !static {
		f.add(path, *w.Body, later+"; webHook.bodyKind static sends it as it stands")
		return nil
	}
	contentType := defaultContentType
	if w.ContentType != nil {
		contentType = *w.ContentType
	}
	if isJSON(contentType) {
		if fault := forgehook.JSONFault([]byte(*w.Body)); fault != "" {
			f.add(path, *w.Body, "JSON, or another webHook.contentType than "+contentType+": "+fault)
		}
	}
	return []byte(*w.Body)
}

// checkContentType returns the Content-Type of a body.
func (f *faults) checkContentType(set *string) string {
	if set == nil {
		return defaultContentType
	}
	kind, _, err := mime.ParseMediaType(*set)
	if err != nil || !strings.Contains(kind, "/") || strings.ContainsFunc(*set, unicode.IsControl) {
		f.add("webHook.contentType", *set, "a media type such as application/json or text/xml; charset=utf-8")
	}
	return *set
}

func isJSON(contentType string) bool {
	kind, _, _ := mime.ParseMediaType(contentType)
	return kind == "application/json" || kind == "text/json" || strings.HasSuffix(kind, "+json")
}

// charsetOf returns the charset in lower case, "" when none is named.
func charsetOf(contentType string) string {
	_, params, _ := mime.ParseMediaType(contentType)
	return strings.ToLower(params["charset"])
}
