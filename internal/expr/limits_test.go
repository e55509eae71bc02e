package expr

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr/value"
)

// manyFields is a document with n fields.
func manyFields(n int) *forgehook.Subject {
	d := &forgehook.Document{ID: 1}
	for i := range n {
		name, value := fmt.Sprintf("Field %d", i), fmt.Sprintf("value %d", i)
		d.ResultParameters = append(d.ResultParameters, forgehook.DocumentParameter{
			ID: int32(i + 1), Value: &value, ParamDef: &forgehook.ParameterDef{ID: int32(i + 1), Name: &name},
		})
	}
	copied := *d
	copied.ResultParameters = slices.Clone(d.ResultParameters)
	return &forgehook.Subject{Document: d, MasterDocument: &copied}
}

// doubled nests cel.bind. Each name joins the name before it eight times.
func doubled(first, open, sep, closing, last string, times int) string {
	text, name := "cel.bind(v0, "+first+", ", "v0"
	for i := 1; i <= times; i++ {
		next := fmt.Sprintf("v%d", i)
		text += "cel.bind(" + next + ", " + open + strings.Join([]string{name, name, name, name, name, name, name, name}, sep) + closing + ", "
		name = next
	}
	return text + strings.ReplaceAll(last, "$", name) + strings.Repeat(")", times+1)
}

// ends fails the test if f runs far longer than its limits allow. Without a limit it could run for
// minutes.
func ends(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("a limit does not hold: it is still running")
	}
}

// limitOf returns the code of an expression's failure.
func limitOf(t *testing.T, p *Program, v *Vars) (code forgehook.CallErrorCode) {
	t.Helper()
	ends(t, func() {
		_, err := p.Eval(v)
		if f, ok := errors.AsType[*Failure](err); ok {
			code = f.Code
		}
	})
	return code
}

// TestLimits: every expression ends soon, with expression_limit.
func TestLimits(t *testing.T) {
	t.Parallel()
	digits := strings.Repeat("0123456789", 10)
	for name, text := range map[string]string{
		"fields cubed":        `doc.resultParameters.map(a, doc.resultParameters.map(b, doc.resultParameters.map(c, a.value + b.value + c.value)))`,
		"fields to the fifth": `doc.resultParameters.all(a, doc.resultParameters.all(b, doc.resultParameters.all(c, doc.resultParameters.all(d, doc.resultParameters.exists(e, e.id > 0)))))`,
		"constant loops":      `lists.range(100000).all(a, lists.range(100000).all(b, lists.range(100000).all(c, true)))`,
		"absorbed errors":     `lists.range(100000).exists(a, lists.range(100000).exists(b, 1 / 0 == 1))`,
		"range of ranges":     `lists.range(100000).map(a, lists.range(100000))`,
		"long range":          `lists.range(100000).map(a, lists.range(10)).flatten()`,
		"string doubling":     doubled(`"xxxxxxxx"`, "", " + ", "", `$`, 9),
		"strings held":        doubled(`"xxxxxxxx"`, "", " + ", "", `lists.range(100000).map(i, $ + "x")`, 6),
		"strings in a list":   doubled(`"xxxxxxxx"`, "", " + ", "", `lists.range(100000).map(i, $)`, 6),
		"replace":             `cel.bind(a, "` + strings.Repeat("x", 2000) + `", a.replace("x", a).replace("x", a))`,
		"replace of nothing":  `cel.bind(a, "` + strings.Repeat("x", 5000) + `", a.replace("", a))`,
		"join":                doubled(`"xxxxxxxx"`, "", " + ", "", `lists.range(100000).map(i, $).join()`, 4),
		"join with":           doubled(`"xxxxxxxx"`, "", " + ", "", `lists.range(100000).map(i, "").join($)`, 4),
		"format":              doubled(`["x"]`, "[", ", ", "]", `"%s".format([$])`, 9),
		"split":               doubled(`"xxxxxxxx"`, "", " + ", "", `$.split("")`, 7),
		"equal lists":         doubled(`[1]`, "[", ", ", "]", `$ == $`, 9),
		"unequal lists":       doubled(`[1]`, "[", ", ", "]", `$ != $`, 9),
		"equal optionals":     doubled(`[1]`, "[", ", ", "]", `optional.of($) == optional.of($)`, 9),
		"element of":          doubled(`[1]`, "[", ", ", "]", `$ in [$]`, 9),
		"flatten":             doubled(`[1]`, "[", ", ", "]", `$.flatten(20)`, 9),
		"added lists":         doubled(`[1]`, "", " + ", "", `$.size()`, 9),
		"output":              doubled(`[1]`, "[", ", ", "]", `$`, 9),
		"output of maps":      doubled(`{"a": 1}`, `{"a": [`, ", ", "]}", `$`, 9),
		"sets":                `sets.contains(lists.range(100000), lists.range(100000).map(i, -i))`,
		"equivalent sets":     `sets.equivalent(lists.range(100000), lists.range(100000).map(i, -i))`,
		"distinct lists":      `lists.range(100000).map(i, [i]).distinct()`,
		"many equalities":     doubled(`[1]`, "[", ", ", "]", strings.Join(slicesOf(`$ == $`, 500), " && "), 5),
		"pattern":             `lists.range(100000).map(i, "` + digits + `").join().matches("(0|1|01|2.*9)*x$")`,
		"large pattern":       `"x".matches("a{1,1000}" + "b{1,900}c{1,900}")`,
		"map of maps":         `lists.range(100000).map(i, lists.range(100).map(j, {"a": i, "b": {"c": [i, j]}}))`,
		"transformMap":        `lists.range(100000).transformMap(i, v, lists.range(100000).transformMap(j, w, w))`,
		"document many times": `doc.resultParameters.map(p, doc)`,
		"pattern in a loop":   `lists.range(100000).map(i, "xxxxxxxxxxxxxxxxxxxxxxxxxxxx".regexFind("(x+x+)+y" + string(i)))`,
		"hashes":              doubled(`"xxxxxxxx"`, "", " + ", "", `lists.range(100000).map(i, sha512($))`, 6),
		"JSON in a loop":      `lists.range(100000).map(i, parseJson("[" + lists.range(10000).map(j, "1").join(",") + "]"))`,
		"text of a list":      `text(lists.range(100000).map(i, "a".padLeft(300)))`,
		"distinct, one dear":  `cel.bind(big, lists.range(8000).map(i, dyn(i)), cel.bind(a, lists.range(2400).map(i, [big, [i]]), a.distinct().size()))`,
		"distinct rows":       `lists.range(4400).map(i, lists.range(19).map(j, i)).distinct().size()`,
		"common rows":         `cel.bind(big, lists.range(8000), sets.intersects(lists.range(2400).map(i, [big, [i]]), lists.range(2400).map(i, [big, [-1 - i]])))`,
		"documents":           `lists.range(1000).map(i, doc) == lists.range(1000).map(i, master)`,
		"document in":         `master in lists.range(1000).map(i, doc)`,
		"document rows":       `lists.range(1000).map(i, [doc]).distinct()`,
		"large JSON":          `parseJson("[\"" + lists.range(50).map(i, "x".padLeft(100000)).join() + "\"]")`,
		"wide JSON":           `cel.bind(s, lists.range(70000).map(i, "{},{},{}").join(","), parseJson("[" + s + "]"))`,
		"sorted":              `lists.range(100000).map(i, lists.range(1000).sort())`,
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Compile(Subject, AnyResult, text)
			if err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			code := limitOf(t, p, SubjectVars(manyFields(5000), Call{AcceptedAt: accepted}))
			runtime.ReadMemStats(&after)
			if code != CodeLimit {
				t.Errorf("got %q, want %s", code, CodeLimit)
			}
			if mib := (after.TotalAlloc - before.TotalAlloc) >> 20; mib > 1500 {
				t.Errorf("%d MiB were allocated", mib)
			}
		})
	}
}

func slicesOf(s string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = s
	}
	return all
}

// TestLimits_shared: all expressions of one Vars share its budget.
func TestLimits_shared(t *testing.T) {
	t.Parallel()
	p := compile(t, Subject, AnyResult, `lists.range(100000).map(i, "0123456789").join()`)
	v := SubjectVars(manyFields(1), Call{AcceptedAt: accepted})
	for range 1000 {
		if _, err := p.Eval(v); err != nil {
			if f, ok := errors.AsType[*Failure](err); !ok || f.Code != CodeLimit {
				t.Fatalf("got %v", err)
			}
			if _, err := compile(t, Subject, AnyResult, `lists.range(1000).map(i, i)`).Eval(v); err == nil && v.output < value.MaxOutput {
				t.Error("after the limit an expression is evaluated")
			}
			return
		}
	}
	t.Error("a thousand times a megabyte passes")
}

// TestLimits_usual: documents with thousands of fields stay far below the limits.
func TestLimits_usual(t *testing.T) {
	t.Parallel()
	sub := manyFields(5000)
	v := SubjectVars(sub, Call{AcceptedAt: accepted})
	for _, text := range []string{
		`{"id": doc.id, "fields": doc.resultParameters.map(p, {"name": p.name, "value": p.value, "confidence": p.confidence, "ok": p.confidence != null && p.confidence > 0.5})}`,
		`doc.resultParameters.map(p, p.name).distinct().size()`,
		`doc.resultParameters.filter(p, p.value.contains("99")).map(p, p.name + "=" + p.value).join("\n")`,
		`doc.resultParameters.map(p, p.id).sort()[4999]`,
		`lists.range(5000).map(i, doc.resultParameters[i].value)`,
		`doc`,
	} {
		if _, err := compile(t, Subject, AnyResult, text).Eval(v); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	if v.cost > maxCost/4 {
		t.Errorf("they took %d of %d steps", v.cost, maxCost)
	}
}

// TestLimits_oneStep: a step that takes longer than allowed fails, even if it is the last.
func TestLimits_oneStep(t *testing.T) {
	t.Parallel()
	v := SubjectVars(manyFields(1), Call{AcceptedAt: accepted})
	v.spent = maxTime - 1
	if code := limitOf(t, compile(t, Subject, AnyResult, `true`), v); code != CodeLimit {
		t.Errorf("got %q", code)
	}
}

// TestLimits_sharedSteps: steps add up over all expressions of one evaluation.
func TestLimits_sharedSteps(t *testing.T) {
	t.Parallel()
	p, v := compile(t, Subject, AnyResult, `lists.range(1000).map(i, i).size()`), SubjectVars(manyFields(1), Call{AcceptedAt: accepted})
	var steps []uint64
	for range 3 {
		if _, err := p.Eval(v); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, v.cost)
	}
	if steps[0] == 0 || steps[1] != 2*steps[0] || steps[2] != 3*steps[0] {
		t.Errorf("got %d steps after each", steps)
	}
	v.cost = maxCost
	if code := limitOf(t, p, v); code != CodeLimit {
		t.Errorf("got %q after the last step", code)
	}
}

// TestLimits_elements: no function sorts more elements than a list may have, whatever their origin.
func TestLimits_elements(t *testing.T) {
	t.Parallel()
	v, err := InputVars(forgehook.LanguageNow, []byte("["+strings.Repeat("1,", value.MaxElements)+"1]"), accepted)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{`source.sort()`, `source.sortBy(x, x)`} {
		v.spent, v.cost = 0, 0
		var f *Failure
		ends(t, func() { _, err = compile(t, Input, AnyResult, text).Eval(v) })
		if f, _ = errors.AsType[*Failure](err); f == nil || f.Code != CodeLimit || text == `source.sort()` && !strings.Contains(f.Message, value.ListLimit) {
			t.Errorf("%s: got %v", text, err)
		}
	}
	list := make([]ref.Val, value.MaxElements+1)
	for i := range list {
		list[i] = types.IntZero
	}
	if guardElements([]ref.Val{value.NewList(list)}) == nil || guardElements([]ref.Val{value.NewList(list[1:])}) != nil {
		t.Error("the bound is not maxElements")
	}
}

// TestLimits_entities: comparing entities costs as much as they hold. An entity equals itself at
// once.
func TestLimits_entities(t *testing.T) {
	t.Parallel()
	sub := manyFields(5000)
	for text, want := range map[string]string{
		`doc == master`: "True",
		`lists.range(1000).all(i, docs[0] == doc)`:                                                   "True",
		`lists.range(1000).all(i, doc != null && dyn(doc) != 1 && dyn(1) != doc && doc != dyn([1]))`: "True",
		`doc in [master]`: "True",
		`doc.resultParameters.all(p, p == doc.field(p.name))`:           "True",
		`doc.resultParameters[0] == master.resultParameters[1]`:         "False",
		`doc.field("none") == master.field("none")`:                     "True",
		`[doc.field("none")] == [doc.field("Field 1")]`:                 "False",
		`doc.resultParameters.map(p, p.children).flatten().size()`:      "0",
		`[doc.resultParameters, doc.resultParameters].flatten().size()`: "10000",
	} {
		v := SubjectVars(sub, Call{AcceptedAt: accepted})
		got, err := compile(t, Subject, AnyResult, text).Eval(v)
		if err != nil || got.Text() != want || v.cost > maxCost/4 {
			t.Errorf("%s: got %s, %v, after %d steps", text, got.Text(), err, v.cost)
		}
	}
}

// TestLimits_memory measures the allocations of the process, so it is not parallel.
func TestLimits_memory(t *testing.T) { //nolint:paralleltest // as above
	for _, text := range []string{
		`cel.bind(u, bytes("x".padLeft(100000)), lists.range(100000).map(i, u + bytes(string(i))))`,
		`cel.bind(u, "x".padLeft(100000), lists.range(100000).map(i, u + string(i)))`,
		`cel.bind(u, "x".padLeft(100000), lists.range(100000).map(i, bytes(u)))`,
		`lists.range(100000).map(i, base64("x".padLeft(1000)))`,
		`lists.range(100000).map(i, "abcdefghijklmnopqrstuvwxyz".split(""))`,
		`lists.range(100000).map(a, lists.range(100).map(b, [a, b]))`,
		`cel.bind(s, lists.range(66000).map(i, "{},{},{}").join(","), lists.range(100).map(i, parseJson("[" + s + "]")))`,
		`cel.bind(s, lists.range(40).map(i, "x".padLeft(100000)).join(), lists.range(100).map(i, parseJson("[\"" + s + "\"]")))`,
	} {
		p := compile(t, Subject, AnyResult, text)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		code := limitOf(t, p, SubjectVars(manyFields(1), Call{AcceptedAt: accepted}))
		runtime.ReadMemStats(&after)
		if mib := (after.TotalAlloc - before.TotalAlloc) >> 20; code != CodeLimit || mib > 128 {
			t.Errorf("%s: got %q after %d MiB", text, code, mib)
		}
	}
}
