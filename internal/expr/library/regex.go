package library

import (
	"errors"
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"github.com/dlclark/regexp2/v2"

	"github.com/forgehook/forgehook/internal/expr/value"
)

var regexFunctions = []Function{
	{
		Name: "isMatch", Group: "Patterns", Member: true,
		Doc: "Whether a .NET regular expression matches anywhere in the text. Case matters unless the pattern starts with (?i).",
		Overloads: []Overload{{"pattern", argTypes(textType, textType), cel.BoolType, func(args ...ref.Val) ref.Val {
			m, err := findMatch(args)
			if err != nil {
				return err
			}
			return types.Bool(m != nil)
		}}},
		Examples: []Example{
			{Expr: `doc.filename.isMatch("^inv-\\d+\\.pdf$")`, Result: `true`},
			{Expr: `doc.filename.isMatch("(?i)^INV(?!oice)")`, Result: `true`},
		},
	},
	{
		Name: "regexFind", Group: "Patterns", Member: true,
		Doc: "The first match of a .NET regular expression, or one of its groups by name or number. Null if there is no match.",
		Overloads: []Overload{
			{"pattern", argTypes(textType, textType), nullText, regexFind},
			{"pattern, group", argTypes(textType, textType, textType), nullText, regexFind},
			{"pattern, group", argTypes(textType, textType, cel.IntType), nullText, regexFind},
		},
		Examples: []Example{
			{Expr: `doc.filename.regexFind("\\d+")`, Result: `"0042"`},
			{Expr: `doc.filename.regexFind("^(?<kind>[a-z]+)-", "kind")`, Result: `"inv"`},
			{Expr: `doc.filename.regexFind("-(\\d)(\\d+)", 2)`, Result: `"042"`},
			{Expr: `doc.filename.regexFind("[A-Z]")`, Result: `null`},
		},
	},
	{
		Name: "regexReplace", Group: "Patterns", Member: true,
		Doc:       "The text with every match of a .NET regular expression replaced; $1 and ${name} stand for groups.",
		Overloads: []Overload{{"pattern, replacement", argTypes(textType, textType, textType), textType, regexReplace}},
		Examples: []Example{
			{Expr: `"ZA 401 234-5678".regexReplace("[^0-9A-Z]", "")`, Result: `"ZA4012345678"`},
			{Expr: `"2025-12-25".regexReplace("(\\d+)-(\\d+)-(\\d+)", "$3.$2.$1")`, Result: `"25.12.2025"`},
		},
	},
}

// regexBudget bounds one call. The engine backtracks as .NET's does, so a careless pattern could
// run for years.
const (
	regexBudget    = 250 * time.Millisecond
	maxRegex       = 2000    // bytes of a pattern
	maxRegexText   = 1 << 20 // bytes of a text
	maxRegexCached = 500
)

// The engine reads a shared clock that by default ticks every 100 ms. The setting is global and not
// synchronised. So it is made once here, also for the filters of internal/webhook.
func init() { regexp2.SetTimeoutCheckPeriod(10 * time.Millisecond) }

// regexes are compiled patterns. When there are too many, all are forgotten, because patterns from
// documents fill the map and never come back.
var regexes = struct {
	sync.Mutex
	known map[string]*regexp2.Regexp
}{known: map[string]*regexp2.Regexp{}}

func regex(pattern string) (*regexp2.Regexp, error) {
	if len(pattern) > maxRegex {
		return nil, errors.New("it is longer than 2000 bytes")
	}
	regexes.Lock()
	re, ok := regexes.known[pattern]
	regexes.Unlock()
	if ok {
		return re, nil
	}
	re, err := regexp2.Compile(pattern)
	if err != nil {
		return nil, err
	}
	re.MatchTimeout = regexBudget
	regexes.Lock()
	defer regexes.Unlock()
	if len(regexes.known) >= maxRegexCached {
		clear(regexes.known)
	}
	regexes.known[pattern] = re
	return re, nil
}

// regexArgs reads the text and the pattern, the first arguments of every function of the group.
func regexArgs(args []ref.Val) (*regexp2.Regexp, string, ref.Val) {
	text := value.TextOf(args[0])
	if len(text) > maxRegexText {
		return nil, "", value.TooMuch("a text of more than 1 MiB to match")
	}
	re, err := regex(value.TextOf(args[1]))
	if err != nil {
		return nil, "", types.NewErr("the pattern is no regular expression of .NET")
	}
	return re, text, nil
}

var errRegexTime = "a pattern that goes back and forth too often on this text"

func findMatch(args []ref.Val) (*regexp2.Match, ref.Val) {
	re, text, wrong := regexArgs(args)
	if wrong != nil {
		return nil, wrong
	}
	started := time.Now()
	m, err := re.FindStringMatch(text)
	// On a busy machine a match may run out of time when it has hardly begun. Then the engine gave
	// up too early.
	if err != nil && !errors.Is(err, regexp2.ErrBacktrackingStackLimit) && time.Since(started) < regexBudget/2 {
		m, err = re.FindStringMatch(text)
	}
	if err != nil {
		return nil, value.TooMuch(errRegexTime)
	}
	return m, nil
}

func regexFind(args ...ref.Val) ref.Val {
	m, wrong := findMatch(args)
	switch {
	case wrong != nil:
		return wrong
	case m == nil:
		return types.NullValue
	case len(args) == 2:
		return types.String(m.String())
	}
	var group *regexp2.Group
	if name, ok := args[2].(types.String); ok {
		group = m.GroupByName(string(name))
	} else if n := args[2].(types.Int); n >= 0 && n < 10_000 {
		group = m.GroupByNumber(int(n))
	}
	switch {
	case group == nil:
		return types.NewErr("the pattern has no such group")
	case len(group.Captures) == 0:
		return types.NullValue
	}
	return types.String(group.String())
}

func regexReplace(args ...ref.Val) ref.Val {
	re, text, wrong := regexArgs(args)
	if wrong != nil {
		return wrong
	}
	replacement := value.TextOf(args[2])
	// All matches are found before any is replaced, because neither the size nor the time of a
	// replacement is known in advance.
	n, deadline := 0, time.Now().Add(regexBudget)
	m, wrong := findMatch(args)
	for m != nil && wrong == nil {
		n++
		if time.Now().After(deadline) {
			return value.TooMuch(errRegexTime)
		}
		var err error
		if m, err = re.FindNextMatch(m); err != nil {
			wrong = value.TooMuch(errRegexTime)
		}
	}
	if wrong != nil {
		return wrong
	}
	if !replacementFits(len(text), n, replacement) {
		return value.TooMuch(value.TextLimit)
	}
	out, err := re.Replace(text, replacement, -1, -1)
	if err != nil {
		return value.TooMuch(errRegexTime)
	}
	return value.LimitedText(out)
}

// replacementFits estimates the size of the result. Groups are parts of the text, but $_, $` and $'
// may be all of it in every match.
func replacementFits(text, matches int, replacement string) bool {
	references := strings.Count(replacement, "$")
	whole := strings.Count(replacement, "$_") + strings.Count(replacement, "$`") + strings.Count(replacement, "$'")
	return text*(1+references)+matches*len(replacement)+matches*whole*text <= value.MaxText
}
