package place

import (
	"regexp"
	"strings"
)

// A text with holes is a list of literals with holes between them: literals[0] hole 0 literals[1]
// hole 1 ... These functions find the places of the holes from the literals alone.

// Misplaced is a hole where no expression may stand.
type Misplaced struct {
	Hole int
	Why  string
}

// All gives every hole the same place.
func All(p Place, literals []string) []Place {
	places := make([]Place, len(literals)-1)
	for i := range places {
		places[i] = p
	}
	return places
}

var (
	literalOrigin = regexp.MustCompile(`^(?i:https?)://[^/?#\\]+[/?]`)
	halfEscape    = regexp.MustCompile(`%[0-9A-Fa-f]?$`)
)

// Origin returns the start of a URL's first literal up to its path or query, with the character
// that begins it. It returns "" if the literal ends before.
func Origin(literal string) string { return literalOrigin.FindString(literal) }

// InURL finds the holes' places in path and query. A hole before them is misplaced: no value
// decides where a request goes.
func InURL(literals []string) ([]Place, *Misplaced) {
	places := make([]Place, 0, len(literals))
	if len(literals) > 1 && !literalOrigin.MatchString(literals[0]) {
		return nil, &Misplaced{0, "no expression in scheme, host or port: the URL starts as https://example.com/ and expressions follow in path and query"}
	}
	at := Path
	for i, literal := range literals[:len(literals)-1] {
		if strings.Contains(literal, "?") {
			at = Query
		}
		if halfEscape.MatchString(literal) {
			return nil, &Misplaced{i, "no expression after a single %, which is written %25"}
		}
		places = append(places, at)
	}
	return places, nil
}

// InJSON tells holes in strings from whole values. It does not check the JSON around them.
func InJSON(literals []string) []Place {
	places := make([]Place, 0, len(literals))
	inString := false
	for _, literal := range literals[:len(literals)-1] {
		for i := 0; i < len(literal); i++ {
			switch {
			case literal[i] == '"':
				inString = !inString
			case literal[i] == '\\' && inString:
				i++
			}
		}
		if inString {
			places = append(places, JSONString)
		} else {
			places = append(places, JSONValue)
		}
	}
	return places
}

// xmlPart is the part of XML that a reader is in.
type xmlPart uint8

const (
	xmlText xmlPart = iota
	xmlTag          // between < and >, outside quotes
	xmlSingle
	xmlDouble
	xmlCDATA
	xmlComment
	xmlInstruction
	xmlDirective // <!DOCTYPE
)

var xmlOpeners = []struct {
	opens string
	part  xmlPart
}{{"<!--", xmlComment}, {"<![CDATA[", xmlCDATA}, {"<?", xmlInstruction}, {"<!", xmlDirective}, {"<", xmlTag}}

var xmlClosers = map[xmlPart]string{xmlComment: "-->", xmlCDATA: "]]>", xmlInstruction: "?>", xmlSingle: "'", xmlDouble: `"`}

// InXML finds holes in text, attributes and CDATA. Any other hole is misplaced: its value could
// become markup.
func InXML(literals []string) ([]Place, *Misplaced) {
	places := make([]Place, 0, len(literals))
	part, depth := xmlText, 0
	for hole, literal := range literals[:len(literals)-1] {
		part, depth = readXML(literal, part, depth)
		switch part {
		case xmlText:
			places = append(places, XMLText)
		case xmlSingle, xmlDouble:
			places = append(places, XMLAttribute)
		case xmlCDATA:
			places = append(places, CDATA)
		case xmlTag:
			return nil, &Misplaced{hole, "expressions stand in text, quoted attribute values and CDATA of XML, not in a tag; an attribute's value needs quotes"}
		default:
			return nil, &Misplaced{hole, "expressions stand in text, quoted attribute values and CDATA of XML, not in comments, instructions and DOCTYPE"}
		}
	}
	return places, nil
}

// readXML reads a literal; depth counts the brackets of a directive.
func readXML(s string, part xmlPart, depth int) (xmlPart, int) {
	for i := 0; i < len(s); {
		switch part {
		case xmlText:
			next := strings.IndexByte(s[i:], '<')
			if next < 0 {
				return part, depth
			}
			i += next
			for _, o := range xmlOpeners {
				if strings.HasPrefix(s[i:], o.opens) {
					part, depth, i = o.part, 1, i+len(o.opens)
					break
				}
			}
		case xmlTag:
			switch s[i] {
			case '>':
				part = xmlText
			case '"':
				part = xmlDouble
			case '\'':
				part = xmlSingle
			}
			i++
		case xmlDirective:
			switch s[i] {
			case '<':
				depth++
			case '>':
				if depth--; depth == 0 {
					part = xmlText
				}
			}
			i++
		default:
			closer := xmlClosers[part]
			end := strings.Index(s[i:], closer)
			if end < 0 {
				return part, depth
			}
			i += end + len(closer)
			if part == xmlSingle || part == xmlDouble {
				part = xmlTag
			} else {
				part = xmlText
			}
		}
	}
	return part, depth
}

var closesSection = regexp.MustCompile(`^\]*>`)

// XMLLiterals returns the literals with an escaped ">" where an empty value would make it end
// "]]>", which XML forbids in text.
func XMLLiterals(literals []string, places []Place) []string {
	safe := append([]string(nil), literals...)
	for i, p := range places {
		if m := closesSection.FindString(safe[i+1]); p == XMLText && m != "" {
			safe[i+1] = m[:len(m)-1] + "&gt;" + safe[i+1][len(m):]
		}
	}
	return safe
}
