package webhook

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"regexp"
	"strings"
	"unicode"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr"
	"github.com/forgehook/forgehook/internal/jsontree"
	"github.com/forgehook/forgehook/internal/place"
)

const (
	bodyPath           = "webHook.body"
	defaultContentType = "application/json"
	maxBody            = 16 << 20 // bytes
)

// content is a utility's own body: static text, a template, or one expression.
type content struct {
	static  []byte
	text    *template
	program *expr.Program
	asJSON  bool // the value of program is sent as JSON, else as text
	json    bool // the result must be JSON
}

// checkBody reads webHook.body by its kind, or guesses the kind from the text. It returns nil for
// no body.
func (f *faults) checkBody(w *forgehook.WebHookSettings) (*content, []Warning) {
	if w.Body == nil || *w.Body == "" {
		return nil, nil
	}
	contentType := defaultContentType
	if w.ContentType != nil {
		contentType = *w.ContentType
	}
	kind, hint := kindOf(*w.Body), "; webHook.bodyKind static sends it as it stands"
	if w.BodyKind != nil {
		kind, hint = *w.BodyKind, ""
	}
	c := &content{json: isJSON(contentType)}
	var warnings []Warning
	switch kind {
	case forgehook.BodyCSharp:
		var ok bool
		if warnings, ok = f.compileScript(c, *w.Body, contentType, hint); !ok {
			return nil, nil
		}
	case forgehook.BodyExpression:
		program, err := expr.Compile(expr.Subject, expr.AnyResult, *w.Body, expr.In(f.language))
		if err != nil {
			f.addExpr(bodyPath, err, "")
			return nil, nil
		}
		c.program, c.asJSON = program, c.json
		if _, constant := program.Constant(); !constant && !c.json && unencoded(contentType) != "" {
			warnings = append(warnings, Warning{bodyPath, unencoded(contentType)})
		}
	case forgehook.BodyTemplate:
		if c.text = f.parseTemplate(bodyPath, *w.Body, hint); c.text == nil {
			return nil, nil
		}
		f.placeBody(c.text, contentType)
	default:
		c.static = []byte(*w.Body)
		warnings = f.checkStatic(*w.Body, contentType)
	}
	return c, warnings
}

// kindOf guesses the kind of a body. It prefers C#: refusing a script is better than sending its
// source.
func kindOf(text string) string {
	switch {
	case csharpText.MatchString(text), strings.Contains(text, "JsonSerializer."):
		return forgehook.BodyCSharp
	case strings.Contains(text, "{{"):
		return forgehook.BodyTemplate
	}
	return forgehook.BodyStatic
}

func (f *faults) checkStatic(text, contentType string) []Warning {
	switch {
	case isJSON(contentType):
		if fault := jsontree.Check([]byte(text)); fault != nil {
			f.add(bodyPath, text, "JSON, or another webHook.contentType than "+contentType+": "+fault.Error()+otherKind(text))
		}
	case isXMLType(contentType):
		if at, why := xmlFault(text); why != "" {
			line, column := position(text, at)
			return []Warning{{bodyPath, fmt.Sprintf("Not well-formed XML, line %d, column %d: %s.", line, column, why)}}
		}
	}
	return nil
}

// domainNames are what expressions see, as alternatives of a pattern.
const domainNames = `doc|srcdoc|master|masterdoc|par|def|verification|wi|project|service|parentservice|category|call|cause`

var (
	domainMember  = regexp.MustCompile(`\b(?:` + domainNames + `)\??\.\w`)
	otherTemplate = regexp.MustCompile(`\$\{|<%|%\(|\{\s*(?:` + domainNames + `)\.`)
)

// otherKind says what a static text that is not JSON was probably meant to be.
func otherKind(text string) string {
	switch {
	case kindOf(text) == forgehook.BodyCSharp:
		return "; it looks like C#, which webHook.bodyKind csharp translates"
	case kindOf(text) == forgehook.BodyTemplate:
		return "; it looks like a template, which webHook.bodyKind template fills in"
	case otherTemplate.MatchString(text):
		return "; an expression within a text is written {{ doc.id }}"
	case !domainMember.MatchString(text):
		return ""
	}
	if _, err := expr.Compile(expr.Subject, expr.AnyResult, text); err != nil {
		return "; if it is meant as one CEL expression, webHook.bodyKind expression says so"
	}
	return "; it is a CEL expression: webHook.bodyKind expression sends its value as JSON"
}

// placeBody gives the expressions of a body their places, then checks the body with sample values.
func (f *faults) placeBody(t *template, contentType string) {
	switch {
	case isJSON(contentType):
		t.put(place.InJSON(t.literals), nil, f)
		if fault := jsontree.Check([]byte(t.filled(placeholder))); fault != nil {
			f.addFilled(t, fault.Offset, "JSON whose expressions are whole values or stand within quotes", fault.Reason)
		}
	case isXMLType(contentType):
		places, why := place.InXML(t.literals)
		if !t.put(places, why, f) {
			return
		}
		if at, why := xmlFault(t.filled(placeholder)); why != "" {
			f.addFilled(t, at, "well-formed XML", why)
			return
		}
		t.literals = place.XMLLiterals(t.literals, places)
	case isForm(contentType):
		t.put(place.All(place.Form, t.literals), nil, f)
	default:
		t.put(place.All(place.Plain, t.literals), nil, f)
	}
}

func (f *faults) addFilled(t *template, offset int, allowed, why string) {
	if h := t.holeAt(offset, placeholder); h != nil {
		f.add(t.path, h.text, h.where+": "+allowed+": an expression cannot stand here")
		return
	}
	at := t.origin(offset, placeholder)
	line, column := position(t.source, at)
	text, _, _ := strings.Cut(t.source[at:], "\n")
	f.add(t.path, forgehook.Shorten(text, 60), fmt.Sprintf("line %d, column %d: %s: %s", line, column, allowed, why))
}

func (c *content) build(vars *expr.Vars) (body []byte, failed *forgehook.CallError) {
	switch {
	case c.text != nil:
		body, failed = c.text.render(vars, maxBody, forgehook.CallErrorBody)
	case c.program != nil:
		body, failed = c.evaluate(vars)
	default:
		body = c.static
	}
	if failed != nil {
		return nil, failed
	}
	if c.json && !c.asJSON && c.static == nil {
		if fault := jsontree.Check(body); fault != nil {
			line, column := position(string(body), fault.Offset)
			return nil, &forgehook.CallError{Code: forgehook.CallErrorBody, Message: fmt.Sprintf("%s is not JSON: line %d, column %d of what would be sent.", bodyPath, line, column)}
		}
	}
	return body, nil
}

func (c *content) evaluate(vars *expr.Vars) ([]byte, *forgehook.CallError) {
	v, err := c.program.Eval(vars)
	if err != nil {
		return nil, failure(bodyPath, forgehook.CallErrorBody, err)
	}
	body := []byte{}
	if c.asJSON {
		if body, err = v.AppendJSON(body); err != nil {
			return nil, failure(bodyPath, forgehook.CallErrorBody, err)
		}
	} else {
		body = append(body, v.Text()...)
	}
	if len(body) > maxBody {
		return nil, &forgehook.CallError{Code: forgehook.CallErrorBody, Message: fmt.Sprintf("%s is longer than %d bytes.", bodyPath, maxBody)}
	}
	return body, nil
}

// xmlFault says where and why a text is not a well-formed XML document, or "".
func xmlFault(text string) (offset int, why string) {
	dec := xml.NewDecoder(strings.NewReader(text))
	dec.CharsetReader = func(string, io.Reader) (io.Reader, error) { return nil, errCharset }
	depth, roots := 0, 0
	for {
		start := int(dec.InputOffset())
		token, err := dec.Token()
		if err != nil {
			at := int(dec.InputOffset())
			switch syntax, isSyntax := errors.AsType[*xml.SyntaxError](err); {
			case errors.Is(err, io.EOF) && roots == 0:
				return at, "it has no element"
			case errors.Is(err, io.EOF):
				return 0, ""
			case isSyntax:
				return max(0, at-1), syntax.Msg
			case errors.Is(err, errCharset):
				return start, errCharset.Error()
			default:
				return at, err.Error()
			}
		}
		switch x := token.(type) {
		case xml.StartElement:
			if depth++; depth == 1 {
				roots++
			}
			if roots > 1 {
				return start, "there is a second element beside the first one"
			}
		case xml.EndElement:
			depth--
		case xml.CharData:
			if rest := strings.TrimLeft(string(x), " \t\r\n\ufeff"); depth == 0 && rest != "" {
				return start + len(x) - len(rest), "there is text outside the element"
			}
		}
	}
}

var errCharset = errors.New(`the body is sent in UTF-8: declare encoding="UTF-8", or none`)

func (f *faults) checkContentType(set *string) string {
	if set == nil {
		return defaultContentType
	}
	kind, _, err := mime.ParseMediaType(*set)
	if err != nil || !strings.Contains(kind, "/") || strings.ContainsFunc(*set, unicode.IsControl) {
		f.add("webHook.contentType", *set, "a media type such as application/json or text/xml; charset=utf-8")
	}
	return *set
}

func mediaType(contentType string) string {
	kind, _, _ := mime.ParseMediaType(contentType)
	return kind
}

func isJSON(contentType string) bool {
	kind := mediaType(contentType)
	return kind == "application/json" || kind == "text/json" || strings.HasSuffix(kind, "+json")
}

func isXMLType(contentType string) bool {
	kind := mediaType(contentType)
	return kind == "application/xml" || kind == "text/xml" || strings.HasSuffix(kind, "+xml")
}

func isForm(contentType string) bool {
	return mediaType(contentType) == "application/x-www-form-urlencoded"
}

// charsetOf returns the charset in lower case, or "".
func charsetOf(contentType string) string {
	_, params, _ := mime.ParseMediaType(contentType)
	return strings.ToLower(params["charset"])
}
