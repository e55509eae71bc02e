package value

import (
	"errors"
	"fmt"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/forgehook/forgehook/internal/jsontree"
)

// maxJSONDepth bounds the nesting of a sender's JSON.
const maxJSONDepth = 500

// DecodeJSON reads exactly one JSON value. Objects keep the order of their members, and numbers the
// way in which they were written: see [Number].
func DecodeJSON(data []byte) (ref.Val, error) { return DecodeJSONWithin(data, 0) }

// DecodeJSONWithin is [DecodeJSON] with a limit on the number of values; 0 means no limit.
func DecodeJSONWithin(data []byte, values int) (ref.Val, error) {
	tree, err := jsontree.ParseWithin(data, jsontree.Limits{Depth: maxJSONDepth, Values: values})
	switch {
	case errors.Is(err, jsontree.ErrValues):
		return nil, &LimitError{JSONLimit}
	case errors.Is(err, jsontree.ErrDepth):
		return nil, fmt.Errorf("it is more than %d levels deep", maxJSONDepth)
	case err != nil:
		return nil, err
	}
	return treeValue(tree), nil
}

// treeValue makes a value of the language of a tree.
func treeValue(n *jsontree.Node) ref.Val {
	switch n.Kind() {
	case jsontree.Bool:
		return types.Bool(n.IsTrue())
	case jsontree.String:
		return types.String(n.Text())
	case jsontree.Number:
		return decodeNumber(string(n.Digits()))
	case jsontree.List:
		elems := make([]ref.Val, 0, n.Len())
		for item := range n.All() {
			elems = append(elems, treeValue(item))
		}
		return NewList(elems)
	case jsontree.Object:
		m := NewMap(n.Len())
		for member := range n.All() {
			m.Put(member.Name(), treeValue(member))
		}
		return m
	default:
		return types.NullValue
	}
}
