package expr

import (
	"testing"
)

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		compile(b, Subject, BoolResult, `doc.status == DocumentStatus.Processed && doc.field("Total").confidence < 0.8`)
	}
}

func BenchmarkEval(b *testing.B) {
	for name, c := range map[string]struct {
		text   string
		fields int
	}{
		"condition":   {`doc.status == DocumentStatus.Processed || doc.resultParameters.exists(p, p.confidence != null && p.confidence < 0.8)`, 20},
		"body of 20":  {`{"id": doc.id, "fields": doc.resultParameters.map(p, {"name": p.name, "value": p.value})}`, 20},
		"body of 5k":  {`{"id": doc.id, "fields": doc.resultParameters.map(p, {"name": p.name, "value": p.value})}`, 5000},
		"field of 5k": {`doc.field("Field 4999").value`, 5000},
	} {
		b.Run(name, func(b *testing.B) {
			p, sub := compile(b, Subject, AnyResult, c.text), manyFields(c.fields)
			b.ReportAllocs()
			for b.Loop() {
				v, err := p.Eval(SubjectVars(sub, Call{AcceptedAt: accepted}))
				if err != nil {
					b.Fatal(err)
				}
				if _, err := v.AppendJSON(nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
