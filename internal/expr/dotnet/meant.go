package dotnet

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// CheckMeant refuses a date format that would write or read something else than was meant, though
// .NET knows it: letters that stand for nothing ("YYYY-MM-DD"), months for minutes or minutes for
// months ("yyyy-mm-dd", "HH:MM"), formats of other languages ("%Y-%m-%d"). The error has the format
// that was meant. What is no format at all is for [CheckMoment].
func CheckMeant(format string) error {
	if CheckMoment(format) != nil {
		return nil
	}
	meant := meantMoment(format)
	if meant == format || CheckMoment(meant) != nil {
		return nil
	}
	return fmt.Errorf("did you mean the date format %q? Text in a format stands in quotes", meant)
}

// strftime are the letters of C, Python and others.
var (
	strftime = regexp.MustCompile(`%-?[YymdeHIMSpBbAajfzZT]`)
	asDotNet = map[byte]string{
		'Y': "yyyy", 'y': "yy", 'm': "MM", 'd': "dd", 'e': "d", 'H': "HH", 'I': "hh", 'M': "mm", 'S': "ss", 'p': "tt",
		'B': "MMMM", 'b': "MMM", 'A': "dddd", 'a': "ddd", 'f': "ffffff", 'z': "zzz", 'Z': "'UTC'", 'T': "HH:mm:ss",
	}
)

// meantMoment is the format that was meant, and the format itself where nothing speaks against it.
func meantMoment(format string) string {
	if len(format) > maxFormat || len(format) < 2 {
		return format
	}
	if len(strftime.FindAllString(format, -1)) >= 2 {
		format = strftime.ReplaceAllStringFunc(format, func(s string) string { return asDotNet[s[len(s)-1]] })
	}
	tokens := momentTokens(format)
	for i := range tokens {
		tokens[i].text = meantWord(tokens, i)
	}
	tokens = momentTokens(join(tokens))
	swapMinutes(tokens)
	return join(tokens)
}

// momentToken is a run of ASCII letters, or anything else between them.
type momentToken struct {
	text string
	word bool
}

func momentTokens(format string) (tokens []momentToken) {
	for i := 0; i < len(format); {
		size := 1
		switch ch := format[i]; {
		case ch == '\'' || ch == '"':
			if _, n, ok := quoted(format[i:]); ok {
				size = n
			}
		case ch == '\\' || ch == '%':
			size = min(2, len(format)-i)
		case isLetter(ch):
			for i+size < len(format) && isLetter(format[i+size]) {
				size++
			}
			tokens = append(tokens, momentToken{format[i : i+size], true})
			i += size
			continue
		}
		tokens = append(tokens, momentToken{format[i : i+size], false})
		i += size
	}
	return tokens
}

func join(tokens []momentToken) string {
	var b strings.Builder
	for _, t := range tokens {
		b.WriteString(t.text)
	}
	return b.String()
}

func isLetter(ch byte) bool { return ch|0x20 >= 'a' && ch|0x20 <= 'z' }

// isNone reports whether a letter stands for nothing in a date format.
func isNone(ch byte) bool { return strings.IndexByte(momentLetters, ch) < 0 }

// meantWord is what was meant by a word. Y and D are years and days of other languages; T between
// date and time, and a Z at the end, are ISO 8601; any other word that is not made of the format's
// letters is text.
func meantWord(tokens []momentToken, i int) string {
	word := tokens[i].text
	if !tokens[i].word || !slices.ContainsFunc([]byte(word), isNone) {
		return word
	}
	years := strings.NewReplacer("Y", "y", "D", "d").Replace(word)
	rest := years
	if at := strings.IndexByte(rest, 'T'); at > 0 && at < len(rest)-1 {
		rest = rest[:at] + rest[at+1:]
	} else if rest == "T" && i > 0 && i < len(tokens)-1 {
		rest = ""
	}
	if i == len(tokens)-1 {
		rest = strings.TrimSuffix(rest, "Z")
	}
	if slices.ContainsFunc([]byte(rest), isNone) {
		return "'" + word + "'"
	}
	return years
}

// swapMinutes makes months of minutes that stand beside a day or year without hours, and minutes of
// months that stand beside hours where the format has neither day nor year.
func swapMinutes(tokens []momentToken) {
	var runs []struct{ token, from, to int }
	var letters []byte
	for i, t := range tokens {
		if !t.word {
			continue
		}
		for from := 0; from < len(t.text); {
			to := from + 1
			for to < len(t.text) && t.text[to] == t.text[from] {
				to++
			}
			if !isNone(t.text[from]) {
				runs = append(runs, struct{ token, from, to int }{i, from, to})
				letters = append(letters, t.text[from])
			}
			from = to
		}
	}
	has := func(any string) bool { return strings.ContainsAny(string(letters), any) }
	for i, r := range runs {
		beside := func(any string) bool {
			return i > 0 && strings.IndexByte(any, letters[i-1]) >= 0 || i+1 < len(letters) && strings.IndexByte(any, letters[i+1]) >= 0
		}
		swapped := byte(0)
		switch {
		case r.to-r.from > 2:
		case letters[i] == 'm' && beside("yd") && !beside("Hhs") && !has("M"):
			swapped = 'M'
		case letters[i] == 'M' && beside("Hh") && !has("ydm"):
			swapped = 'm'
		}
		if swapped != 0 {
			text := tokens[r.token].text
			tokens[r.token].text = text[:r.from] + strings.Repeat(string(swapped), r.to-r.from) + text[r.to:]
		}
	}
}
