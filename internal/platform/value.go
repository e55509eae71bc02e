package platform

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/forgehook/forgehook"
)

// script recognises C# scripts of the platform: "return ...", an interpolated string, or a
// declaration before one of them.
var script = regexp.MustCompile(`(?s)^\s*(?://[^\n]*\s*|/\*.*?\*/\s*)*(?:return\b|var\s+\w+\s*=|\$@?"|@\$")`)

// IsScript reports whether a URL or a body is C#.
func IsScript(text string) bool {
	return script.MatchString(text) || strings.Contains(text, "JsonSerializer.")
}

// index finds the platform's settings. It is never changed.
type index struct {
	fields []*forgehook.Field
	byKey  map[string]*forgehook.Field // by container and plain name, "WebHook/retrycount"
	byPath map[string]int              // index in fields
	names  map[string][]string         // of the settings of a container
}

var settings = sync.OnceValue(func() index {
	x := index{byKey: map[string]*forgehook.Field{}, byPath: map[string]int{}, names: map[string][]string{}}
	for _, f := range forgehook.SettingFields() {
		if f.Key == "" { // ours only
			continue
		}
		cut := strings.IndexByte(f.Key, '/') + 1
		container, name := f.Key[:cut], f.Key[cut:]
		x.byKey[container+plain(name)], x.byPath[f.Path] = f, len(x.fields)
		x.fields, x.names[container] = append(x.fields, f), append(x.names[container], name)
	}
	return x
})

// fieldNamed finds the setting of a node in a container, by its name or else its label, or nil.
func fieldNamed(container string, n node) *forgehook.Field {
	if f := settings().byKey[container+plain(n.text("name"))]; f != nil {
		return f
	}
	return settings().byKey[container+plain(n.text("label"))]
}

// fieldOf finds a setting of the platform by our path, or nil.
func fieldOf(path string) *forgehook.Field {
	if i, ok := settings().byPath[path]; ok {
		return settings().fields[i]
	}
	return nil
}

// unknown says that a node is not a setting, and which setting was probably meant.
func unknown(container string, n node) string {
	if near := forgehook.Nearest(keyOf(n), settings().names[container]); near != "" {
		return fmt.Sprintf("no such setting is known. Is %s meant?", container+near)
	}
	return "no such setting is known."
}

// shown shortens a value for the report and hides what may be a secret.
func shown(f *forgehook.Field, value any) string {
	text := textOf(value)
	if f.Kind == forgehook.KindSecret || f.Path == urlPath && strings.Contains(text, "@") { // a password may precede it
		return ""
	}
	return forgehook.Shorten(text, 200)
}

func textOf(value any) string {
	switch x := value.(type) {
	case string:
		return x
	case json.Number:
		return x.String()
	case bool:
		return strconv.FormatBool(x)
	}
	return ""
}

// masked reports whether a secret is given as asterisks or dots.
func masked(value any) bool {
	text := strings.TrimSpace(textOf(value))
	return text != "" && strings.Trim(text, "*•●∙·⁎✱") == ""
}

// isNumber reports whether a value is a number, not a name.
func isNumber(value any) bool {
	_, err := strconv.ParseFloat(strings.TrimSpace(textOf(value)), 64)
	return err == nil
}
