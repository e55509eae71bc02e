package mask

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/jsontree"
	"github.com/forgehook/forgehook/internal/place"
)

const (
	// leastSecret is the length, in bytes, from which a secret is looked for in other texts:
	// shorter ones would shred them, and tell by that what they are.
	leastSecret = 4
	// longSecret is the length up to which [strings.Replacer] looks for all secrets at once. It
	// goes back by as much as it has matched, so that a longer one of the same letter over and over
	// would take it minutes.
	longSecret = 4 << 10
)

// Redactor replaces secrets by [forgehook.Masked]: as they are, and as JSON, URLs, forms, XML and
// base64 write them. It is safe for concurrent use.
type Redactor struct {
	secrets []string
	whole   map[string]bool // texts that are a secret and nothing else
	long    []string        // the longest first
	short   *strings.Replacer
}

// NewRedactor makes a redactor of some secrets. One of less than 4 bytes is replaced only where it
// is all of a text; an empty one is none.
func NewRedactor(secrets ...string) *Redactor {
	secrets = slices.DeleteFunc(slices.Clone(secrets), func(s string) bool { return s == "" })
	r := &Redactor{secrets: secrets, whole: map[string]bool{}}
	for _, s := range secrets {
		r.whole[s] = true
	}
	pairs := []string{"%5Bsecret%5D", forgehook.Masked} // as a URL has it
	for _, form := range secretForms(secrets) {
		switch {
		case len(form) > longSecret:
			r.long = append(r.long, form)
		default:
			pairs = append(pairs, form, forgehook.Masked)
		}
	}
	r.short = strings.NewReplacer(pairs...)
	return r
}

// With returns a redactor of some secrets more.
func (r *Redactor) With(more ...string) *Redactor {
	if r == nil {
		r = &Redactor{}
	}
	more = slices.DeleteFunc(slices.Clone(more), func(s string) bool { return r.whole[s] })
	if len(more) == 0 {
		return r
	}
	return NewRedactor(slices.Concat(r.secrets, more)...)
}

// secretForms are all texts to look for in others, the longest first. Short secrets have none.
func secretForms(secrets []string) []string {
	var forms []string
	for _, s := range secrets {
		if len(s) >= leastSecret {
			forms = append(forms, formsOf(s)...)
		}
	}
	slices.SortFunc(forms, longestFirst)
	return slices.DeleteFunc(slices.Compact(forms), func(form string) bool { return strings.Contains(forgehook.Masked, form) })
}

var htmlNames = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

// formsOf are the ways in which a secret is written.
func formsOf(s string) []string {
	quoted, _ := json.Marshal(s) // a text always marshals
	forms := []string{
		s, string(quoted[1 : len(quoted)-1]), url.QueryEscape(s), url.PathEscape(s), htmlNames.Replace(s),
		strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(s)), "="), strings.TrimRight(base64.URLEncoding.EncodeToString([]byte(s)), "="),
	}
	for _, p := range []place.Place{place.Header, place.Path, place.Form, place.JSONString, place.XMLText, place.XMLAttribute, place.CDATA} {
		forms = append(forms, string(p.Append(nil, s)))
	}
	return forms
}

// Replace returns the text without the secrets. A nil redactor knows none.
func (r *Redactor) Replace(text string) string {
	if r == nil || len(r.secrets) == 0 {
		return text
	}
	if r.whole[text] {
		return forgehook.Masked
	}
	for _, s := range r.long {
		text = strings.ReplaceAll(text, s, forgehook.Masked)
	}
	return r.short.Replace(text)
}

// ReplaceJSON returns the JSON with the secrets replaced in its texts, names and numbers; all else
// stays as it is written.
func (r *Redactor) ReplaceJSON(raw json.RawMessage) json.RawMessage {
	if r == nil || len(r.secrets) == 0 || raw == nil {
		return raw
	}
	return jsontree.Rewrite(raw, r.Replace)
}
