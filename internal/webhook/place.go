package webhook

import (
	"strings"
	"unicode/utf8"

	"github.com/forgehook/forgehook/internal/expr"
)

// place says where in a text a value stands, and so how it is written there: as nothing but a value, whatever is in it.
type place uint8

const (
	placePlain     place = iota // as it is
	placeHeader                 // one line
	placePath                   // of a URL, within a segment
	placeQuery                  // of a URL
	placeForm                   // application/x-www-form-urlencoded
	placeString                 // within a JSON string
	placeJSON                   // where JSON has a value
	placeText                   // of an XML element
	placeAttribute              // of an XML element, within its quotes
	placeCDATA
)

// append writes a value.
func (p place) append(dst []byte, v expr.Value) ([]byte, error) {
	if p == placeJSON {
		return v.AppendJSON(dst)
	}
	return p.appendText(dst, v.Text()), nil
}

// appendText writes a text so that nothing in it can end its place.
func (p place) appendText(dst []byte, text string) []byte {
	switch p {
	case placeHeader:
		return appendLine(dst, text)
	case placePath, placeQuery:
		return appendPercent(dst, text, "%20")
	case placeForm:
		return appendPercent(dst, text, "+")
	case placeString, placeJSON:
		return appendJSONText(dst, text)
	case placeText, placeAttribute:
		return appendXML(dst, text, p == placeAttribute)
	case placeCDATA:
		return appendCDATA(dst, text)
	default:
		return append(dst, text...)
	}
}

// appendLine turns control characters, line breaks above all, into spaces.
func appendLine(dst []byte, text string) []byte {
	for _, r := range text {
		if r < ' ' || r == 0x7f {
			r = ' '
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

const unreserved = "-._~" // beside letters and digits: RFC 3986, 2.3

// appendPercent leaves only unreserved characters as they are.
func appendPercent(dst []byte, text, space string) []byte {
	const hex = "0123456789ABCDEF"
	for _, c := range []byte(strings.ToValidUTF8(text, "\uFFFD")) {
		switch {
		case isAlphanumeric(c) || strings.IndexByte(unreserved, c) >= 0:
			dst = append(dst, c)
		case c == ' ':
			dst = append(dst, space...)
		default:
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		}
	}
	return dst
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// appendJSONText writes the inside of a JSON string. <, > and & stay as they are, as everywhere in what we send.
func appendJSONText(dst []byte, text string) []byte {
	const hex = "0123456789abcdef"
	for _, r := range text { // invalid bytes come as U+FFFD
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}

// isXML reports whether XML 1.0 can hold a character at all.
func isXML(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= ' ' && r != 0xFFFE && r != 0xFFFF
}

// appendXML writes character data or an attribute's value. Line breaks are written as references where a reader would change them.
func appendXML(dst []byte, text string, attribute bool) []byte {
	for _, r := range text {
		switch {
		case r == '&':
			dst = append(dst, "&amp;"...)
		case r == '<':
			dst = append(dst, "&lt;"...)
		case r == '>':
			dst = append(dst, "&gt;"...)
		case r == '"':
			dst = append(dst, "&#34;"...)
		case r == '\'':
			dst = append(dst, "&#39;"...)
		case r == '\r':
			dst = append(dst, "&#13;"...)
		case r == '\n' && attribute:
			dst = append(dst, "&#10;"...)
		case r == '\t' && attribute:
			dst = append(dst, "&#9;"...)
		case !isXML(r):
			dst = utf8.AppendRune(dst, utf8.RuneError)
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}

const betweenCDATA = "]]><![CDATA[" // ends a section and begins the next

// appendCDATA writes a value within a CDATA section. One that could end the section, alone or with what stands around it, gets a
// section of its own; readers join neighbours.
func appendCDATA(dst []byte, text string) []byte {
	clean := strings.Map(func(r rune) rune {
		if !isXML(r) {
			return utf8.RuneError
		}
		return r
	}, text)
	if clean != "" && !strings.ContainsAny(clean, "]>") {
		return append(dst, clean...)
	}
	dst = append(dst, betweenCDATA...)
	dst = append(dst, strings.ReplaceAll(clean, "]]>", "]]"+betweenCDATA+">")...)
	return append(dst, betweenCDATA...)
}
