package jsontree

import (
	"reflect"
	"testing"
)

func parsed(t *testing.T, text string) *Node {
	t.Helper()
	n, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// One rule for a member by its name: the last exact one, else the first other spelling in byte
// order.
func TestMember(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, name, want string }{
		{`{"name":1}`, "name", "1"},
		{`{"NAME":1}`, "name", "1"},
		{`{"NAME":1,"name":2,"Name":3}`, "name", "2"},
		{`{"Name":1,"NAME":2,"nAme":3}`, "name", "2"},
		{`{"name":1,"name":2}`, "name", "2"},
		{`{"NAME":1,"NAME":2}`, "name", "2"},
		{`{"name":null,"NAME":2}`, "name", "null"},
		{`{"\u006eame":1}`, "name", "1"},
		{`{"\u017fervice":1}`, "service", "1"},
		{`{"f\u0130lename":1}`, "filename", "absent"},
		{`{"names":1}`, "name", "absent"},
		{`["name"]`, "name", "absent"},
		{`"name"`, "name", "absent"},
	} {
		got := "absent"
		if m := parsed(t, tt.in).Member(tt.name); m != nil {
			got = m.String()
		}
		if got != tt.want {
			t.Errorf("%s in %s: got %s, want %s", tt.name, tt.in, got, tt.want)
		}
	}
}

func TestMembers(t *testing.T) {
	t.Parallel()
	var names, values []string
	for _, m := range parsed(t, `{"b":1,"a":2,"b":3,"B":4}`).Members() {
		names, values = append(names, m.Name()), append(values, m.String())
	}
	if want := []string{"b", "a", "B"}; !reflect.DeepEqual(names, want) {
		t.Errorf("names %q, want %q", names, want)
	}
	if want := []string{"3", "2", "4"}; !reflect.DeepEqual(values, want) {
		t.Errorf("values %q, want %q", values, want)
	}
}

func TestAt(t *testing.T) {
	t.Parallel()
	n := parsed(t, `{"a":{"b":[1],"c":null},"A":2}`)
	for path, want := range map[string]string{"a.b": "[1]", "a.c": "null", "A": "2", "a": `{"b":[1],"c":null}`} {
		if got := n.At(path); got == nil || got.String() != want {
			t.Errorf("%s: got %v", path, got)
		}
	}
	for _, path := range []string{"x", "a.x", "a.B", "A.b", "a.b.c"} {
		if got := n.At(path); got != nil {
			t.Errorf("%s: got %v", path, got)
		}
	}
}

// What is absent reads as null, and no method takes a value for one of another kind.
func TestNode_kinds(t *testing.T) {
	t.Parallel()
	var absent *Node
	if !absent.IsNull() || absent.Text() != "" || absent.Name() != "" || absent.Digits() != "" || absent.Value() != nil || absent.Member("a") != nil || absent.String() != "null" {
		t.Error("what is absent is not null")
	}
	for range absent.All() {
		t.Error("there is something in what is absent")
	}
	text, number := parsed(t, `"true"`), parsed(t, `1.50`)
	if text.IsTrue() || text.Digits() != "" || number.Text() != "" || number.Digits() != "1.50" || !parsed(t, "true").IsTrue() {
		t.Error("kinds are mixed up")
	}
}

func TestAppendSorted(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"b":1,"a":{"d":[2,{"z":1,"y":2}],"c":3}}`: `{"a":{"c":3,"d":[2,{"y":2,"z":1}]},"b":1}`,
		`{"a":1,"a":2}`:            `{"a":2}`,
		`["\u00e9","\u003c","\/"]`: `["é","<","/"]`,
		`[1.0, 1]`:                 `[1.0,1]`,
	} {
		if got := string(parsed(t, in).AppendSorted(nil)); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
	if Equal(parsed(t, `{"a":9007199254740993}`), parsed(t, `{"a":9007199254740992}`)) {
		t.Error("two long ids are the same")
	}
	if !Equal(parsed(t, `{"a":1,"b":"\u00e9"}`), parsed(t, ` {"b":"é", "a":1} `)) {
		t.Error("two spellings are not the same")
	}
}
