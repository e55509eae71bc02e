package mask

import (
	"strings"
	"testing"
)

func TestRedactor(t *testing.T) {
	t.Parallel()
	r := NewRedactor(`pass"<word`, "abc", "", "7", "hunter2", "hunter2-door")
	for in, want := range map[string]string{
		`pass"<word`: "[secret]", `{"x":"pass\"<word"}`: `{"x":"[secret]"}`, `{"x":"pass\"\u003cword"}`: `{"x":"[secret]"}`,
		`<a b="pass&#34;&lt;word">`: `<a b="[secret]">`, `<p>pass&quot;&lt;word</p>`: `<p>[secret]</p>`, "a=pass%22%3Cword&b": "a=[secret]&b",
		"cGFzcyI8d29yZA==": "[secret]==", "abc": "[secret]", "xabc": "xabc", "7": "[secret]", "17": "17", "": "", "hunter2-door": "[secret]",
		"the hunter2-doors": "the [secret]s", "%5Bsecret%5D": "[secret]",
	} {
		equal(t, want, r.Replace(in))
	}
	equal(t, "secret word", NewRedactor("secret").Replace("secret word")) // the mask itself has this word
}

// A long secret that repeats one letter takes linear time. A quadratic search would take minutes.
func TestRedactor_long(t *testing.T) {
	t.Parallel()
	const n = 1 << 20
	run := strings.Repeat("a", n)
	r := NewRedactor(run+"b", run[:5000]+`"`, "hunter2")
	if r.long == nil {
		t.Fatal("all are looked for at once")
	}
	for in, want := range map[string]string{
		run + run: run + run, "x" + run + "b": "x[secret]", run[:5000] + `\"` + run[:5000] + "&#34;hunter2": "[secret][secret][secret]",
	} {
		if got := r.Replace(in); got != want {
			t.Errorf("a text of %d bytes comes out with %d, want %d", len(in), len(got), len(want))
		}
	}
}

// A secret of four bytes is found within texts in all forms; one of three only as a whole text.
func TestRedactor_least(t *testing.T) {
	t.Parallel()
	r := NewRedactor("a<b", "a<bc", "\u00e9", "\u00e9\u00e9")
	for in, want := range map[string]string{
		"x a<b y": "x a<b y", "a<b": "[secret]", `["a\u003cb"]`: `["a\u003cb"]`,
		"x a<bc y": "x [secret] y", `["a\u003cbc"]`: `["[secret]"]`,
		"caf\u00e9": "caf\u00e9", "\u00e9": "[secret]", "\u00e9\u00e9n": "[secret]n", // the length counts bytes
	} {
		equal(t, want, r.Replace(in))
	}
}
