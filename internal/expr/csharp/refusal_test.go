package csharp_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/forgehook/forgehook/internal/expr"
	"github.com/forgehook/forgehook/internal/expr/csharp"
)

// TestRefusals: a refusal says where, what, and what to write instead.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		source       string
		line, column int
		text, says   string
	}{
		{"foreach (var p in doc.ResultParameters) { }", 1, 1, "foreach", ".Select("},
		{"for (int i = 0; i < 3; i++) { }", 1, 1, "for", "loops"},
		{"while (true) { }", 1, 1, "while", "loops"},
		{"if (doc.Id > 1) { return 1; }", 1, 1, "if", "condition ? value : other value"},
		{"var x = 1;\nx = 2;\nreturn x;", 2, 3, "=", "assignments"},
		{"var x = 1;\nx++;\nreturn x;", 2, 2, "++", "assignments"},
		{`doc.Comment = "x"; return 1;`, 1, 13, "=", "assignments"},
		{"try { } catch { }", 1, 1, "try", "?."},
		{"var r = await client.GetAsync(url); return r;", 1, 9, "await", "without waiting"},
		{"var c = new HttpClient(); return c;", 1, 9, "new HttpClient", "webhook makes the one request"},
		{"ctx.SaveChanges(); return 1;", 1, 5, "SaveChanges()", "nothing is read from or saved"},
		{"return module.CallWebHookAsync(doc);", 1, 15, "CallWebHookAsync", "GetDocumentMaster(doc)"},
		{"return module.GetClass(5);", 1, 24, "5", "doc.ClassId"},
		{"return module.GetParameters(master, 5);", 1, 29, "master", "only doc"},
		{"return Guid.NewGuid();", 1, 13, "NewGuid", "call.Id"},
		{"return DateTime.Now;", 1, 17, "Now", "DateTime.UtcNow"},
		{"return DateTime.Today;", 1, 17, "Today", "DateTime.UtcNow"},
		{"return JsonSerializer.Serialize(doc);", 1, 33, "doc", "default payload"},
		{"return JsonSerializer.Serialize(new { doc });", 1, 39, "doc", "default payload"},
		{"return JsonSerializer.Serialize(new { p = doc.ResultParameters });", 1, 47, "ResultParameters", "default payload"},
		{"return JsonSerializer.Serialize(new { a = 1 }, options);", 1, 48, "options", "options of the serializer"},
		{"return JsonConvert.SerializeObject(new { a = 1 });", 1, 20, "SerializeObject", "JsonSerializer.Serialize"},
		{"return new { a = 1 };", 1, 8, "new { a = 1 }", "JsonSerializer.Serialize"},
		{"return doc;", 1, 8, "doc", "JsonSerializer.Serialize"},
		{"return doc.Filenmae;", 1, 12, "Filenmae", "did you mean Filename?"},
		{"return doc.filename;", 1, 12, "filename", "did you mean Filename?"},
		{"return dok.Id;", 1, 8, "dok", "did you mean doc?"},
		{"return doc.Parameters.Count;", 1, 12, "Parameters", "ResultParameters"},
		{"return DocumentStatus.Escalated;", 1, 23, "Escalated", "It has None"},
		{"return DocumentStatus.Proccessed;", 1, 23, "Proccessed", "did you mean Processed?"},
		{`return doc.Status == "Processed" ? 1 : 2;`, 1, 8, `doc.Status == "Processed"`, "DocumentStatus.None"},
		{"return doc.Status == 10 ? 1 : 2;", 1, 8, "doc.Status == 10", "DocumentStatus.None"},
		{"return doc.ClassId ? 1 : 2;", 1, 12, "ClassId", "must be a bool"},
		{`return doc.Comment == null ? 1 : "x";`, 1, 8, `doc.Comment == null ? 1 : "x"`, "one type"},
		{"return doc.Id.HasValue;", 1, 15, "HasValue", "never null"},
		{"return doc.Id?.ToString();", 1, 12, "Id", "never null"},
		{"return doc.Id.Foo();", 1, 15, "Foo", "not translated"},
		{`return doc.Filename.Reverse();`, 1, 21, "Reverse", "Translated are"},
		{`return doc.Id.ToString("Q");`, 1, 24, `"Q"`, "allowed are"},
		{`return $"{doc.DTC:'x}";`, 1, 19, "'x", "quote is not closed"},
		{`return wi.Duration?.ToString("x");`, 1, 30, `"x"`, "allowed are"},
		{`return $"{doc.Id:Z3}";`, 1, 18, "Z3", "allowed are"},
		{`return $"{verification.Confidence:D2}";`, 1, 35, "D2", "allowed are"},
		{`return doc.DTC.ToString("d", new CultureInfo("de-DE"));`, 1, 30, "new CultureInfo", `text(x, format, "de-DE")`},
		{"return 1.5m;", 1, 8, "1.5m", "without m"},
		{`return double.Parse(doc.Comment);`, 1, 15, "Parse", "number("},
		{`return Math.Round(1.5);`, 1, 13, "Round", "round"},
		{`return string.Format("{0}", 1);`, 1, 15, "Format", "value:format"},
		{`return """raw""";`, 1, 8, `"""`, "raw strings"},
		{`return "abc`, 1, 8, `"`, "does not end"},
		{`return 'ab';`, 1, 8, `'a`, "one character"},
		{`return "\q";`, 1, 9, `\q`, `\\`},
		{`return $"{doc.Id";`, 1, 17, `"`, "does not end"},
		{`return $"{doc.Id ? 1 : 2}";`, 1, 18, "?", "parentheses"},
		{`return $"a}b";`, 1, 11, "}", "}}"},
		{`return $"{}";`, 1, 10, "{}", "between the braces"},
		{"return;", 1, 1, "return", "nothing is returned"},
		{"var x = 1;", 1, 11, "", "nothing is returned"},
		{"", 1, 1, "", "nothing is returned"},
		{"return 1; return 2;", 1, 11, "return", "nothing may follow"},
		{"return (1;", 1, 10, ";", ")"},
		{"return doc..Id;", 1, 11, "..", "missing before this"},
		{"return doc.Id switch { 1 => 2 };", 1, 15, "switch", "switch"},
		{"return new List<string>();", 1, 8, "new List", "new[]"},
		{"return doc.ResultParameters.Select(p => { return p.Id; });", 1, 41, "{", "statements"},
		{"return doc.ResultParameters.Select((p, i) => i);", 1, 38, ",", "several parameters"},
		{"return doc.ResultParameters.GroupBy(p => p.Id);", 1, 29, "GroupBy", "grouping"},
		{"return doc.ResultParameters.Select(p => p.Value);", 1, 29, "Select(p => p.Value)", "JsonSerializer.Serialize"},
		{"return stpd.Name;", 1, 13, "Name", "service"},
		{"return rule.Id;", 1, 13, "Id", "rule"},
		{"var doc = 1; return doc;", 1, 5, "doc", "another name"},
		{"var x = 1; var x = 2; return x;", 1, 16, "x", "already"},
		{"int x = doc.ClassId; return x;", 1, 13, "ClassId", "the variable is int"},
		{"return doc.Id as object;", 1, 15, "as", "as is not translated"},
		{"return 1 << 2;", 1, 10, "<<", "shifts"},
		{"#region x\nreturn 1;", 1, 1, "#", "delete it"},
		{"return 1; /* no end", 1, 11, "/*", "*/"},
		{"Return doc.Id", 1, 1, "Return", "Visual Basic"},
		{"Dim x = doc.Id", 1, 1, "Dim", "Visual Basic"},
		{"let x = doc.Id", 1, 1, "let", "F#"},
		{`return {"id": doc.Id}`, 1, 1, "return", "Python"},
		{"import json", 1, 1, "import", "Python"},
		{"\x00", 1, 1, "", "NUL"},
		{"return \"\xff\";", 1, 1, "", "UTF-8"},
		{"// é\nreturn \"é\" + doc.Nope;", 2, 18, "Nope", "no such member"},
	} {
		_, err := csharp.Translate(tt.source, csharp.Options{})
		var faults expr.Faults
		if !errors.As(err, &faults) || len(faults) == 0 {
			t.Errorf("%s: %v, must be refused", tt.source, err)
			continue
		}
		f := faults[0]
		if f.Line != tt.line || f.Column != tt.column || f.Text != tt.text || !strings.Contains(f.Message, tt.says) {
			t.Errorf("%s:\n%d:%d %q %s\nwant %d:%d %q ...%s...", tt.source, f.Line, f.Column, f.Text, f.Message, tt.line, tt.column, tt.text, tt.says)
		}
	}
}

// All faults are reported at once.
func TestRefusalsTogether(t *testing.T) {
	t.Parallel()
	_, err := csharp.Translate("return JsonSerializer.Serialize(new { doc.Nope, doc.Id, x = DateTime.Now, doc });", csharp.Options{})
	var faults expr.Faults
	if !errors.As(err, &faults) || len(faults) != 3 {
		t.Errorf("%v", err)
	}
}

func TestTranslateEnds(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]string{
		"parentheses":   strings.Repeat("(", 10000) + "1",
		"unary":         strings.Repeat("!", 10000) + "true",
		"minus":         strings.Repeat("- ", 10000) + "1",
		"interpolation": strings.Repeat(`$"{`, 5000),
		"ternary":       strings.Repeat("true ? 1 : ", 2000) + "1",
		"sum":           "return 1" + strings.Repeat(" + 1", 5000) + ";",
		"text":          `return ""` + strings.Repeat(` + "a" + doc.Id`, 1500) + ";",
		"chain":         "doc" + strings.Repeat("?.Project", 3000),
		"members":       "doc" + strings.Repeat(".Project", 3000),
		"arrays":        "return JsonSerializer.Serialize(" + strings.Repeat("new[] { ", 3000),
		"objects":       "return JsonSerializer.Serialize(" + strings.Repeat("new { a = ", 39) + "1" + strings.Repeat(" }", 39) + ");",
		"casts":         strings.Repeat("(int)", 5000) + "1",
		"variables":     strings.Repeat("var x = 1;", 3000) + "return 1;",
		"and":           "true" + strings.Repeat(" && true", 3000),
		"variables40":   strings.Repeat("var x = doc.Comment.Length;", 1) + numbered(39) + `return $"{x}" + (((doc.Comment ?? "a") + "b") ?? "c");`,
		"joins":         "return " + strings.Repeat(`string.Join(",", `, 39) + `"x"` + strings.Repeat(")", 39) + ";",
		"flags":         "return " + strings.Repeat("verification.Status.HasFlag((VerificationStatus)(", 30) + "1" + strings.Repeat(" ? 1 : 2))", 30) + ";",
		"long":          strings.Repeat(" ", 40000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr, err := csharp.Translate(source, csharp.Options{})
			if err != nil {
				return
			}
			if _, err := expr.Compile(expr.Subject, expr.AnyResult, tr.CEL, expr.With(csharp.Library)); err != nil {
				t.Errorf("%.200s", err)
			}
		})
	}
}

// numbered declares n variables that can fail.
func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "var x%d = doc.Comment.Length;", i)
	}
	return b.String()
}
