package forgehook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/forgehook/forgehook/internal/jsontree"
)

// Settings says when a WebHook utility fires, what it sends and how: the platform's 26 values and
// ours. The zero value is not usable; start from [DefaultSettings].
type Settings struct {
	Language                Language // of all texts; a save sets the present one
	Enabled                 bool
	ExecuteBeforeProcess    bool
	ExecuteAfterProcess     bool
	ExecuteOnTrigger        []EventType // sorted as [TriggerTypes]
	BatchSize               *int
	ArchivingStrategy       *int // days
	Password                Secret
	RemoveComments          bool
	ForcePdfImage           bool
	DocumentProcessedStatus *DocumentStatus // nil leaves the document's status
	Document                DocumentSettings
	WebHook                 WebHookSettings
	Condition               *string  // CEL; nil lets any subject pass
	Headers                 []Header // sorted by name
	Delivery                DeliverySettings
	Signing                 SigningSettings
	Response                ResponseSettings
	Callback                CallbackSettings
	OnFailure               string
}

// Language is the revision of the rules by which the texts of settings, and the input of a service,
// are read. Every save sets the present one. Older revisions stay readable, so that the request of
// an accepted call can be rebuilt byte for byte.
type Language int

// The revisions. What each changed is in decision 58.
const (
	Language1   Language = 1
	Language2   Language = 2
	LanguageNow          = Language2
)

// Header is one header of the utility. Its value is a template.
type Header struct{ Name, Value string }

// DocumentSettings are the filters. An empty filter lets any document pass.
type DocumentSettings struct {
	Category  []int32
	Status    []DocumentStatus
	Usage     []UsageType
	Extension string // .NET regular expressions, unanchored
	Pattern   string
}

// WebHookSettings describe the request.
type WebHookSettings struct {
	Method       Method
	URL          *string
	Body         *string // nil: the default payload where the method has a body; "": none
	ContentType  *string
	Domain       *string
	Username     *string
	Password     Secret
	APIKey       Secret
	APIKeyHeader *string
	RetryCount   *int           // attempts after the first
	RetryDelay   *time.Duration // fixed wait between attempts
	BodyKind     *string        // nil: found by the body's text
}

// The kinds of webHook.body.
const (
	BodyStatic     = "static"     // sent unchanged
	BodyTemplate   = "template"   // text with {{ }}
	BodyExpression = "expression" // one CEL expression, sent as JSON
	BodyCSharp     = "csharp"     // a script of the platform, translated to CEL
)

// DeliverySettings bound one attempt and all of them.
type DeliverySettings struct {
	Timeout  time.Duration // of one attempt: connect, headers and body
	Deadline time.Duration // from acceptance until the call expires
	Schedule string
}

// ResponseSettings say what a response means. All texts are CEL. A null text or value in WriteBack
// changes nothing.
type ResponseSettings struct {
	SuccessWhen *string // nil: 2xx
	Result      *string // nil: none
	MaxBytes    *int    // stored of a response's body
	WriteBack   WriteBackSettings
}

// WriteBackSettings are the expressions of a [WriteBack].
type WriteBackSettings struct {
	Document struct {
		Status, Comment, Result, Category *string
		Fields                            []Header // from a field's name to its expression, sorted by name
	}
	Verification struct{ Value, Status, Info *string }
	WorkItem     struct{ Status, ReasonCode, ReasonDescription, ReasonComment *string }
}

// CallbackSettings let an endpoint take the request and call back later.
type CallbackSettings struct {
	Await   bool
	Timeout time.Duration // from the response to the callback
}

// The effect of a failed call on the next ones.
const (
	OnFailureContinue = "continue" // nothing
	OnFailureHold     = "hold"     // the utility is paused: its calls wait until it is resumed
	OnFailureError    = "error"    // the run that fired it calls no further batch
)

// SigningSettings hold the Standard Webhooks secret ("whsec_...").
type SigningSettings struct{ Secret Secret }

// DefaultSettings are the settings of a new utility. Two differ from the platform's, which together
// hardly ever fire: ExecuteAfterProcess instead of Before, and POST instead of GET.
func DefaultSettings() Settings {
	processed, batch, maxBytes := StatusProcessed, 100, 128<<10
	return Settings{
		Language:                LanguageNow,
		Enabled:                 true,
		ExecuteAfterProcess:     true,
		BatchSize:               &batch,
		DocumentProcessedStatus: &processed,
		Document: DocumentSettings{
			Status: []DocumentStatus{StatusProcessed}, Usage: []UsageType{UsageOutbox}, Extension: ".*", Pattern: ".*",
		},
		WebHook:   WebHookSettings{Method: MethodPost},
		Delivery:  DeliverySettings{Timeout: 30 * time.Second, Deadline: 120 * time.Hour, Schedule: "standard"},
		Response:  ResponseSettings{MaxBytes: &maxBytes},
		Callback:  CallbackSettings{Timeout: 72 * time.Hour},
		OnFailure: OnFailureContinue,
	}
}

// declare binds every setting to its variable, in the platform's order, which responses have, too.
// See decision 24.
func (s *Settings) declare(f *fields) {
	const day = 24 * time.Hour
	f.boolean(&s.Enabled, "Enabled", "False: every call is skipped, explicit ones too. Unlike a pause, which keeps calls for later.")
	f.boolean(&s.ExecuteBeforeProcess, "ExecuteBeforeProcess", "Fires on the event before_process of the parent service.")
	f.boolean(&s.ExecuteAfterProcess, "ExecuteAfterProcess", "Fires on the event after_process of the parent service.")
	f.triggers(&s.ExecuteOnTrigger, "ExecuteOnTrigger", "Fires when a document is created, updated or deleted, or on the events of a list.")
	f.integer(&s.BatchSize, "BatchSize", 1, 1000, "Documents that a run takes at once; always one request a document.")
	f.integer(&s.ArchivingStrategy, "ArchivingStrategy", 1, 36500, "Days after completion until subject and bodies are erased.", unbuilt)
	f.secret(&s.Password, "Password", "Password of HTTP Basic where webHook.username is set and webHook.password is not.", headerValue)
	f.boolean(&s.RemoveComments, "RemoveComments", "Comments of document, master document, work item, project and category are null in what is sent and in expressions.")
	f.boolean(&s.ForcePdfImage, "ForcePdfImage", "Attachments are page images instead of the PDF.", unbuilt)
	optionalEnumField(f, &s.DocumentProcessedStatus, "DocumentProcessedStatus", "Status set on the document once the webhook was delivered; null leaves it.")

	f.integers(&s.Document.Category, "Document/Category", "Category of the document; null lets any pass.")
	enumsField(f, &s.Document.Status, "Document/Status", "Status of the document; null lets any pass.")
	enumsField(f, &s.Document.Usage, "Document/Usage", "Usage of the document; null lets any pass.")
	f.regex(&s.Document.Extension, "Document/Extension", "Pattern for the extension, tried bare and with its dot.")
	f.regex(&s.Document.Pattern, "Document/Pattern", "Pattern for the file name.")

	enumField(f, &s.WebHook.Method, "WebHook/Method", "HTTP method.")
	f.text(&s.WebHook.URL, KindTemplate, "WebHook/URL", 8192, "Where the request goes; required.")
	f.body(&s.WebHook.Body, "WebHook/Body", 1<<20, "What is sent; null sends the default payload with POST, PUT and PATCH, and an empty text no body.")
	f.text(&s.WebHook.ContentType, KindText, "WebHook/ContentType", 255, "Content-Type of the body; null is application/json.")
	f.text(&s.WebHook.Domain, KindText, "WebHook/Domain", 255, "Windows domain: authenticates by NTLM.", unbuilt)
	f.text(&s.WebHook.Username, KindText, "WebHook/Username", 255, "User of HTTP Basic, sent at once.")
	f.secret(&s.WebHook.Password, "WebHook/Password", "Password of HTTP Basic.", headerValue)
	f.secret(&s.WebHook.APIKey, "WebHook/APIKey", "Sent verbatim in the API key header.", headerValue)
	f.text(&s.WebHook.APIKeyHeader, KindText, "WebHook/APIKeyHeader", 255, "Header of the API key; null is X-Api-Key.")
	f.integer(&s.WebHook.RetryCount, "WebHook/RetryCount", 0, 100, "Attempts after the first; null is the standard schedule's nine.")
	f.optionalDuration(&s.WebHook.RetryDelay, "WebHook/RetryDelay", time.Millisecond, 7*day, "Fixed wait between attempts instead of the schedule.")
	f.optionalWord(&s.WebHook.BodyKind, []string{BodyStatic, BodyTemplate, BodyExpression, BodyCSharp}, "webHook.bodyKind",
		"How the body is read; null finds out by its text: C# or a template with {{ }}, else static.")

	f.text(&s.Condition, KindExpression, "condition", 8192, "CEL expression that must be true for the webhook to fire; null lets any subject pass.")
	f.headers(&s.Headers, "headers", "Headers of your own: an object from name to value, each value a template. A null or empty value leaves the header out.")
	f.duration(&s.Delivery.Timeout, "delivery.timeout", time.Second, 5*time.Minute, "One deadline over connect, headers and body of an attempt.")
	f.duration(&s.Delivery.Deadline, "delivery.deadline", time.Second, 30*day, "From acceptance to the end of the call, which then expires.")
	f.word(&s.Delivery.Schedule, []string{"standard"}, "delivery.schedule", "Waits before each attempt: 0, 5s, 5m, 30m, 2h, 5h, 10h, 14h, 20h, 24h, with 0 to 20 % on top.", unbuilt)
	for _, later := range []string{"jitter", "retryStatuses", "orderKey", "ratePerSecond", "concurrency", "priority", "breaker"} {
		f.reserved("delivery."+later, "Comes with a later release.")
	}
	f.secret(&s.Signing.Secret, "signing.secret", "Standard Webhooks secret; made by the server when a utility is attached.", signingSecret)
	const none = " Null, or a null value, changes nothing."
	expression := func(p **string, path, doc string) { f.text(p, KindExpression, "response."+path, 8192, doc) }
	expression(&s.Response.SuccessWhen, "successWhen", "CEL over an answer of any status: true is a success. Where it is false a 2xx answer is a permanent failure, and others are judged by their status. Null: 2xx is a success.")
	expression(&s.Response.Result, "result", "CEL over the answer: the call's result. Null is none.")
	f.integer(&s.Response.MaxBytes, "response.maxBytes", 1<<10, 8<<20, "How much of an answer's body is kept.")
	w := &s.Response.WriteBack
	expression(&w.Document.Status, "writeBack.document.status", "Status that the document gets, as name or number."+none)
	expression(&w.Document.Comment, "writeBack.document.comment", "Comment that the document gets."+none)
	expression(&w.Document.Result, "writeBack.document.result", "Result that the document gets: a text, or anything else as JSON."+none)
	expression(&w.Document.Category, "writeBack.document.category", "Category (classId) that the document gets."+none)
	f.expressions(&w.Document.Fields, "response.writeBack.document.fields", "An object from the name of a field to the CEL expression of its value."+none)
	expression(&w.Verification.Value, "writeBack.verification.value", "Value of a verification of type API that is added to the call's parameter.")
	expression(&w.Verification.Status, "writeBack.verification.status", "Status flags of that verification, as names or number.")
	expression(&w.Verification.Info, "writeBack.verification.info", "Info of that verification.")
	expression(&w.WorkItem.Status, "writeBack.workItem.status", "Status that the work item gets, as name or number."+none)
	expression(&w.WorkItem.ReasonCode, "writeBack.workItem.reasonCode", "reasonCode that the work item gets."+none)
	expression(&w.WorkItem.ReasonDescription, "writeBack.workItem.reasonDescription", "reasonDescription that the work item gets."+none)
	expression(&w.WorkItem.ReasonComment, "writeBack.workItem.reasonComment", "reasonComment that the work item gets."+none)
	f.boolean(&s.Callback.Await, "callback.await", "The endpoint answers later, at the URL in the header Forgehook-Callback-Url and the payload's callbackUrl.")
	f.duration(&s.Callback.Timeout, "callback.timeout", time.Second, 90*day, "From the endpoint's response to its callback; then the call expires.")
	f.word(&s.OnFailure, []string{OnFailureContinue, OnFailureHold, OnFailureError}, "onFailure",
		"What a failed or expired call means for the next ones: nothing, the utility is held, or the run of its event ends.")
	for _, later := range []string{"auth", "tls", "attachments", "debounce"} {
		f.reserved(later, "Comes with a later release.")
	}
}

// defaultFields are the declarations bound to the default settings. They are made once, since every
// load and response needs them, and never changed.
var defaultFields = sync.OnceValue(func() []*Field {
	s := DefaultSettings()
	var f fields
	s.declare(&f)
	for _, field := range f.list {
		field.Default = field.Value()
	}
	return f.list
})

// fields declares s with the defaults.
func (s *Settings) fields() []*Field {
	var bound fields
	s.declare(&bound)
	for i, f := range bound.list {
		f.Default = defaultFields()[i].Default
	}
	return bound.list
}

func (f *Field) reset(defaults []*Field) {
	for _, d := range defaults {
		if d.Path == f.Path {
			f.at.Set(d.at)
		}
	}
}

// SettingFields lists every setting with its default value, in the order of responses.
func SettingFields() []*Field { return slices.Clone(defaultFields()) }

// MarshalJSON is what the API shows. A secret is shown only as set or not.
func (s Settings) MarshalJSON() ([]byte, error) { return s.tree((*Field).Value) }

// tree writes the settings as nested objects in declared order.
func (s Settings) tree(show func(*Field) any) ([]byte, error) {
	var b bytes.Buffer
	var open []string // the groups being written
	b.WriteByte('{')
	for _, f := range s.fields() {
		names := strings.Split(f.Path, ".")
		groups := names[:len(names)-1]
		shared := 0
		for shared < len(open) && shared < len(groups) && open[shared] == groups[shared] {
			shared++
		}
		b.WriteString(strings.Repeat("}", len(open)-shared))
		if b.Bytes()[b.Len()-1] != '{' {
			b.WriteByte(',')
		}
		for _, group := range groups[shared:] {
			fmt.Fprintf(&b, "%q:{", group)
		}
		open = groups
		value, err := json.Marshal(show(f))
		if err != nil {
			return nil, fmt.Errorf("setting %s: %w", f.Path, err)
		}
		fmt.Fprintf(&b, "%q:%s", names[len(names)-1], value)
	}
	b.WriteString(strings.Repeat("}", len(open)+1))
	return b.Bytes(), nil
}

// storedSecret is a sealed secret in a stored settings version.
type storedSecret struct {
	Sealed    []byte `json:"sealed"`
	UpdatedAt Time   `json:"updatedAt"`
}

// StoreSettings is the form for the database: as the API shows it, with secrets sealed. An unsealed
// secret is an error.
func StoreSettings(s Settings) ([]byte, error) {
	err := s.EachSecret(func(path string, secret *Secret) error {
		if secret.plain != "" && len(secret.Sealed) == 0 {
			return fmt.Errorf("setting %s is not sealed", path)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	tree, err := s.tree(func(f *Field) any {
		if secret, ok := f.at.Interface().(Secret); ok && secret.IsSet() {
			return storedSecret{secret.Sealed, secret.UpdatedAt}
		}
		return f.Value()
	})
	if err != nil {
		return nil, err
	}
	return append(fmt.Appendf(nil, `{"language":%d,`, s.Language), tree[1:]...), nil
}

// LoadSettings reads the database's form. It ignores names of another release, but not a language
// that only a later release knows.
func LoadSettings(data []byte) (Settings, error) {
	s := DefaultSettings()
	tree, err := ParseJSON(data)
	if err != nil {
		return s, fmt.Errorf("stored settings: %w", err)
	}
	if s.Language, err = loadLanguage(tree); err != nil {
		return s, fmt.Errorf("stored settings: %w", err)
	}
	defaults := defaultFields()
	for _, f := range s.fields() {
		value := tree.At(f.Path)
		switch {
		case value == nil:
		case value.IsNull():
			if f.Nullable && f.Kind != KindReserved {
				f.at.SetZero()
			} else {
				f.reset(defaults)
			}
		case f.Kind == KindSecret:
			var stored storedSecret
			if err := json.Unmarshal(value.Append(nil), &stored); err != nil {
				return s, fmt.Errorf("stored setting %s: %w", f.Path, err)
			}
			f.at.Set(reflect.ValueOf(Secret{Sealed: stored.Sealed, UpdatedAt: stored.UpdatedAt}))
		default:
			if allowed := f.set(value.Value()); allowed != "" {
				return s, fmt.Errorf("stored setting %s: %s", f.Path, allowed)
			}
		}
	}
	return s, nil
}

// loadLanguage reads the language of stored settings; the first one was not stored.
func loadLanguage(tree *jsontree.Node) (Language, error) {
	stored := tree.At("language")
	if stored == nil {
		return Language1, nil
	}
	n, err := strconv.Atoi(string(stored.Digits()))
	if err != nil || n < int(Language1) || n > int(LanguageNow) {
		return 0, fmt.Errorf("language %s is not one of this release, which knows up to %d", stored.Append(nil), LanguageNow)
	}
	return Language(n), nil
}

// EachSecret visits every secret that is set, to seal or open it.
func (s *Settings) EachSecret(visit func(path string, secret *Secret) error) error {
	for _, f := range s.fields() {
		if secret, ok := f.at.Addr().Interface().(*Secret); ok && secret.IsSet() {
			if err := visit(f.Path, secret); err != nil {
				return err
			}
		}
	}
	return nil
}

// Host is the host and port of the URL. They are literal even in a template or script; "" if there
// are none.
func (w *WebHookSettings) Host() string {
	if w.URL == nil {
		return ""
	}
	_, rest, ok := strings.Cut(*w.URL, "://")
	if !ok {
		return ""
	}
	host := rest[:len(rest)-len(strings.TrimLeftFunc(rest, func(r rune) bool { return !strings.ContainsRune("/?#{\"\\ \n", r) }))]
	u, err := url.Parse("https://" + host)
	if err != nil {
		return ""
	}
	return u.Host
}
