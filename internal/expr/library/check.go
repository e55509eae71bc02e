package library

import (
	"errors"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/types"

	"github.com/forgehook/forgehook/internal/expr/dotnet"
)

// literalCheck refuses on save what would fail in every evaluation: an unknown culture, a format
// that cannot write or read, an invalid pattern. Each fault has its position in the text.
type literalCheck struct{}

func (literalCheck) Name() string { return "forgehook.literals" }

// ToConfig lets the environment describe itself. CEL makes no suggestions without it.
func (v literalCheck) ToConfig() *env.Validator { return env.NewValidator(v.Name()) }

// Validate checks every call.
func (literalCheck) Validate(_ *cel.Env, _ cel.ValidatorConfig, tree *ast.AST, issues *cel.Issues) {
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind {
			return
		}
		call := e.AsCall()
		for _, at := range literalArguments[call.FunctionName()] {
			if at.index < len(call.Args()) {
				at.examine(tree, call, call.Args()[at.index], issues)
			}
		}
	}))
}

// literalArgument is an argument whose literal can be checked.
type literalArgument struct {
	index int
	check func(tree *ast.AST, call ast.CallExpr, literal string) error
}

var literalArguments = map[string][]literalArgument{
	"text":         {{1, checkTextFormat}, {2, checkCulture}},
	"number":       {{1, checkCulture}},
	"tryNumber":    {{1, checkCulture}},
	"money":        {{1, checkCulture}},
	"date":         {{1, checkDateFormat}, {2, checkCulture}},
	"tryDate":      {{1, checkDateFormat}, {2, checkCulture}},
	"isMatch":      {{0, checkRegex}},
	"regexFind":    {{0, checkRegex}},
	"regexReplace": {{0, checkRegex}},
}

// examine checks a literal, or each literal of a list.
func (a literalArgument) examine(tree *ast.AST, call ast.CallExpr, arg ast.Expr, issues *cel.Issues) {
	if arg.Kind() == ast.ListKind {
		for _, element := range arg.AsList().Elements() {
			a.examine(tree, call, element, issues)
		}
		return
	}
	if arg.Kind() != ast.LiteralKind {
		return
	}
	s, ok := arg.AsLiteral().(types.String)
	if !ok {
		return
	}
	if err := a.check(tree, call, string(s)); err != nil {
		issues.ReportErrorAtID(arg.ID(), "%s", err.Error())
	}
}

func checkCulture(_ *ast.AST, _ ast.CallExpr, literal string) error {
	_, err := dotnet.ByName(literal)
	return err
}

func checkDateFormat(_ *ast.AST, _ ast.CallExpr, literal string) error {
	return dotnet.CheckRead(literal)
}

// checkTextFormat checks a format against the type of its value. If the type is open, the format
// must fit one of the types.
func checkTextFormat(tree *ast.AST, call ast.CallExpr, literal string) error {
	number, moment, span := dotnet.CheckNumber(literal), dotnet.CheckMoment(literal), dotnet.CheckDuration(literal)
	switch tree.GetType(call.Args()[0].ID()).Kind() {
	case types.IntKind, types.UintKind:
		return number
	case types.DoubleKind:
		if len(literal) > 0 && strings.Contains("DdXxBb", literal[:1]) && number == nil {
			_, err := dotnet.FormatNumber(dotnet.Double(0), literal, dotnet.Invariant)
			return err
		}
		return number
	case types.TimestampKind:
		return moment
	case types.DurationKind:
		return span
	case types.StringKind:
		return errors.New("a text takes no format: make a number of it with number() or a timestamp with date() first")
	}
	if number != nil && moment != nil && span != nil {
		return number
	}
	return nil
}

func checkRegex(_ *ast.AST, _ ast.CallExpr, literal string) error {
	if _, err := regex(literal); err != nil {
		return errors.New("the pattern is no regular expression of .NET: " + err.Error())
	}
	return nil
}
