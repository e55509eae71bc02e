package docs_test

import (
	"strings"
	"testing"
	"unicode/utf8"
)

const widest = 100 // columns, as in TestProse_width

// wrap breaks paragraphs and list items of Markdown. Headings, tables and code stay unbroken.
func wrap(text string) string {
	var out, words []string
	indent, code := "", false
	flush := func() {
		line := ""
		for _, word := range words {
			switch {
			case line == "":
				line = word
			case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > widest:
				out, line = append(out, line), indent+word
			default:
				line += " " + word
			}
		}
		if len(words) > 0 {
			out = append(out, line)
		}
		words, indent = nil, ""
	}
	for line := range strings.SplitSeq(text, "\n") {
		fence := strings.HasPrefix(line, "```")
		code = code != fence
		switch {
		case code, fence, line == "", strings.HasPrefix(line, "|"), strings.HasPrefix(line, "#"):
			flush()
			out = append(out, line)
			continue
		case strings.HasPrefix(line, "- "):
			flush()
			indent = "  "
		}
		words = append(words, strings.Fields(line)...)
	}
	flush()
	return strings.Join(out, "\n")
}

func TestWrap(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("abcd ", 20) // 100 columns with its last blank
	for in, want := range map[string]string{
		"a\nb\n\n# c\nd\n":             "a b\n\n# c\nd\n",
		long + "x\n":                   strings.TrimSpace(long) + "\nx\n",
		"- " + long + "\n- b\n  c\n":   "- " + strings.TrimSuffix(long, " abcd ") + "\n  abcd\n- b c\n",
		"```\n" + long + "x\n```\nb\n": "```\n" + long + "x\n```\nb\n",
		"| " + long + " |\n":           "| " + long + " |\n",
	} {
		if got := wrap(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}
