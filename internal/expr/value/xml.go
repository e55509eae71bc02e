package value

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// maxXMLDepth bounds the nesting of elements.
const maxXMLDepth = 500

// errNoXML is the error for text that is not well-formed XML or has a DTD, whose entities are not
// read.
var errNoXML = errors.New("it is no XML")

// decodeXML reads one XML document as a map with the root element's name. An element is a map of
// its children, or its text if it has neither children nor attributes. Children of the same name
// are a list. Attributes are named "@name", text beside children or attributes "#text". Prefixes
// and white space around text are dropped.
func decodeXML(data []byte) (ref.Val, error) {
	dec := xml.NewDecoder(bytes.NewReader(data))
	dec.CharsetReader = readerOf
	r := xmlReader{Decoder: dec, left: MaxElements}
	document := NewMap(1)
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) && document.size == 1 {
			return document, nil
		}
		if err != nil {
			return nil, errNoXML
		}
		switch t := token.(type) {
		case xml.StartElement:
			if document.size == 1 {
				return nil, errNoXML
			}
			root, err := r.element(t, 1)
			if err != nil {
				return nil, err
			}
			document.Put(t.Name.Local, root)
		case xml.CharData:
			if len(bytes.Trim(bytes.TrimPrefix(t, byteOrderMark), xmlSpace)) > 0 {
				return nil, errNoXML
			}
		case xml.Directive:
			return nil, errNoXML
		}
	}
}

const xmlSpace = " \t\r\n"

// xmlReader is a decoder that reads a limited number of values.
type xmlReader struct {
	*xml.Decoder
	left int
}

// xmlElement is an element that is being read.
type xmlElement struct {
	names  []string // in the order of their first appearance
	values map[string][]ref.Val
	text   strings.Builder
}

func (e *xmlElement) add(name string, value ref.Val) {
	if e.values == nil {
		e.values = map[string][]ref.Val{}
	}
	if _, known := e.values[name]; !known {
		e.names = append(e.names, name)
	}
	e.values[name] = append(e.values[name], value)
}

func (e *xmlElement) value() ref.Val {
	text := strings.Trim(e.text.String(), xmlSpace)
	if len(e.names) == 0 {
		return types.String(text)
	}
	m := NewMap(len(e.names) + 1)
	for _, name := range e.names {
		if values := e.values[name]; len(values) == 1 || strings.HasPrefix(name, "@") {
			m.Put(name, values[0])
		} else {
			m.Put(name, NewList(values))
		}
	}
	if text != "" {
		m.Put("#text", types.String(text))
	}
	return m
}

func (r *xmlReader) element(start xml.StartElement, depth int) (ref.Val, error) {
	if depth > maxXMLDepth {
		return nil, errNoXML
	}
	if r.left -= 1 + len(start.Attr); r.left < 0 {
		return nil, &LimitError{xmlLimit}
	}
	var e xmlElement
	for _, a := range start.Attr {
		if a.Name.Space != "xmlns" && (a.Name.Space != "" || a.Name.Local != "xmlns") {
			e.add("@"+a.Name.Local, types.String(a.Value))
		}
	}
	for {
		token, err := r.Token()
		if err != nil {
			return nil, errNoXML
		}
		switch t := token.(type) {
		case xml.StartElement:
			child, err := r.element(t, depth+1)
			if err != nil {
				return nil, err
			}
			e.add(t.Name.Local, child)
		case xml.EndElement:
			return e.value(), nil
		case xml.CharData:
			e.text.Write(t)
		case xml.Directive:
			return nil, errNoXML
		}
	}
}

// readerOf decodes documents that declare a Western European encoding. Documents that declare
// UTF-16 are UTF-8 already: ours were converted, and .NET's often are from the start. Other
// encodings are refused.
func readerOf(charset string, input io.Reader) (io.Reader, error) {
	charset = strings.ToLower(charset)
	known := charsets[charset]
	switch {
	case charset == "utf-16":
		return input, nil
	case known == nil || strings.HasPrefix(charset, "utf"):
		return nil, fmt.Errorf("%w: its encoding is unknown", errNoXML)
	}
	return known.NewDecoder().Reader(input), nil
}
