package csharp_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr"
	"github.com/forgehook/forgehook/internal/expr/csharp"
)

// The two bodies of the platform's documentation, and the JSON that they give there.
func TestDocumentedBodies(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ body, want string }{
		"eleven PascalCase members": {`// Build the payload that the ERP expects.
return JsonSerializer.Serialize(new
{
    DocumentId = doc.Id,
    MasterId = doc.MasterId,
    ProjectId = doc.ProjectId,
    ServiceId = doc.ServiceId,
    DateCreated = $"{doc.DTC:yyyy-MM-ddTHH:mm:ss.fffZ}",
    DateModified = $"{doc.DTM:yyyy-MM-ddTHH:mm:ss.fffZ}",
    Filename = doc.Filename,
    Category = $"{doc.ClassId}",
    Status = $"{doc.Status}",
    Comment = doc.Comment,
    Result = doc.Result
});`, `{"DocumentId":912,"MasterId":911,"ProjectId":1001,"ServiceId":48072,"DateCreated":"2026-01-05T07:30:00.000Z",` +
			`"DateModified":"2026-01-05T07:31:02.250Z","Filename":"Inv-0042_é😀.PDF","Category":"3307","Status":"Verification","Comment":null,"Result":" a, b;;c ,\t"}`},
		"nine snake_case members": {`return JsonSerializer.Serialize(new {
    id = doc.Id,
    filename = doc.Filename,
    project_name = project.Name,
    category_id = doc.ClassId,
    status = doc.Status,
    comment = doc.Comment,
    created_at = doc.DTC.ToString("o"),
    modified_at = doc.DTM.ToString("o"),
    url = $"https://portal.aiforged.com/documents/{doc.Id}"
});`, `{"id":912,"filename":"Inv-0042_é😀.PDF","project_name":"Invoices \"A\" & <B>","category_id":3307,"status":9,"comment":null,` +
			`"created_at":"2026-01-05T07:30:00.0000000Z","modified_at":"2026-01-05T07:31:02.2500000Z","url":"https://portal.aiforged.com/documents/912"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, tr, err := run(t, tt.body)
			if err != nil {
				t.Fatal(err)
			}
			if !tr.IsJSON || len(tr.Warnings) > 0 {
				t.Errorf("IsJSON %v, warnings %v", tr.IsJSON, tr.Warnings)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s\n%s", diff, tr.CEL)
			}
		})
	}
}

// Cases that Mono's compiler does not know or that the golden files lack for another reason.
func TestTranslate(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`@$"a\{doc.Id}"`:      `a\912`,
		`doc.Comment is null`: `True`,
		`doc.Comment is not null && doc.Comment.Length > 1`: `False`,
		`1_000`:                                  `1000`,
		`$"{DateTime.UtcNow:s}"`:                 `2026-01-05T08:00:00`,
		`stpd.Id`:                                `7`,
		`call.Reason`:                            ``,
		`srcdoc.Id + masterdoc.Id`:               `1823`,
		`parentservice.Name`:                     `OCR`,
		`using System.Text.Json; return doc.Id;`: `912`,
		`doc.Filename!.Length`:                   `16`,
		`module.FindParameterDef(179804)?.Name`:  `Total`,
		`return System.Text.Json.JsonSerializer.Serialize(new { a = 1 });`:            `{"a":1}`,
		`return JsonSerializer.Serialize(new { d = DateTime.UtcNow });`:               `{"d":"2026-01-05T08:00:00Z"}`,
		`return JsonSerializer.Serialize(new { l = new object[] { 1, "a", null } });`: `{"l":[1,"a",null]}`,
		`var in_ = 1; var @class = 2; var doc2 = 3; return in_ + @class + doc2;`:      `6`,
		`return wi.Duration > null ? 1 : 2;`:                                          ``,
	} {
		got, tr, err := run(t, source)
		if strings.Contains(source, "> null") {
			if err == nil {
				t.Errorf("%s: must be refused", source)
			}
			continue
		}
		if err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q\n%s", source, got, err, want, tr.CEL)
		}
	}
}

func TestTranslateParts(t *testing.T) {
	t.Parallel()
	tr, err := csharp.Translate(`return $"https://example.com/{doc.Id}/x?name={doc.Filename}";`, csharp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []csharp.Part{
		{Literal: "https://example.com/"}, {CEL: "text(doc.id)"}, {Literal: "/x?name="}, {CEL: "text(doc.filename)"},
	}
	if diff := cmp.Diff(want, tr.Parts); diff != "" {
		t.Error(diff)
	}
	for source, want := range map[string]bool{
		`$"{JsonSerializer.Serialize(new { doc.Id })} {doc.Id}"`:                              true,
		`var json = JsonSerializer.Serialize(new { doc.Id }); return $"{json} and {doc.Id}";`: true,
		`$"{doc.Id} and {doc.Filename}"`:                                                      false,
	} {
		tr, err := csharp.Translate(source, csharp.Options{})
		if err != nil || slices.ContainsFunc(tr.Parts, func(p csharp.Part) bool { return p.JSON }) != want {
			t.Errorf("%s: %+v, %v", source, tr.Parts, err)
		}
	}
	for source, parts := range map[string]int{
		`"https://example.com/" + doc.Id`:                              2,
		`$"https://example.com"`:                                       1,
		`var id = doc.Id; return $"https://example.com/{id}";`:         2,
		`return JsonSerializer.Serialize(new { doc.Id });`:             0,
		`return doc.Id > 1 ? "https://example.com" : "https://a.com";`: 0,
	} {
		tr, err := csharp.Translate(source, csharp.Options{})
		if err != nil || len(tr.Parts) != parts {
			t.Errorf("%s: %v, %v", source, tr.Parts, err)
		}
		for _, p := range tr.Parts {
			if p.CEL == "" {
				continue
			}
			if _, err := expr.Compile(expr.Subject, expr.AnyResult, p.CEL, expr.With(csharp.Library)); err != nil {
				t.Errorf("%s: %s: %v", source, p.CEL, err)
			}
		}
	}
}

func TestTranslateWarnings(t *testing.T) {
	t.Parallel()
	tr, err := csharp.Translate("logger.LogInformation($\"doc {doc.Id}; done\", doc.Id);\nlogger.LogError(\"x\");\nreturn $\"{verification.Charge}\";", csharp.Options{Line: 3, Column: 5})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range tr.Warnings {
		got = append(got, w.Error())
	}
	want := []string{
		"line 3, column 5: `logger.LogInformation($\"doc {doc.Id}; done\", doc.Id)`: the log line is omitted: a request has no log",
		"line 4, column 1: `logger.LogError(\"x\")`: the log line is omitted: a request has no log",
		`line 5, column 24: "Charge": a decimal keeps its trailing zeros in C#, but here 1.50 is written as 1.5: give it a format such as F2`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A null that C# would throw for fails the call. It never becomes an empty text.
func TestTranslateNullFails(t *testing.T) {
	t.Parallel()
	for _, source := range []string{`par.Value`, `par.LastVerification.Value.Length`, `master.Filename.Length`, `doc.DTM.ToString("o")`, `doc.Class.Name`} {
		tr, err := csharp.Translate(source, csharp.Options{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := expr.Compile(expr.Subject, expr.AnyResult, tr.CEL, expr.With(csharp.Library))
		if err != nil {
			t.Fatalf("%s: %v", tr.CEL, err)
		}
		var failure *expr.Failure
		sub := &forgehook.Subject{Document: &forgehook.Document{ID: 1}, Project: &forgehook.Project{}, Service: &forgehook.Service{}}
		if v, err := p.Eval(goldenVars(sub)); !errors.As(err, &failure) {
			t.Errorf("%s: %q, %v", source, v.Text(), err)
		}
	}
}
