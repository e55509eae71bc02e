package csharp

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"golang.org/x/text/collate"
	"golang.org/x/text/language"

	"github.com/forgehook/forgehook/internal/expr/value"
)

func utf16Of(r rune) []uint16 { return utf16.Encode([]rune{r}) }

// csString returns a text, or an error for null.
func csString(v ref.Val) (string, ref.Val) {
	s, ok := v.(types.String)
	if !ok {
		return "", csNull("a text")
	}
	return string(s), nil
}

// units are the UTF-16 units of a text, which C# counts.
func units(s string) []uint16 { return utf16.Encode([]rune(s)) }

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func csLength(args ...ref.Val) ref.Val {
	s, wrong := csString(args[0])
	if wrong != nil {
		return wrong
	}
	if isASCII(s) {
		return types.Int(len(s))
	}
	return types.Int(len(units(s)))
}

func csSubstring(args ...ref.Val) ref.Val {
	s, wrong := csString(args[0])
	if wrong != nil {
		return wrong
	}
	all := units(s)
	from, ok := args[1].(types.Int)
	if !ok || from < 0 || int(from) > len(all) {
		return types.NewErr("Substring starts outside of the text")
	}
	length := types.Int(len(all)) - from
	if len(args) == 3 {
		if length, ok = args[2].(types.Int); !ok || length < 0 || length > types.Int(len(all))-from {
			return types.NewErr("Substring is longer than the text")
		}
	}
	return types.String(utf16.Decode(all[from : from+length]))
}

// csAt returns an element of a list or a character of a text.
func csAt(args ...ref.Val) ref.Val {
	i, _ := args[1].(types.Int)
	switch x := args[0].(type) {
	case traits.Lister:
		if i < 0 || i >= types.Int(value.ListLen(x)) {
			return types.NewErr("the index is outside of the list")
		}
		return x.Get(i)
	case types.String:
		all := units(string(x))
		if i < 0 || int(i) >= len(all) {
			return types.NewErr("the index is outside of the text")
		}
		return types.String(utf16.Decode(all[i : i+1]))
	}
	return csNull("a text or a list")
}

// The invariant culture changes single characters and leaves the Turkish i alone.

func csUpper(args ...ref.Val) ref.Val {
	return csMap(args[0], func(r rune) rune {
		if r == 'ı' || r == 'ſ' {
			return r
		}
		return unicode.ToUpper(r)
	})
}

func csLower(args ...ref.Val) ref.Val {
	return csMap(args[0], func(r rune) rune {
		if r == 'İ' {
			return r
		}
		return unicode.ToLower(r)
	})
}

func csMap(v ref.Val, change func(rune) rune) ref.Val {
	s, wrong := csString(v)
	if wrong != nil {
		return wrong
	}
	return value.LimitedText(strings.Map(change, s))
}

// csFold makes texts equal that differ only in case, as C#'s ordinal comparison does. Null stays
// null.
func csFold(args ...ref.Val) ref.Val {
	if args[0] == types.NullValue {
		return args[0]
	}
	return csUpper(args...)
}

func csTrim(args ...ref.Val) ref.Val {
	s, wrong := csString(args[0])
	if wrong != nil {
		return wrong
	}
	side, characters := value.TextOf(args[1]), value.TextOf(args[2])
	drop := unicode.IsSpace
	if characters != "" {
		drop = func(r rune) bool { return strings.ContainsRune(characters, r) }
	}
	if side != "end" {
		s = strings.TrimLeftFunc(s, drop)
	}
	if side != "start" {
		s = strings.TrimRightFunc(s, drop)
	}
	return types.String(s)
}

func csReplace(args ...ref.Val) ref.Val {
	s, wrong := csString(args[0])
	if wrong != nil {
		return wrong
	}
	old, wrong := csString(args[1])
	if wrong != nil {
		return wrong
	}
	if old == "" {
		return types.NewErr("the text to replace is empty")
	}
	with := value.TextOf(args[2])
	if len(s)+strings.Count(s, old)*len(with) > value.MaxText {
		return value.TooMuch(value.TextLimit)
	}
	return types.String(strings.ReplaceAll(s, old, with))
}

// csSplit splits at the first separator that fits at each position, or at white space if there are
// no separators. Option e omits empty parts, option t trims parts.
func csSplit(args ...ref.Val) ref.Val {
	s, wrong := csString(args[0])
	if wrong != nil {
		return wrong
	}
	options := value.TextOf(args[2])
	var separators []string
	if list, ok := args[1].(traits.Lister); ok {
		for it := list.Iterator(); it.HasNext() == types.True; {
			if separator := value.TextOf(it.Next()); separator != "" {
				separators = append(separators, separator)
			}
		}
		if value.ListLen(list) == 0 {
			for r := range rune(0x3001) {
				if unicode.IsSpace(r) {
					separators = append(separators, string(r))
				}
			}
		}
	}
	var parts []ref.Val
	add := func(part string) {
		if strings.Contains(options, "t") {
			part = strings.TrimSpace(part)
		}
		if part != "" || !strings.Contains(options, "e") {
			parts = append(parts, types.String(part))
		}
	}
	start := 0
	for i := 0; i < len(s); {
		at := slices.IndexFunc(separators, func(separator string) bool { return strings.HasPrefix(s[i:], separator) })
		if at < 0 {
			i++
			continue
		}
		add(s[start:i])
		i += len(separators[at])
		start = i
		if len(parts) > value.MaxElements {
			return value.TooMuch(value.ListLimit)
		}
	}
	add(s[start:])
	return value.NewList(parts)
}

// csJoin joins texts. Null counts as "".
func csJoin(args ...ref.Val) ref.Val {
	list, ok := args[1].(traits.Lister)
	if !ok {
		return csNull("a list")
	}
	var b strings.Builder
	separator := value.TextOf(args[0])
	first := true
	for it := list.Iterator(); it.HasNext() == types.True; {
		if !first {
			b.WriteString(separator)
		}
		first = false
		b.WriteString(value.TextOf(it.Next()))
		if b.Len() > value.MaxText {
			return value.TooMuch(value.TextLimit)
		}
	}
	return types.String(b.String())
}

// csEnd is First or Last. For an empty list it returns the second argument, or fails without one.
func csEnd(args []ref.Val, last bool) ref.Val {
	list, ok := args[0].(traits.Lister)
	if !ok {
		return csNull("a list")
	}
	n := value.ListLen(list)
	switch {
	case n == 0 && len(args) == 2:
		return args[1]
	case n == 0:
		return types.NewErr("the list is empty, so it has no first and no last element")
	case last:
		return list.Get(types.Int(n - 1))
	}
	return list.Get(types.Int(0))
}

func csDistinct(args ...ref.Val) ref.Val {
	list, ok := args[0].(traits.Lister)
	if !ok {
		return csNull("a list")
	}
	seen := map[any]bool{}
	var kept []ref.Val
	for it := list.Iterator(); it.HasNext() == types.True; {
		v := it.Next()
		key, ok := value.Hashable(v)
		switch x := v.(type) {
		case types.Timestamp:
			key = x.UnixNano()
		case types.Duration:
			key = x.Duration
		default:
			if !ok {
				key = types.NullValue
			}
		}
		if !seen[key] {
			seen[key] = true
			kept = append(kept, v)
		}
	}
	return value.NewList(kept)
}

// csOrder sorts a list by keys, one for each element. The order is stable. Null comes first, and
// texts follow the invariant culture: a, A, b.
func csOrder(args ...ref.Val) ref.Val {
	list, ok1 := args[0].(traits.Lister)
	keys, ok2 := args[1].(traits.Lister)
	if !ok1 || !ok2 {
		return csNull("a list")
	}
	n := value.ListLen(list)
	if n > value.MaxElements {
		return value.TooMuch(value.ListLimit)
	}
	type item struct{ key, value ref.Val }
	items := make([]item, n)
	for i := range items {
		items[i] = item{keys.Get(types.Int(i)), list.Get(types.Int(i))}
	}
	letters := collate.New(language.Und)
	order := func(a, b ref.Val) int {
		switch {
		case a == types.NullValue || b == types.NullValue:
			return btoi(a != types.NullValue) - btoi(b != types.NullValue)
		case isNaN(a) || isNaN(b):
			return btoi(!isNaN(a)) - btoi(!isNaN(b))
		}
		if s, ok := a.(types.String); ok {
			return letters.CompareString(string(s), value.TextOf(b))
		}
		comparer, ok := a.(traits.Comparer)
		if !ok {
			return 0
		}
		c, _ := comparer.Compare(b).(types.Int)
		return int(c)
	}
	descending := args[2] == types.True
	slices.SortStableFunc(items, func(a, b item) int {
		if descending {
			return order(b.key, a.key)
		}
		return order(a.key, b.key)
	})
	sorted := make([]ref.Val, n)
	for i, it := range items {
		sorted[i] = it.value
	}
	return value.NewList(sorted)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
