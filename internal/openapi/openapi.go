// Package openapi is the model of an OpenAPI 3.1 document, as far as the API uses it. It knows no
// route, checks nothing and reads no document. Start with [Document]. Members stand in the order of
// their names, and maps are written sorted, so that equal documents have equal bytes.
package openapi

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Version is that of the standard.
const Version = "3.1.0"

// Document is the whole. Paths lead from a path to its operations by their methods in lower case.
type Document struct {
	Components Components                       `json:"components"`
	Info       Info                             `json:"info"`
	OpenAPI    string                           `json:"openapi"`
	Paths      map[string]map[string]*Operation `json:"paths"`
	Security   []Requirement                    `json:"security"`
}

// Bytes writes the document, indented for readers.
func (d *Document) Bytes() ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(d); err != nil {
		return nil, fmt.Errorf("encode OpenAPI document: %w", err)
	}
	return b.Bytes(), nil
}

// Info says what the API is.
type Info struct {
	Description string `json:"description"`
	Title       string `json:"title"`
	Version     string `json:"version"`
}

// Components are what others refer to.
type Components struct {
	Responses       map[string]*Response      `json:"responses"`
	Schemas         map[string]*Schema        `json:"schemas"`
	SecuritySchemes map[string]SecurityScheme `json:"securitySchemes"`
}

// SecurityScheme is a way in which clients show who they are.
type SecurityScheme struct {
	In     string `json:"in,omitempty"`
	Name   string `json:"name,omitempty"`
	Scheme string `json:"scheme,omitempty"`
	Type   string `json:"type"`
}

// Requirement names the security schemes that are needed together; an empty one asks for none.
type Requirement map[string][]string

// Operation is a method of a path. Security takes the place of the document's; nil leaves that.
type Operation struct {
	Description string               `json:"description,omitempty"`
	ID          string               `json:"operationId"`
	Parameters  []*Parameter         `json:"parameters,omitempty"`
	RequestBody *RequestBody         `json:"requestBody,omitempty"`
	Responses   map[string]*Response `json:"responses"` // by the status
	Security    []Requirement        `json:"security,omitempty"`
	Summary     string               `json:"summary"`
	Tags        []string             `json:"tags"`
}

// Parameter is a value in the path, the query or a header.
type Parameter struct {
	Description string  `json:"description,omitempty"`
	Explode     *bool   `json:"explode,omitempty"` // true: a list is given by repeating the name
	In          string  `json:"in"`
	Name        string  `json:"name"`
	Required    bool    `json:"required,omitempty"`
	Schema      *Schema `json:"schema"`
}

// RequestBody is described by its media type.
type RequestBody struct {
	Content  map[string]*Media `json:"content"`
	Required bool              `json:"required,omitempty"`
}

// Response is one of an operation, or a reference to one that several operations have.
type Response struct {
	Ref         string            `json:"$ref,omitempty"`
	Content     map[string]*Media `json:"content,omitempty"` // by the media type
	Description string            `json:"description,omitempty"`
	Headers     map[string]Header `json:"headers,omitempty"`
}

// Header is one of a response.
type Header struct {
	Schema *Schema `json:"schema"`
}

// Media is a body in one media type.
type Media struct {
	Example  any                `json:"example,omitempty"`
	Examples map[string]Example `json:"examples,omitempty"`
	Schema   *Schema            `json:"schema"`
}

// Example is one of several.
type Example struct {
	Value any `json:"value"`
}

// Schema says which values are good, in the words of JSON Schema. The zero one takes every value.
type Schema struct {
	Ref         string             `json:"$ref,omitempty"`
	Additional  *Schema            `json:"additionalProperties,omitempty"`
	AllOf       []*Schema          `json:"allOf,omitempty"`
	AnyOf       []*Schema          `json:"anyOf,omitempty"`
	Default     any                `json:"default,omitempty"`
	Description string             `json:"description,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Format      string             `json:"format,omitempty"`
	Items       *Schema            `json:"items,omitempty"`
	Maximum     int                `json:"maximum,omitempty"`
	MaxItems    int                `json:"maxItems,omitempty"`
	Minimum     int                `json:"minimum,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	Properties  map[string]*Schema `json:"properties,omitempty"`
	ReadOnly    bool               `json:"readOnly,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Type        Types              `json:"type,omitempty"`
}

// Types are the kinds of JSON values that a schema takes: "string", "null" and so on; none takes
// all of them.
type Types []string

// MarshalJSON writes one kind as a text and several as a list.
func (t Types) MarshalJSON() ([]byte, error) {
	if len(t) == 1 {
		return json.Marshal(t[0])
	}
	return json.Marshal([]string(t))
}

// Of is a schema of values of one kind.
func Of(kind string) *Schema { return &Schema{Type: Types{kind}} }

// In is a schema of values of one kind in one format.
func In(kind, format string) *Schema { return &Schema{Type: Types{kind}, Format: format} }

// ListOf is a schema of lists.
func ListOf(items *Schema) *Schema { return &Schema{Type: Types{"array"}, Items: items} }

// MapOf is a schema of objects whose members have any names.
func MapOf(members *Schema) *Schema { return &Schema{Type: Types{"object"}, Additional: members} }

// Object is a schema of objects; its properties are to be added.
func Object() *Schema { return &Schema{Type: Types{"object"}, Properties: map[string]*Schema{}} }

// AnyOf is a schema of what one of several takes.
func AnyOf(all ...*Schema) *Schema { return &Schema{AnyOf: all} }

// OrNull takes null, too. It changes s where that names the kinds it takes, and returns what to
// use.
func (s *Schema) OrNull() *Schema {
	if len(s.Type) == 0 || len(s.Enum) > 0 {
		return AnyOf(s, Of("null"))
	}
	s.Type = append(s.Type, "null")
	return s
}
