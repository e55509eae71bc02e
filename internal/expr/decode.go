package expr

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"unicode/utf8"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/forgehook/forgehook"
)

// maxJSONDepth bounds the nesting of a sender's JSON.
const maxJSONDepth = 500

// decodeJSON reads exactly one JSON value; objects keep the order of their members.
func decodeJSON(data []byte) (ref.Val, error) { return decodeJSONWithin(data, math.MaxInt) }

// decodeJSONWithin reads at most so many values.
func decodeJSONWithin(data []byte, values int) (ref.Val, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("it is not UTF-8")
	}
	dec := &jsonReader{json.NewDecoder(bytes.NewReader(data)), values}
	dec.UseNumber()
	v, err := dec.value(0)
	if err == nil {
		if _, err = dec.Token(); errors.Is(err, io.EOF) {
			return v, nil
		}
	}
	if _, ok := errors.AsType[*limitError](err); ok {
		return nil, err
	}
	if fault := forgehook.JSONFault(data); fault != "" {
		return nil, errors.New(fault)
	}
	return nil, fmt.Errorf("it is more than %d levels deep", maxJSONDepth)
}

// jsonReader is a decoder that reads so many values.
type jsonReader struct {
	*json.Decoder
	left int
}

func (dec *jsonReader) value(depth int) (ref.Val, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	if dec.left--; dec.left < 0 {
		return nil, &limitError{errJSONLimit}
	}
	switch t := token.(type) {
	case nil:
		return types.NullValue, nil
	case bool:
		return types.Bool(t), nil
	case string:
		return types.String(t), nil
	case json.Number:
		return decodeNumber(string(t)), nil
	}
	if depth >= maxJSONDepth {
		return nil, errors.New("too deep")
	}
	if token == json.Delim('[') {
		var elems []ref.Val
		for dec.More() {
			elem, err := dec.value(depth + 1)
			if err != nil {
				return nil, err
			}
			elems = append(elems, elem)
		}
		_, err := dec.Token()
		return newList(elems), err
	}
	m := newOrderedMap(2)
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		value, err := dec.value(depth + 1)
		if err != nil {
			return nil, err
		}
		m.put(name.(string), value)
	}
	_, err = dec.Token()
	return m, err
}

// decodeNumber keeps whole numbers exact as far as 64 bits go.
func decodeNumber(s string) ref.Val {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return types.Int(i)
	}
	if u, err := strconv.ParseUint(s, 10, 64); err == nil {
		return types.Uint(u)
	}
	f, _ := strconv.ParseFloat(s, 64) // out of range is an infinity
	return types.Double(f)
}
