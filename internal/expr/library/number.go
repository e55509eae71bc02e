package library

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/forgehook/forgehook/internal/expr/value"
)

var numberFunctions = []Function{
	{
		Name: "sum", Group: "Numbers",
		Doc: "The sum of a list of numbers, 0 if it is empty. It adds the numbers as decimals, so amounts are exact. A null in the list is an " +
			"error: filter it out first.",
		Overloads: []Overload{{"numbers", argTypes(listOfAny), cel.DoubleType, sum}},
		Examples: []Example{
			{Expr: `sum([0.1, 0.2])`, Result: `0.3`},
			{Expr: `sum(doc.table("Lines").map(r, number(r.Quantity)))`, Result: `180`},
			{Expr: `sum(doc.table("Lines").filter(r, r.Price != null).map(r, number(r.Price)))`, Result: `1.1`},
		},
	},
	{
		Name: "round", Group: "Numbers",
		Doc: "The number rounded to so many digits after the decimal point, halves away from zero. Null stays null.",
		Overloads: []Overload{
			{"x", argTypes(nullNumber), nullNumber, round},
			{"x, digits", argTypes(nullNumber, cel.IntType), nullNumber, round},
		},
		Examples: []Example{
			{Expr: `round(2.675, 2)`, Result: `2.68`},
			{Expr: `round(-0.5)`, Result: `-1`},
			{Expr: `round(number("1234.50"), -2)`, Result: `1200`},
		},
	},
}

func sum(args ...ref.Val) ref.Val {
	list := args[0].(traits.Lister)
	if value.ListLen(list) > value.MaxElements {
		return value.TooMuch(value.ListLimit)
	}
	var exact big.Int
	plainSum, decimals := 0.0, true
	n := 0
	for it := list.Iterator(); it.HasNext() == types.True; n++ {
		f, ok := value.AsDouble(value.Plain(it.Next()))
		if !ok {
			return types.NewErr("element %d of the list is %s, not a number", n, value.TypeName(value.Plain(list.Get(types.Int(n)))))
		}
		plainSum += f
		decimals = decimals && addDecimal(&exact, f)
	}
	if !decimals {
		return types.Double(plainSum)
	}
	f, _ := new(big.Rat).SetFrac(&exact, sumScale).Float64()
	return types.Double(f)
}

// sumDigits is the number of digits after the point that a sum keeps exact. Longer and huge numbers
// are added as doubles.
const sumDigits = 20

var sumScale = new(big.Int).Exp(big.NewInt(10), big.NewInt(sumDigits), nil)

func addDecimal(total *big.Int, f float64) bool {
	if math.IsNaN(f) || math.Abs(f) > 1e30 {
		return false
	}
	whole, part, _ := strings.Cut(strconv.FormatFloat(f, 'f', -1, 64), ".")
	if len(part) > sumDigits {
		return false
	}
	scaled, ok := new(big.Int).SetString(whole+part+strings.Repeat("0", sumDigits-len(part)), 10)
	if ok {
		total.Add(total, scaled)
	}
	return ok
}

func round(args ...ref.Val) ref.Val {
	f, ok := value.AsDouble(args[0])
	if !ok {
		return types.NullValue
	}
	digits := types.Int(0)
	if len(args) > 1 {
		digits = args[1].(types.Int)
	}
	if digits < -300 || digits > 300 {
		return types.NewErr("round needs -300 to 300 digits")
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return types.Double(f)
	}
	rounded, err := strconv.ParseFloat(roundDigits(f, int(digits)), 64)
	if err != nil {
		return types.NewErr("the rounded number is too large")
	}
	return types.Double(rounded)
}

// roundDigits rounds the shortest decimal form of a number, which is what its writer meant: as a
// double, 2.675 is a little less.
func roundDigits(f float64, digits int) string {
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(math.Abs(f), 'e', -1, 64), "e")
	point, _ := strconv.Atoi(exponent)
	all := strings.Replace(mantissa, ".", "", 1)
	keep := point + 1 + digits // the number of digits that stay
	if keep >= len(all) {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	if keep < 0 {
		return "0"
	}
	n, _ := new(big.Int).SetString("0"+all[:keep], 10)
	if all[keep] >= '5' {
		n.Add(n, big.NewInt(1))
	}
	sign := ""
	if f < 0 && n.Sign() != 0 {
		sign = "-"
	}
	return sign + n.String() + "e" + strconv.Itoa(-digits)
}
