package library

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/types"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr/dotnet"
	"github.com/forgehook/forgehook/internal/expr/value"
)

// literalCheck refuses on save what would fail in every evaluation: an unknown culture, a format
// that cannot write or read, an invalid pattern. Each fault has its position in the text. strict
// also refuses what an earlier release took: a date format that was hardly meant, a text that is no
// duration, moment or JSON, a group that the pattern lacks.
type literalCheck struct{ strict bool }

func (literalCheck) Name() string { return "forgehook.literals" }

// ToConfig lets the environment describe itself. CEL makes no suggestions without it.
func (v literalCheck) ToConfig() *env.Validator { return env.NewValidator(v.Name()) }

// Validate checks every call.
func (v literalCheck) Validate(_ *cel.Env, _ cel.ValidatorConfig, tree *ast.AST, issues *cel.Issues) {
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind {
			return
		}
		call := e.AsCall()
		if v.strict && examineAll(strictArguments, tree, call, issues) {
			return
		}
		examineAll(literalArguments, tree, call, issues)
	}))
}

// examineAll checks the literal arguments of a call. It reports whether there is a fault.
func examineAll(all map[string][]literalArgument, tree *ast.AST, call ast.CallExpr, issues *cel.Issues) (faulty bool) {
	for _, at := range all[call.FunctionName()] {
		if at.index < len(call.Args()) && at.examine(tree, call, call.Args()[at.index], issues) {
			faulty = true
		}
	}
	return faulty
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

// strictArguments are checked only in texts that are saved now.
var strictArguments = map[string][]literalArgument{
	"text":         {{1, checkMeantText}},
	"date":         {{1, checkMeant}},
	"tryDate":      {{1, checkMeant}},
	"duration":     {{0, checkDuration}},
	"timestamp":    {{0, checkTimestamp}},
	"parseJson":    {{0, checkJSON}},
	"regexFind":    {{1, checkGroup}},
	"regexReplace": {{1, checkReplacement}},
}

func checkMeant(_ *ast.AST, _ ast.CallExpr, literal string) error {
	return dotnet.CheckMeant(literal)
}

// checkMeantText checks the format of a timestamp. A value of an open type may be a number, whose
// formats hold any letters.
func checkMeantText(tree *ast.AST, call ast.CallExpr, literal string) error {
	if tree.GetType(call.Args()[0].ID()).Kind() != types.TimestampKind {
		return nil
	}
	return dotnet.CheckMeant(literal)
}

func checkDuration(_ *ast.AST, _ ast.CallExpr, literal string) error {
	if _, err := forgehook.ParseDuration(literal); err != nil {
		return fmt.Errorf("this is no duration: it takes %w", err)
	}
	return nil
}

func checkTimestamp(_ *ast.AST, _ ast.CallExpr, literal string) error {
	if _, err := time.Parse(time.RFC3339, literal); err != nil {
		return errors.New(`timestamp takes a moment with its zone, such as "2026-01-05T07:30:00Z"; date("2026-01-05") reads a day`)
	}
	return nil
}

func checkJSON(_ *ast.AST, _ ast.CallExpr, literal string) error {
	if _, err := value.DecodeJSON([]byte(literal)); err != nil {
		return fmt.Errorf("this is no JSON: %w", err)
	}
	return nil
}

// checkGroup checks a group that is named beside a literal pattern.
func checkGroup(_ *ast.AST, call ast.CallExpr, group string) error {
	pattern, ok := LiteralText(call.Args()[0])
	if !ok {
		return nil
	}
	re, err := regex(pattern)
	if err != nil || slices.Contains(re.GetGroupNames(), group) {
		return nil
	}
	return fmt.Errorf("the pattern has no group %q; it has %s", group, strings.Join(re.GetGroupNames(), ", "))
}

var replacedGroup = regexp.MustCompile(`\$(?:(\d+)|\{(\w+)\})|\$\$`)

// checkReplacement checks the groups of a replacement beside a literal pattern. .NET would leave an
// unknown one in the text.
func checkReplacement(tree *ast.AST, call ast.CallExpr, replacement string) error {
	for _, m := range replacedGroup.FindAllStringSubmatch(replacement, -1) {
		if group := m[1] + m[2]; group != "" {
			if err := checkGroup(tree, call, group); err != nil {
				return fmt.Errorf("%w; a $ itself is written $$", err)
			}
		}
	}
	return nil
}

// LiteralText is the text of a literal; ok is false for anything else.
func LiteralText(e ast.Expr) (text string, ok bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok
}

// examine checks a literal, or each literal of a list. It reports whether there is a fault.
func (a literalArgument) examine(tree *ast.AST, call ast.CallExpr, arg ast.Expr, issues *cel.Issues) (faulty bool) {
	if arg.Kind() == ast.ListKind {
		for _, element := range arg.AsList().Elements() {
			faulty = a.examine(tree, call, element, issues) || faulty
		}
		return faulty
	}
	s, ok := LiteralText(arg)
	if !ok {
		return false
	}
	err := a.check(tree, call, s)
	if err != nil {
		issues.ReportErrorAtID(arg.ID(), "%s", err.Error())
	}
	return err != nil
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
