package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/platform"
	"github.com/forgehook/forgehook/internal/postgres"
)

// schemas are the components of the document, made from the types that are decoded and answered. They document only: what is
// allowed is decided by the root's decoders, which report every fault with its place.
type schemas map[string]*huma.Schema

var (
	timeType       = reflect.TypeFor[forgehook.Time]()
	timeSpanType   = reflect.TypeFor[forgehook.TimeSpan]()
	rawType        = reflect.TypeFor[json.RawMessage]()
	numberType     = reflect.TypeFor[json.Number]()
	settingsType   = reflect.TypeFor[forgehook.Settings]()
	answerType     = reflect.TypeFor[settingsAnswer]()
	serviceAnswer  = reflect.TypeFor[serviceOrUtility]()
	lineAnswer     = reflect.TypeFor[backtestLine]()
	marshalerType  = reflect.TypeFor[json.Marshaler]()
	closedWordList = map[reflect.Type]*huma.Schema{
		reflect.TypeFor[forgehook.Role]():           wordSchema(forgehook.Roles),
		reflect.TypeFor[forgehook.CallStatus]():     wordSchema(forgehook.CallStatuses),
		reflect.TypeFor[forgehook.Outcome]():        wordSchema(forgehook.Outcomes),
		reflect.TypeFor[postgres.SampleSource]():    wordSchema(postgres.SampleSources),
		reflect.TypeFor[platform.Action]():          wordSchema(platform.Actions),
		reflect.TypeFor[forgehook.EventType]():      wordSchema(append(slices.Clip(anyEvent), forgehook.EventExplicit)),
		reflect.TypeFor[forgehook.RunStatus]():      wordSchema(runStatuses),
		reflect.TypeFor[forgehook.OnDue]():          wordSchema(forgehook.OnDues),
		reflect.TypeFor[forgehook.RunOutcome]():     wordSchema(forgehook.RunOutcomes),
		reflect.TypeFor[forgehook.ProcessOutcome](): wordSchema(forgehook.ProcessOutcomes),
		reflect.TypeFor[forgehook.Verdict]():        wordSchema(forgehook.Verdicts),
		reflect.TypeFor[forgehook.AttemptState]():   wordSchema(forgehook.AttemptStates),
		reflect.TypeFor[forgehook.CallErrorCode]():  codeSchema(forgehook.CallErrors()),
	}
)

func wordSchema[W ~string](words []W) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	for _, w := range words {
		s.Enum = append(s.Enum, w)
	}
	return s
}

// codeSchema is one of the codes, or one of a family of them.
func codeSchema(kinds []forgehook.CallErrorKind) *huma.Schema {
	codes := &huma.Schema{Type: huma.TypeString}
	list := []*huma.Schema{codes}
	for _, k := range kinds {
		if k.Pattern != "" {
			list = append(list, &huma.Schema{Type: huma.TypeString, Pattern: k.Pattern})
			continue
		}
		codes.Enum = append(codes.Enum, k.Code)
	}
	return &huma.Schema{AnyOf: list}
}

// of describes a type; structs become components.
func (c schemas) of(t reflect.Type) *huma.Schema {
	if words, ok := closedWordList[t]; ok {
		word := *words
		return &word
	}
	switch t {
	case timeType:
		return &huma.Schema{Type: huma.TypeString, Format: "date-time"}
	case timeSpanType:
		return &huma.Schema{Type: huma.TypeString, Description: "[d.]hh:mm:ss[.fffffff]"}
	case rawType:
		return &huma.Schema{}
	case numberType:
		return &huma.Schema{Type: huma.TypeNumber}
	case settingsType:
		return c.component("Settings", settingsSchema)
	case answerType:
		return c.component("SettingsAnswer", func() *huma.Schema {
			return &huma.Schema{AllOf: []*huma.Schema{c.of(settingsType), c.of(reflect.TypeFor[settingsFacts]())}}
		})
	case lineAnswer:
		return &huma.Schema{AnyOf: []*huma.Schema{
			c.of(reflect.TypeFor[difference]()), c.of(reflect.TypeFor[backtestProgress]()), c.of(reflect.TypeFor[backtestTotal]())}}
	case serviceAnswer:
		return &huma.Schema{AnyOf: []*huma.Schema{c.of(reflect.TypeFor[forgehook.Service]()), c.of(reflect.TypeFor[forgehook.Utility]())}}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return nullable(c.of(t.Elem()))
	case reflect.Struct:
		return c.component(strings.ToUpper(t.Name()[:1])+t.Name()[1:], func() *huma.Schema { return c.object(t) })
	case reflect.Slice:
		return &huma.Schema{Type: huma.TypeArray, Items: c.of(t.Elem())}
	case reflect.Map:
		return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: c.of(t.Elem())}
	case reflect.Interface:
		return &huma.Schema{}
	case reflect.Bool:
		return &huma.Schema{Type: huma.TypeBoolean}
	case reflect.Float64:
		return &huma.Schema{Type: huma.TypeNumber}
	case reflect.String:
		return &huma.Schema{Type: huma.TypeString}
	case reflect.Int32:
		return &huma.Schema{Type: huma.TypeInteger, Format: "int32"}
	default:
		return &huma.Schema{Type: huma.TypeInteger}
	}
}

func (c schemas) component(name string, describe func() *huma.Schema) *huma.Schema {
	if c[name] == nil {
		c[name] = &huma.Schema{} // before describe: entities hold themselves
		*c[name] = *describe()
	}
	return &huma.Schema{Ref: "#/components/schemas/" + name}
}

func nullable(s *huma.Schema) *huma.Schema {
	if s.Type == "" || len(s.Enum) > 0 {
		return &huma.Schema{AnyOf: []*huma.Schema{s, {Type: "null"}}}
	}
	s.Nullable = true
	return s
}

// object describes a struct. Entities marshal themselves to put an enum's name beside its number; as they are also input, none of
// their members is required.
func (c schemas) object(t reflect.Type) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{}}
	entity := t.Implements(marshalerType)
	for _, f := range reflect.VisibleFields(t) {
		name, option, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || name == "" || name == "-" {
			continue
		}
		if base := deref(f.Type); isEnum(base) {
			s.Properties[name] = c.enum(base, t, name)
			s.Properties[name+"Name"] = &huma.Schema{Type: huma.TypeString, Nullable: true, ReadOnly: true}
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

// enum describes an enum by what the decoder says of a name that does not exist.
func (c schemas) enum(t, within reflect.Type, member string) *huma.Schema {
	return c.component(t.Name(), func() *huma.Schema {
		err := forgehook.Decode(fmt.Appendf(nil, `{%q:"?"}`, member), reflect.New(within).Interface())
		fault, ok := errors.AsType[*forgehook.Error](err)
		if !ok {
			panic(fmt.Sprintf("schema of %s: the decoder took a name that no enum has", t))
		}
		return &huma.Schema{
			AnyOf:       []*huma.Schema{{Type: huma.TypeInteger, Format: "int32"}, {Type: huma.TypeString}, {Type: "null"}},
			Description: "Answered as number. Taken: " + fault.Fields[0].Allowed + ".",
		}
	})
}

// settingsSchema describes the settings from their declarations.
func settingsSchema() *huma.Schema {
	root := &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{}}
	for _, f := range forgehook.SettingFields() {
		group, names := root, strings.Split(f.Path, ".")
		for _, name := range names[:len(names)-1] {
			if group.Properties[name] == nil {
				group.Properties[name] = &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{}}
			}
			group = group.Properties[name]
		}
		group.Properties[names[len(names)-1]] = settingSchema(f)
	}
	return root
}

func settingSchema(f *forgehook.Field) *huma.Schema {
	integer, text := &huma.Schema{Type: huma.TypeInteger}, &huma.Schema{Type: huma.TypeString}
	s := text
	switch f.Kind {
	case forgehook.KindInteger:
		s = integer
	case forgehook.KindBoolean:
		s = &huma.Schema{Type: huma.TypeBoolean}
	case forgehook.KindEnum:
		s = wordSchema(f.Names)
	case forgehook.KindEnums:
		s = severalOf(wordSchema(f.Names))
	case forgehook.KindIntegers:
		s = severalOf(integer)
	case forgehook.KindHeaders, forgehook.KindExpressions:
		s = &huma.Schema{Type: huma.TypeObject, AdditionalProperties: text}
	case forgehook.KindTriggers:
		s = &huma.Schema{AnyOf: []*huma.Schema{{Type: huma.TypeBoolean}, {Type: huma.TypeArray, Items: wordSchema(forgehook.TriggerTypes)}}}
	case forgehook.KindReserved:
		s = &huma.Schema{Type: "null"}
	case forgehook.KindSecret:
		s = &huma.Schema{AnyOf: []*huma.Schema{text, {
			Type: huma.TypeObject, Required: []string{"set"}, Properties: map[string]*huma.Schema{
				"set": {Type: huma.TypeBoolean}, "updatedAt": {Type: huma.TypeString, Format: "date-time"},
			},
		}}}
	}
	if f.Kind != forgehook.KindReserved {
		s = nullable(s) // as input: null puts the default back
	}
	s.Description, s.Default = fmt.Sprintf("%s Allowed: %s.", f.Doc, f.Allowed), f.Default
	if !f.Built && f.Kind != forgehook.KindReserved {
		s.Description += " Only the default until a later release."
	}
	return s
}

func severalOf(one *huma.Schema) *huma.Schema {
	return &huma.Schema{AnyOf: []*huma.Schema{one, {Type: huma.TypeArray, Items: one}}}
}
