package value

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/forgehook/forgehook"
)

// responseFacts is the variable response.
type responseFacts struct {
	StatusCode int32 `json:"statusCode"`
	exchange   *forgehook.Exchange
}

// callbackFacts is the variable callback.
type callbackFacts struct {
	Result  json.RawMessage `json:"result"`
	Outcome string          `json:"outcome"`
	Error   *string         `json:"error"`
}

// responseMembers are the members of a response besides its status.
var responseMembers = []*member{
	{name: "headers", celType: cel.MapType(cel.StringType, Nullable(cel.StringType)), facts: MemberFacts{Type: "dyn"}, get: func(o *Object) ref.Val {
		return o.once("headers", responseHeaders)
	}},
	{name: "text", celType: cel.StringType, facts: MemberFacts{Type: "string"}, get: func(o *Object) ref.Val {
		return o.once("text", func(x *forgehook.Exchange) ref.Val { return types.String(bodyText(x)) })
	}},
	{name: "json", celType: cel.DynType, facts: MemberFacts{Type: "dyn", Nullable: true}, get: func(o *Object) ref.Val {
		made := o.once("json", responseJSON)
		if o.Memory.Settles {
			return SettleAll(made)
		}
		return made
	}},
	{name: "xml", celType: cel.DynType, facts: MemberFacts{Type: "dyn", Nullable: true}, get: func(o *Object) ref.Val {
		return o.once("xml", responseXML)
	}},
}

// Response makes the variable response. A body that was cut off can be read only as text.
func (m *Memory) Response(x *forgehook.Exchange) ref.Val {
	return m.Wrap(&responseFacts{StatusCode: int32(x.StatusCode), exchange: x}) //nolint:gosec // it has three digits
}

// Callback makes the variable callback.
func (m *Memory) Callback(said *forgehook.Callback) ref.Val {
	return m.Wrap(&callbackFacts{Result: said.Result, Outcome: string(said.Ended()), Error: said.Error})
}

// onceKey is the key of a member of a response in the memory of an evaluation.
type onceKey struct {
	ptr    any
	member string
}

// once reads a member of a response at its first use and remembers it.
func (o *Object) once(member string, read func(*forgehook.Exchange) ref.Val) ref.Val {
	key := onceKey{o.Entity, member}
	if known, ok := o.Memory.Memo[key].(ref.Val); ok {
		return known
	}
	made := read(o.Entity.(*responseFacts).exchange)
	o.Memory.Memo[key] = made
	return made
}

// headerMap finds names in any case, as HTTP does.
type headerMap struct{ *Map }

func (m headerMap) Find(key ref.Val) (ref.Val, bool) {
	if name, ok := key.(types.String); ok {
		key = types.String(strings.ToLower(string(name)))
	}
	return m.Map.Find(key)
}

// Get returns a header or an error value.
func (m headerMap) Get(key ref.Val) ref.Val {
	if value, ok := m.Find(key); ok {
		return value
	}
	return m.Map.Get(key)
}

// Contains is the operator in.
func (m headerMap) Contains(key ref.Val) ref.Val {
	_, ok := m.Find(key)
	return types.Bool(ok)
}

// responseHeaders have names in lower case, in alphabetical order.
func responseHeaders(x *forgehook.Exchange) ref.Val {
	lower := make(map[string]string, len(x.Headers))
	names := make([]string, 0, len(x.Headers))
	for name := range x.Headers {
		names = append(names, name)
	}
	slices.Sort(names) // of two spellings the last one counts
	for _, name := range names {
		lower[strings.ToLower(name)] = x.Headers[name]
	}
	for i, name := range names {
		names[i] = strings.ToLower(name)
	}
	slices.Sort(names)
	m := NewMap(len(names))
	for _, name := range slices.Compact(names) {
		m.Put(name, types.String(strings.ToValidUTF8(lower[name], "\uFFFD")))
	}
	return headerMap{m}
}

// byteOrderMark starts the UTF-8 of some servers. JSON may not contain it.
var byteOrderMark = []byte("\uFEFF")

// responseJSON is null if the body is no JSON, and an error value if it has more values than an
// expression may use.
func responseJSON(x *forgehook.Exchange) ref.Val {
	if x.Truncated {
		return types.NullValue
	}
	made, err := DecodeJSONWithin(bytes.TrimPrefix(x.Body, byteOrderMark), MaxElements)
	return readOrNull(made, err)
}

func responseXML(x *forgehook.Exchange) ref.Val {
	if x.Truncated {
		return types.NullValue
	}
	return readOrNull(decodeXML(fromUTF16(x.Body)))
}

func readOrNull(made ref.Val, err error) ref.Val {
	if _, ok := errors.AsType[*LimitError](err); ok {
		return TooMuch("a body of more than 200000 values")
	}
	if err != nil {
		return types.NullValue
	}
	return made
}
