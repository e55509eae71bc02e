package webhook

import (
	"regexp"
	"strings"
)

// A text with holes is a list of literals with a hole between each two: literals[0] hole 0 literals[1] hole 1 ... The functions here
// find out where its holes are, by the literals alone.

// misplaced is a hole that may not be where it is.
type misplaced struct {
	hole int
	why  string
}

// all gives every hole the same place.
func all(p place, literals []string) []place {
	places := make([]place, len(literals)-1)
	for i := range places {
		places[i] = p
	}
	return places
}

var (
	literalOrigin = regexp.MustCompile(`^(?i:https?)://[^/?#\\]+[/?]`)
	halfEscape    = regexp.MustCompile(`%[0-9A-Fa-f]?$`)
)

// urlPlaces finds path and query. Where a request goes is never up to a document.
func urlPlaces(literals []string) ([]place, *misplaced) {
	places := make([]place, 0, len(literals))
	if len(literals) > 1 && !literalOrigin.MatchString(literals[0]) {
		return nil, &misplaced{0, "no expression in scheme, host or port: the URL starts as https://example.com/ and expressions follow in path and query"}
	}
	at := placePath
	for i, literal := range literals[:len(literals)-1] {
		if strings.Contains(literal, "?") {
			at = placeQuery
		}
		if halfEscape.MatchString(literal) {
			return nil, &misplaced{i, "no expression after a single %, which is written %25"}
		}
		places = append(places, at)
	}
	return places, nil
}

// jsonPlaces tells strings from values. Whether it all is JSON shows when the holes are filled.
func jsonPlaces(literals []string) []place {
	places := make([]place, 0, len(literals))
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
			places = append(places, placeString)
		} else {
			places = append(places, placeJSON)
		}
	}
	return places
}

// xmlPart is where a reader of XML stands.
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

// xmlPlaces finds text, attributes and CDATA; an expression anywhere else could become markup.
func xmlPlaces(literals []string) ([]place, *misplaced) {
	places := make([]place, 0, len(literals))
	part, depth := xmlText, 0
	for hole, literal := range literals[:len(literals)-1] {
		part, depth = readXML(literal, part, depth)
		switch part {
		case xmlText:
			places = append(places, placeText)
		case xmlSingle, xmlDouble:
			places = append(places, placeAttribute)
		case xmlCDATA:
			places = append(places, placeCDATA)
		case xmlTag:
			return nil, &misplaced{hole, "expressions stand in text, quoted attribute values and CDATA of XML, not in a tag; an attribute's value needs quotes"}
		default:
			return nil, &misplaced{hole, "expressions stand in text, quoted attribute values and CDATA of XML, not in comments, instructions and DOCTYPE"}
		}
	}
	return places, nil
}

// readXML goes through a literal; depth counts the brackets of a directive.
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

// xmlLiterals returns the literals with the > escaped that would end "]]>" if the hole before it came out empty: XML forbids that in text.
func xmlLiterals(literals []string, places []place) []string {
	safe := append([]string(nil), literals...)
	for i, p := range places {
		if m := closesSection.FindString(safe[i+1]); p == placeText && m != "" {
			safe[i+1] = m[:len(m)-1] + "&gt;" + safe[i+1][len(m):]
		}
	}
	return safe
}
