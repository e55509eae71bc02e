package expr

import (
	"errors"
	"strings"
	"testing"
)

// TestCompile_faults: a save tells integrators the position, the text at fault, what is wrong and
// what they probably meant.
func TestCompile_faults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		// Members.
		{`doc.filenmae`, `line 1, column 5: "doc.filenmae": no such field of Document: did you mean filename?`},
		{`doc . Filename`, `line 1, column 7: "doc.Filename": no such field of Document: did you mean filename?`},
		{`doc.DTC == null`, `line 1, column 5: "doc.DTC": no such field of Document: did you mean dtc?`},
		{`doc.Category == 3307`, `line 1, column 5: "doc.Category": no such field of Document: did you mean classId?`},
		{"doc.status == 9 &&\n  doc.comments == 'x'", `line 2, column 7: "doc.comments": no such field of Document: did you mean comment?`},
		{`doc.resultParameters.exists(p, p.valeu == "x")`, `line 1, column 34: "p.valeu": no such field of Parameter: did you mean value?`},
		{`doc.?filenmae`, `line 1, column 6: "doc.?filenmae": no such field of Document: did you mean filename?`},
		{`call.xyzzy`, `line 1, column 6: "call.xyzzy": no such field of Call; it has id, webhookId, webHookServiceId, reason, eventType, acceptedAt, callbackUrl`},
		{`doc.id.value`, `line 1, column 8: "doc.id.value": doc.id is an int, which has no members`},
		{`doc.status.name`, `line 1, column 12: "doc.status.name": doc.status is a DocumentStatus (an int), which has no members`},
		// Functions.
		{`doc.feild("Total").value`, `line 1, column 5: "feild": no such function: did you mean field?`},
		{`doc.filename.tolowr() == "x"`, `line 1, column 14: "tolowr": no such function: did you mean lower?`},
		{`doc.filename.ToLower() == "x"`, `line 1, column 14: "ToLower": no such function: did you mean lower?`},
		{`doc.resultParameters.Where(p, p.id > 1)`, `line 1, column 22: "Where": no such function: did you mean filter?`},
		{`string.IsNullOrEmpty(doc.filename)`, `line 1, column 8: "IsNullOrEmpty": no such function: did you mean isBlank?`},
		{`xyzzyxyzzy(doc.filename)`, `line 1, column 1: "xyzzyxyzzy": no such function`},
		{`doc.field(1.5)`, `line 1, column 5: "doc.field(1.5)": field does not take a Document, a double; it is used as Document.field(string), Document.field(int), Parameter.field(string), Parameter.field(int)`},
		{`doc.field()`, `line 1, column 5: "doc.field()": field does not take a Document; it is used as Document.field(string), Document.field(int), Parameter.field(string), Parameter.field(int)`},
		// Names.
		{`dco.status == 9`, `line 1, column 1: "dco": no such name: did you mean doc?`},
		{`document.id`, `line 1, column 1: "document": no such name; there are doc, srcdoc, master, masterdoc, par, def, verification, wi, project, service, parentservice, category, docs, call, cause, now`},
		{`source.x == 1`, `line 1, column 1: "source": no such name here: it belongs to the input of a service`},
		{`docs.map(d, e.id)`, `line 1, column 13: "e": no such name; there are doc, srcdoc, master, masterdoc, par, def, verification, wi, project, service, parentservice, category, docs, call, cause, now`},
		// Enums.
		{`doc.status == "Processed"`, "line 1, column 1: `doc.status == \"Processed\"`: doc.status is a number: did you mean DocumentStatus.Processed?"},
		{`doc.status == "processed"`, "line 1, column 1: `doc.status == \"processed\"`: doc.status is a number: did you mean DocumentStatus.Processed?"},
		{`doc.status != 'Proccessed'`, "line 1, column 1: `doc.status != \"Proccessed\"`: doc.status is a number: did you mean DocumentStatus.Processed?"},
		{`"Outbox" == doc.usage`, "line 1, column 1: `\"Outbox\" == doc.usage`: doc.usage is a number: did you mean UsageType.Outbox?"},
		{`doc.latestChildStatus == "Error"`, "line 1, column 1: `doc.latestChildStatus == \"Error\"`: doc.latestChildStatus is a number: did you mean DocumentStatus.Error?"},
		{`docs.all(d, d.usage == "Inbox")`, "line 1, column 13: `d.usage == \"Inbox\"`: d.usage is a number: did you mean UsageType.Inbox?"},
		{`verification.status == "Susicious"`, "line 1, column 1: `verification.status == \"Susicious\"`: verification.status is a number: did you mean VerificationStatus.Suspicious?"},
		{`wi.type == "qwertyuiop"`, "line 1, column 1: `wi.type == \"qwertyuiop\"`: wi.type is a number: compare it with a constant such as WorkItemType.None; its names are None, Document, Shred, DataSet, Support, Error"},
		{`doc.status == DocumentStatus.Proccessed`, `line 1, column 15: "DocumentStatus.Proccessed": no such name of DocumentStatus: did you mean DocumentStatus.Processed?`},
		{`doc.status == DocumentStatus.Xyzzyxyzzy`, `line 1, column 15: "DocumentStatus.Xyzzyxyzzy": no such name of DocumentStatus; it has None, Received, Analyzed, Trained, Processing, Verification, Processed, Queued, Verifying, InterimProcessed, InsufficientBalance, Error, Archive, Deleted, CustomReceived, CustomBusy, CustomVerification, CustomProcessed, CustomVerified, CustomReleased, CustomExport, CustomError`},
		{`doc.status == DocumentStatus`, `line 1, column 15: "DocumentStatus": this is an enum: write one of its names behind it, DocumentStatus.None`},
		{`doc.status == DocumentStatsu.Error`, `line 1, column 15: "DocumentStatsu.Error": no such name: did you mean DocumentStatus.Error?`},
		// Types.
		{`doc.filename + 1`, `line 1, column 1: "doc.filename + 1": + does not fit a string and an int: text(x) makes a string of a value, number(x) a number of a string`},
		{`doc.filename > 1`, `line 1, column 1: "doc.filename > 1": > cannot compare a string with an int: number(x) makes a number of a string, text(x) a string of a number`},
		{`doc.dtc > "2026-01-01"`, "line 1, column 1: `doc.dtc > \"2026-01-01\"`: > cannot compare a timestamp with a string: date(x) makes a timestamp of a string"},
		{`doc.id == null`, `line 1, column 1: "doc.id == null": == cannot compare an int with null: it is never null`},
		{`doc.filename && true`, `line 1, column 1: "doc.filename": this must be true or false, but it is a string`},
		{`!doc.filename`, `line 1, column 1: "!doc.filename": ! needs true or false, and this is a string`},
		{`doc.filename.map(x, x)`, `line 1, column 1: "doc.filename": this is a string: only a list or a map has elements to loop over`},
		{`doc.filename.startsWith(1)`, `line 1, column 14: "doc.filename.startsWith(1)": startsWith does not take a string, an int; it is used as string.startsWith(string)`},
		{`{?"b": doc.filename}`, `line 1, column 8: "doc.filename": ?name needs an optional value, such as doc.?comment; this is a string`},
		{`{"a": 1, "b": 2, "a": 3}`, "line 1, column 18: `\"a\"`: the map has this name twice"},
		{`doc.filename.matches("(")`, "line 1, column 22: `\"(\"`: the pattern cannot be read: missing closing ): `(`"},
		{`"%d".format([doc.filename])`, `line 1, column 14: "doc.filename": error during formatting: decimal clause can only be used on ints, uints, and doubles, was given string`},
		// Syntax, mostly of other languages.
		{``, `line 1, column 1: the expression is empty`},
		{"  \n", `line 1, column 1: the expression is empty`},
		{`doc.status ==`, `line 1, column 14: the expression ends too early: something is missing at its end, such as ) ] } or a value`},
		{`(doc.status == 9`, `line 1, column 17: the expression ends too early: something is missing at its end, such as ) ] } or a value`},
		{`doc.filename == "abc`, "line 1, column 17: `\"abc`: the text that begins here has no end"},
		{`doc.status = 9`, `line 1, column 12: "=": write == to compare`},
		{`doc.status === 9`, `line 1, column 14: "=": write == to compare`},
		{`doc.status == 9 and doc.usage == 3`, `line 1, column 17: "and": write && for and`},
		{`doc.status == 9 OR doc.usage == 3`, `line 1, column 17: "OR": write || for or`},
		{`doc.status == 9 & true`, `line 1, column 17: "&": write && for and`},
		{`doc.comment ?? "-"`, `line 1, column 14: "?": ?? does not exist here: coalesce(a, b) gives the first that is not null`},
		{`doc?.filename`, `line 1, column 14: write .? for a member that may be absent: doc.?comment.orValue("")`},
		{`doc.id;`, `line 1, column 7: ";": an expression has no ; at its end`},
		{`return doc.id`, `line 1, column 1: "return": this is a reserved word: an expression is one value, without statements`},
		{`docs.Where(x => x.id > 1)`, `line 1, column 14: "=>": write a loop as list.map(x, ...), list.filter(x, ...) or list.exists(x, ...)`},
		{`$"{doc.Id}"`, "line 1, column 1: `$\"`: a text with $ before it is none here: texts are joined with +"},
		{`doc.filename == \"a\"`, "line 1, column 17: `\\\"`: an expression takes quotes without a backslash: write ' instead"},
		{`doc.filename == ` + "`a`", "line 1, column 17: \"`\": write a text in \" or '"},
		{`doc.id <> 1`, `line 1, column 9: ">": write != for not equal`},
		{`doc.comment is null`, `line 1, column 13: "is": write == null or != null`},
	} {
		_, err := Compile(Subject, AnyResult, c.text)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s\ngot  %v\nwant %s", c.text, err, c.want)
		}
	}
}

func TestCompile_wrongResult(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		want Result
		text string
		err  string
	}{
		{BoolResult, `doc.status`, `line 1, column 1: "doc.status": the condition must give true or false, and this gives an int: compare it with == or another operator`},
		{BoolResult, ` "x" + doc.filename`, "line 1, column 2: `\"x\" + doc.filename`: the condition must give true or false, and this gives a string: compare it with == or another operator"},
		{BoolResult, `master`, `line 1, column 1: "master": the condition must give true or false, and this gives a Document`},
		{ObjectResult, `[1]`, `line 1, column 1: "[1]": the expression must give a map {"name": value, ...}, and this gives a list`},
		{ObjectResult, `{"filename": doc.filename}`, ``},
		{BoolResult, `def.isEnabled`, ``},
		{BoolResult, `doc.source.flag`, ``},
	} {
		_, err := Compile(Subject, c.want, c.text)
		if (err == nil) != (c.err == "") || (err != nil && err.Error() != c.err) {
			t.Errorf("%s\ngot  %v\nwant %s", c.text, err, c.err)
		}
	}
}

// TestCompile_allFaults: all faults of a text are reported at once, at most 20, with positions in
// the text around it.
func TestCompile_allFaults(t *testing.T) {
	t.Parallel()
	_, err := Compile(Subject, AnyResult, "[doc.a1,\ndoc.a2, dco]", At(10, 5))
	faults, ok := errors.AsType[Faults](err)
	if !ok || len(faults) != 3 {
		t.Fatalf("got %v", err)
	}
	for i, want := range [][2]int{{10, 10}, {11, 5}, {11, 9}} {
		if got := [2]int{faults[i].Line, faults[i].Column}; got != want {
			t.Errorf("fault %d: at %v, want %v", i, got, want)
		}
	}
	_, err = Compile(Subject, AnyResult, "["+strings.Repeat("doc.nope, ", 50)+"1]")
	if faults, _ = errors.AsType[Faults](err); len(faults) != maxFaults {
		t.Errorf("got %d faults, want %d", len(faults), maxFaults)
	}
	_, err = Compile(Subject, AnyResult, `doc.filename == "äöü" && doc.nope == 1`)
	if faults, _ = errors.AsType[Faults](err); len(faults) != 1 || faults[0].Column != 30 {
		t.Errorf("columns count characters, got %v", err)
	}
	if _, err = Compile(Scope(99), AnyResult, `1`); err == nil {
		t.Error("a scope that does not exist compiles")
	}
}

// TestCompile_limits: a text that is too long or too deep is refused before it costs anything.
func TestCompile_limits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"long":      {`"` + strings.Repeat("x", maxCodePoints) + `"`, "has more than 65536 bytes"},
		"brackets":  {strings.Repeat("(", 1000) + "1" + strings.Repeat(")", 1000), "nested too deeply"},
		"lists":     {strings.Repeat("[", 1000) + "1" + strings.Repeat("]", 1000), "nested too deeply"},
		"negations": {strings.Repeat("!", 5000) + "true", ""},
		"sum":       {"1" + strings.Repeat("+1", 5000), "nested too deeply"},
		"ors":       {"true" + strings.Repeat("||true", 5000), ""},
		"nodes":     {"[1" + strings.Repeat(",1", 25000) + "]", "too long"},
		"opened":    {strings.Repeat("(", 30000), "nested too deeply"},
		"binds":     {strings.Repeat("cel.bind(a,1,", 400) + "1" + strings.Repeat(")", 400), "nested too deeply"},
		"maps":      {strings.Repeat("[1].map(a,", 400) + "1" + strings.Repeat(")", 400), "nested too deeply"},
	} {
		_, err := Compile(Subject, AnyResult, c.text)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %.200v, want %q", name, err, c.want)
		}
	}
}
