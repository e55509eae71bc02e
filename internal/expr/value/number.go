package value

import (
	"math"
	"math/big"
	"reflect"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// Number is a number of JSON that its value would write in another way: 100.00, 1E2, a whole number
// of more than 64 bits. It is written as it came. Functions and operators see its value (see
// [Settle]).
type Number struct {
	text string
	val  ref.Val // Int, Uint or Double
}

// decodeNumber reads a number of JSON.
func decodeNumber(s string) ref.Val {
	v := readNumber(s)
	var written []byte
	switch x := v.(type) {
	case types.Int:
		written = strconv.AppendInt(nil, int64(x), 10)
	case types.Uint:
		written = strconv.AppendUint(nil, uint64(x), 10)
	case types.Double:
		written = []byte(formatDouble(float64(x)))
	}
	if string(written) == s {
		return v
	}
	return Number{s, v}
}

// readNumber reads a number. Whole numbers of up to 64 bits are exact.
func readNumber(s string) ref.Val {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return types.Int(i)
	}
	if u, err := strconv.ParseUint(s, 10, 64); err == nil {
		return types.Uint(u)
	}
	f, _ := strconv.ParseFloat(s, 64) // out of range is an infinity
	return types.Double(f)
}

// ConvertToNative converts the value.
func (n Number) ConvertToNative(t reflect.Type) (any, error) { return n.val.ConvertToNative(t) }

// ConvertToType converts the value.
func (n Number) ConvertToType(t ref.Type) ref.Val { return n.val.ConvertToType(t) }

// Equal compares exactly.
func (n Number) Equal(other ref.Val) ref.Val {
	return Equal(n, other)
}

// Type is the type of the value.
func (n Number) Type() ref.Type { return n.val.Type() }

// Value is the Go value.
func (n Number) Value() any { return n.val.Value() }

// Equal compares two values, and numbers exactly.
func Equal(a, b ref.Val) types.Bool {
	_, kept := a.(Number)
	if _, also := b.(Number); kept || also {
		if c, ok := compareNumbers(a, b); ok {
			return c == 0
		}
	}
	if IsScalar(a) || IsScalar(b) { // a list of lists beside a text may be larger than memory
		return types.Equal(Settle(a), Settle(b)) == types.True
	}
	return types.Equal(SettleAll(a), SettleAll(b)) == types.True
}

// Settle makes a plain value of a number that keeps its text.
func Settle(v ref.Val) ref.Val {
	if n, ok := v.(Number); ok {
		return n.val
	}
	return v
}

// SettleAll settles the numbers of lists and maps too. Functions that know nothing of [Number] get
// such values. It returns v itself where nothing has to change, and an error value where v is too
// large to look through.
func SettleAll(v ref.Val) ref.Val {
	if Effort(v, MaxWork/10) >= MaxWork/10 {
		return TooMuch(WorkLimit)
	}
	return settleAll(v)
}

func settleAll(v ref.Val) ref.Val {
	switch x := v.(type) {
	case Number:
		return x.val
	case *Map:
		if !holdsNumber(x) {
			return v
		}
		made := NewMap(x.size)
		for i := range x.size {
			h, _ := Hashable(x.shared.keys[i])
			made.shared.add(h, x.shared.keys[i], settleAll(x.shared.values[i]))
			made.size++
		}
		return made
	case traits.Lister:
		if !holdsNumber(x) {
			return v
		}
		var elems []ref.Val
		for it := x.Iterator(); it.HasNext() == types.True; {
			elems = append(elems, settleAll(it.Next()))
		}
		return NewList(elems)
	}
	return v
}

// holdsNumber looks for a [Number] within lists and maps.
func holdsNumber(v ref.Val) bool {
	switch x := v.(type) {
	case Number:
		return true
	case *Map:
		for i := range x.size {
			if holdsNumber(x.shared.values[i]) {
				return true
			}
		}
	case traits.Lister:
		for it := x.Iterator(); it.HasNext() == types.True; {
			if holdsNumber(it.Next()) {
				return true
			}
		}
	}
	return false
}

// Uniform makes doubles of all elements of a list of numbers that are not of one type.
func Uniform(v ref.Val) ref.Val {
	l, ok := v.(traits.Lister)
	if !ok {
		return v
	}
	var elems []ref.Val
	mixed := false
	for it := l.Iterator(); it.HasNext() == types.True; {
		elem := Settle(it.Next())
		if !IsNumber(elem) {
			return v
		}
		elems = append(elems, elem)
		mixed = mixed || elem.Type() != elems[0].Type()
	}
	if !mixed {
		return SettleAll(v)
	}
	for i, elem := range elems {
		f, _ := AsDouble(elem)
		elems[i] = types.Double(f)
	}
	return NewList(elems)
}

// IsNumber reports whether a value is a number of any type.
func IsNumber(v ref.Val) bool {
	switch v.(type) {
	case types.Int, types.Uint, types.Double, Number:
		return true
	}
	return false
}

// exact is the number that was written, as a fraction. ok is false for infinities, NaN, and texts
// so long that a fraction of them would take much memory.
func exact(v ref.Val) (r *big.Rat, ok bool) {
	switch x := v.(type) {
	case types.Int:
		return new(big.Rat).SetInt64(int64(x)), true
	case types.Uint:
		return new(big.Rat).SetUint64(uint64(x)), true
	case types.Double:
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return nil, false
		}
		return new(big.Rat).SetString(strconv.FormatFloat(float64(x), 'g', -1, 64))
	case Number:
		if len(x.text) > 400 || farExponent(x.text) {
			return exact(x.val)
		}
		return new(big.Rat).SetString(x.text)
	}
	return nil, false
}

func farExponent(text string) bool {
	_, exponent, found := strings.Cut(strings.ToLower(text), "e")
	n, err := strconv.Atoi(exponent)
	return found && (err != nil || n < -400 || n > 400)
}

// compareNumbers compares two numbers by what was written.
func compareNumbers(a, b ref.Val) (int, bool) {
	x, ok := exact(a)
	if !ok {
		return 0, false
	}
	y, ok := exact(b)
	if !ok {
		return 0, false
	}
	return x.Cmp(y), true
}

// Compare orders two values, numbers of all types among each other. It returns CEL's -1, 0 or 1, or
// an error value where they have no order.
func Compare(a, b ref.Val) ref.Val {
	_, kept := a.(Number)
	if _, also := b.(Number); kept || also {
		if c, ok := compareNumbers(a, b); ok {
			return types.Int(c)
		}
	}
	x, ok := Settle(a).(traits.Comparer)
	if !ok {
		return types.MaybeNoSuchOverloadErr(a)
	}
	return x.Compare(Settle(b))
}

// Calculate applies +, -, *, / or % to two numbers of types that nobody has chosen. It calculates
// with the decimals that were written: 30 / 4 is 7.5, 0.1 + 0.2 is 0.3. Whole results of whole
// operands are whole, and exact up to 400 digits. % wants whole operands.
func Calculate(sign byte, a, b ref.Val) ref.Val {
	whole := isWhole(a) && isWhole(b)
	if x, ok := a.(types.Int); ok && whole {
		if y, ok := b.(types.Int); ok {
			if v := calculateInts(sign, x, y); v != nil {
				return v
			}
		}
	}
	x, finite := exact(a)
	y, alsoFinite := exact(b)
	switch {
	case !finite || !alsoFinite:
		return calculateDoubles(sign, a, b)
	case sign == '/' && y.Sign() == 0:
		return types.NewErr("division by zero")
	case sign == '%':
		return modulus(x, y)
	}
	r := new(big.Rat)
	switch sign {
	case '+':
		r.Add(x, y)
	case '-':
		r.Sub(x, y)
	case '*':
		r.Mul(x, y)
	case '/':
		r.Quo(x, y)
	}
	if whole && r.IsInt() {
		return wholeNumber(r.Num())
	}
	f, _ := r.Float64()
	return types.Double(f)
}

func isWhole(v ref.Val) bool {
	switch Settle(v).(type) {
	case types.Int, types.Uint:
		return true
	}
	n, ok := v.(Number)
	return ok && !strings.ContainsAny(n.text, ".eE")
}

// calculateInts is nil where the result is no whole number of 64 bits.
func calculateInts(sign byte, x, y types.Int) ref.Val {
	var v ref.Val
	switch sign {
	case '+':
		v = x.Add(y)
	case '-':
		v = x.Subtract(y)
	case '*':
		v = x.Multiply(y)
	case '/':
		if y == 0 || x%y != 0 {
			return nil
		}
		v = x.Divide(y)
	case '%':
		return x.Modulo(y)
	}
	if types.IsError(v) {
		return nil
	}
	return v
}

// wholeNumber keeps all digits.
func wholeNumber(n *big.Int) ref.Val {
	if n.IsInt64() {
		return types.Int(n.Int64())
	}
	return decodeNumber(n.String())
}

func modulus(x, y *big.Rat) ref.Val {
	switch {
	case !x.IsInt() || !y.IsInt():
		return types.NewErr("%% wants whole numbers")
	case y.Sign() == 0:
		return types.NewErr("modulus by zero")
	}
	return wholeNumber(new(big.Int).Rem(x.Num(), y.Num()))
}

// calculateDoubles is for infinities, which JSON such as 1e999 gives.
func calculateDoubles(sign byte, a, b ref.Val) ref.Val {
	x, _ := AsDouble(Settle(a))
	y, _ := AsDouble(Settle(b))
	switch sign {
	case '+':
		return types.Double(x + y)
	case '-':
		return types.Double(x - y)
	case '*':
		return types.Double(x * y)
	case '/':
		return types.Double(x / y)
	}
	return types.NewErr("%% wants whole numbers")
}

// AsKind gives a number the type that a function wants, where that loses nothing. Any other value
// is returned as it is.
func AsKind(v ref.Val, kind types.Kind) ref.Val {
	v = Settle(v)
	switch x := v.(type) {
	case types.Int, types.Uint:
		if kind == types.DoubleKind {
			f, _ := AsDouble(v)
			return types.Double(f)
		}
	case types.Double:
		if i := int64(x); kind == types.IntKind && float64(i) == float64(x) {
			return types.Int(i)
		}
	}
	return v
}
