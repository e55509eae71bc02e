// Package place writes a value into its place in a text: a URL, a form, JSON, XML or a header. No
// value can become anything else there. It also finds the places of a text's holes. It must not
// know expressions or settings. Start with [Place].
package place

import (
	"strings"
	"unicode/utf8"

	"github.com/forgehook/forgehook/internal/jsontree"
)

// Place is a position in a text where a value is written.
type Place uint8

// The places.
const (
	Plain        Place = iota // unchanged
	Header                    // one line
	Path                      // of a URL, within a segment
	Query                     // of a URL
	Form                      // application/x-www-form-urlencoded
	JSONString                // within its quotes
	JSONValue                 // a whole value; a text is escaped as within a string
	XMLText                   // of an element
	XMLAttribute              // of an element, within its quotes
	CDATA
)

// Append writes a text so that it cannot end its place.
func (p Place) Append(dst []byte, text string) []byte {
	switch p {
	case Header:
		return appendLine(dst, text)
	case Path, Query:
		return appendPercent(dst, text, "%20")
	case Form:
		return appendPercent(dst, text, "+")
	case JSONString, JSONValue:
		return jsontree.AppendText(dst, text)
	case XMLText, XMLAttribute:
		return appendXML(dst, text, p == XMLAttribute)
	case CDATA:
		return appendCDATA(dst, text)
	default:
		return append(dst, text...)
	}
}

// appendLine replaces control characters, such as line breaks, by spaces.
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

// appendPercent escapes all but unreserved characters.
func appendPercent(dst []byte, text, space string) []byte {
	for _, c := range []byte(strings.ToValidUTF8(text, "\uFFFD")) {
		switch {
		case isAlphanumeric(c) || strings.IndexByte(unreserved, c) >= 0:
			dst = append(dst, c)
		case c == ' ':
			dst = append(dst, space...)
		default:
			dst = appendEscape(dst, c)
		}
	}
	return dst
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// EscapePath escapes what a path cannot hold. A sender would do so too, but it might first decode
// the escapes of values.
func EscapePath(literal string) string {
	var b strings.Builder
	for _, c := range []byte(literal) {
		if isAlphanumeric(c) || strings.IndexByte(unreserved+"!$&'()*+,;=:@/%", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.Write(appendEscape(nil, c))
		}
	}
	return b.String()
}

func appendEscape(dst []byte, c byte) []byte {
	const hex = "0123456789ABCDEF"
	return append(dst, '%', hex[c>>4], hex[c&15])
}

// isXML reports whether XML 1.0 allows a character.
func isXML(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= ' ' && r != 0xFFFE && r != 0xFFFF
}

// appendXML writes character data or an attribute's value. Line breaks that a reader would change
// are written as references.
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

// appendCDATA writes a value within a CDATA section. A value that could end the section, alone or
// with its neighbours, gets its own section; readers join them.
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
