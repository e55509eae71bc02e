package mask

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/jsontree"
)

// Refusal says why what was shown for a secret is not taken for one.
const Refusal = `a value, not what is shown in its place: "` + forgehook.Masked + `"`

// Keep puts back what a document has "[secret]" for because it was shown so: who reads a document,
// changes it and stores it loses no secret. stored gives the document as it is, nil where there is
// none; it is asked only where d has that text. A part of a list is the stored one of the same id,
// without ids the one at the same place. Nothing is put back where it would be shown: a field that
// is secret no more tells nothing. A field that is or was secret and then still has the mask is
// refused as invalid, by its path.
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

// Refuse is [Keep] for a document beside which nothing is stored: what was shown of a secret is no
// value.
func Refuse(d *forgehook.Document) error {
	return Keep(d, func() (*forgehook.Document, error) { return nil, nil })
}

// MayHold reports whether JSON may hold the mask, whose bracket may be written in other ways.
func MayHold(raw []byte) bool {
	return bytes.Contains(raw, []byte(strings.TrimPrefix(forgehook.Masked, "[")))
}

// mentionsMask reports whether any text in v holds the mask.
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

// unmask gives v what is stored wherever v is what was shown of it, and not it.
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
			own := reflect.New(t.Elem()) // v may be shared
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

// conceal takes back what was put into v and would be shown: all three have one shape, v made of
// given, and shown what would be seen of v.
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

// sameJSON compares values, whatever the order of members and the white space.
func sameJSON(a, b []byte) bool {
	one, err := jsontree.Parse(a)
	other, otherErr := jsontree.Parse(b)
	return err == nil && otherErr == nil && jsontree.Equal(one, other)
}

// counterpart is the place in another list of the part that is v's i-th, -1 where it has none.
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

// stillMasked are the texts of secret fields that hold the mask.
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
