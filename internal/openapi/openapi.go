// Package openapi models the part of an OpenAPI 3.1 document that the API uses. It must not know
// routes; it checks nothing and reads no document. Members and maps are written in the order of
// their names, so equal documents have equal bytes. Start with [Document].
package openapi

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Version is the version of the OpenAPI standard.
const Version = "3.1.0"

// Document is a whole document. Paths maps a path to its operations, by method in lower case.
type Document struct {
	Components Components                       `json:"components"`
	Info       Info                             `json:"info"`
	OpenAPI    string                           `json:"openapi"`
	Paths      map[string]map[string]*Operation `json:"paths"`
	Security   []Requirement                    `json:"security"`
}

// Bytes writes the document with indentation.
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

// Info describes the API.
type Info struct {
	Description string `json:"description"`
	Title       string `json:"title"`
	Version     string `json:"version"`
}

// Components are parts that references name.
type Components struct {
	Responses       map[string]*Response      `json:"responses"`
	Schemas         map[string]*Schema        `json:"schemas"`
	SecuritySchemes map[string]SecurityScheme `json:"securitySchemes"`
}

// SecurityScheme is a way for clients to authenticate.
type SecurityScheme struct {
	In     string `json:"in,omitempty"`
	Name   string `json:"name,omitempty"`
	Scheme string `json:"scheme,omitempty"`
	Type   string `json:"type"`
}

// Requirement names security schemes that are needed together; an empty one needs none.
type Requirement map[string][]string

// Operation is a method of a path. Security overrides the document's, unless it is nil.
type Operation struct {
	Description string               `json:"description,omitempty"`
	ID          string               `json:"operationId"`
	Parameters  []*Parameter         `json:"parameters,omitempty"`
	RequestBody *RequestBody         `json:"requestBody,omitempty"`
	Responses   map[string]*Response `json:"responses"` // by status
	Security    []Requirement        `json:"security,omitempty"`
	Summary     string               `json:"summary"`
	Tags        []string             `json:"tags"`
}

// Parameter is a value in the path, the query or a header.
type Parameter struct {
	Description string  `json:"description,omitempty"`
	Explode     *bool   `json:"explode,omitempty"` // true: the name is repeated for each item
	In          string  `json:"in"`
	Name        string  `json:"name"`
	Required    bool    `json:"required,omitempty"`
	Schema      *Schema `json:"schema"`
}

// RequestBody describes a body by media type.
type RequestBody struct {
	Content  map[string]*Media `json:"content"`
	Required bool              `json:"required,omitempty"`
}

// Response is a response of an operation, or a reference to a shared one.
type Response struct {
	Ref         string            `json:"$ref,omitempty"`
	Content     map[string]*Media `json:"content,omitempty"` // by media type
	Description string            `json:"description,omitempty"`
	Headers     map[string]Header `json:"headers,omitempty"`
}

// Header is a header of a response.
type Header struct {
	Schema *Schema `json:"schema"`
}

// Media is a body in one media type.
type Media struct {
	Example  any                `json:"example,omitempty"`
	Examples map[string]Example `json:"examples,omitempty"`
	Schema   *Schema            `json:"schema"`
}

// Example is one of several examples.
type Example struct {
	Value any `json:"value"`
}

// Schema describes values as JSON Schema does. The zero value allows every value.
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

// Types are the kinds of JSON values that a schema allows, such as "string" and "null"; none allows
// all.
type Types []string

// MarshalJSON writes a single kind as a text, several as a list.
func (t Types) MarshalJSON() ([]byte, error) {
	if len(t) == 1 {
		return json.Marshal(t[0])
	}
	return json.Marshal([]string(t))
}

// Of returns a schema of values of one kind.
func Of(kind string) *Schema { return &Schema{Type: Types{kind}} }

// In returns a schema of values of one kind and format.
func In(kind, format string) *Schema { return &Schema{Type: Types{kind}, Format: format} }

// ListOf returns a schema of lists.
func ListOf(items *Schema) *Schema { return &Schema{Type: Types{"array"}, Items: items} }

// MapOf returns a schema of objects whose members may have any name.
func MapOf(members *Schema) *Schema { return &Schema{Type: Types{"object"}, Additional: members} }

// Object returns a schema of objects without properties.
func Object() *Schema { return &Schema{Type: Types{"object"}, Properties: map[string]*Schema{}} }

// AnyOf returns a schema of values that at least one of several allows.
func AnyOf(all ...*Schema) *Schema { return &Schema{AnyOf: all} }

// OrNull allows null too. It changes s if s names its kinds, and returns the schema to use.
func (s *Schema) OrNull() *Schema {
	if len(s.Type) == 0 || len(s.Enum) > 0 {
		return AnyOf(s, Of("null"))
	}
	s.Type = append(s.Type, "null")
	return s
}
