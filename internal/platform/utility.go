package platform

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/jsontree"
)

// Action says what the import did with a node of the hierarchy.
type Action string

// The actions.
const (
	Taken      Action = "taken"      // unchanged
	Translated Action = "translated" // C# that is translated to CEL
	Warned     Action = "warned"     // taken without effect, or left out without harm: see the message
	Refused    Action = "refused"    // not taken: the setting has its default, and the utility is off
)

// Actions lists every action.
var Actions = []Action{Taken, Translated, Warned, Refused}

// Line is one line of the report. It never shows the value of a secret.
type Line struct {
	Setting string `json:"setting"` // ours, "webHook.retryCount"; "" if the node is not a setting
	Key     string `json:"key"`     // the platform's, "WebHook/RetryCount"
	Action  Action `json:"action"`
	Value   string `json:"value,omitempty"`
	Message string `json:"message,omitempty"`
}

// NoURL is the address of a utility whose own was refused, so that its other settings can be
// stored. No host can have it (RFC 6761), and the utility is off.
const NoURL = "https://address-not-imported.invalid/"

const urlPath = "webHook.url"

// Utility is one WebHook utility of the hierarchy.
type Utility struct {
	ID     int32 // the platform's, or 0
	Name   string
	Index  int32
	Report []Line

	values map[string]any // by the setting's path; input of DecodeImported
	off    bool           // something was refused
	noted  int            // nodes that are not settings

	lastNote int // index of the last one's line
}

// maxNoted bounds the lines about nodes that are not settings.
const maxNoted = 100

// platformDefaults are the platform's defaults that differ from ours.
var platformDefaults = []struct {
	path    string
	value   string
	action  Action
	message string
}{
	{"executeBeforeProcess", "True", Warned, "Not in the hierarchy: the platform's default, True, is kept."},
	{"executeAfterProcess", "False", Warned, "Not in the hierarchy: the platform's default, False, is kept."},
	{"webHook.method", "GET", Taken, "Not in the hierarchy: the platform's default, GET."},
}

func newUtility(root node, position int) *Utility {
	u := &Utility{ID: max(root.integer("id"), 0), Name: root.text("label"), Index: root.integer("index"), values: map[string]any{}}
	if u.Name == "" {
		u.Name = root.text("name")
	}
	if u.Name == "" {
		u.Name = fmt.Sprintf("WebHook %d", position+1)
	}
	u.Name = forgehook.Shorten(u.Name, 200)
	u.read(root, "", 0)
	u.splitDomain()
	for _, d := range platformDefaults {
		if !u.known(d.path) {
			f := fieldOf(d.path)
			u.values[d.path] = d.value
			u.Report = append(u.Report, Line{Setting: f.Path, Key: f.Key, Action: d.action, Value: d.value, Message: d.message})
		}
	}
	if root.disabled() {
		u.off = true
		u.Report = append(u.Report, Line{Setting: "enabled", Key: "isEnabled", Action: Warned, Value: "false",
			Message: "The utility is disabled on the platform, so it is off here."})
	}
	u.sort()
	return u
}

// read reads the nodes below a utility. container is "" or the platform's path of the group,
// "WebHook/".
func (u *Utility) read(n node, container string, depth int) {
	for _, child := range n.below() {
		switch c := (node{child}); {
		case child.Kind() != jsontree.Object:
			u.note(container+"?", "Not read: it is not a parameter definition.")
		case depth > maxDepth:
			u.note(container+keyOf(c), "Not read: it lies too deep.")
		case c.deleted():
			u.note(container+keyOf(c), "Not taken: it is deleted on the platform.")
		case c.isNamed("setting", "settings") && container == "":
			u.read(c, "", depth+1)
		case container == "" && c.isNamed("document"):
			u.read(c, "Document/", depth+1)
		case container == "" && c.isNamed("webhook"):
			u.read(c, "WebHook/", depth+1)
		default:
			u.leaf(c, container)
		}
	}
}

// splitDomain splits a username DOMAIN\user into Domain and Username, which mean the same on the
// platform.
func (u *Utility) splitDomain() {
	const username, domain = "webHook.username", "webHook.domain"
	given, _ := u.values[username].(string)
	before, user, ok := strings.Cut(given, `\`)
	if set, _ := u.values[domain].(string); !ok || set != "" {
		return
	}
	u.values[domain], u.values[username] = before, user
	message := "Kept as Domain and Username. NTLM has no effect here yet."
	for i, line := range u.Report {
		if line.Setting == username {
			u.Report[i].Action, u.Report[i].Message = Warned, message
		}
	}
	u.Report = slices.DeleteFunc(u.Report, func(l Line) bool { return l.Setting == domain })
	f := fieldOf(domain)
	u.Report = append(u.Report, Line{Setting: f.Path, Key: f.Key, Action: Warned, Value: before, Message: message})
}

// note reports a node that is not a setting, up to maxNoted lines.
func (u *Utility) note(key string, message string) {
	if u.noted++; u.noted > maxNoted {
		u.Report[u.lastNote] = Line{Key: "...", Action: Warned, Message: fmt.Sprintf("Not taken: %d more that are not settings.", u.noted-maxNoted+1)}
		return
	}
	u.lastNote = len(u.Report)
	u.Report = append(u.Report, Line{Key: key, Action: Warned, Message: message})
}

// keyOf names a node in the report.
func keyOf(n node) string {
	for _, name := range []string{"name", "label"} {
		if text := n.text(name); text != "" {
			return forgehook.Shorten(text, 100)
		}
	}
	return "?"
}

// leaf takes one setting.
func (u *Utility) leaf(n node, container string) {
	f := fieldNamed(container, n)
	value, ok := n.setting()
	switch {
	case f == nil && len(n.below()) > 0:
		u.note(container+keyOf(n), "Not read, with all below it: "+unknown(container, n))
		return
	case f == nil:
		u.note(container+keyOf(n), "Not taken: "+unknown(container, n))
		return
	case u.known(f.Path):
		u.Report = append(u.Report, Line{Setting: f.Path, Key: f.Key, Action: Warned, Message: "Not taken: it is there twice, and the first one counts."})
		return
	}
	line := Line{Setting: f.Path, Key: f.Key, Action: Taken, Value: shown(f, value)}
	switch {
	case !ok:
		line.Action, line.Message = Refused, "Not taken: a value must be a text."
		u.off = true
	case f.Kind == forgehook.KindSecret && masked(value):
		line.Action, line.Message = Warned, "Not taken: the platform does not show it. Set it by hand."
	case f.Path == "webHook.method" && isNumber(value):
		line.Action, line.Message = Refused, "Not taken: the platform's numbers of methods are not documented. Set the name by hand."
		u.take(f, nil)
		u.off = true
	default:
		u.take(f, value)
	}
	u.Report = append(u.Report, line)
}

// take stores a value for decoding. An empty value becomes the platform's default where the setting
// has no empty value.
func (u *Utility) take(f *forgehook.Field, value any) {
	if value == nil {
		value = platformDefault(f.Path)
	}
	if n, ok := value.(json.Number); ok && f.Kind != forgehook.KindInteger { // the setting is a text
		value = n.String()
	}
	if b, ok := value.(bool); ok && f.Kind != forgehook.KindBoolean {
		value = fmt.Sprint(b)
	}
	u.values[f.Path] = value
}

// platformDefault returns the platform's default, or nil where it is ours.
func platformDefault(path string) any {
	for _, d := range platformDefaults {
		if d.path == path {
			return d.value
		}
	}
	return nil
}

// drop removes a value and reports whether there was one.
func (u *Utility) drop(path string) bool {
	value, there := u.values[path]
	fallback := platformDefault(path)
	if path == urlPath {
		fallback, there = NoURL, true
	}
	if !there || value == fallback {
		return false
	}
	delete(u.values, path)
	if fallback != nil {
		u.values[path] = fallback
	}
	u.off = true
	return true
}

func (u *Utility) known(path string) bool {
	return slices.ContainsFunc(u.Report, func(l Line) bool { return l.Setting == path })
}

// Settle decodes the settings and has check judge them. It drops what either refuses until nothing
// is refused; a utility that lost a value is off. The error is a fault that no value of the
// hierarchy caused.
func (u *Utility) Settle(check func(forgehook.Settings) error) (forgehook.Settings, error) {
	for {
		settings, err := forgehook.DecodeImported(u.tree())
		if err == nil {
			err = check(settings)
		}
		e, ok := errors.AsType[*forgehook.Error](err)
		switch {
		case err == nil:
			u.judge(settings)
			return settings, nil
		case !ok || e.Code != forgehook.CodeInvalid || !u.refuse(e.Fields):
			return forgehook.Settings{}, err
		}
	}
}

// refuse drops the values that have faults and reports whether there were any.
func (u *Utility) refuse(faults []forgehook.FieldError) bool {
	progress := false
	for _, fault := range faults {
		if f := fieldOf(fault.Path); f != nil && u.drop(f.Path) {
			progress = true
			u.refused(f, fault.Allowed)
		}
	}
	return progress
}

func (u *Utility) refused(f *forgehook.Field, allowed string) {
	message := "Not taken. Allowed: " + strings.TrimSuffix(allowed, ".") + "."
	if f.Path == urlPath {
		message += " Until you set it the address is " + NoURL + "."
	}
	i := slices.IndexFunc(u.Report, func(l Line) bool { return l.Setting == f.Path })
	if i < 0 {
		u.Report = append(u.Report, Line{Setting: f.Path, Key: f.Key, Action: Refused, Message: message})
		u.sort()
		return
	}
	u.Report[i].Action, u.Report[i].Message = Refused, message
}

// judge completes the report for the final settings: which have no effect, and which are C#.
func (u *Utility) judge(s forgehook.Settings) {
	scripts := map[string]bool{urlPath: s.WebHook.URL != nil && IsScript(*s.WebHook.URL), "webHook.body": s.WebHook.Body != nil && IsScript(*s.WebHook.Body)}
	for i, line := range u.Report {
		switch f := fieldOf(line.Setting); {
		case line.Setting == "enabled" && u.off && line.Action == Taken:
			u.Report[i].Action, u.Report[i].Message = Warned, "The utility is off until you have mended what was refused."
		case f == nil || line.Action != Taken:
		case scripts[line.Setting]:
			u.Report[i].Action, u.Report[i].Message = Translated, "C#, kept as it is and translated to CEL for each call."
		case !f.Built && !strings.EqualFold(fmt.Sprint(u.values[f.Path]), fmt.Sprint(f.Default)):
			u.Report[i].Action, u.Report[i].Message = Warned, "Kept, but it has no effect here yet."
		}
	}
}

// tree writes the values as settings JSON.
func (u *Utility) tree() []byte {
	root := map[string]any{}
	for path, value := range u.values {
		group, name, nested := strings.Cut(path, ".")
		if !nested {
			root[path] = value
			continue
		}
		members, ok := root[group].(map[string]any)
		if !ok {
			members = map[string]any{}
			root[group] = members
		}
		members[name] = value
	}
	if u.off {
		root["enabled"] = false
	}
	b, _ := json.Marshal(root) // texts, numbers and booleans never fail
	return b
}

// sort sorts the report like the settings; other lines come last.
func (u *Utility) sort() {
	place := func(l Line) int {
		if i, ok := settings().byPath[l.Setting]; ok {
			return i
		}
		return len(settings().fields)
	}
	slices.SortStableFunc(u.Report, func(a, b Line) int { return place(a) - place(b) })
}
