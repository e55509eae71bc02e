// Package library is the functions of the language: how to declare one, and those that every
// expression has. A function knows its arguments, but neither the expression around it nor its
// variables.
//
// Start at [Function]. [Standard] lists the files. Each file has the functions of one group with
// documentation and examples. They make docs/functions.md, and a test runs the examples. Package
// expr takes any other [Library] as a value.
package library

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/forgehook/forgehook/internal/expr/value"
)

// Library is a set of functions and their bounds.
type Library struct {
	Functions []Function
	Macros    []cel.Macro
	Check     cel.ASTValidator // checks the calls of a compiled text; may be nil
	Strict    cel.ASTValidator // in place of Check, for texts that are saved now; may be nil
}

// Standard is the library of every expression. Documentation shows its functions in this order.
var Standard = &Library{
	Functions: slices.Concat(fieldFunctions, tableFunctions, convertFunctions, numberFunctions, textFunctions, regexFunctions,
		encodeFunctions, listFunctions),
	Check: literalCheck{}, Strict: literalCheck{strict: true},
}

// Options declares the library to CEL. Without a subject the functions of documents are left out.
// Texts that an earlier release has accepted are not checked strictly.
func (l *Library) Options(subject, strict bool) []cel.EnvOption {
	opts := []cel.EnvOption{cel.Macros(l.Macros...)}
	switch {
	case strict && l.Strict != nil:
		opts = append(opts, cel.ASTValidators(l.Strict))
	case l.Check != nil:
		opts = append(opts, cel.ASTValidators(l.Check))
	}
	for _, f := range l.Functions {
		if subject || !f.SubjectOnly {
			opts = append(opts, f.option())
		}
	}
	return opts
}

// Function is a function of the language: what CEL needs to call it, what bounds it, and its
// documentation. A test runs the examples.
type Function struct {
	Name, Group, Doc string
	Member           bool // called as x.name(...)
	SubjectOnly      bool // works on documents, which a sender's JSON has none of
	Overloads        []Overload
	Examples         []Example

	Bounds
}

// Bounds limits the time and memory of a call.
type Bounds struct {
	// Guard sees all arguments before the call, the receiver first. It returns the result of a call
	// that must not begin, otherwise nil. A function without a guard bounds itself.
	Guard  func(args []ref.Val) ref.Val
	Shares bool                                     // the result is an argument or remembered: it takes no more memory
	Work   func(args []ref.Val, result ref.Val) int // besides reading arguments and making the result; may be nil
}

// Overload is one way to call a function. args begins with the receiver; names are those of the
// other arguments.
type Overload struct {
	Names  string
	Args   []*cel.Type
	Result *cel.Type
	Call   func(args ...ref.Val) ref.Val
}

// Doc is the documentation of a function.
type Doc struct {
	Name       string
	Group      string   // the heading above it
	Signatures []string // "Document.field(name string) -> Parameter"
	Doc        string   // one or two sentences
	Examples   []Example
}

// Example is an expression and the JSON of its result. It runs on the subject of the
// documentation's examples or on the sender's JSON.
type Example struct {
	Expr, Result string
	OfSource     bool // it runs on a sender's JSON
}

// Docs lists the functions of the standard library and the more useful ones of CEL, by group.
func Docs() []Doc {
	var docs []Doc
	for _, f := range Standard.Functions {
		d := Doc{Name: f.Name, Group: f.Group, Doc: f.Doc, Examples: f.Examples}
		for _, o := range f.Overloads {
			d.Signatures = append(d.Signatures, f.signature(o))
		}
		docs = append(docs, d)
	}
	return append(docs, celFunctions...)
}

func (f Function) option() cel.EnvOption {
	var opts []cel.FunctionOpt
	for _, o := range f.Overloads {
		id := f.Name
		for _, arg := range o.Args {
			id += "_" + strings.ReplaceAll(shortType(arg), " ", "_")
		}
		binding := cel.FunctionBinding(o.Call)
		switch len(o.Args) {
		case 1:
			binding = cel.UnaryBinding(func(arg ref.Val) ref.Val { return o.Call(arg) })
		case 2:
			binding = cel.BinaryBinding(func(a, b ref.Val) ref.Val { return o.Call(a, b) })
		}
		if f.Member {
			opts = append(opts, cel.MemberOverload(id, o.Args, o.Result, binding))
		} else {
			opts = append(opts, cel.Overload(id, o.Args, o.Result, binding))
		}
	}
	return cel.Function(f.Name, opts...)
}

func (f Function) signature(o Overload) string {
	args, receiver := o.Args, ""
	if f.Member {
		receiver, args = shortType(args[0])+".", args[1:]
	}
	names := strings.Split(o.Names, ", ")
	parts := make([]string, len(args))
	for i, arg := range args {
		parts[i] = names[i] + " " + shortType(arg)
	}
	return fmt.Sprintf("%s%s(%s) -> %s", receiver, f.Name, strings.Join(parts, ", "), shortType(o.Result))
}

// shortType names a type as signatures in the documentation do.
func shortType(t *cel.Type) string {
	switch t.Kind() {
	case types.DynKind:
		return "any"
	case types.TypeParamKind:
		return "T"
	case types.TimestampKind:
		return "timestamp"
	case types.DurationKind:
		return "duration"
	case types.ListKind:
		return "list of " + shortType(t.Parameters()[0])
	case types.MapKind:
		return "map"
	}
	if t.IsAssignableType(types.NullType) && t.Kind() != types.StructKind {
		return t.TypeName() + " or null"
	}
	return t.TypeName()
}

// The types that most overloads use.
var (
	anyType     = cel.DynType
	textType    = cel.StringType
	nullText    = value.Nullable(cel.StringType)
	nullNumber  = value.Nullable(cel.DoubleType)
	listOfAny   = cel.ListType(cel.DynType)
	elementType = cel.TypeParamType("T")
)

func argTypes(args ...*cel.Type) []*cel.Type { return args }
