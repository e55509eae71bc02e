package webhook

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/forgehook/forgehook"
)

// benchSubjects are a real receipt of nine fields, and generated documents of 1,250 and 5,000
// fields, which show how the cost grows. The payload of 5,000 fields has about 2 MB.
func benchSubjects(b *testing.B) map[string]*forgehook.Subject {
	data, err := os.ReadFile("testdata/receipt.json")
	if err != nil {
		b.Fatal(err)
	}
	return map[string]*forgehook.Subject{
		"receipt": subject(b, `{"document":`+string(data)+`}`), "1250 fields": wide(1250), "5000 fields": wide(5000),
	}
}

func wide(fields int) *forgehook.Subject {
	doc := &forgehook.Document{ID: 1, Status: forgehook.StatusProcessed, Usage: forgehook.UsageOutbox}
	file := "inv-0042.pdf"
	doc.Filename = &file
	for i := range int32(fields) {
		name, value := fmt.Sprintf("Field%d", i), fmt.Sprintf("%d.40", i)
		doc.ResultParameters = append(doc.ResultParameters, forgehook.DocumentParameter{
			ID: i + 1, DocumentID: 1, Value: &value, ParamDef: &forgehook.ParameterDef{ID: i + 1, Name: &name, Label: &name, ValueType: 3},
		})
	}
	return &forgehook.Subject{Document: doc}
}

func benchPlans(b *testing.B) map[string]*Plan {
	var members []string
	for i := range 20 {
		members = append(members, fmt.Sprintf(`"f%d":"{{ doc.field("Field%d").value }}"`, i, i*60))
	}
	s := withBody("application/json", "", "{"+strings.Join(members, ",")+"}")
	conditional := withURL("https://example.com/{{ doc.id }}")
	plans := map[string]*Plan{
		"payload": compiled(b, withURL("https://example.com/")), "template": compiled(b, s),
		"expression": compiled(b, withBody("application/json", forgehook.BodyExpression, `{"fields": doc.fields().map(f, {"name": f.name, "value": f.value})}`)),
	}
	conditional.Condition = new(`doc.status == DocumentStatus.Processed && doc.fields().exists(f, f.value != null)`)
	plans["condition"] = compiled(b, conditional)
	return plans
}

func BenchmarkCompile(b *testing.B) {
	for name, p := range benchPlans(b) {
		s := p.Settings()
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Compile(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkExplain(b *testing.B) {
	plans := benchPlans(b)
	for size, sub := range benchSubjects(b) {
		for _, name := range []string{"payload", "condition"} {
			b.Run(size+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := conditionsOf(plans[name], sub, meta); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkRequest(b *testing.B) {
	plans := benchPlans(b)
	for size, sub := range benchSubjects(b) {
		for _, name := range []string{"payload", "template", "expression"} {
			b.Run(size+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					r, err := requested(plans[name], sub, meta)
					if err != nil {
						b.Fatal(err)
					}
					b.SetBytes(int64(len(r.Body)))
				}
			})
		}
	}
}

// BenchmarkRead judges a response of 1 KB and of 100 KB and reads a result and five values.
func BenchmarkRead(b *testing.B) {
	const writes = `"writeBack":{"document":{"status":"result.state","comment":"result.lines[0].text","result":"result"},"workItem":{"status":"8","reasonCode":"result.state"}}`
	var lines, elements []string
	for i := range 1000 {
		lines = append(lines, fmt.Sprintf(`{"text":"Bolts M6","quantity":%d,"price":"1.10","currency":"EUR","note":null}`, i))
		elements = append(elements, fmt.Sprintf(`<line no="%d"><text>Bolts M6</text><quantity>%d</quantity><price>1.10</price></line>`, i, i))
	}
	for _, n := range []int{10, 1000} {
		for kind, body := range map[string]string{
			"json": `{"state":"Processed","lines":[` + strings.Join(lines[:n], ",") + `]}`,
			"xml":  `<r><state>Processed</state><lines>` + strings.Join(elements[:n], "") + `</lines></r>`,
		} {
			result := map[string]string{"json": "response.json", "xml": `{\"state\": response.xml.r.state, \"lines\": response.xml.r.lines.line}`}[kind]
			p := plan(b, `{"response":{"successWhen":"response.`+kind+` != null","result":"`+result+`",`+writes+`}}`)
			sub, a := wide(10), forgehook.Exchange{StatusCode: 200, Body: []byte(body), StartedAt: at}
			b.Run(fmt.Sprintf("%s/%d lines", kind, n), func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(body)))
				for b.Loop() {
					if d := p.Judge(evidence(sub, a), Tally{Counted: 1}); d.Verdict != forgehook.VerdictSuccess {
						b.Fatal(d)
					}
					if _, err := p.Read(evidence(sub, a)); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
