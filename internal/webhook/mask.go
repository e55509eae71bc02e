package webhook

import (
	"bytes"
	"cmp"
	"encoding/json"
	"reflect"
	"slices"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/place"
)

// SecretValues are the values of a subject's secret fields, of the type Password or SecureString: each once, the longest first.
func SecretValues(sub *forgehook.Subject) []string {
	if s := secretsOf(sub); s.found {
		return s.values(sub)
	}
	return nil
}

// values collects what must not be shown. A null or an empty value is none.
func (s *secretFields) values(sub *forgehook.Subject) []string {
	var list []string
	s.visit(sub, func(text **string, value bool) {
		if value && *text != nil && **text != "" {
			list = append(list, **text)
		}
	})
	slices.SortFunc(list, longestFirst)
	return slices.Compact(list)
}

func longestFirst(a, b string) int {
	return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
}

// mask returns a copy of the subject that has "[secret]" for each secret value, and for the same text wherever else it stands: in
// another field, in what the sender wrote. Nothing that is made of the copy can tell a secret.
func (s *secretFields) mask(sub *forgehook.Subject, redact *Redactor) *forgehook.Subject {
	masked := copied(reflect.ValueOf(sub), redact).Interface().(*forgehook.Subject)
	s.visit(masked, func(text **string, _ bool) {
		if *text != nil && **text != "" {
			mark := Masked
			*text = &mark
		}
	})
	return masked
}

// MaskDocument is a document as it may be shown: with "[secret]" for the values of its secret fields. One without any is returned
// as it is.
func MaskDocument(doc forgehook.Document) forgehook.Document {
	sub := &forgehook.Subject{Document: &doc}
	s := secretsOf(sub)
	if !s.found {
		return doc
	}
	return *s.mask(sub, NewRedactor(SecretValues(sub)...)).Document
}

// visit shows the texts of every secret field; value is false for a text that tells of the value only.
func (s *secretFields) visit(sub *forgehook.Subject, show func(text **string, value bool)) {
	definition := func(d *forgehook.ParameterDef, above bool) { s.visitDefinition(d, above, show) }
	var parameter func(p *forgehook.DocumentParameter, above bool)
	parameter = func(p *forgehook.DocumentParameter, above bool) {
		secret := above || s.hides(p)
		definition(p.ParamDef, secret)
		if secret {
			show(&p.Value, true)
			show(&p.Data, true)
			for i := range p.Verifications {
				visitVerification(&p.Verifications[i], show)
			}
		}
		for i := range p.Children {
			parameter(&p.Children[i], secret)
		}
	}
	var document func(d *forgehook.Document)
	document = func(d *forgehook.Document) {
		if d == nil {
			return
		}
		for i := range d.ResultParameters {
			parameter(&d.ResultParameters[i], false)
		}
		for i := range d.Documents {
			document(&d.Documents[i])
		}
	}
	document(sub.Document)
	document(sub.MasterDocument)
	definition(sub.ParameterDef, false)
	if sub.Parameter != nil {
		parameter(sub.Parameter, s.subject)
	}
	if s.hidesVerification(sub.Verification) {
		visitVerification(sub.Verification, show)
	}
}

func (s *secretFields) visitDefinition(d *forgehook.ParameterDef, secret bool, show func(**string, bool)) {
	if d == nil {
		return
	}
	if secret || isSecret(d) {
		show(&d.DefaultValue, true)
	}
	for i := range d.Children {
		s.visitDefinition(&d.Children[i], false, show)
	}
}

func visitVerification(v *forgehook.Verification, show func(**string, bool)) {
	show(&v.Value, true)
	show(&v.Data, true)
	show(&v.Result, false)
	show(&v.Info, false)
	if symbols := string(v.SymbolsConfidence); symbols != "" { // one entry a character
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

// copied is a deep copy with the texts redacted. Numbers and times are no texts.
func copied(v reflect.Value, redact *Redactor) reflect.Value {
	t := v.Type()
	switch t {
	case rawType:
		if v.Len() == 0 {
			return v
		}
		return reflect.ValueOf(redactJSON(v.Bytes(), redact))
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

// redactJSON redacts the texts and numbers of JSON and leaves everything else as it is, the order of members above all.
func redactJSON(raw []byte, redact *Redactor) json.RawMessage {
	var out []byte
	for i := 0; i < len(raw); {
		end := tokenEnd(raw, i)
		token := raw[i:end]
		i = end
		var text string
		switch {
		case token[0] == '"':
			if json.Unmarshal(token, &text) != nil {
				text = Masked
			}
		case token[0] == '-' || '0' <= token[0] && token[0] <= '9':
			text = string(token)
		default:
			out = append(out, token...)
			continue
		}
		if shown := redact.Replace(text); shown != text {
			out = append(place.JSONString.Append(append(out, '"'), shown), '"')
		} else {
			out = append(out, token...)
		}
	}
	return out
}

// tokenEnd is the end of the text, the number or the single byte at i.
func tokenEnd(raw []byte, i int) int {
	switch c := raw[i]; {
	case c == '"':
		for i++; i < len(raw) && raw[i] != '"'; i++ {
			if raw[i] == '\\' {
				i++
			}
		}
		return min(i+1, len(raw))
	case c == '-' || '0' <= c && c <= '9':
		for i < len(raw) && bytes.IndexByte([]byte("+-.0123456789Ee"), raw[i]) >= 0 {
			i++
		}
		return i
	}
	return i + 1
}
