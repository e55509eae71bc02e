package webhook

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/dlclark/regexp2/v2"
	"github.com/dlclark/regexp2/v2/syntax"
)

// matchBudget bounds one match: the engine backtracks like .NET's, and a careless pattern could run
// for years.
const matchBudget = 250 * time.Millisecond

// pattern is a regular expression in the .NET dialect with no options: case-sensitive, unanchored,
// invariant culture.
type pattern struct {
	text string
	re   *regexp2.Regexp // nil: matches everything
}

var errTooSlow = errors.New("the match was stopped")

func newPattern(text string) (*pattern, error) {
	if text == "" || text == ".*" {
		return &pattern{text: text}, nil
	}
	re, err := regexp2.Compile(text)
	if err != nil {
		return nil, err
	}
	re.MatchTimeout = matchBudget
	return &pattern{text: text, re: re}, nil
}

// match does what Regex.IsMatch does. Its only error is errTooSlow: the engine's would quote the
// input.
func (p *pattern) match(s string) (bool, error) {
	if p.re == nil {
		return true, nil
	}
	start := time.Now()
	ok, err := p.re.MatchString(s)
	// On a starved machine the engine's clock lags: it can stop a match that never ran.
	if err != nil && !errors.Is(err, regexp2.ErrBacktrackingStackLimit) && time.Since(start) < matchBudget/2 {
		ok, err = p.re.MatchString(s)
	}
	if err != nil {
		return false, errTooSlow
	}
	return ok, nil
}

// ignoringCase returns the pattern without regard to case, or nil.
func (p *pattern) ignoringCase() *pattern {
	folded, err := newPattern("(?i)" + p.text)
	if err != nil {
		return nil
	}
	return folded
}

func (f *faults) compilePattern(path, text string) *pattern {
	p, err := newPattern(text)
	if err != nil {
		f.add(path, text, "a .NET regular expression: "+patternFault(text, err))
	}
	return p
}

func patternFault(text string, err error) string {
	fault, ok := errors.AsType[*syntax.Error](err)
	if !ok {
		return "this one cannot be read"
	}
	words := fmt.Sprintf(string(fault.Code), fault.Args...)
	_, block, isBlock := strings.Cut(words, "property 'Is")
	block = strings.TrimSuffix(block, "'")
	switch {
	case isBlock && unicode.Scripts[block] != nil:
		return `block names such as \p{Is` + block + `} are not known here, use the script \p{` + block + `}`
	case isBlock:
		return `block names such as \p{Is` + block + `} are not known here, use a range like [\u0400-\u04FF]`
	case strings.HasPrefix(text, "*"):
		return words + `; files named *.pdf are found by \.pdf$`
	}
	return words
}
