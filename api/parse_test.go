package api

import (
	"encoding/json"
	"testing"
	"time"
)

func TestPreferredWait(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		headers []string
		wait    time.Duration
		asked   bool
	}{
		{name: "none"},
		{name: "plain", headers: []string{"wait=30"}, wait: 30 * time.Second, asked: true},
		{name: "zero", headers: []string{"wait=0"}, asked: true},
		{name: "any case and spaces", headers: []string{" Wait = 5 "}, wait: 5 * time.Second, asked: true},
		{name: "quoted", headers: []string{`wait="7"`}, wait: 7 * time.Second, asked: true},
		{name: "among others", headers: []string{`respond-async, foo="a,wait=1;b"; wait=2, wait=10`}, wait: 10 * time.Second, asked: true},
		{name: "with parameters", headers: []string{"wait=4; note=x"}, wait: 4 * time.Second, asked: true},
		{name: "the first one counts", headers: []string{"wait=1, wait=2", "wait=3"}, wait: time.Second, asked: true},
		{name: "in a second header", headers: []string{"return=minimal", "wait=3"}, wait: 3 * time.Second, asked: true},
		{name: "clamped", headers: []string{"wait=301"}, wait: maxWait, asked: true},
		{name: "far too long", headers: []string{"wait=99999999999999999999"}, wait: maxWait, asked: true},
		{name: "negative is ignored", headers: []string{"wait=-1"}},
		{name: "a word is ignored", headers: []string{"wait=long"}},
		{name: "nothing is ignored", headers: []string{"wait"}},
		{name: "another name", headers: []string{"waiting=3"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			wait, asked := preferredWait(row.headers)
			if wait != row.wait || asked != row.asked {
				t.Errorf("preferredWait(%q) = %v, %v, want %v, %v", row.headers, wait, asked, row.wait, row.asked)
			}
		})
	}
}

func TestPlainHTML(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`a<b>&c`, `\u003c`, `\\u003c`, `back\slash"quote`, "\u2028", `<`, `\`, ``, `\\`, "\x00<\n>"} {
		escaped, err := json.Marshal(map[string]string{text: text})
		if err != nil {
			t.Fatal(err)
		}
		var back map[string]string
		if err := json.Unmarshal(plainHTML(escaped), &back); err != nil {
			t.Fatalf("%q became %q: %v", text, plainHTML(escaped), err)
		}
		if back[text] != text {
			t.Errorf("%q came back as %q", text, back)
		}
	}
	if got := string(plainHTML([]byte(`"\u003c\\u003c\u0026\u00e9"`))); got != `"<\\u003c&\u00e9"` {
		t.Errorf("plainHTML = %s", got)
	}
}
