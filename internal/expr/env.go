package expr

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/checker"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/functions"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/ext"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr/library"
	"github.com/forgehook/forgehook/internal/expr/value"
)

// Scope says which variables an expression sees.
type Scope int

// The scopes. A new one needs a constant here, its variables in [variables] and a function that
// makes its [Vars].
const (
	Subject   Scope = iota // what a call is about
	Input                  // the JSON that a sender posts
	Received               // what a call is about, and what came back
	WriteBack              // the same, with the call's result and callback
)

// variable is a name of a scope. Its alias is the name in the platform's scripts.
type variable struct {
	name  string
	typ   *cel.Type
	alias string
}

var variables = map[Scope][]variable{
	Subject: subjectVariables,
	Input: {
		{"source", cel.DynType, "input"},
		{"now", cel.TimestampType, ""},
	},
	Received: append(slices.Clip(subjectVariables), responseVariable),
	WriteBack: append(slices.Clip(subjectVariables), responseVariable,
		variable{"result", cel.DynType, ""}, variable{"callback", value.CallbackType, ""}),
}

var (
	responseVariable = variable{"response", value.ResponseType, ""}
	subjectVariables = []variable{
		{"doc", value.DocumentType, "srcdoc"},
		{"master", value.DocumentType, "masterdoc"},
		{"par", value.ParameterType, ""},
		{"def", value.DefinitionType, ""},
		{"verification", value.VerificationType, ""},
		{"wi", cel.ObjectType("WorkItem"), ""},
		{"project", cel.ObjectType("Project"), ""},
		{"service", cel.ObjectType("Service"), "parentservice"},
		{"category", cel.ObjectType("Category"), ""},
		{"docs", cel.ListType(value.DocumentType), ""},
		{"call", value.CallType, ""},
		{"cause", value.CauseType, ""},
		{"now", cel.TimestampType, ""},
	}
)

// variableNames lists the names of a scope with their aliases.
func variableNames(scope Scope) []string {
	var names []string
	for _, v := range variables[scope] {
		names = append(names, v.name)
		if v.alias != "" {
			names = append(names, v.alias)
		}
	}
	return names
}

// Limits of the text of one expression.
const (
	maxCodePoints = 65536
	maxNesting    = 250
	maxNodes      = 20000
)

// environment is what the expressions of a scope and library share. It is made once.
type environment struct {
	scope   Scope
	cel     *cel.Env
	checker *checker.Env // of the same declarations, to check texts that have faults
	guarded []*functions.Overload
	prices  []cost.TrackerOption
	own     map[string]bool // our own functions, whose messages are for readers

	open     bool                           // numbers of open types calculate with each other
	bindings map[string]*functions.Overload // by overload and by function
}

// envKey is a scope with the language of its texts and the library that is added to it.
type envKey struct {
	scope    Scope
	language forgehook.Language
	more     *library.Library // nil: only the standard library
}

var environments sync.Map // envKey -> func() (*environment, error)

func environmentOf(scope Scope, o options) (*environment, error) {
	key := envKey{scope, o.language, o.more}
	if o.more != nil {
		key.language = forgehook.Language1 // see With
	}
	once, _ := environments.LoadOrStore(key, sync.OnceValues(func() (*environment, error) {
		if key.more == nil {
			return newEnvironment(scope, key.language, library.Standard)
		}
		return newEnvironment(scope, key.language, library.Standard, key.more)
	}))
	return once.(func() (*environment, error))()
}

func newEnvironment(scope Scope, language forgehook.Language, libraries ...*library.Library) (*environment, error) {
	names, ok := variables[scope]
	if !ok {
		return nil, fmt.Errorf("no scope %d", scope)
	}
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, err
	}
	opts := []cel.EnvOption{
		cel.CustomTypeAdapter(registry),
		cel.CustomTypeProvider(value.Provider{Registry: registry}),
		cel.EnableMacroCallTracking(), // messages quote macros as they were written
		cel.ParserExpressionSizeLimit(maxCodePoints),
		cel.ParserRecursionLimit(maxNesting),
		cel.ExpressionNestingDepthLimit(maxNesting),
		cel.ExpressionNodeLimit(maxNodes),
		cel.ParserErrorRecoveryLimit(10),
		cel.OptionalTypes(cel.OptionalTypesVersion(1)), // version 2 has its own first() and last()
		ext.Strings(), ext.Lists(ext.ListsMaxRangeSize(maxRange)), ext.Math(), ext.Sets(), ext.Bindings(), ext.TwoVarComprehensions(),
	}
	opts = append(opts, orderedComprehensions()...)
	opts = append(opts, openFunction)
	if language != forgehook.Language1 {
		opts = append(opts, mixedNumbers()...)
	}
	for _, v := range names {
		opts = append(opts, cel.Variable(v.name, v.typ))
		if v.alias != "" {
			opts = append(opts, cel.Variable(v.alias, v.typ))
		}
	}
	for _, table := range forgehook.EnumTables() {
		for _, name := range table.Names() {
			number, err := table.Number(name)
			if err != nil {
				return nil, err
			}
			opts = append(opts, cel.Constant(table.Kind()+"."+name, cel.IntType, types.Int(number)))
		}
	}
	all, own := maps.Clone(celBounds), map[string]bool{}
	for _, l := range libraries {
		opts = append(opts, l.Options(scope != Input, language != forgehook.Language1)...)
		for _, f := range l.Functions {
			all[f.Name], own[f.Name] = f.Bounds, true
		}
	}
	env, err := cel.NewEnv(opts...)
	if err != nil {
		return nil, err
	}
	e := &environment{scope: scope, cel: env, prices: trackers(env, all), own: own, open: language != forgehook.Language1}
	if e.guarded, err = guarded(env, all); err != nil {
		return nil, err
	}
	if e.bindings, err = bindingsOf(env, e.guarded); err != nil {
		return nil, err
	}
	e.checker, err = newChecker(env)
	return e, err
}

func newChecker(env *cel.Env) (*checker.Env, error) {
	c, err := checker.NewEnv(env.Container, env.CELTypeProvider())
	if err != nil {
		return nil, err
	}
	if err := c.AddIdents(env.Variables()...); err != nil {
		return nil, err
	}
	for _, f := range env.Functions() {
		if f.IsDeclarationDisabled() {
			continue
		}
		if err := c.AddFunctions(f); err != nil {
			return nil, err
		}
	}
	return c, nil
}
