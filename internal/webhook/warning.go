package webhook

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/jsontree"
)

// Warnings returns what a save warns of.
func (p *Plan) Warnings() []Warning {
	w := warnings{}
	w.firing(p)
	w.patterns(&p.settings.Document)
	w.body(p)
	w.placeholders(&p.settings)
	w.credentials(&p.settings)
	w.responses(p)
	w = append(w, p.noted...)
	w.withoutEffect(p.settings)
	return w
}

type warnings []Warning

func (w *warnings) add(path, message string) { *w = append(*w, Warning{path, message}) }

const statusDeleted forgehook.DocumentStatus = 99

// firing warns of settings with which a webhook never or hardly ever fires.
func (w *warnings) firing(p *Plan) {
	s := &p.settings
	if !s.Enabled {
		w.add("enabled", "Never fires: every call is skipped while enabled is false.")
	}
	if p.condition != nil {
		if v, constant := p.condition.Constant(); constant && !v.Bool() {
			w.add(conditionPath, "Never fires: this is false whatever the document.")
		} else if constant {
			w.add(conditionPath, "No effect: this is true whatever the document.")
		}
	}
	only := func(before, after, trigger bool) bool {
		return s.ExecuteBeforeProcess == before && s.ExecuteAfterProcess == after && len(s.ExecuteOnTrigger) > 0 == trigger
	}
	const explicit = " Explicit calls are not affected."
	status, usage := s.Document.Status, s.Document.Usage
	switch {
	case !only(true, false, false):
	case slices.Equal(status, []forgehook.DocumentStatus{forgehook.StatusProcessed}):
		w.add("executeBeforeProcess", "Hardly ever fires: before processing, a document is not Processed yet. Set executeAfterProcess, or widen document.status."+explicit)
	case slices.Equal(usage, []forgehook.UsageType{forgehook.UsageOutbox}):
		w.add("executeBeforeProcess", "Hardly ever fires: what is about to be processed is an Inbox document. Set executeAfterProcess, or widen document.usage."+explicit)
	}
	if only(false, true, false) && slices.Equal(usage, []forgehook.UsageType{forgehook.UsageInbox}) {
		w.add("document.usage", "Never fires after processing, which is about Outbox documents: widen document.usage, or set executeBeforeProcess."+explicit)
	}
	if len(s.ExecuteOnTrigger) == 0 && slices.Equal(status, []forgehook.DocumentStatus{statusDeleted}) {
		w.add("document.status", "Hardly ever fires: only executeOnTrigger, which is off, is about Deleted documents."+explicit)
	}
}

// extensions are the usual ones, in their usual case.
var extensions = []string{
	"pdf", "jpg", "jpeg", "png", "tif", "tiff", "gif", "bmp", "webp", "heic", "doc", "docx", "xls", "xlsx", "csv", "txt", "xml", "json",
	"html", "msg", "eml", "zip",
}

var upperExtension = regexp.MustCompile(`(?:\\\.|\[\.\])\(?(?:\?:)?(` + strings.ToUpper(strings.Join(extensions, "|")) + `)\b`)

// patterns warns of filters that would match if they ignored case.
func (w *warnings) patterns(d *forgehook.DocumentSettings) {
	const message = "Case counts: %s in lower case does not match. (?i) at the start lets both match."
	want, err := newPattern(d.Extension)
	if err == nil && want.re != nil {
		if folded := want.ignoringCase(); folded != nil {
			i := slices.IndexFunc(extensions, func(e string) bool {
				exact, err := matches("document.extension", want, e)
				loose, looseErr := matches("document.extension", folded, e)
				return err == nil && looseErr == nil && loose && !exact
			})
			if i >= 0 {
				w.add("document.extension", fmt.Sprintf(message, extensions[i]))
			}
		}
	}
	if m := upperExtension.FindStringSubmatch(d.Pattern); m != nil && !strings.Contains(d.Pattern, "(?i") {
		w.add("document.pattern", fmt.Sprintf(message, "."+strings.ToLower(m[1])))
	}
}

func (w *warnings) body(p *Plan) {
	method := p.settings.WebHook.Method
	switch {
	case p.body != nil && (method == forgehook.MethodGet || method == forgehook.MethodHead):
		w.add(bodyPath, "A "+method.String()+" request is sent with this body; many endpoints ignore it.")
	case p.body == nil && !hasPayload(method) && p.settings.WebHook.ContentType != nil:
		w.add("webHook.contentType", "Not sent: "+method.String()+" has no body here. Set webHook.body, or use POST, PUT or PATCH.")
	case p.body == nil && hasPayload(method) && !isJSON(p.contentType):
		w.add("webHook.contentType", "The default payload is JSON, and is sent as "+p.contentType+".")
	}
	if p.body == nil && p.settings.WebHook.BodyKind != nil {
		w.add("webHook.bodyKind", "No effect: there is no webHook.body.")
	}
	w.script(&p.settings.WebHook)
	if charset := charsetOf(p.contentType); charset != "" && charset != "utf-8" {
		w.add("webHook.contentType", "The body is sent in UTF-8, not in "+charset+".")
	}
}

// otherScript recognises scripts that cannot be translated: other C#, VB, Python.
var otherScript = regexp.MustCompile(`(?m)^\s*(?:(?:if|for|foreach|while|try|using)\s*[({]|await\s|Dim\s+\w+\s+As\s|(?:import|from)\s+\w+\s*$|def\s+\w+\s*\()`)

// script warns of a script that would be sent as it stands. A JSON body of that kind has been
// refused already.
func (w *warnings) script(s *forgehook.WebHookSettings) {
	if s.Body != nil && s.BodyKind == nil && otherScript.MatchString(*s.Body) {
		w.add(bodyPath, "Looks like a script, and is sent as text. A C# body is translated if it starts with return or $\"; set webHook.bodyKind to static if this text is meant.")
	}
}

func (w *warnings) credentials(s *forgehook.Settings) {
	switch {
	case s.WebHook.Domain != nil:
		w.add("webHook.domain", "Requests are sent without credentials: NTLM comes with a later release.")
	case s.Password.IsSet() && s.WebHook.Username == nil:
		w.add("password", "No effect: it is the password of webHook.username, which is not set.")
	case s.Password.IsSet() && s.WebHook.Password.IsSet():
		w.add("password", "No effect: webHook.password is sent.")
	}
	if !s.Signing.Secret.IsSet() {
		w.add("signing.secret", "Requests are not signed: the endpoint cannot tell them from forged ones.")
	}
}

// responses warns of settings about responses that are constant or have no effect.
func (w *warnings) responses(p *Plan) {
	if p.meaning.success != nil {
		if v, constant := p.meaning.success.Constant(); constant && v.Bool() {
			w.add(successPath, "Every response is a success, whatever its status: this is always true.")
		} else if constant {
			w.add(successPath, "No response is a success: this is always false.")
		}
	}
	c := p.settings.Callback
	if c.Await && p.meaning.result != nil {
		w.add(resultPath, "No effect: the callback's result is the call's.")
	}
	if !c.Await && c.Timeout != forgehook.DefaultSettings().Callback.Timeout {
		w.add("callback.timeout", "No effect: callback.await is false.")
	}
}

// withoutEffect warns of imported settings that have no effect yet.
func (w *warnings) withoutEffect(s forgehook.Settings) {
	shown, err := json.Marshal(s)
	if err != nil {
		return
	}
	tree, err := jsontree.Parse(shown)
	if err != nil {
		return
	}
	for _, f := range forgehook.SettingFields() {
		if f.Built || f.Kind == forgehook.KindReserved || f.Path == "webHook.domain" {
			continue
		}
		if standard, err := jsontree.Parse(toJSON(f.Default)); err != nil || jsontree.Equal(standard, tree.At(f.Path)) {
			continue
		}
		w.add(f.Path, "No effect yet: what this does comes with a later release.")
	}
}
