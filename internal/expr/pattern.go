package expr

import (
	"errors"
	"regexp"
	"unicode/utf8"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"

	"github.com/forgehook/forgehook/internal/expr/value"
)

// Bounds of a pattern's instructions, and of instructions times bytes of the text. A match within
// them takes well below a second.
const (
	maxPatternSize = 2000
	maxMatchWork   = 50_000_000
)

func matchesCall(call interpreter.InterpretableCall) (interpreter.InterpretableV2, error) {
	var constant *regexp.Regexp
	var size int
	if c, ok := call.Args()[1].(interpreter.InterpretableConst); ok {
		if pattern, ok := c.Value().(types.String); ok {
			re, n, err := compilePattern(string(pattern))
			if err != nil {
				return call, nil //nolint:nilerr // evaluation reports it with its position
			}
			constant, size = re, n
		}
	}
	return interpreter.NewCall(call.ID(), call.Function(), call.OverloadID(), call.Args(), func(args ...ref.Val) ref.Val {
		s, ok1 := args[0].(types.String)
		pattern, ok2 := args[1].(types.String)
		if !ok1 || !ok2 {
			return types.NewErr("no such overload")
		}
		re, size := constant, size
		if re == nil {
			var err error
			if re, size, err = compilePattern(string(pattern)); err != nil {
				return types.NewErr("the pattern cannot be read")
			}
		}
		if size > maxPatternSize || size*len(s) > maxMatchWork {
			return value.TooMuch("a pattern or a text too long to be matched")
		}
		return types.Bool(re.MatchString(string(s)))
	}), nil
}

func compilePattern(pattern string) (*regexp.Regexp, int, error) {
	size, err := types.RegexProgramSize(pattern)
	if err != nil {
		return nil, 0, err
	}
	if size > maxPatternSize {
		return nil, size, nil
	}
	re, err := regexp.Compile(pattern)
	return re, size, err
}

// validPattern checks a constant pattern.
func validPattern(pattern string) error {
	if !utf8.ValidString(pattern) {
		return errors.New("it is not UTF-8")
	}
	_, size, err := compilePattern(pattern)
	if err == nil && size > maxPatternSize {
		return errors.New("it is too large")
	}
	return err
}
