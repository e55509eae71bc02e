package library

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
	"github.com/forgehook/forgehook/internal/expr/value"
)

var convertFunctions = []Function{
	{
		Name: "text", Group: "Conversion",
		Doc: "A value as text. Null is \"\", a boolean True or False, a timestamp has the platform's form. A .NET format string writes numbers, " +
			"timestamps and durations in any other form, with the names and separators of a culture.",
		Overloads: []Overload{
			{"x", argTypes(anyType), textType, toText},
			{"x, format", argTypes(anyType, textType), textType, toText},
			{"x, format, culture", argTypes(anyType, textType, textType), textType, toText},
		},
		Examples: []Example{
			{Expr: `text(doc.dtc, "dd/MM/yyyy")`, Result: `"05/01/2026"`},
			{Expr: `text(doc.dtc, "d MMMM yyyy", "de-DE")`, Result: `"5 Januar 2026"`},
			{Expr: `text(1234.5, "N2", "de-DE")`, Result: `"1.234,50"`},
			{Expr: `text(doc.id, "D8")`, Result: `"00000912"`},
			{Expr: `text(doc.comment) + "!"`, Result: `"!"`},
			{Expr: `text(duration("90m"), "h\\:mm")`, Result: `"1:30"`},
		},
	},
	{
		Name: "number", Group: "Conversion",
		Doc: "The number in a text from OCR, with a culture's decimal point and group separator. It reads currency signs and codes, a minus " +
			"on either side, and parentheses. Null stays null. A text that is not certainly a number is an error, such as \"1.23\" in " +
			"de-DE. A field can be passed instead of its value.",
		Overloads: []Overload{
			{"x", argTypes(anyType), nullNumber, toNumber},
			{"x, culture", argTypes(anyType, textType), nullNumber, toNumber},
		},
		Examples: []Example{
			{Expr: `number("1,118.40")`, Result: `1118.4`},
			{Expr: `number(doc.field("Total"))`, Result: `1118.4`},
			{Expr: `number("1.118,40 €", "de-DE") > 1000.0`, Result: `true`},
			{Expr: `number("(12.50)")`, Result: `-12.5`},
		},
	},
	{
		Name: "tryNumber", Group: "Conversion",
		Doc: "Like number, but null if the text cannot be read.",
		Overloads: []Overload{
			{"x", argTypes(anyType), nullNumber, orNull(toNumber)},
			{"x, culture", argTypes(anyType, textType), nullNumber, orNull(toNumber)},
		},
		Examples: []Example{
			{Expr: `tryNumber("n/a")`, Result: `null`},
			{Expr: `coalesce(tryNumber(doc.field("Discount")), 0.0)`, Result: `0`},
		},
	},
	{
		Name: "date", Group: "Conversion",
		Doc: "The timestamp in a text: by a .NET format, or the first of several that fits, with the month names of a culture; without a " +
			"format in ISO 8601. A text without a zone is in UTC. Null stays null; an unreadable text is an error. A field can be passed instead of its value.",
		Overloads: []Overload{
			{"x", argTypes(anyType), cel.TimestampType, toDate},
			{"x, format", argTypes(anyType, textType), cel.TimestampType, toDate},
			{"x, formats", argTypes(anyType, cel.ListType(textType)), cel.TimestampType, toDate},
			{"x, format, culture", argTypes(anyType, textType, textType), cel.TimestampType, toDate},
			{"x, formats, culture", argTypes(anyType, cel.ListType(textType), textType), cel.TimestampType, toDate},
		},
		Examples: []Example{
			{Expr: `date(doc.field("Invoice date"), "dd/MM/yyyy")`, Result: `"2025-12-25T00:00:00.000Z"`},
			{Expr: `text(date("25. Dezember 2025", ["dd.MM.yyyy", "d. MMMM yyyy"], "de-DE"), "yyyy-MM-dd")`, Result: `"2025-12-25"`},
			{Expr: `date("2026-01-05T09:30:00+02:00")`, Result: `"2026-01-05T07:30:00.000Z"`},
			{Expr: `date(doc.field("Invoice date"), "dd/MM/yyyy") < now - duration("168h")`, Result: `true`},
		},
	},
	{
		Name: "tryDate", Group: "Conversion",
		Doc: "Like date, but null if the text cannot be read.",
		Overloads: []Overload{
			{"x", argTypes(anyType), cel.TimestampType, orNull(toDate)},
			{"x, format", argTypes(anyType, textType), cel.TimestampType, orNull(toDate)},
			{"x, formats", argTypes(anyType, cel.ListType(textType)), cel.TimestampType, orNull(toDate)},
			{"x, format, culture", argTypes(anyType, textType, textType), cel.TimestampType, orNull(toDate)},
			{"x, formats, culture", argTypes(anyType, cel.ListType(textType), textType), cel.TimestampType, orNull(toDate)},
		},
		Examples: []Example{{Expr: `tryDate("soon", "dd/MM/yyyy")`, Result: `null`}},
	},
	{
		Name: "money", Group: "Conversion",
		Doc: "An amount with its currency: {\"amount\": number, \"text\": its exact digits, \"currency\": ISO code or null}. A sign that several " +
			"currencies share, such as $, counts only in a culture that uses it. Null stays null. A field can be passed instead of its value.",
		Overloads: []Overload{
			{"x", argTypes(anyType), anyType, toMoney},
			{"x, culture", argTypes(anyType, textType), anyType, toMoney},
		},
		Examples: []Example{
			{Expr: `money("R 1 234,50", "en-ZA")`, Result: `{"amount":1234.5,"text":"1234.50","currency":"ZAR"}`},
			{Expr: `money("€ 99").currency`, Result: `"EUR"`},
			{Expr: `money(doc.field("Discount"))`, Result: `null`},
		},
	},
}

// The errors of conversions name neither the value nor the format, because both may come from a
// document. Messages quote literal formats and cultures, which are checked on save.

// cultureOf reads the culture among the arguments. For an unknown name it returns nil and an error
// value.
func cultureOf(args []ref.Val, at int) (*dotnet.Culture, ref.Val) {
	if len(args) <= at {
		return dotnet.Invariant, nil
	}
	c, err := dotnet.ByName(value.TextOf(args[at]))
	if err != nil {
		return nil, types.NewErr("there is no such culture: use one of %s", dotnet.Names())
	}
	return c, nil
}

func toText(args ...ref.Val) ref.Val {
	if len(args) == 1 {
		text, ok := value.New(args[0], nil).Bounded()
		if !ok {
			return value.TooMuch(value.TextLimit)
		}
		return value.LimitedText(text)
	}
	x := value.Plain(args[0])
	c, wrong := cultureOf(args, 2)
	if wrong != nil {
		return wrong
	}
	var text string
	var err error
	switch format := value.TextOf(args[1]); x := x.(type) {
	case types.Null:
		return types.String("")
	case types.Bool:
		return types.String(value.New(x, nil).Text())
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
		return types.NewErr("%s takes no format", value.TypeName(x))
	}
	if err != nil {
		return types.NewErr("the format does not fit %s", value.TypeName(x))
	}
	return value.LimitedText(text)
}

func toNumber(args ...ref.Val) ref.Val {
	c, wrong := cultureOf(args, 1)
	if wrong != nil {
		return wrong
	}
	switch x := value.Readable(args[0]).(type) {
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
		return readErr(value.TypeName(x) + " is no number")
	}
}

// readError says that a value is no number, date or amount. tryNumber and tryDate make null of it.
type readError struct{ message string }

func (e *readError) Error() string { return e.message }

func readErr(message string) ref.Val { return types.WrapErr(&readError{message}) }

// unreadable takes the message only from errors that never hold the text.
func unreadable(err error) ref.Val {
	var u *dotnet.UnreadableError
	if errors.As(err, &u) {
		return readErr(u.Error())
	}
	return types.NewErr("the format cannot be used to read a date")
}

// orNull makes null of a value that cannot be read. An invalid culture or format stays an error.
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
	switch x := value.Readable(args[0]).(type) {
	case types.Null:
		return x
	case types.Timestamp:
		return x
	case types.String:
		return readDate(string(x), args, c)
	default:
		return readErr(value.TypeName(x) + " is no date")
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

// maxFormats bounds the formats tried on one text.
const maxFormats = 50

func formatsOf(v ref.Val) ([]string, ref.Val) {
	list, ok := v.(traits.Lister)
	if !ok {
		return []string{value.TextOf(v)}, nil
	}
	if n := value.ListLen(list); n > maxFormats {
		return nil, types.NewErr("more than %d formats", maxFormats)
	}
	var formats []string
	for it := list.Iterator(); it.HasNext() == types.True; {
		format, ok := value.Plain(it.Next()).(types.String)
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
	switch x := value.Readable(args[0]).(type) {
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
		return readErr(value.TypeName(x) + " is no amount")
	}
	m := value.NewMap(3)
	m.Put("amount", types.Double(amount.Value))
	m.Put("text", types.String(amount.Text))
	m.Put("currency", currency)
	return m
}
