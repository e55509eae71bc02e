package mask

import (
	"encoding/json"
	"reflect"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/jsontree"
)

// Masked returns a copy of the subject with "[secret]" in place of each secret value, and of the
// same text anywhere else, such as in another field or in the sender's JSON. The copy is safe to
// show. The redactor must know the [Secrets.Values].
func (s *Secrets) Masked(redact *Redactor) *forgehook.Subject {
	masked := copied(reflect.ValueOf(s.subject), redact).Interface().(*forgehook.Subject)
	s.visit(masked, func(text **string, _ bool) {
		if *text != nil && **text != "" {
			*text = new(forgehook.Masked)
		}
	})
	return masked
}

// Document returns a document as it may be shown, with "[secret]" for the values of its secret
// fields. A document without any is returned unchanged.
func Document(d forgehook.Document) forgehook.Document {
	s := OfDocument(&d)
	if !s.found {
		return d
	}
	return *s.Masked(NewRedactor(s.Values()...)).Document
}

// visit calls show for the texts of every secret field of the subject, or of a copy of it. value is
// false for a text that is not the value but reveals it.
func (s *Secrets) visit(sub *forgehook.Subject, show func(text **string, value bool)) {
	secret := s.entitiesOf(sub)
	for p := range fieldsOf(sub) {
		visitDefinition(p.ParamDef, secret[p], show)
		if !secret[p] {
			continue
		}
		show(&p.Value, true)
		show(&p.Data, true)
		for i := range p.Verifications {
			visitVerification(&p.Verifications[i], show)
		}
	}
	visitDefinition(sub.ParameterDef, false, show)
	if s.hidesVerification(sub.Verification) {
		visitVerification(sub.Verification, show)
	}
}

func visitDefinition(d *forgehook.ParameterDef, secret bool, show func(**string, bool)) {
	if d == nil {
		return
	}
	if secret || isSecret(d) {
		show(&d.DefaultValue, true)
	}
	for i := range d.Children {
		visitDefinition(&d.Children[i], false, show)
	}
}

func visitVerification(v *forgehook.Verification, show func(**string, bool)) {
	show(&v.Value, true)
	show(&v.Data, true)
	show(&v.Result, false)
	show(&v.Info, false)
	if symbols := string(v.SymbolsConfidence); symbols != "" { // one entry for each character
		text := &symbols
		if show(&text, false); *text != symbols {
			v.SymbolsConfidence = json.RawMessage("null")
		}
	}
}

var (
	rawType    = reflect.TypeFor[json.RawMessage]()
	numberType = reflect.TypeFor[json.Number]()
	timeType   = reflect.TypeFor[forgehook.Time]()
)

// copied returns a deep copy with its texts redacted. Numbers and times stay.
func copied(v reflect.Value, redact *Redactor) reflect.Value {
	t := v.Type()
	switch t {
	case rawType:
		if v.Len() == 0 {
			return v
		}
		return reflect.ValueOf(json.RawMessage(jsontree.Rewrite(v.Bytes(), redact.Replace)))
	case timeType, numberType:
		return v
	}
	switch t.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		c := reflect.New(t.Elem())
		c.Elem().Set(copied(v.Elem(), redact))
		return c
	case reflect.Struct:
		c := reflect.New(t).Elem()
		for i := range t.NumField() {
			c.Field(i).Set(copied(v.Field(i), redact))
		}
		return c
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		c := reflect.MakeSlice(t, v.Len(), v.Len())
		for i := range v.Len() {
			c.Index(i).Set(copied(v.Index(i), redact))
		}
		return c
	case reflect.String:
		return reflect.ValueOf(redact.Replace(v.String())).Convert(t)
	default:
		return v
	}
}
