package docs_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/api"
)

// TestErrorsReference compares errors.md with the declarations.
func TestErrorsReference(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`# Errors

Written by ` + "`make generate`" + ` out of the declarations.

## Why a call failed

` + "`error.code`" + ` of a call, of an attempt, of a run, of a preview and of a backtest is one of these. Codes
are stable; ` + "`error.message`" + ` says what happened this time. That a call failed is an outcome and no
error of the API.

"Tried again" says whether further attempts were made before the call ended with the code: as
many as ` + "`webHook.retryCount`" + ` allows, until ` + "`delivery.deadline`" + ` at the latest. An attempt has a code
of its own, whatever becomes of the call.
`)
	when := ""
	for _, k := range forgehook.CallErrors() {
		if k.When != when {
			when = k.When
			fmt.Fprintf(&b, "\n### %s\n\n| Code | Meaning | Tried again | What mends it |\n|---|---|---|---|\n", when)
		}
		again := "no"
		if k.Retried {
			again = "yes"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.Code, cell(k.Means), again, cell(k.Mend))
	}
	b.WriteString(`
## Problems of the API

A request that is not answered with 2xx gets a problem ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)).
Branch on its ` + "`type`" + `, which is stable; ` + "`detail`" + ` says what happened this time, and ` + "`errors`" + ` lists every
fault of the input.

| Type | Status | Title | What mends it |
|---|---|---|---|
`)
	for _, p := range api.ProblemTypes() {
		fmt.Fprintf(&b, "| `%s` | %d | %s | %s |\n", p.Type, p.Status, p.Title, cell(p.Mend))
	}
	fresh(t, "errors.md", b.String())
}
