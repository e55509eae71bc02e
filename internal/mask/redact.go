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
	// leastSecret is the least length, in bytes, of a secret that is searched for within texts.
	// Redacting shorter ones would shred texts and so reveal them.
	leastSecret = 4
	// longSecret is the longest secret, in bytes, that [strings.Replacer] searches for. It backs up
	// after a partial match: a longer secret that repeats one letter would take minutes.
	longSecret = 4 << 10
)

// Redactor replaces secrets by [forgehook.Masked], in all forms in which JSON, URLs, forms, XML and
// base64 write them. It is safe for concurrent use.
type Redactor struct {
	secrets []string
	whole   map[string]bool // texts that are exactly a secret
	long    []string        // the longest first
	short   *strings.Replacer
}

// NewRedactor returns a redactor of secrets. A secret of less than 4 bytes is replaced only where
// it is the whole text; empty ones are ignored.
func NewRedactor(secrets ...string) *Redactor {
	secrets = slices.DeleteFunc(slices.Clone(secrets), func(s string) bool { return s == "" })
	r := &Redactor{secrets: secrets, whole: map[string]bool{}}
	for _, s := range secrets {
		r.whole[s] = true
	}
	pairs := []string{"%5Bsecret%5D", forgehook.Masked} // the mask in a URL
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

// With returns a redactor that also knows more secrets.
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

// secretForms returns all texts to search for within others, the longest first. Short secrets have
// none.
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

// formsOf returns the ways to write a secret.
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

// Replace returns the text with its secrets masked. A nil redactor knows none.
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

// ReplaceJSON returns the JSON with its texts, names and numbers redacted, and all else unchanged.
func (r *Redactor) ReplaceJSON(raw json.RawMessage) json.RawMessage {
	if r == nil || len(r.secrets) == 0 || raw == nil {
		return raw
	}
	return jsontree.Rewrite(raw, r.Replace)
}
