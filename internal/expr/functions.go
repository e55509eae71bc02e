package expr

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// function is one function of the language: what CEL needs to call it and what a reader needs to use it. Documentation is made of
// the same declaration, and a test runs the examples.
type function struct {
	name, group, doc string
	member           bool // called as x.name(...)
	subjectOnly      bool // works on documents, so senders' JSON has no use for it
	overloads        []overload
	examples         []FunctionExample
}

// overload is one way to call a function. args has the receiver first; names are those of the other arguments.
type overload struct {
	names  string
	args   []*cel.Type
	result *cel.Type
	call   func(args ...ref.Val) ref.Val
}

// FunctionDoc is a function of the language as documentation shows it.
type FunctionDoc struct {
	Name       string
	Group      string   // the heading it stands under
	Signatures []string // "Document.field(name string) -> Parameter"
	Doc        string   // one or two sentences
	Examples   []FunctionExample
}

// FunctionExample is an expression and the JSON of what it gives for [ExampleSubject], or for [ExampleSource] in the scope Input.
type FunctionExample struct {
	Expr, Result string
	Scope        Scope
}

// Functions lists all functions of the language, ours and the more useful ones of CEL, by groups.
func Functions() []FunctionDoc {
	var docs []FunctionDoc
	for _, f := range declared() {
		d := FunctionDoc{Name: f.name, Group: f.group, Doc: f.doc, Examples: f.examples}
		for _, o := range f.overloads {
			d.Signatures = append(d.Signatures, f.signature(o))
		}
		docs = append(docs, d)
	}
	return append(docs, celFunctions...)
}

// declared is every function that is ours, in the order in which documentation shows them.
func declared() []function {
	return slices.Concat(fieldFunctions, tableFunctions, convertFunctions, numberFunctions, textFunctions, regexFunctions, encodeFunctions,
		listFunctions)
}

// functionOptions are the functions of the language that CEL's own libraries do not have.
func functionOptions(scope Scope) []cel.EnvOption {
	opts := []cel.EnvOption{cel.ASTValidators(literalCheck{})}
	for _, f := range declared() {
		if f.subjectOnly && scope == Input {
			continue
		}
		opts = append(opts, f.option())
	}
	return opts
}

func (f function) option() cel.EnvOption {
	var opts []cel.FunctionOpt
	for _, o := range f.overloads {
		id := f.name
		for _, arg := range o.args {
			id += "_" + strings.ReplaceAll(shortType(arg), " ", "_")
		}
		binding := cel.FunctionBinding(o.call)
		switch len(o.args) {
		case 1:
			binding = cel.UnaryBinding(func(arg ref.Val) ref.Val { return o.call(arg) })
		case 2:
			binding = cel.BinaryBinding(func(a, b ref.Val) ref.Val { return o.call(a, b) })
		}
		if f.member {
			opts = append(opts, cel.MemberOverload(id, o.args, o.result, binding))
		} else {
			opts = append(opts, cel.Overload(id, o.args, o.result, binding))
		}
	}
	return cel.Function(f.name, opts...)
}

func (f function) signature(o overload) string {
	args, receiver := o.args, ""
	if f.member {
		receiver, args = shortType(args[0])+".", args[1:]
	}
	names := strings.Split(o.names, ", ")
	parts := make([]string, len(args))
	for i, arg := range args {
		parts[i] = names[i] + " " + shortType(arg)
	}
	return fmt.Sprintf("%s%s(%s) -> %s", receiver, f.name, strings.Join(parts, ", "), shortType(o.result))
}

// shortType names a type as the signatures of the documentation do.
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

// The types that most overloads are made of.
var (
	anyType     = cel.DynType
	textType    = cel.StringType
	nullText    = nullable(cel.StringType)
	nullNumber  = nullable(cel.DoubleType)
	listOfAny   = cel.ListType(cel.DynType)
	elementType = cel.TypeParamType("T")
)

func argTypes(args ...*cel.Type) []*cel.Type { return args }

func textOf(v ref.Val) string {
	s, _ := v.(types.String)
	return string(s)
}

// readable takes the value of a field where a field stands for it, as in number(doc.field("Total")).
func readable(v ref.Val) ref.Val {
	if o, ok := v.(*object); ok && o.entity == parameterEntity {
		if p := parameter(o); p != nil {
			return stringOrNull(p.Value)
		}
		return types.NullValue
	}
	return plain(v)
}
