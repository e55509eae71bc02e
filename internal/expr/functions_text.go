package expr

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

var textFunctions = []function{
	{
		name: "lower", group: "Text", member: true, doc: "The text in small letters.",
		overloads: []overload{{"", argTypes(textType), textType, func(args ...ref.Val) ref.Val { return limitedText(strings.ToLower(textOf(args[0]))) }}},
		examples:  []FunctionExample{{Expr: `"Straße ÉTÉ".lower()`, Result: `"straße été"`}},
	},
	{
		name: "upper", group: "Text", member: true, doc: "The text in capital letters.",
		overloads: []overload{{"", argTypes(textType), textType, func(args ...ref.Val) ref.Val { return limitedText(strings.ToUpper(textOf(args[0]))) }}},
		examples:  []FunctionExample{{Expr: `doc.externalId.lower().upper()`, Result: `"PO-7"`}},
	},
	{
		name: "padLeft", group: "Text", member: true, doc: "The text with spaces, or another character, before it until it has so many characters.",
		overloads: []overload{
			{"length", argTypes(textType, cel.IntType), textType, padLeft},
			{"length, character", argTypes(textType, cel.IntType, textType), textType, padLeft},
		},
		examples: []FunctionExample{
			{Expr: `"42".padLeft(6, "0")`, Result: `"000042"`},
			{Expr: `"42".padLeft(4)`, Result: `"  42"`},
		},
	},
	{
		name: "padRight", group: "Text", member: true, doc: "The text with spaces, or another character, behind it until it has so many characters.",
		overloads: []overload{
			{"length", argTypes(textType, cel.IntType), textType, padRight},
			{"length, character", argTypes(textType, cel.IntType, textType), textType, padRight},
		},
		examples: []FunctionExample{{Expr: `"42".padRight(4, ".")`, Result: `"42.."`}},
	},
	{
		name: "truncate", group: "Text", member: true, doc: "The first characters of the text, all of it if it is not longer.",
		overloads: []overload{{"length", argTypes(textType, cel.IntType), textType, truncate}},
		examples: []FunctionExample{
			{Expr: `"Rosenthal & Sons".truncate(9)`, Result: `"Rosenthal"`},
			{Expr: `"été".truncate(5)`, Result: `"été"`},
		},
	},
	{
		name: "isBlank", group: "Text", doc: "Whether a text is null, empty or nothing but spaces. Takes a field for its value.",
		overloads: []overload{
			{"x", argTypes(nullText), cel.BoolType, isBlank},
			{"x", argTypes(parameterType), cel.BoolType, isBlank},
		},
		examples: []FunctionExample{
			{Expr: `isBlank(doc.comment)`, Result: `true`},
			{Expr: `isBlank(doc.field("Total"))`, Result: `false`},
			{Expr: `isBlank(" \t")`, Result: `true`},
		},
	},
	{
		name: "normalizeSpace", group: "Text", member: true,
		doc:       "The text without spaces at its ends, and one space for any number of spaces and line breaks inside.",
		overloads: []overload{{"", argTypes(textType), textType, normalizeSpace}},
		examples:  []FunctionExample{{Expr: `"  12 Main\n Road ".normalizeSpace()`, Result: `"12 Main Road"`}},
	},
	{
		name: "baseName", group: "Text", doc: "A file's name without folders and without extension. Null stays null.",
		overloads: []overload{{"path", argTypes(nullText), nullText, baseName}},
		examples: []FunctionExample{
			{Expr: `baseName(doc.filename)`, Result: `"inv-0042"`},
			{Expr: `baseName("scans\\2026\\a.b.pdf")`, Result: `"a.b"`},
		},
	},
}

// maxPad bounds a padded text: nobody wants a wider column.
const maxPad = 100_000

func padLeft(args ...ref.Val) ref.Val {
	fill, err := padding(args)
	if err != nil {
		return err
	}
	return types.String(fill + textOf(args[0]))
}

func padRight(args ...ref.Val) ref.Val {
	fill, err := padding(args)
	if err != nil {
		return err
	}
	return types.String(textOf(args[0]) + fill)
}

func padding(args []ref.Val) (string, ref.Val) {
	fill := " "
	if len(args) > 2 {
		fill = textOf(args[2])
	}
	length := args[1].(types.Int)
	switch {
	case utf8.RuneCountInString(fill) != 1:
		return "", types.NewErr("a text is padded with exactly one character")
	case length > maxPad:
		return "", limitErr("a text padded to more than 100000 characters")
	}
	return strings.Repeat(fill, max(int(length)-utf8.RuneCountInString(textOf(args[0])), 0)), nil
}

func truncate(args ...ref.Val) ref.Val {
	s, length := textOf(args[0]), args[1].(types.Int)
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
	return types.Bool(strings.TrimSpace(textOf(readable(args[0]))) == "")
}

func normalizeSpace(args ...ref.Val) ref.Val {
	return types.String(strings.Join(strings.FieldsFunc(textOf(args[0]), unicode.IsSpace), " "))
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
