package expr

import (
	"encoding/json"
	"errors"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"

	"github.com/forgehook/forgehook"
)

// Call is what an expression may know of the call that it is evaluated for.
type Call struct {
	ID, WebhookID, Reason, EventType string
	CallbackURL                      string // "": it awaits no callback
	WebHookServiceID                 int32
	AcceptedAt                       time.Time
}

// What all expressions of one [Vars] may take together.
const (
	maxTime   = time.Second
	maxCost   = 10_000_000 // with the prices of texts and lists, about 64 MiB
	maxOutput = 16 << 20
)

var errTime = errors.New("time limit")

// Vars are the variables of one evaluation and the budget that its expressions share: one second, a number of steps, 16 MiB of
// output. Not for concurrent use.
type Vars struct {
	make  map[string]func() ref.Val
	known map[string]ref.Val

	lists    map[listKey]ref.Val
	entities map[any][]byte // JSON of entities, by pointer
	memo     map[any]any    // what functions have found out about the subject, by their own keys

	shown func(entity any) any

	spent  time.Duration
	cost   uint64
	output int
	trace  *trace // of the errors of the last evaluation
}

func newVars() *Vars {
	return &Vars{
		known: map[string]ref.Val{}, lists: map[listKey]ref.Val{}, entities: map[any][]byte{}, memo: map[any]any{},
	}
}

// SubjectVars are the variables of [Subject]. The subject must not change while they are used.
func SubjectVars(sub *forgehook.Subject, call Call) *Vars {
	v := newVars()
	wrapped := func(x any) func() ref.Val { return func() ref.Val { return v.wrap(x) } }
	definition := sub.ParameterDef
	if definition == nil && sub.Parameter != nil {
		definition = sub.Parameter.ParamDef
	}
	accepted := forgehook.Time{Time: call.AcceptedAt.UTC()}
	var callbackURL *string
	if call.CallbackURL != "" {
		callbackURL = &call.CallbackURL
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
		"docs":         func() ref.Val { return newList([]ref.Val{v.wrap(sub.Document)}) },
		"call": wrapped(&callFacts{
			ID: call.ID, WebhookID: call.WebhookID, WebHookServiceID: call.WebHookServiceID, Reason: call.Reason,
			EventType: call.EventType, AcceptedAt: &accepted, CallbackURL: callbackURL,
		}),
		"now": func() ref.Val { return types.Timestamp{Time: accepted.Time} },
	}
	return v.aliased(Subject)
}

// InputVars are the variables of [Input]: the sender's JSON, which must be one value, and the time.
func InputVars(source json.RawMessage, now time.Time) (*Vars, error) {
	decoded, err := decodeJSON(source)
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

// ShowEntities sets what is written in the place of an entity that an expression gives as a whole ({{ doc }}): a clean copy, or nil
// for null. Expressions that name a member see the entity as it is.
func (v *Vars) ShowEntities(as func(entity any) any) { v.shown = as }

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
