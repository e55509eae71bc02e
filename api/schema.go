package api

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/openapi"
	"github.com/forgehook/forgehook/internal/platform"
	"github.com/forgehook/forgehook/internal/postgres"
)

// schemas are the components of the document, made from the types that are decoded and sent. They
// only document. The root's decoders decide what is allowed, and report every fault with its place.
type schemas map[string]*openapi.Schema

// schemasAt is where references point.
const schemasAt = "#/components/schemas/"

func (s *server) schemas() schemas { return s.document.Components.Schemas }

var (
	timeType       = reflect.TypeFor[forgehook.Time]()
	timeSpanType   = reflect.TypeFor[forgehook.TimeSpan]()
	rawType        = reflect.TypeFor[json.RawMessage]()
	numberType     = reflect.TypeFor[json.Number]()
	settingsType   = reflect.TypeFor[forgehook.Settings]()
	marshalerType  = reflect.TypeFor[json.Marshaler]()
	closedWordList = map[reflect.Type]*openapi.Schema{
		reflect.TypeFor[forgehook.Role]():           wordSchema(forgehook.Roles),
		reflect.TypeFor[forgehook.CallStatus]():     wordSchema(forgehook.CallStatuses),
		reflect.TypeFor[forgehook.Outcome]():        wordSchema(forgehook.Outcomes),
		reflect.TypeFor[postgres.SampleSource]():    wordSchema(postgres.SampleSources),
		reflect.TypeFor[platform.Action]():          wordSchema(platform.Actions),
		reflect.TypeFor[forgehook.EventType]():      wordSchema(append(slices.Clip(anyEvent), forgehook.EventExplicit)),
		reflect.TypeFor[raisedEvent]():              wordSchema(anyEvent),
		reflect.TypeFor[forgehook.RunStatus]():      wordSchema(runStatuses),
		reflect.TypeFor[forgehook.OnDue]():          wordSchema(forgehook.OnDues),
		reflect.TypeFor[forgehook.RunOutcome]():     wordSchema(forgehook.RunOutcomes),
		reflect.TypeFor[forgehook.ProcessOutcome](): wordSchema(forgehook.ProcessOutcomes),
		reflect.TypeFor[forgehook.Verdict]():        wordSchema(forgehook.Verdicts),
		reflect.TypeFor[forgehook.AttemptState]():   wordSchema(forgehook.AttemptStates),
		reflect.TypeFor[forgehook.CallErrorCode]():  codeSchema(forgehook.CallErrors()),
	}
)

// componentNames are component names that differ from the type's. A name in the document is a
// promise.
var componentNames = map[reflect.Type]string{
	reflect.TypeFor[callsResponse]():    "CallAnswer",
	reflect.TypeFor[runResponse]():      "RunAnswer",
	reflect.TypeFor[callbackResponse](): "CallbackAnswer",
}

func wordSchema[W ~string](words []W) *openapi.Schema {
	s := openapi.Of("string")
	for _, w := range words {
		s.Enum = append(s.Enum, string(w))
	}
	return s
}

// codeSchema describes one code, or a family of codes.
func codeSchema(kinds []forgehook.CallErrorKind) *openapi.Schema {
	codes := openapi.Of("string")
	list := []*openapi.Schema{codes}
	for _, k := range kinds {
		if k.Pattern != "" {
			list = append(list, &openapi.Schema{Type: openapi.Types{"string"}, Pattern: k.Pattern})
			continue
		}
		codes.Enum = append(codes.Enum, string(k.Code))
	}
	return openapi.AnyOf(list...)
}

// of describes a type; structs become components.
func (c schemas) of(t reflect.Type) *openapi.Schema {
	if words, ok := closedWordList[t]; ok {
		word := *words
		return &word
	}
	switch t {
	case timeType:
		return openapi.In("string", "date-time")
	case timeSpanType:
		return &openapi.Schema{Type: openapi.Types{"string"}, Description: "[d.]hh:mm:ss[.fffffff]"}
	case rawType:
		return &openapi.Schema{}
	case numberType:
		return openapi.Of("number")
	case settingsType:
		return c.component("Settings", settingsSchema)
	case reflect.TypeFor[settingsResponse]():
		return c.component("SettingsAnswer", func() *openapi.Schema {
			return &openapi.Schema{AllOf: []*openapi.Schema{c.of(settingsType), c.of(reflect.TypeFor[settingsFacts]())}}
		})
	case reflect.TypeFor[backtestLine]():
		return openapi.AnyOf(c.of(reflect.TypeFor[difference]()), c.of(reflect.TypeFor[backtestProgress]()), c.of(reflect.TypeFor[backtestTotal]()))
	case reflect.TypeFor[serviceOrUtility]():
		return openapi.AnyOf(c.of(reflect.TypeFor[forgehook.Service]()), c.of(reflect.TypeFor[forgehook.Utility]()))
	}
	switch t.Kind() {
	case reflect.Pointer:
		return c.of(t.Elem()).OrNull()
	case reflect.Struct:
		name := cmp.Or(componentNames[t], strings.ToUpper(t.Name()[:1])+t.Name()[1:])
		return c.component(name, func() *openapi.Schema { return c.object(t) })
	case reflect.Slice:
		return openapi.ListOf(c.of(t.Elem()))
	case reflect.Map:
		return openapi.MapOf(c.of(t.Elem()))
	case reflect.Interface:
		return &openapi.Schema{}
	case reflect.Bool:
		return openapi.Of("boolean")
	case reflect.Float64:
		return openapi.Of("number")
	case reflect.String:
		return openapi.Of("string")
	case reflect.Int32:
		return openapi.In("integer", "int32")
	default:
		return openapi.Of("integer")
	}
}

func (c schemas) component(name string, describe func() *openapi.Schema) *openapi.Schema {
	if c[name] == nil {
		c[name] = &openapi.Schema{} // before describe: an entity may contain itself
		*c[name] = *describe()
	}
	return &openapi.Schema{Ref: schemasAt + name}
}

// object describes a struct. Entities have their own MarshalJSON, which adds an enum's name beside
// its number. They are inputs too, so none of their members is required.
func (c schemas) object(t reflect.Type) *openapi.Schema {
	s := openapi.Object()
	entity := t.Implements(marshalerType)
	for _, f := range reflect.VisibleFields(t) {
		name, option, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || name == "" || name == "-" {
			continue
		}
		if base := deref(f.Type); isEnum(base) {
			s.Properties[name] = c.enum(base, t, name)
			s.Properties[name+"Name"] = &openapi.Schema{Type: openapi.Types{"string", "null"}, ReadOnly: true}
			continue
		}
		s.Properties[name] = c.of(f.Type)
		if f.Tag.Get("holds") == "settings" {
			s.Properties[name] = c.of(settingsType)
		}
		always := f.Type.Kind() != reflect.Pointer && f.Type.Kind() != reflect.Slice && f.Type.Kind() != reflect.Interface
		if always && !entity && option == "" {
			s.Required = append(s.Required, name)
		}
	}
	return s
}

func deref(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// isEnum reports one of the platform's enums: numbers of the root package.
func isEnum(t reflect.Type) bool {
	return t.Kind() == reflect.Int32 && t.PkgPath() == settingsType.PkgPath()
}

// enum describes an enum with the decoder's message about an unknown name.
func (c schemas) enum(t, within reflect.Type, member string) *openapi.Schema {
	return c.component(t.Name(), func() *openapi.Schema {
		err := forgehook.Decode(fmt.Appendf(nil, `{%q:"?"}`, member), reflect.New(within).Interface())
		fault, ok := errors.AsType[*forgehook.Error](err)
		if !ok {
			panic(fmt.Sprintf("schema of %s: the decoder took a name that no enum has", t))
		}
		s := openapi.AnyOf(openapi.In("integer", "int32"), openapi.Of("string"), openapi.Of("null"))
		s.Description = "Answered as number. Taken: " + fault.Fields[0].Allowed + "."
		return s
	})
}

// settingsSchema describes the settings from their declarations.
func settingsSchema() *openapi.Schema {
	root := openapi.Object()
	for _, f := range forgehook.SettingFields() {
		group, names := root, strings.Split(f.Path, ".")
		for _, name := range names[:len(names)-1] {
			if group.Properties[name] == nil {
				group.Properties[name] = openapi.Object()
			}
			group = group.Properties[name]
		}
		group.Properties[names[len(names)-1]] = settingSchema(f)
	}
	return root
}

func settingSchema(f *forgehook.Field) *openapi.Schema {
	integer, text := openapi.Of("integer"), openapi.Of("string")
	s := text
	switch f.Kind {
	case forgehook.KindInteger:
		s = integer
	case forgehook.KindBoolean:
		s = openapi.Of("boolean")
	case forgehook.KindEnum:
		s = wordSchema(f.Names)
	case forgehook.KindEnums:
		s = severalOf(wordSchema(f.Names))
	case forgehook.KindIntegers:
		s = severalOf(integer)
	case forgehook.KindHeaders, forgehook.KindExpressions:
		s = openapi.MapOf(text)
	case forgehook.KindTriggers:
		s = openapi.AnyOf(openapi.Of("boolean"), openapi.ListOf(wordSchema(forgehook.TriggerTypes)))
	case forgehook.KindReserved:
		s = openapi.Of("null")
	case forgehook.KindSecret:
		kept := openapi.Object()
		kept.Properties["set"], kept.Properties["updatedAt"] = openapi.Of("boolean"), openapi.In("string", "date-time")
		kept.Required = []string{"set"}
		s = openapi.AnyOf(text, kept)
	}
	if f.Kind != forgehook.KindReserved {
		s = s.OrNull() // in a request null restores the default
	}
	s.Description, s.Default = fmt.Sprintf("%s Allowed: %s.", f.Doc, f.Allowed), f.Default
	if !f.Built && f.Kind != forgehook.KindReserved {
		s.Description += " Only the default until a later release."
	}
	return s
}

func severalOf(one *openapi.Schema) *openapi.Schema {
	return openapi.AnyOf(one, openapi.ListOf(one))
}
