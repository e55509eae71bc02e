package webhook

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/forgehook/forgehook"
)

// Placeholders of other tools. They are sent as they stand, and an encoded brace in a URL never is
// what anybody meant.
var (
	ourPlaceholder = regexp.MustCompile(`(?s)\{\{.*?\}\}`)
	anyName        = regexp.MustCompile(`\$\{[^{}]*\}|\{%.*?%\}|<<\s*[\w.]+\s*>>|\{[A-Za-z_][\w.\-]*\}|\[\[\s*[\w.]+\s*\]\]`)
	ourName        = regexp.MustCompile(`\$\{[^{}]*\}|\{%.*?%\}|<<\s*[\w.]+\s*>>|\{(?:` + domainNames + `|now)\b[\w.]*\}`)
)

// placeholders warns of them in URL, headers and body. A body may hold any text, so that only names
// of ours count between single braces there.
func (w *warnings) placeholders(s *forgehook.Settings) {
	look := func(path, text string, of *regexp.Regexp) {
		if csharpText.MatchString(text) {
			return
		}
		found := of.FindString(ourPlaceholder.ReplaceAllString(text, ""))
		if found == "" {
			return
		}
		name := strings.Trim(found, "${}%<>[] ")
		if !domainMember.MatchString(name) {
			name = "doc." + lastPart(name)
		}
		w.add(path, fmt.Sprintf("%s is sent as it stands: it is a placeholder of another tool. Here it is written {{ %s }}.", forgehook.Shorten(found, 60), forgehook.Shorten(name, 60)))
	}
	if s.WebHook.URL != nil {
		look("webHook.url", *s.WebHook.URL, anyName)
	}
	for _, h := range s.Headers {
		look("headers."+h.Name, h.Value, anyName)
	}
	if b := s.WebHook.Body; b != nil && (s.WebHook.BodyKind == nil || *s.WebHook.BodyKind != forgehook.BodyCSharp && *s.WebHook.BodyKind != forgehook.BodyExpression) {
		look(bodyPath, *b, ourName)
	}
}

// lastPart is the name that a placeholder ends in, "id" for none.
func lastPart(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool { return r != '_' && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z') })
	if len(words) == 0 {
		return "id"
	}
	return words[len(words)-1]
}
