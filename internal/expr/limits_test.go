package expr

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/forgehook/forgehook"
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
	return &forgehook.Subject{Document: d}
}

// doubled nests cel.bind so that each name is the joined eight-fold of the one before.
func doubled(first, open, sep, closing, last string, times int) string {
	text, name := "cel.bind(v0, "+first+", ", "v0"
	for i := 1; i <= times; i++ {
		next := fmt.Sprintf("v%d", i)
		text += "cel.bind(" + next + ", " + open + strings.Join([]string{name, name, name, name, name, name, name, name}, sep) + closing + ", "
		name = next
	}
	return text + strings.ReplaceAll(last, "$", name) + strings.Repeat(")", times+1)
}

// TestLimits: whatever is written ends with expression_limit, and soon. There is no time here: a rule that does not hold makes
// the test run for minutes or take all memory.
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
		"strings kept":        doubled(`"xxxxxxxx"`, "", " + ", "", `lists.range(100000).map(i, $ + "x")`, 6),
		"strings in a list":   doubled(`"xxxxxxxx"`, "", " + ", "", `lists.range(100000).map(i, $)`, 6),
		"replace":             `cel.bind(a, "` + strings.Repeat("x", 2000) + `", a.replace("x", a).replace("x", a))`,
		"replace of nothing":  `cel.bind(a, "` + strings.Repeat("x", 5000) + `", a.replace("", a))`,
		"join":                doubled(`"xxxxxxxx"`, "", " + ", "", `lists.range(100000).map(i, $).join()`, 4),
		"join with":           doubled(`"xxxxxxxx"`, "", " + ", "", `lists.range(100000).map(i, "").join($)`, 4),
		"format":              doubled(`["x"]`, "[", ", ", "]", `"%s".format([$])`, 9),
		"split":               doubled(`"xxxxxxxx"`, "", " + ", "", `$.split("")`, 7),
		"equal lists":         doubled(`[1]`, "[", ", ", "]", `$ == $`, 9),
		"unequal lists":       doubled(`[1]`, "[", ", ", "]", `$ != $`, 9),
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
		"sorted":              `lists.range(100000).map(i, lists.range(1000).sort())`,
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Compile(Subject, AnyResult, text)
			if err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err = p.Eval(SubjectVars(manyFields(5000), Call{AcceptedAt: accepted}))
			runtime.ReadMemStats(&after)
			if f, ok := errors.AsType[*Failure](err); !ok || f.Code != CodeLimit {
				t.Errorf("got error %v, want %s", err, CodeLimit)
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

// TestLimits_shared: the budget is that of the Vars, not of one expression.
func TestLimits_shared(t *testing.T) {
	t.Parallel()
	p := compile(t, Subject, AnyResult, `lists.range(100000).map(i, "0123456789").join()`)
	v := SubjectVars(manyFields(1), Call{AcceptedAt: accepted})
	for range 1000 {
		if _, err := p.Eval(v); err != nil {
			if f, ok := errors.AsType[*Failure](err); !ok || f.Code != CodeLimit {
				t.Fatalf("got %v", err)
			}
			if _, err := compile(t, Subject, AnyResult, `lists.range(1000).map(i, i)`).Eval(v); err == nil && v.output < maxOutput {
				t.Error("after the limit an expression is evaluated")
			}
			return
		}
	}
	t.Error("a thousand times a megabyte passes")
}

// TestLimits_usual: documents with thousands of fields are far from the limits.
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
