package expr

import (
	"errors"
	"math"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr/dotnet"
)

var convertFunctions = []function{
	{
		name: "text", group: "Conversion",
		doc: "A value as text. Null is \"\", a boolean True or False, a timestamp has the platform's form. A .NET format string writes numbers, " +
			"timestamps and durations in any other form, with the names and separators of a culture.",
		overloads: []overload{
			{"x", argTypes(anyType), textType, toText},
			{"x, format", argTypes(anyType, textType), textType, toText},
			{"x, format, culture", argTypes(anyType, textType, textType), textType, toText},
		},
		examples: []FunctionExample{
			{Expr: `text(doc.dtc, "dd/MM/yyyy")`, Result: `"05/01/2026"`},
			{Expr: `text(doc.dtc, "d MMMM yyyy", "de-DE")`, Result: `"5 Januar 2026"`},
			{Expr: `text(1234.5, "N2", "de-DE")`, Result: `"1.234,50"`},
			{Expr: `text(doc.id, "D8")`, Result: `"00000912"`},
			{Expr: `text(doc.comment) + "!"`, Result: `"!"`},
			{Expr: `text(duration("90m"), "h\\:mm")`, Result: `"1:30"`},
		},
	},
	{
		name: "number", group: "Conversion",
		doc: "The number in a text that OCR has read, with a culture's decimal point and group separator; currency signs and codes, a minus " +
			"behind and parentheses are understood. Null stays null; what cannot be read for certain is an error, and so is \"1.23\" in " +
			"de-DE. Takes a field for its value.",
		overloads: []overload{
			{"x", argTypes(anyType), nullNumber, toNumber},
			{"x, culture", argTypes(anyType, textType), nullNumber, toNumber},
		},
		examples: []FunctionExample{
			{Expr: `number("1,118.40")`, Result: `1118.4`},
			{Expr: `number(doc.field("Total"))`, Result: `1118.4`},
			{Expr: `number("1.118,40 €", "de-DE") > 1000.0`, Result: `true`},
			{Expr: `number("(12.50)")`, Result: `-12.5`},
		},
	},
	{
		name: "tryNumber", group: "Conversion",
		doc: "Like number, but null for what cannot be read.",
		overloads: []overload{
			{"x", argTypes(anyType), nullNumber, orNull(toNumber)},
			{"x, culture", argTypes(anyType, textType), nullNumber, orNull(toNumber)},
		},
		examples: []FunctionExample{
			{Expr: `tryNumber("n/a")`, Result: `null`},
			{Expr: `coalesce(tryNumber(doc.field("Discount")), 0.0)`, Result: `0`},
		},
	},
	{
		name: "date", group: "Conversion",
		doc: "The timestamp in a text: in ISO 8601 without a format, else by a .NET format or the first of several that fits, with the month " +
			"names of a culture. UTC where no zone is written. Null stays null; what cannot be read is an error. Takes a field for its value.",
		overloads: []overload{
			{"x", argTypes(anyType), cel.TimestampType, toDate},
			{"x, format", argTypes(anyType, textType), cel.TimestampType, toDate},
			{"x, formats", argTypes(anyType, cel.ListType(textType)), cel.TimestampType, toDate},
			{"x, format, culture", argTypes(anyType, textType, textType), cel.TimestampType, toDate},
			{"x, formats, culture", argTypes(anyType, cel.ListType(textType), textType), cel.TimestampType, toDate},
		},
		examples: []FunctionExample{
			{Expr: `date(doc.field("Invoice date"), "dd/MM/yyyy")`, Result: `"2025-12-25T00:00:00.000Z"`},
			{Expr: `text(date("25. Dezember 2025", ["dd.MM.yyyy", "d. MMMM yyyy"], "de-DE"), "yyyy-MM-dd")`, Result: `"2025-12-25"`},
			{Expr: `date("2026-01-05T09:30:00+02:00")`, Result: `"2026-01-05T07:30:00.000Z"`},
			{Expr: `date(doc.field("Invoice date"), "dd/MM/yyyy") < now - duration("168h")`, Result: `true`},
		},
	},
	{
		name: "tryDate", group: "Conversion",
		doc: "Like date, but null for what cannot be read.",
		overloads: []overload{
			{"x", argTypes(anyType), cel.TimestampType, orNull(toDate)},
			{"x, format", argTypes(anyType, textType), cel.TimestampType, orNull(toDate)},
			{"x, formats", argTypes(anyType, cel.ListType(textType)), cel.TimestampType, orNull(toDate)},
			{"x, format, culture", argTypes(anyType, textType, textType), cel.TimestampType, orNull(toDate)},
			{"x, formats, culture", argTypes(anyType, cel.ListType(textType), textType), cel.TimestampType, orNull(toDate)},
		},
		examples: []FunctionExample{{Expr: `tryDate("soon", "dd/MM/yyyy")`, Result: `null`}},
	},
	{
		name: "money", group: "Conversion",
		doc: "An amount with its currency: {\"amount\": number, \"text\": its exact digits, \"currency\": ISO code or null}. A sign that several " +
			"currencies share, such as $, counts only in a culture that uses it. Null stays null; takes a field for its value.",
		overloads: []overload{
			{"x", argTypes(anyType), anyType, toMoney},
			{"x, culture", argTypes(anyType, textType), anyType, toMoney},
		},
		examples: []FunctionExample{
			{Expr: `money("R 1 234,50", "en-ZA")`, Result: `{"amount":1234.5,"text":"1234.50","currency":"ZAR"}`},
			{Expr: `money("€ 99").currency`, Result: `"EUR"`},
			{Expr: `money(doc.field("Discount"))`, Result: `null`},
		},
	},
}

// The errors of conversions name neither the value nor the format: both can come out of a document. Literal formats and cultures
// are checked when an expression is saved, and then the message quotes them.

// cultureOf reads the culture among the arguments, nil and an error value where there is none of that name.
func cultureOf(args []ref.Val, at int) (*dotnet.Culture, ref.Val) {
	if len(args) <= at {
		return dotnet.Invariant, nil
	}
	c, err := dotnet.ByName(textOf(args[at]))
	if err != nil {
		return nil, types.NewErr("there is no such culture: use one of %s", dotnet.Names())
	}
	return c, nil
}

func toText(args ...ref.Val) ref.Val {
	x := plain(args[0])
	if len(args) == 1 {
		text, ok := Value{val: x}.text()
		if !ok {
			return limitErr(errTextLimit)
		}
		return limitedText(text)
	}
	c, wrong := cultureOf(args, 2)
	if wrong != nil {
		return wrong
	}
	var text string
	var err error
	switch format := textOf(args[1]); x := x.(type) {
	case types.Null:
		return types.String("")
	case types.Bool:
		return types.String(Value{val: x}.Text())
	case types.Int:
		text, err = dotnet.FormatNumber(dotnet.Int(int64(x)), format, c)
	case types.Uint:
		if x > math.MaxInt64 {
			return types.NewErr("the number is too large to be formatted")
		}
		text, err = dotnet.FormatNumber(dotnet.Int(int64(x)), format, c)
	case types.Double:
		text, err = dotnet.FormatNumber(dotnet.Double(float64(x)), format, c)
	case types.Timestamp:
		text, err = dotnet.FormatTime(x.UTC(), format, c)
	case types.Duration:
		text, err = dotnet.FormatTimeSpan(x.Duration, format, c)
	case types.String:
		return types.NewErr("a text takes no format: make a number of it with number() or a timestamp with date() first")
	default:
		return types.NewErr("%s takes no format", typeName(x))
	}
	if err != nil {
		return types.NewErr("the format does not fit %s", typeName(x))
	}
	return limitedText(text)
}

// limitedText is a text that a function gives.
func limitedText(s string) ref.Val {
	if len(s) > maxText {
		return limitErr(errTextLimit)
	}
	return types.String(s)
}

func toNumber(args ...ref.Val) ref.Val {
	c, wrong := cultureOf(args, 1)
	if wrong != nil {
		return wrong
	}
	switch x := readable(args[0]).(type) {
	case types.Null:
		return x
	case types.Int:
		return types.Double(x)
	case types.Uint:
		return types.Double(x)
	case types.Double:
		return x
	case types.String:
		amount, err := dotnet.ParseNumber(string(x), c)
		if err != nil {
			return unreadable(err)
		}
		return types.Double(amount.Value)
	default:
		return readErr(typeName(x) + " is no number")
	}
}

// readError is about a value that is no number, date or amount, which tryNumber and tryDate forgive.
type readError struct{ message string }

func (e *readError) Error() string { return e.message }

func readErr(message string) ref.Val { return types.WrapErr(&readError{message}) }

// unreadable takes over the words of an error that holds nothing of the text.
func unreadable(err error) ref.Val {
	var u *dotnet.UnreadableError
	if errors.As(err, &u) {
		return readErr(u.Error())
	}
	return types.NewErr("the format cannot be used to read a date")
}

// orNull makes null of what cannot be read. A culture or a format that cannot be used stays an error.
func orNull(read func(...ref.Val) ref.Val) func(...ref.Val) ref.Val {
	return func(args ...ref.Val) ref.Val {
		got := read(args...)
		var unread *readError
		if err, ok := got.(*types.Err); ok && errors.As(err, &unread) {
			return types.NullValue
		}
		return got
	}
}

func toDate(args ...ref.Val) ref.Val {
	c, wrong := cultureOf(args, 2)
	if wrong != nil {
		return wrong
	}
	switch x := readable(args[0]).(type) {
	case types.Null:
		return x
	case types.Timestamp:
		return x
	case types.String:
		return readDate(string(x), args, c)
	default:
		return readErr(typeName(x) + " is no date")
	}
}

func readDate(text string, args []ref.Val, c *dotnet.Culture) ref.Val {
	if len(args) == 1 {
		at, err := forgehook.ParseTime(strings.TrimSpace(text))
		if err != nil {
			return readErr("the text is no date: without a format it must be like 2026-01-05 or 2026-01-05T07:30:00Z")
		}
		return types.Timestamp{Time: at.Time}
	}
	formats, wrong := formatsOf(args[1])
	if wrong != nil {
		return wrong
	}
	at, err := dotnet.ParseTime(text, formats, c)
	if err != nil {
		return unreadable(err)
	}
	return types.Timestamp{Time: at.In(time.UTC)}
}

// maxFormats bounds the formats that one text is tried with.
const maxFormats = 50

func formatsOf(v ref.Val) ([]string, ref.Val) {
	list, ok := v.(traits.Lister)
	if !ok {
		return []string{textOf(v)}, nil
	}
	if n := listLen(list); n > maxFormats {
		return nil, types.NewErr("more than %d formats", maxFormats)
	}
	var formats []string
	for it := list.Iterator(); it.HasNext() == types.True; {
		format, ok := plain(it.Next()).(types.String)
		if !ok {
			return nil, types.NewErr("a format must be a text")
		}
		formats = append(formats, string(format))
	}
	return formats, nil
}

func toMoney(args ...ref.Val) ref.Val {
	c, wrong := cultureOf(args, 1)
	if wrong != nil {
		return wrong
	}
	amount, currency := dotnet.Amount{}, ref.Val(types.NullValue)
	switch x := readable(args[0]).(type) {
	case types.Null:
		return x
	case types.Int, types.Uint, types.Double:
		amount.Value = float64(x.ConvertToType(types.DoubleType).(types.Double))
		text, err := dotnet.FormatNumber(dotnet.Double(amount.Value), "0.00#############", dotnet.Invariant)
		if err != nil || math.IsNaN(amount.Value) || math.IsInf(amount.Value, 0) {
			return readErr("the number is no amount")
		}
		amount.Text = text
	case types.String:
		var err error
		if amount, err = dotnet.ParseNumber(string(x), c); err != nil {
			return unreadable(err)
		}
		if amount.Currency != "" {
			currency = types.String(amount.Currency)
		}
	default:
		return readErr(typeName(x) + " is no amount")
	}
	m := newOrderedMap(3)
	m.put("amount", types.Double(amount.Value))
	m.put("text", types.String(amount.Text))
	m.put("currency", currency)
	return m
}
