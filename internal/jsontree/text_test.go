package jsontree

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The one writer of texts, for each kind of character.
func TestAppendString(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"nothing", "", `""`},
		{"letters", "aä☃😀", `"aä☃😀"`},
		{"quote and backslash", `"\`, `"\"\\"`},
		{"a slash", "</script>", `"</script>"`},
		{"HTML", "<&>'", `"<&>'"`},
		{"short escapes", "\b\f\n\r\t", `"\b\f\n\r\t"`},
		{"other controls", "\x00\x0b\x1f", `"\u0000\u000b\u001f"`},
		{"DEL", "a\x7fb", "\"a\x7fb\""},
		{"C1 controls", "\u0085", "\"\u0085\""},
		{"line separators", "a\u2028\u2029b", `"a\u2028\u2029b"`},
		{"their neighbours", "\u2027\u202a", "\"\u2027\u202a\""},
		{"the replacement character", "\ufffd", "\"\ufffd\""},
		{"no UTF-8", "a\xff\xfeb", `"a\ufffd\ufffdb"`},
		{"half a letter", "a\xc3", `"a\ufffd"`},
		{"a surrogate as UTF-8", "\xed\xa0\x80", `"\ufffd\ufffd\ufffd"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := string(AppendString([]byte("x"), tt.in))
			if got != "x"+tt.want {
				t.Errorf("got %s, want x%s", got, tt.want)
			}
			if inside := string(AppendText(nil, tt.in)); `"`+inside+`"` != tt.want {
				t.Errorf("between the quotes: %s", inside)
			}
			if plain, err := Marshal(tt.in); err != nil || string(plain) != tt.want {
				t.Errorf("encoding/json without its escapes of HTML: %s, %v", plain, err)
			}
		})
	}
}

func TestAppendString_anything(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "s")
		want, err := Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		written := AppendString(nil, s)
		if string(written) != string(want) {
			t.Fatalf("got %s, want %s", written, want)
		}
		n, err := Parse(written)
		if err != nil || n.Text() != strings.ToValidUTF8(s, "\ufffd") && !strings.Contains(n.Text(), "\ufffd") {
			t.Fatalf("%s reads as %q, %v", written, n.Text(), err)
		}
	})
}

func TestRewrite(t *testing.T) {
	t.Parallel()
	shout := func(s string) string {
		switch s {
		case "secret", "12.50":
			return `[<"]`
		}
		return s
	}
	for in, want := range map[string]string{
		`{"a":"secret","secret":[12.50, 12.5]}`: `{"a":"[<\"]","[<\"]":["[<\"]", 12.5]}`,
		` { "b" : "\u0073ecret" , "a" : null }`: ` { "b" : "[<\"]" , "a" : null }`,
		`["\u00e9 secret", true, -1e5]`:         `["\u00e9 secret", true, -1e5]`,
		`"half`:                                 `"half`,
		`"bad \x"`:                              `"bad \x"`,
		`"ends with \`:                          `"ends with \`,
		``:                                      ``,
	} {
		if got := string(Rewrite([]byte(in), shout)); got != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
	}
}

func TestFold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.StringOf(rapid.RuneFrom([]rune("aAkK\u212asS\u017fiI\u0130\u0131σςΣßẞäÄ1_")))
		a, b := letters.Draw(t, "a"), letters.Draw(t, "b")
		if got, want := Fold(a) == Fold(b), strings.EqualFold(a, b); got != want {
			t.Fatalf("%q and %q: %v", a, b, got)
		}
	})
}
