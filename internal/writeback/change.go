package writeback

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/jsontree"
)

// maxShownText bounds a text in a difference, in bytes: a result can be as large as a document, and
// lists of calls show it.
const maxShownText = 4 << 10

var null = json.RawMessage("null")

// note adds a difference, whose values must be fit to show.
func (p *Plan) note(path string, before, after json.RawMessage) {
	p.Changes = append(p.Changes, forgehook.Change{Path: path, Before: before, After: after})
}

// change notes a difference of a value that is not a text, if there is one. The name of an enum's
// value is redacted too.
func (p *Plan) change(path string, before, after json.RawMessage) {
	if bytes.Equal(before, after) {
		return
	}
	for _, value := range []*json.RawMessage{&before, &after} {
		if bytes.HasPrefix(*value, []byte(`"`)) {
			*value = p.redact.ReplaceJSON(*value)
		}
	}
	p.note(path, before, after)
}

// absent notes why something is not written. That is not a fault: a call can bring its own
// entities, and somebody may decide about an item meanwhile.
func (p *Plan) absent(path, why string) {
	p.Changes = append(p.Changes, forgehook.Change{Path: path, Before: null, After: null, Note: why})
}

// setText sets a text of an entity; nil leaves it.
func (p *Plan) setText(path string, present **string, value *string) {
	if value == nil {
		return
	}
	if *present == nil || **present != *value {
		p.note(path, p.value(*present, false), p.value(value, false))
	}
	*present = value
}

// value is a text as a difference shows it.
func (p *Plan) value(text *string, secret bool) json.RawMessage {
	switch {
	case text == nil:
		return null
	case secret:
		return jsontree.AppendString(nil, forgehook.Masked)
	}
	return jsontree.AppendString(nil, forgehook.Shorten(p.redact.Replace(*text), maxShownText))
}

// nameOf returns the name of an enum's value, or its number where it has no name.
func nameOf[E ~int32](e E) string {
	if table, ok := forgehook.EnumTableOf(e); ok {
		if name := table.Name(int32(e)); name != nil {
			return *name
		}
	}
	return strconv.Itoa(int(e))
}

// enumJSON is nameOf as JSON: a name in quotes, or a number.
func enumJSON[E ~int32](e E) json.RawMessage {
	number := strconv.Itoa(int(e))
	if name := nameOf(e); name != number {
		return jsontree.AppendString(nil, name)
	}
	return json.RawMessage(number)
}

func numberJSON(n *int32) json.RawMessage {
	if n == nil {
		return null
	}
	return json.RawMessage(strconv.Itoa(int(*n)))
}

// verificationJSON is a verification as a difference shows it.
func verificationJSON(v forgehook.Verification, value, info json.RawMessage) json.RawMessage {
	b, _ := jsontree.Marshal(struct { // names, numbers and JSON never fail
		ID          int32           `json:"id"`
		ParameterID int32           `json:"parameterId"`
		Value       json.RawMessage `json:"value"`
		Status      json.RawMessage `json:"status"`
		Info        json.RawMessage `json:"info"`
	}{v.ID, v.ParameterID, value, enumJSON(v.Status), info})
	return b
}
