package expr

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr/value"
)

// unknownMember says which member was probably meant.
func (w *wording) unknownMember(e ast.Expr, name string) Fault {
	typeName := ""
	if ops := operands(w.written(e)); len(ops) > 0 {
		if t := w.tree.GetType(ops[0].ID()); t != nil {
			typeName = unwrapped(t).TypeName()
		}
	}
	names := value.MemberNames(typeName)
	message := "no such field of " + typeName
	if near := nearestMember(name, typeName); near != "" {
		message += ": did you mean " + near + "?"
	} else {
		message += "; it has " + listed(names, 40)
	}
	return w.at(w.name(e), w.wording(e), message)
}

// nearestMember also knows the platform's .NET names: DocumentParameter.ParamDefId, doc.DTC,
// doc.Category.
func nearestMember(name, typeName string) string {
	names := value.MemberNames(typeName)
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return n
		}
	}
	if typeName == "Document" {
		switch strings.ToLower(name) {
		case "category", "class":
			return "classId"
		case "parameters", "fields":
			return "resultParameters"
		}
	}
	return forgehook.Nearest(name, names)
}

func unwrapped(t *types.Type) *types.Type {
	if isOptional(t) && len(t.Parameters()) == 1 {
		return t.Parameters()[0]
	}
	return t
}

// listed joins the first n names.
func listed(names []string, n int) string {
	if len(names) > n {
		return strings.Join(names[:n], ", ") + " ..."
	}
	return strings.Join(names, ", ")
}

// unknownName is the fault of an unknown variable, constant or function.
func (w *wording) unknownName(e ast.Expr, name string) Fault {
	written := w.written(e)
	if written.Kind() == ast.CallKind && !isOperator(written.AsCall().FunctionName()) {
		return w.unknownFunction(written, name)
	}
	if table, ok := value.EnumTable(name); ok {
		return w.at(w.start(e), name, "this is an enum: write one of its names behind it, "+name+"."+table.Names()[0])
	}
	if kind, of, ok := strings.Cut(name, "."); ok {
		if table, ok := value.EnumTable(kind); ok {
			return w.at(w.start(e), name, constantMessage(table, of))
		}
	}
	first, rest, qualified := strings.Cut(name, ".")
	if qualified {
		rest = "." + rest
	}
	candidates := variableNames(w.env.scope)
	for _, table := range forgehook.EnumTables() {
		candidates = append(candidates, table.Kind())
	}
	message := "no such name"
	switch near := forgehook.Nearest(first, candidates); {
	case otherScope(w.env.scope, first) != "":
		message += " here: it belongs to " + otherScope(w.env.scope, first)
	case near != "":
		message += ": did you mean " + near + rest + "?"
	default:
		message += "; there are " + strings.Join(variableNames(w.env.scope), ", ")
	}
	return w.at(w.start(e), name, message)
}

// scopes describe each scope. A name belongs to the first scope that has it.
var scopes = []struct {
	scope Scope
	words string
}{
	{Subject, "conditions, URLs, headers and bodies of a webhook"},
	{Input, "the input of a service"},
	{Received, "the settings below response"},
	{WriteBack, "response.writeBack"},
}

func otherScope(scope Scope, name string) string {
	for _, other := range scopes {
		if other.scope != scope && slices.Contains(variableNames(other.scope), name) {
			return other.words
		}
	}
	return ""
}

func constantMessage(table forgehook.EnumTable, value string) string {
	if near := forgehook.Nearest(value, table.Names()); near != "" {
		return fmt.Sprintf("no such name of %s: did you mean %s.%s?", table.Kind(), table.Kind(), near)
	}
	return fmt.Sprintf("no such name of %s; it has %s", table.Kind(), listed(table.Names(), 40))
}

// unknownFunction says which function was probably meant. It also knows the platform's .NET names.
func (w *wording) unknownFunction(e ast.Expr, name string) Fault {
	var candidates []string
	for _, f := range w.env.cel.Functions() {
		if !isOperator(f.Name()) && !strings.Contains(f.Name(), "@") {
			candidates = append(candidates, f.Name())
		}
	}
	for _, m := range w.env.cel.Macros() {
		if !strings.Contains(m.Function(), "@") {
			candidates = append(candidates, m.Function())
		}
	}
	slices.Sort(candidates)
	candidates = slices.Compact(candidates)
	called := e.AsCall().FunctionName()
	message := "no such function"
	switch near := forgehook.Nearest(called, candidates); {
	case slices.Contains(candidates, called):
		message = fmt.Sprintf("%s is not called that way here", called)
	case platformFunctions[strings.ToLower(called)] != "":
		message += ": did you mean " + platformFunctions[strings.ToLower(called)] + "?"
	case near != "":
		message += ": did you mean " + near + "?"
	}
	return w.at(w.name(e), name, message)
}

// platformFunctions are names from the platform's scripts.
var platformFunctions = map[string]string{
	"where": "filter", "select": "map", "any": "exists", "count": "size", "length": "size", "len": "size",
	"tolower": "lower", "toupper": "upper", "tolowerinvariant": "lower", "toupperinvariant": "upper", "tostring": "text",
	"firstordefault": "first", "lastordefault": "last", "isnullorempty": "isBlank", "isnullorwhitespace": "isBlank",
	"orderby": "sortBy", "getvalue": "field", "findparameter": "field", "ifnull": "coalesce", "concat": "the operator +",
	"parse": "number", "todecimal": "number", "todouble": "number", "toint32": "int", "serialize": "json",
}
