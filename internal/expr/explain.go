package expr

import (
	"encoding/json"
	"strings"
	"time"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr/value"
	"github.com/forgehook/forgehook/internal/jsontree"
)

// Part is an operand of a condition's top-level &&.
type Part struct {
	Text   string
	Passed bool
	Actual json.RawMessage // values that depend on the subject, such as {"doc.status": 9}
	Hint   string          // which expression is null, or what to change
}

// Explain evaluates every part of a condition and says what it saw. A part that calculates with
// null does not pass and says which expression is null. The error is a [*Failure] with code
// expression_error or expression_limit: that of the first part that cannot be evaluated, if no
// other part is false or null.
func (p *Program) Explain(v *Vars) (passed bool, parts []Part, err error) {
	split, err := p.parts()
	if err != nil {
		return false, nil, p.limited(err.Error())
	}
	passed = true
	var failure *Failure
	refused, hints := false, maxMissing
	for _, c := range split {
		part := Part{Text: c.text, Actual: json.RawMessage("{}")}
		val, err := p.eval(c.run, v)
		var f *Failure
		if err != nil {
			f = p.failure(v, err)
		} else if f = p.conditionResult(c.expr, val); f == nil {
			part.Passed = value.Plain(val) == types.True
			refused = refused || !part.Passed
		}
		if f != nil {
			part.Hint = f.Message
			refused = refused || f.Code == CodeNull
			if f.Code != CodeNull && failure == nil {
				failure = f
			}
		}
		shown := p.showLeaves(&part, c.leaves, v)
		if !part.Passed && part.Hint == "" {
			part.Hint = p.hint(c.expr, shown)
		}
		if !part.Passed {
			started := time.Now()
			part.Hint = strings.Trim(missingFields(c.expr, v, &hints)+part.Hint, " ")
			v.spent += time.Since(started)
		}
		passed = passed && part.Passed
		parts = append(parts, part)
	}
	if failure != nil && !refused {
		return false, nil, failure
	}
	return passed, parts, nil
}

func (p *Program) conditionResult(e ast.Expr, val ref.Val) *Failure {
	switch val = value.Plain(val); {
	case val == types.NullValue:
		return p.failed(CodeNull, e, p.source().wording(e)+" is null, neither true nor false")
	case val.Type() != types.BoolType:
		return p.failed(CodeError, e, "it gives "+value.TypeName(val)+", not true or false")
	}
	return nil
}

type shownLeaf struct {
	leaf
	value ref.Val
}

// showLeaves evaluates the leaves of a part. It omits those that fail, because the hint says why.
func (p *Program) showLeaves(part *Part, leaves []leaf, v *Vars) []shownLeaf {
	var shown []shownLeaf
	actual := []byte{'{'}
	for _, l := range leaves {
		val, err := p.eval(l.run, v)
		if err != nil {
			continue
		}
		shown = append(shown, shownLeaf{l, value.Plain(val)})
		if len(actual) > 1 {
			actual = append(actual, ',')
		}
		actual = append(jsontree.AppendString(actual, l.text), ':')
		actual = appendShort(actual, val, v)
	}
	part.Actual = append(actual, '}')
	return shown
}

// How many bytes an explanation shows of one value.
const (
	maxShownText = 200
	maxShownJSON = 500
)

// appendShort writes a value for an explanation: an entity by its id, a long text or list cut
// short.
func appendShort(dst []byte, val ref.Val, v *Vars) []byte {
	switch x := value.Plain(val).(type) {
	case types.String:
		return jsontree.AppendString(dst, forgehook.Shorten(string(x), maxShownText))
	case *value.Object:
		id, ok := x.Member("id")
		if !ok {
			id = types.NullValue
		}
		short := value.NewMap(1)
		short.Put("id", id)
		val = short
	case traits.Lister:
		if !isShort(x) {
			return jsontree.AppendString(dst, "a list of "+value.New(types.Int(value.ListLen(x)), nil).Text())
		}
	case traits.Mapper:
		if !isShort(x) {
			return jsontree.AppendString(dst, "a map of "+value.New(x.Size(), nil).Text())
		}
	}
	start := len(dst)
	shown, err := value.New(val, v.memory).AppendJSON(dst)
	if err != nil || len(shown)-start > 4*maxShownJSON {
		return jsontree.AppendString(dst[:start], "a "+strings.TrimPrefix(value.TypeName(value.Plain(val)), "a "))
	}
	return shown
}

// isShort reports whether a list or map is small, has no entity inside and can be shown whole.
func isShort(v ref.Val) bool {
	return value.Measure(v, maxShownJSON, func(leaf ref.Val) int {
		switch x := leaf.(type) {
		case types.String:
			return 1 + len(x)
		case types.Bytes:
			return 1 + len(x)
		case *value.Object:
			return maxShownJSON
		}
		return 1
	}) < maxShownJSON
}
