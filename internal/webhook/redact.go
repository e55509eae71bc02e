package webhook

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// Masked stands for a secret wherever something is kept or shown.
const Masked = "[secret]"

const (
	// leastSecret is the length, in bytes, from which a secret is looked for in other texts: shorter ones would shred them, and tell by
	// that what they are.
	leastSecret = 4
	// longSecret is the length up to which [strings.Replacer] looks for all secrets at once. It goes back by as much as it has matched, so
	// that a longer one of the same letter over and over would take it minutes.
	longSecret = 4 << 10
)

// Redactor replaces secrets by [Masked]: as they are, and as JSON, URLs, forms, XML and base64 write them. It is safe for concurrent use.
type Redactor struct {
	whole map[string]bool // texts that are a secret and nothing else
	long  []string        // the longest first
	short *strings.Replacer
}

// NewRedactor makes a redactor of some secrets. One of less than 4 bytes is replaced only where it is all of a text; an empty one is none.
func NewRedactor(secrets ...string) *Redactor {
	r := &Redactor{whole: map[string]bool{}}
	var forms []string
	for _, s := range secrets {
		if s != "" {
			r.whole[s] = true
		}
		if len(s) >= leastSecret {
			forms = append(forms, formsOf(s)...)
		}
	}
	slices.SortFunc(forms, longestFirst)
	pairs := []string{"%5Bsecret%5D", Masked} // as a URL has it
	for _, form := range slices.Compact(forms) {
		switch {
		case strings.Contains(Masked, form):
		case len(form) > longSecret:
			r.long = append(r.long, form)
		default:
			pairs = append(pairs, form, Masked)
		}
	}
	r.short = strings.NewReplacer(pairs...)
	return r
}

var htmlNames = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

// formsOf are the ways in which a secret is written.
func formsOf(s string) []string {
	quoted, _ := json.Marshal(s) // a text always marshals
	forms := []string{
		s, string(quoted[1 : len(quoted)-1]), url.QueryEscape(s), url.PathEscape(s), htmlNames.Replace(s),
		strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(s)), "="), strings.TrimRight(base64.URLEncoding.EncodeToString([]byte(s)), "="),
	}
	for _, p := range []place{placeHeader, placePath, placeForm, placeString, placeText, placeAttribute, placeCDATA} {
		forms = append(forms, string(p.appendText(nil, s)))
	}
	return forms
}

// Replace returns the text without the secrets.
func (r *Redactor) Replace(text string) string {
	if r.whole[text] {
		return Masked
	}
	for _, s := range r.long {
		text = strings.ReplaceAll(text, s, Masked)
	}
	return r.short.Replace(text)
}
