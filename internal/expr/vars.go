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

// What callers pass and get, under the names that they use.
type (
	Call  = value.Call
	Value = value.Value
)

// What all expressions of one [Vars] may use together.
const (
	maxTime = time.Second
	maxCost = 10_000_000 // about 64 MiB, at the prices of texts and lists
)

var errTime = errors.New("time limit")

// Vars are the variables of one evaluation and the budget of its expressions: one second, a number
// of steps, 16 MiB of output. They are not safe for concurrent use.
type Vars struct {
	memory *value.Memory
	make   map[string]func() ref.Val
	known  map[string]ref.Val

	spent  time.Duration
	cost   uint64
	output int
	trace  *trace // the errors of the last evaluation
}

func newVars() *Vars {
	return &Vars{memory: value.NewMemory(), known: map[string]ref.Val{}}
}

// SubjectVars are the variables of [Subject]. The subject must not change during their use.
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

// ResponseVars are the variables of [Received]. They serve [WriteBack] too, with null for result
// and callback until [Vars.SetResult]. Neither subject nor exchange may change during their use.
func ResponseVars(sub *forgehook.Subject, call Call, x *forgehook.Exchange) *Vars {
	v := SubjectVars(sub, call)
	v.make["response"] = func() ref.Val { return v.memory.Response(x) }
	v.make["result"] = func() ref.Val { return types.NullValue }
	v.make["callback"] = v.make["result"]
	return v
}

// SetResult sets result and callback of [WriteBack]. said is nil if there was no callback.
func (v *Vars) SetResult(result json.RawMessage, said *forgehook.Callback) {
	v.make["result"] = func() ref.Val { return v.memory.Raw(result) }
	if said != nil {
		v.make["callback"] = func() ref.Val { return v.memory.Callback(said) }
	}
}

// InputVars are the variables of [Input]: the sender's JSON, which must be one value, and the time.
// The language is that of the text that reads them.
func InputVars(language forgehook.Language, source json.RawMessage, now time.Time) (*Vars, error) {
	decoded, err := value.DecodeJSON(source)
	if err != nil {
		return nil, err
	}
	if language <= forgehook.Language1 {
		decoded = value.SettleAll(decoded)
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

// ShowEntities sets what is written for an expression that gives a whole entity ({{ doc }}): a
// clean copy, or nil for null. Expressions that read a member still see the entity.
func (v *Vars) ShowEntities(as func(entity any) any) { v.memory.Shown = as }

// ResolveName returns a variable to the interpreter. It is made at its first use.
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

// Parent is nil, because these are the outermost variables.
func (v *Vars) Parent() interpreter.Activation { return nil }
