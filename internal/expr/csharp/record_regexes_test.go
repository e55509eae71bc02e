//go:build record

package csharp_test

import (
	"fmt"
	"testing"
)

// TestRecordRegexes records what Regex.IsMatch returns for patterns of document filters.
func TestRecordRegexes(t *testing.T) {
	inputs := []string{"invoice_0042.pdf", "INVOICE_0042.PDF", "scan.tiff", "a b\nc.pdf", "Übergröße-ß.docx", "", "2026-01-05_PO-7.xml", "١٢٣.txt", "aaaa"}
	patterns := []string{
		`\.pdf$`, `(?i)\.pdf$`, `^invoice_\d+\.pdf$`, `^(?:invoice|scan)`, `^[^_]+_\d{4}\.`, `(?<year>\d{4})-(?<month>\d\d)`, `(?'n'\d+)\k'n'`, `\bPO-\d\b`, `(?!.*\.pdf$)^.+$`,
		`(?<=_)\d+`, `(?<!-)7`, `^\w+$`, `^\w`, `\W`, `\d{3}`, `^\s*$`, `.`, `^.*$`, `(?s)^.*c\.pdf$`, `^.*c\.pdf$`, `(?m)^c`, `(?x) \. # dot
 pdf`, `[a-z-[aeiou]]{3}`, `\p{Lu}`, `\p{L}+-\p{Ll}`, `\p{Nd}`, `[\p{Lu}\d]+\.`, `(a)\1\1`, `(?>a+)a`, `a{2,3}?$`, `^(a|aa)+$`, `\Ainvoice`, `\.PDF\z`, `pdf\Z`, `(?i:PDF)`, `(?i)ÜBERGRÖSSE`, `(?i)übergrÖße`,
		`^(?(?=i)invoice|scan)`, `(?<o>\()?x(?(o)\))`, `\x2e`, `\u0070df`, `[^\x00-\x7F]`, `\G\w`, `(?:)`, `^$`, `$`, `^(?n:(a)(?<b>a))\k<b>`, `((a)(a))\3`, `\e|\a`, `\cA`, `[\w-]+\.\w+$`, `\w\b\W`, `\B_`,
		`(`, `[`, `*.pdf`, `a**`, `(?<n`, `\k<none>`, `a{3,2}`, `[z-a]`, `\`, `(?z)`, `)`, `\p{Nope}`, `\3`,
	}
	var rows []regexRow
	var snippets []snippet
	for _, pattern := range patterns {
		for _, input := range inputs {
			rows = append(rows, regexRow{Pattern: pattern, Input: input})
			snippets = append(snippets, snippet{expr: fmt.Sprintf("System.Text.RegularExpressions.Regex.IsMatch(%s, %s)", literal(input), literal(pattern))})
		}
	}
	for i, o := range runMono(t, snippets) {
		rows[i].Match, rows[i].Error = o.Value == "True", o.Error
	}
	writeRows(t, "testdata/regexes.json", rows)
}
