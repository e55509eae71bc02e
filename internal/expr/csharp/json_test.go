package csharp_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
)

// canonical rewrites JSON without regard to escapes. Equal values with equal order give equal
// texts.
func canonical(t testing.TB, text string) string {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var b strings.Builder
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return b.String()
		}
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		switch x := token.(type) {
		case json.Number:
			f, err := strconv.ParseFloat(x.String(), 64)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%v ", f)
		default:
			fmt.Fprintf(&b, "%#v ", x)
		}
	}
}
