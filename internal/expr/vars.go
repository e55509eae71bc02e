package expr

import (
	"encoding/json"
	"errors"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr/value"
)

// What callers hand in and get back, under the names by which they meet it.
type (
	Call  = value.Call
	Value = value.Value
)

// What all expressions of one [Vars] may take together.
const (
	maxTime = time.Second
	maxCost = 10_000_000 // with the prices of texts and lists, about 64 MiB
)

var errTime = errors.New("time limit")

// Vars are the variables of one evaluation and the budget that its expressions share: one second, a
// number of steps, 16 MiB of output. Not for concurrent use.
type Vars struct {
	memory *value.Memory
	make   map[string]func() ref.Val
	known  map[string]ref.Val

	spent  time.Duration
	cost   uint64
	output int
	trace  *trace // of the errors of the last evaluation
}

func newVars() *Vars {
	return &Vars{memory: value.NewMemory(), known: map[string]ref.Val{}}
}

// SubjectVars are the variables of [Subject]. The subject must not change while they are used.
func SubjectVars(sub *forgehook.Subject, call Call) *Vars {
	v := newVars()
	wrapped := func(x any) func() ref.Val { return func() ref.Val { return v.memory.Wrap(x) } }
	definition := sub.ParameterDef
	if definition == nil && sub.Parameter != nil {
		definition = sub.Parameter.ParamDef
	}
	v.make = map[string]func() ref.Val{
		"doc":          wrapped(sub.Document),
		"master":       wrapped(sub.MasterDocument),
		"par":          wrapped(sub.Parameter),
		"def":          wrapped(definition),
		"verification": wrapped(sub.Verification),
		"wi":           wrapped(sub.WorkItem),
		"project":      wrapped(sub.Project),
		"service":      wrapped(sub.Service),
		"category":     wrapped(sub.Category),
		"cause":        wrapped(sub.Cause),
		"docs":         func() ref.Val { return value.NewList([]ref.Val{v.memory.Wrap(sub.Document)}) },
		"call":         func() ref.Val { return v.memory.Call(call) },
		"now":          func() ref.Val { return types.Timestamp{Time: call.AcceptedAt.UTC()} },
	}
	return v.aliased(Subject)
}

// ResponseVars are the variables of [Received] and, with null for result and callback, of
// [WriteBack]. Neither subject nor exchange may change while they are used.
func ResponseVars(sub *forgehook.Subject, call Call, x *forgehook.Exchange) *Vars {
	v := SubjectVars(sub, call)
	v.make["response"] = func() ref.Val { return v.memory.Response(x) }
	v.make["result"] = func() ref.Val { return types.NullValue }
	v.make["callback"] = v.make["result"]
	return v
}

// SetResult gives the variables of [WriteBack] the call's result, and what the endpoint has said
// later: nil where it has not.
func (v *Vars) SetResult(result json.RawMessage, said *forgehook.Callback) {
	v.make["result"] = func() ref.Val { return v.memory.Raw(result) }
	if said != nil {
		v.make["callback"] = func() ref.Val { return v.memory.Callback(said) }
	}
}

// InputVars are the variables of [Input]: the sender's JSON, which must be one value, and the time.
func InputVars(source json.RawMessage, now time.Time) (*Vars, error) {
	decoded, err := value.DecodeJSON(source)
	if err != nil {
		return nil, err
	}
	v := newVars()
	v.make = map[string]func() ref.Val{
		"source": func() ref.Val { return decoded },
		"now":    func() ref.Val { return types.Timestamp{Time: now.UTC()} },
	}
	return v.aliased(Input), nil
}

func (v *Vars) aliased(scope Scope) *Vars {
	for _, x := range variables[scope] {
		if x.alias != "" {
			v.make[x.alias] = v.make[x.name]
		}
	}
	return v
}

// ShowEntities sets what is written in the place of an entity that an expression gives as a whole
// ({{ doc }}): a clean copy, or nil for null. Expressions that name a member see the entity as it
// is.
func (v *Vars) ShowEntities(as func(entity any) any) { v.memory.Shown = as }

// ResolveName gives the interpreter a variable, made when it is first asked for.
func (v *Vars) ResolveName(name string) (any, bool) {
	if value, ok := v.known[name]; ok {
		return value, true
	}
	if name == traceName {
		return v, true
	}
	made, ok := v.make[name]
	if !ok {
		return nil, false
	}
	value := made()
	v.known[name] = value
	return value, true
}

// Parent is nil: there is nothing above.
func (v *Vars) Parent() interpreter.Activation { return nil }
