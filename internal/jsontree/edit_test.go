package jsontree

import "testing"

func TestMerge(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, target, patch, want string }{
		// RFC 7396, appendix A.
		{"a member", `{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{"a new member", `{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{"null", `{"a":"b"}`, `{"a":null}`, `{}`},
		{"null beside", `{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{"a list", `{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{"a list for a text", `{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{"deep", `{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{"lists are replaced", `{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{"null in what is there", `{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{"null where nothing is", `{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		// Our additions.
		{"order and digits stay", `{"z":1.50,"a":{"y":1e2,"b":2}}`, `{"m":0.10,"a":{"b":3,"c":4}}`, `{"z":1.50,"a":{"y":1e2,"b":3,"c":4},"m":0.10}`},
		{"in any case", `{"name":1,"other":2}`, `{"NAME":3,"Other":null}`, `{"name":3}`},
		{"the exact spelling counts", `{"name":1}`, `{"name":2,"NAME":null}`, `{"name":2}`},
		{"also when it comes last", `{"name":1}`, `{"NAME":3,"name":null}`, `{}`},
		{"of two others the first in byte order", `{"name":1}`, `{"Name":3,"NAME":2}`, `{"name":2}`},
		{"the last of two", `{"name":{"x":0}}`, `{"name":{"a":1},"name":{"b":2}}`, `{"name":{"x":0,"b":2}}`},
		{"a name that stands there twice", `{"a":1,"a":2,"b":3}`, `{"a":null}`, `{"b":3}`},
		{"an object for a text", `{"a":"c"}`, `{"a":{"b":1,"c":null}}`, `{"a":{"b":1}}`},
		{"no object", `{"a":"c"}`, `[1]`, `{"a":"c"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			target := parsed(t, tt.target)
			target.Merge(parsed(t, tt.patch))
			if got := target.String(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestSetAndRemove(t *testing.T) {
	t.Parallel()
	n := parsed(t, `{"b":1,"Doc":{"x":[1, 2]},"doc":3,"a":{"c":"\u00e9"}}`)
	n.Remove("document")
	n.Remove("DOC")
	n.Member("a").Set("c", parsed(t, `"<"`))
	n.Member("a").Set("d", nil)
	n.Set("B", parsed(t, `[ 1 ]`))
	n.Set(`q"`, parsed(t, "{}"))
	if got, want := n.String(), `{"b":[1],"a":{"c":"<","d":null},"q\"":{}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
