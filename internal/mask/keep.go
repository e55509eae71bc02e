package mask

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/jsontree"
)

// Refusal says that the mask cannot be the value of a secret field.
const Refusal = `a value, not what is shown in its place: "` + forgehook.Masked + `"`

// Keep replaces each "[secret]" of a document by the stored value that it was shown for, so
// reading, changing and storing a document loses no secret. stored returns the document as it was,
// or nil; it is called only if d contains the mask. A part of a list belongs to the stored part
// with the same id, or without ids to the one at the same position. No value is put back where it
// would be shown, such as in a field that is no longer secret. The error is invalid and names, by
// path, each field that is or was secret and still has the mask. See decision 19.
func Keep(d *forgehook.Document, stored func() (*forgehook.Document, error)) error {
	if !mentionsMask(reflect.ValueOf(d)) {
		return nil
	}
	before, err := stored()
	if err != nil {
		return err
	}
	if before != nil && OfDocument(before).found {
		given := copied(reflect.ValueOf(*d), NewRedactor())
		unmask(reflect.ValueOf(d).Elem(), reflect.ValueOf(Document(*before)), reflect.ValueOf(*before))
		conceal(reflect.ValueOf(d).Elem(), given, reflect.ValueOf(Document(*d)))
	}
	s := Of(&forgehook.Subject{Document: d, MasterDocument: before})
	return forgehook.Invalid(s.stillMasked(d, "")...)
}

// Refuse is [Keep] for a new document: nothing is stored that a mask could stand for.
func Refuse(d *forgehook.Document) error {
	return Keep(d, func() (*forgehook.Document, error) { return nil, nil })
}

// MayHold reports whether JSON may contain the mask. The mask's bracket may be escaped in it.
func MayHold(raw []byte) bool {
	return bytes.Contains(raw, []byte(strings.TrimPrefix(forgehook.Masked, "[")))
}

// mentionsMask reports whether any text in v contains the mask.
func mentionsMask(v reflect.Value) bool {
	t := v.Type()
	switch t {
	case rawType:
		return bytes.Contains(v.Bytes(), []byte(forgehook.Masked))
	case timeType, numberType:
		return false
	}
	switch t.Kind() {
	case reflect.Pointer:
		return !v.IsNil() && mentionsMask(v.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if mentionsMask(v.Field(i)) {
				return true
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if mentionsMask(v.Index(i)) {
				return true
			}
		}
	case reflect.String:
		return strings.Contains(v.String(), forgehook.Masked)
	}
	return false
}

// unmask puts the stored value into each part of v that equals what was shown.
func unmask(v, shown, stored reflect.Value) {
	t := v.Type()
	switch t {
	case rawType:
		if !bytes.Equal(shown.Bytes(), stored.Bytes()) && sameJSON(v.Bytes(), shown.Bytes()) {
			v.Set(stored)
		}
		return
	case timeType, numberType:
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		if !v.IsNil() && !shown.IsNil() {
			own := reflect.New(t.Elem()) // a copy, as v may be shared
			own.Elem().Set(v.Elem())
			unmask(own.Elem(), shown.Elem(), stored.Elem())
			v.Set(own)
		}
	case reflect.Struct:
		for i := range t.NumField() {
			unmask(v.Field(i), shown.Field(i), stored.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			if j := counterpart(v, i, shown); j >= 0 {
				unmask(v.Index(i), shown.Index(j), stored.Index(j))
			}
		}
	case reflect.String:
		if v.String() == shown.String() {
			v.Set(stored)
		}
	}
}

// conceal restores what was given in v wherever the replacement would be shown. v was made from
// given, and shown is the masked v; all three have the same shape.
func conceal(v, given, shown reflect.Value) {
	t := v.Type()
	switch t {
	case rawType:
		if !bytes.Equal(v.Bytes(), given.Bytes()) && !sameJSON(shown.Bytes(), given.Bytes()) {
			v.Set(given)
		}
		return
	case timeType, numberType:
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			conceal(v.Elem(), given.Elem(), shown.Elem())
		}
	case reflect.Struct:
		for i := range t.NumField() {
			conceal(v.Field(i), given.Field(i), shown.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			conceal(v.Index(i), given.Index(i), shown.Index(i))
		}
	case reflect.String:
		if shown.String() != given.String() && v.String() != given.String() {
			v.Set(given)
		}
	}
}

// sameJSON compares values without regard to white space and the order of members.
func sameJSON(a, b []byte) bool {
	one, err := jsontree.Parse(a)
	other, otherErr := jsontree.Parse(b)
	return err == nil && otherErr == nil && jsontree.Equal(one, other)
}

// counterpart returns the index, in another list, of the part that corresponds to v's i-th, or -1.
func counterpart(v reflect.Value, i int, other reflect.Value) int {
	id := func(part reflect.Value) int64 {
		if part.Kind() != reflect.Struct {
			return 0
		}
		if field := part.FieldByName("ID"); field.IsValid() && field.CanInt() {
			return field.Int()
		}
		return 0
	}
	if own := id(v.Index(i)); own != 0 {
		for j := range other.Len() {
			if id(other.Index(j)) == own {
				return j
			}
		}
		return -1
	}
	if i < other.Len() && v.Len() == other.Len() && id(other.Index(i)) == 0 {
		return i
	}
	return -1
}

// stillMasked returns a fault for each secret field that contains the mask.
func (s *Secrets) stillMasked(d *forgehook.Document, at string) (faults []forgehook.FieldError) {
	refuse := func(path string, text *string) {
		if text != nil && strings.Contains(*text, forgehook.Masked) {
			faults = append(faults, forgehook.FieldError{Path: path, Allowed: Refusal})
		}
	}
	var walk func(list []forgehook.DocumentParameter, at string, secret bool)
	walk = func(list []forgehook.DocumentParameter, at string, secret bool) {
		for i := range list {
			p, at, secret := &list[i], fmt.Sprintf("%s[%d]", at, i), secret || s.hides(&list[i]) || s.parameters[list[i].ID]
			if secret {
				refuse(at+".value", p.Value)
				refuse(at+".data", p.Data)
				for j, v := range p.Verifications {
					refuse(fmt.Sprintf("%s.verifications[%d].value", at, j), v.Value)
					refuse(fmt.Sprintf("%s.verifications[%d].data", at, j), v.Data)
				}
			}
			walk(p.Children, at+".children", secret)
		}
	}
	walk(d.ResultParameters, at+"resultParameters", false)
	for i := range d.Documents {
		faults = append(faults, s.stillMasked(&d.Documents[i], fmt.Sprintf("%sdocuments[%d].", at, i))...)
	}
	return faults
}
