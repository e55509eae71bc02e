package library

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/forgehook/forgehook/internal/expr/value"
)

var textFunctions = []Function{
	{
		Name: "lower", Group: "Text", Member: true, Doc: "The text in small letters.",
		Overloads: []Overload{{"", argTypes(textType), textType, func(args ...ref.Val) ref.Val { return value.LimitedText(strings.ToLower(value.TextOf(args[0]))) }}},
		Examples:  []Example{{Expr: `"Straße ÉTÉ".lower()`, Result: `"straße été"`}},
	},
	{
		Name: "upper", Group: "Text", Member: true, Doc: "The text in capital letters.",
		Overloads: []Overload{{"", argTypes(textType), textType, func(args ...ref.Val) ref.Val { return value.LimitedText(strings.ToUpper(value.TextOf(args[0]))) }}},
		Examples:  []Example{{Expr: `doc.externalId.lower().upper()`, Result: `"PO-7"`}},
	},
	{
		Name: "padLeft", Group: "Text", Member: true, Doc: "The text filled up to a length on the left, with spaces or another character.",
		Overloads: []Overload{
			{"length", argTypes(textType, cel.IntType), textType, padLeft},
			{"length, character", argTypes(textType, cel.IntType, textType), textType, padLeft},
		},
		Examples: []Example{
			{Expr: `"42".padLeft(6, "0")`, Result: `"000042"`},
			{Expr: `"42".padLeft(4)`, Result: `"  42"`},
		},
	},
	{
		Name: "padRight", Group: "Text", Member: true, Doc: "The text filled up to a length on the right, with spaces or another character.",
		Overloads: []Overload{
			{"length", argTypes(textType, cel.IntType), textType, padRight},
			{"length, character", argTypes(textType, cel.IntType, textType), textType, padRight},
		},
		Examples: []Example{{Expr: `"42".padRight(4, ".")`, Result: `"42.."`}},
	},
	{
		Name: "truncate", Group: "Text", Member: true, Doc: "The first characters of the text, or all of a shorter text.",
		Overloads: []Overload{{"length", argTypes(textType, cel.IntType), textType, truncate}},
		Examples: []Example{
			{Expr: `"Rosenthal & Sons".truncate(9)`, Result: `"Rosenthal"`},
			{Expr: `"été".truncate(5)`, Result: `"été"`},
		},
	},
	{
		Name: "isBlank", Group: "Text", Doc: "Whether a text is null, empty or only spaces. A field can be passed instead of its value.",
		Overloads: []Overload{
			{"x", argTypes(nullText), cel.BoolType, isBlank},
			{"x", argTypes(value.ParameterType), cel.BoolType, isBlank},
		},
		Examples: []Example{
			{Expr: `isBlank(doc.comment)`, Result: `true`},
			{Expr: `isBlank(doc.field("Total"))`, Result: `false`},
			{Expr: `isBlank(" \t")`, Result: `true`},
		},
	},
	{
		Name: "normalizeSpace", Group: "Text", Member: true,
		Doc:       "The text without spaces at its ends, and with one space for each run of spaces and line breaks inside.",
		Overloads: []Overload{{"", argTypes(textType), textType, normalizeSpace}},
		Examples:  []Example{{Expr: `"  12 Main\n Road ".normalizeSpace()`, Result: `"12 Main Road"`}},
	},
	{
		Name: "baseName", Group: "Text", Doc: "The name of a file without folders and extension. Null stays null.",
		Overloads: []Overload{{"path", argTypes(nullText), nullText, baseName}},
		Examples: []Example{
			{Expr: `baseName(doc.filename)`, Result: `"inv-0042"`},
			{Expr: `baseName("scans\\2026\\a.b.pdf")`, Result: `"a.b"`},
		},
	},
}

// maxPad bounds a padded text. No column needs to be wider.
const maxPad = 100_000

func padLeft(args ...ref.Val) ref.Val {
	fill, err := padding(args)
	if err != nil {
		return err
	}
	return types.String(fill + value.TextOf(args[0]))
}

func padRight(args ...ref.Val) ref.Val {
	fill, err := padding(args)
	if err != nil {
		return err
	}
	return types.String(value.TextOf(args[0]) + fill)
}

func padding(args []ref.Val) (string, ref.Val) {
	fill := " "
	if len(args) > 2 {
		fill = value.TextOf(args[2])
	}
	length := args[1].(types.Int)
	switch {
	case utf8.RuneCountInString(fill) != 1:
		return "", types.NewErr("a text is padded with exactly one character")
	case length > maxPad:
		return "", value.TooMuch("a text padded to more than 100000 characters")
	}
	return strings.Repeat(fill, max(int(length)-utf8.RuneCountInString(value.TextOf(args[0])), 0)), nil
}

func truncate(args ...ref.Val) ref.Val {
	s, length := value.TextOf(args[0]), args[1].(types.Int)
	if length < 0 {
		return types.NewErr("a text cannot be cut to a negative length")
	}
	n := types.Int(0)
	for i := range s {
		if n == length {
			return types.String(s[:i])
		}
		n++
	}
	return types.String(s)
}

func isBlank(args ...ref.Val) ref.Val {
	return types.Bool(strings.TrimSpace(value.TextOf(value.Readable(args[0]))) == "")
}

func normalizeSpace(args ...ref.Val) ref.Val {
	return types.String(strings.Join(strings.FieldsFunc(value.TextOf(args[0]), unicode.IsSpace), " "))
}

func baseName(args ...ref.Val) ref.Val {
	s, ok := args[0].(types.String)
	if !ok {
		return types.NullValue
	}
	name := string(s)
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		name = name[:i]
	}
	return types.String(name)
}
