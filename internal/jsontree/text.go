package jsontree

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// AppendString writes a text in quotes, as all JSON of the project has it and as encoding/json does
// without HTML escapes. < > & and DEL are not escaped. U+2028 and U+2029, which end a line in
// JavaScript, become \u2028 and \u2029. Each byte that is not UTF-8 becomes \ufffd.
func AppendString(dst []byte, s string) []byte {
	return append(AppendText(append(dst, '"'), s), '"')
}

// AppendText writes what [AppendString] writes between the quotes.
func AppendText(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' {
				i++
				continue
			}
			dst = append(dst, s[start:i]...)
			if short := strings.IndexByte("\"\\\b\f\n\r\t", c); short >= 0 {
				dst = append(dst, '\\', `"\bfnrt`[short])
			} else {
				dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 || r == '\u2028' || r == '\u2029' {
			dst = append(dst, s[start:i]...)
			dst = append(dst, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
			start = i + size
		}
		i += size
	}
	return append(dst, s[start:]...)
}

// unquote returns the text of a JSON string. Half a surrogate pair becomes U+FFFD.
func unquote(raw string) string {
	s := raw[1 : len(raw)-1]
	i := strings.IndexByte(s, '\\')
	if i < 0 {
		return s
	}
	out := append(make([]byte, 0, len(s)), s[:i]...)
	for i < len(s) {
		if s[i] != '\\' {
			out = append(out, s[i])
			i++
			continue
		}
		c := s[i+1]
		if i += 2; c != 'u' {
			if at := strings.IndexByte("bfnrt", c); at >= 0 {
				c = "\b\f\n\r\t"[at]
			}
			out = append(out, c)
			continue
		}
		r, _ := hexRune(s[i:])
		i += 4
		if utf16.IsSurrogate(r) {
			r2, ok := rune(0), false
			if strings.HasPrefix(s[i:], `\u`) {
				r2, ok = hexRune(s[i+2:])
			}
			if r = utf16.DecodeRune(r, r2); ok && r != utf8.RuneError {
				i += 6
			}
		}
		out = utf8.AppendRune(out, r)
	}
	return string(out)
}

// hexRune reads four hexadecimal digits.
func hexRune(s string) (r rune, ok bool) {
	if len(s) < 4 {
		return 0, false
	}
	for _, c := range []byte(s[:4]) {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// Fold returns the same text for all names that [strings.EqualFold] finds equal.
func Fold(s string) string { return string(appendFold(nil, s)) }

func appendFold(dst []byte, s string) []byte {
	for _, r := range s {
		switch {
		case 'a' <= r && r <= 'z':
			r -= 'a' - 'A'
		case r >= utf8.RuneSelf:
			r = foldRune(r)
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

// foldRune returns the smallest of the letters that fold into each other.
func foldRune(r rune) rune {
	for {
		next := unicode.SimpleFold(r)
		if next <= r {
			return next
		}
		r = next
	}
}

// Marshal does what encoding/json does, but leaves < > & as they are, so that expressions stay
// readable.
func Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Rewrite calls do for every text, name and number of the JSON. What do changes becomes a text; all
// else stays as written.
func Rewrite(raw []byte, do func(string) string) []byte {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); {
		end := tokenEnd(raw, i)
		token := raw[i:end]
		i = end
		text := string(token)
		switch {
		case token[0] == '"' && isQuoted(text):
			text = unquote(text)
		case token[0] != '-' && (token[0] < '0' || token[0] > '9'):
			out = append(out, token...)
			continue
		}
		if next := do(text); next != text {
			out = AppendString(out, next)
		} else {
			out = append(out, token...)
		}
	}
	return slices.Clip(out)
}

func isQuoted(token string) bool {
	p := parser{text: token}
	return p.quoted() && p.at == len(token)
}

// tokenEnd returns the end of the text, number or single byte at i.
func tokenEnd(raw []byte, i int) int {
	switch c := raw[i]; {
	case c == '"':
		for i++; i < len(raw) && raw[i] != '"'; i++ {
			if raw[i] == '\\' {
				i++
			}
		}
		return min(i+1, len(raw))
	case c == '-' || '0' <= c && c <= '9':
		for i < len(raw) && bytes.IndexByte([]byte("+-.0123456789Ee"), raw[i]) >= 0 {
			i++
		}
		return i
	}
	return i + 1
}
