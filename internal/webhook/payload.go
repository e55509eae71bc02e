package webhook

import (
	"bytes"
	"encoding/json"

	"github.com/forgehook/forgehook"
)

// CodePayload is the code of a call whose default payload could not be written.
const CodePayload = "payload_error"

// hasPayload reports whether a request without a body of its own gets the default payload.
func hasPayload(m forgehook.Method) bool {
	return m == forgehook.MethodPost || m == forgehook.MethodPut || m == forgehook.MethodPatch
}

// payload is the default body: the subject as the platform writes it, all eight keys, without secret fields. The order is that of
// the structs and <, > and & stay as they are, so a receiver may compare bytes.
func payload(sub *forgehook.Subject, m Meta) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(struct {
		Type      string            `json:"type"`
		Timestamp forgehook.Time    `json:"timestamp"`
		Data      forgehook.Subject `json:"data"`
	}{m.EventType, forgehook.Time{Time: m.AcceptedAt}, withoutSecrets(sub)})
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// withoutSecrets returns the subject without the fields of valueType Password and SecureString: neither parameter nor verification
// nor default value. The given subject stays as it is.
func withoutSecrets(sub *forgehook.Subject) forgehook.Subject {
	s := secretFields{definitions: map[int32]bool{}, parameters: map[int32]bool{}}
	field := &forgehook.Document{} // the parameter as a tree of one, so that every rule holds for it too
	if sub.Parameter != nil {
		field.ResultParameters = []forgehook.DocumentParameter{*sub.Parameter}
	}
	s.learnDefinition(sub.ParameterDef)
	for _, doc := range []*forgehook.Document{sub.Document, sub.MasterDocument, field} {
		each(doc, func(p *forgehook.DocumentParameter) {
			s.learnDefinition(p.ParamDef)
			if isSecret(p.ParamDef) && p.ParamDefID != nil {
				s.definitions[*p.ParamDefID] = true
			}
		})
	}
	if !s.found { // the usual case
		return *sub
	}
	s.learnParameters(sub.Document)
	s.learnParameters(field)
	clean := *sub
	clean.Document = s.document(sub.Document)
	clean.MasterDocument = s.document(sub.MasterDocument)
	clean.ParameterDef = s.definition(sub.ParameterDef)
	// Parameter, definition and verification are one field, whatever ids they carry: if one is secret, so are the others.
	p, v := sub.Parameter, sub.Verification
	hidden := isSecret(sub.ParameterDef) || (p != nil && (s.hides(p) || s.parameters[p.ID]))
	if clean.Parameter = nil; p != nil && !hidden {
		kept := s.parameter(*p)
		clean.Parameter = &kept
	}
	if v != nil && (hidden || s.parameters[v.ParameterID]) {
		clean.Verification = nil
	}
	return clean
}

// secretFields knows the ids of secret definitions and parameters. They are learned first, from the whole subject, because cells
// of a table carry no definition, and inline parameters and verifications may carry an id only.
type secretFields struct {
	definitions, parameters map[int32]bool
	found                   bool
}

func isSecret(d *forgehook.ParameterDef) bool {
	return d != nil && (d.ValueType == forgehook.ValuePassword || d.ValueType == forgehook.ValueSecure)
}

func (s *secretFields) learnDefinition(d *forgehook.ParameterDef) {
	if d == nil {
		return
	}
	if isSecret(d) {
		s.found = true
		s.definitions[d.ID] = d.ID != 0 // 0 is no id
	}
	for i := range d.Children {
		s.learnDefinition(&d.Children[i])
	}
}

func (s *secretFields) learnParameters(doc *forgehook.Document) {
	each(doc, func(p *forgehook.DocumentParameter) {
		if s.hides(p) {
			eachParameter([]forgehook.DocumentParameter{*p}, func(below *forgehook.DocumentParameter) {
				s.parameters[below.ID] = below.ID != 0
			})
		}
	})
}

func (s *secretFields) hides(p *forgehook.DocumentParameter) bool {
	return isSecret(p.ParamDef) || (p.ParamDefID != nil && s.definitions[*p.ParamDefID]) ||
		(p.ParamDef != nil && s.definitions[p.ParamDef.ID])
}

// each visits the parameters of a document and of those inside it.
func each(doc *forgehook.Document, visit func(*forgehook.DocumentParameter)) {
	if doc == nil {
		return
	}
	eachParameter(doc.ResultParameters, visit)
	for i := range doc.Documents {
		each(&doc.Documents[i], visit)
	}
}

func eachParameter(list []forgehook.DocumentParameter, visit func(*forgehook.DocumentParameter)) {
	for i := range list {
		visit(&list[i])
		eachParameter(list[i].Children, visit)
	}
}

func (s *secretFields) document(doc *forgehook.Document) *forgehook.Document {
	if doc == nil {
		return nil
	}
	clean := *doc
	clean.ResultParameters = s.kept(doc.ResultParameters)
	clean.Documents = nil
	for i := range doc.Documents {
		clean.Documents = append(clean.Documents, *s.document(&doc.Documents[i]))
	}
	return &clean
}

func (s *secretFields) kept(list []forgehook.DocumentParameter) []forgehook.DocumentParameter {
	var kept []forgehook.DocumentParameter
	for i := range list {
		if !s.hides(&list[i]) {
			kept = append(kept, s.parameter(list[i]))
		}
	}
	return kept
}

func (s *secretFields) parameter(p forgehook.DocumentParameter) forgehook.DocumentParameter {
	p.ParamDef = s.definition(p.ParamDef)
	p.Children = s.kept(p.Children)
	return p
}

// definition keeps a secret field's definition, which says that there is such a field, and drops its default value.
func (s *secretFields) definition(d *forgehook.ParameterDef) *forgehook.ParameterDef {
	if d == nil {
		return nil
	}
	clean := *d
	if isSecret(d) {
		clean.DefaultValue = nil
	}
	clean.Children = nil
	for i := range d.Children {
		clean.Children = append(clean.Children, *s.definition(&d.Children[i]))
	}
	return &clean
}
