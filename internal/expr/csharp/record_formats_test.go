//go:build record

package csharp_test

import (
	"fmt"
	"strings"
	"testing"
)

// formatRow is a row of internal/expr/dotnet/testdata/corpus.json.
type formatRow struct {
	Kind    string `json:"kind"`           // number, date, timespan, date.parse, timespan.parse, number.parse, align
	Type    string `json:"type,omitempty"` // of a number: double, int, long, decimal
	Input   string `json:"input"`
	Format  string `json:"format"`
	Culture string `json:"culture"`
	Want    string `json:"want"`
	Error   bool   `json:"error,omitempty"`   // .NET throws
	Mono    string `json:"mono,omitempty"`    // Mono's output if .NET 8 differs
	Differs string `json:"differs,omitempty"` // why
}

func (r formatRow) key() string {
	return strings.Join([]string{r.Kind, r.Type, r.Input, r.Format, r.Culture}, "|")
}

// TestRecordFormats records the rows of number, date and TimeSpan formats and parses.
func TestRecordFormats(t *testing.T) {
	rows := formatCases()
	snippets := make([]snippet, len(rows))
	for i, r := range rows {
		snippets[i] = snippet{expr: r.snippet()}
	}
	outcomes := runMono(t, snippets)
	used := map[string]bool{}
	for i := range rows {
		r := &rows[i]
		r.Want, r.Error = outcomes[i].Value, outcomes[i].Error != ""
		if used[r.key()] {
			t.Errorf("%s: there twice", r.key())
		}
		used[r.key()] = true
		mono := r.Want
		d, ok := dotnet8[r.key()]
		if want, known := exactDouble(*r); known && !ok {
			d.want, ok = want, want != mono
			d.why = ".NET Core 3.0 and later write doubles exactly: shortest text that reads back, ties to even, -0"
		}
		if !ok {
			continue
		}
		if r.Error {
			mono = "throws"
		}
		r.Mono, r.Differs, r.Want, r.Error = mono, d.why, d.want, d.throws
		if mono == d.want && !d.throws {
			t.Errorf("%s: does not differ", r.key())
		}
	}
	for key := range dotnet8 {
		if !used[key] {
			t.Errorf("%s: no such row", key)
		}
	}
	writeRows(t, "../dotnet/testdata/corpus.json", rows)
}

// snippet returns the C# expression of a row.
func (r formatRow) snippet() string {
	culture := "CultureInfo.InvariantCulture"
	if r.Culture != "" {
		culture = "new CultureInfo(" + literal(r.Culture) + ")"
	}
	const utc = "DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal"
	switch r.Kind {
	case "number":
		return fmt.Sprintf("%s.Parse(%s, NumberStyles.Any, CultureInfo.InvariantCulture).ToString(%s, %s)", r.Type, literal(r.Input), literal(r.Format), culture)
	case "date":
		return fmt.Sprintf("DateTime.Parse(%s, CultureInfo.InvariantCulture, %s).ToString(%s, %s)", literal(r.Input), utc, literal(r.Format), culture)
	case "timespan":
		return fmt.Sprintf("TimeSpan.ParseExact(%s, \"c\", CultureInfo.InvariantCulture).ToString(%s, %s)", literal(r.Input), literal(r.Format), culture)
	case "date.parse":
		return fmt.Sprintf("DateTime.ParseExact(%s, %s, %s, %s).ToString(\"o\")", literal(r.Input), literal(r.Format), culture, utc)
	case "timespan.parse":
		return fmt.Sprintf("TimeSpan.Parse(%s, %s).ToString(\"c\")", literal(r.Input), culture)
	case "number.parse":
		return fmt.Sprintf("decimal.Parse(%s, NumberStyles.Currency, %s).ToString(CultureInfo.InvariantCulture)", literal(r.Input), culture)
	default: // align: the format is the width
		return fmt.Sprintf("string.Format(CultureInfo.InvariantCulture, \"{0,\" + %s + \"}\", %s)", literal(r.Format), literal(r.Input))
	}
}

func formatCases() []formatRow {
	var rows []formatRow
	cross := func(kind, typ string, inputs, formats, cultures []string) {
		for _, input := range inputs {
			for _, format := range formats {
				for _, culture := range cultures {
					rows = append(rows, formatRow{Kind: kind, Type: typ, Input: input, Format: format, Culture: culture})
				}
			}
		}
	}
	invariant := []string{""}
	cross("number", "double", []string{"0", "1234.5", "-1234567.891", "0.125", "0.62"},
		[]string{"F2", "F0", "F", "N2", "N0", "N", "P", "P0", "P1", "E2", "e4", "E", "G", "G3", "R", "C", "0.00", "0", "#", "#.##", "#,##0.00", "00000", "0.0%", "0,.0", "+0;-0;zero", "0.00E+00", "'x'0", "\\#0", "#,#", "(0.0);[0.0]"}, invariant)
	cross("number", "double", []string{"2.5", "3.5", "-2.5", "1.005", "2.675", "1e15", "1e16", "123456789012345680", "0.0001", "0.00001", "1e-7", "999999.995", "0.1", "1e21", "NaN", "Infinity", "-Infinity", "5e-324", "1.7976931348623157E+308"},
		[]string{"", "F2", "F0", "0.00", "G", "R", "E3", "N1"}, invariant)
	cross("number", "double", []string{"-0.4", "-0", "0.30000000000000004", "1.1"}, []string{"", "F0", "0", "F20", "F1"}, invariant)
	cross("number", "double", []string{"1234567.891", "-1234.5"}, []string{"N2", "F1", "P1", "#,##0.00"}, []string{"en-US", "en-GB", "de-DE", "nl-NL", "es-ES", "it-IT", "pt-BR", "ja-JP"})
	cross("number", "int", []string{"0", "7", "-42", "1234567", "2147483647"},
		[]string{"", "D", "D8", "d3", "X", "x8", "X2", "N0", "N", "F2", "F0", "P0", "C0", "E1", "G", "G2", "00", "#,##0", "0000.0", "#", "0%"}, invariant)
	cross("number", "long", []string{"9223372036854775807", "-9223372036854775808", "-1", "4294967296"}, []string{"", "D", "X", "N0", "F1", "E3", "#,##0"}, invariant)
	cross("number", "decimal", []string{"0", "1.50", "-1234567.891", "79228162514264337593543950335", "0.0000001"}, []string{"", "F2", "N2", "C", "P", "G", "G4", "E2", "0.00", "#,##0.##", "0.####"}, invariant)
	cross("number", "int", []string{"12"}, []string{"Z", "Q2", "R"}, invariant)
	cross("number", "double", []string{"12.5"}, []string{"D", "X", "Z9", "x2"}, invariant)

	dates := []string{"2026-01-05T07:30:00Z", "2025-12-31T23:59:59.9876543Z", "0001-01-01T00:00:00Z", "2024-02-29T12:00:00.1Z", "2026-11-09T00:05:09.05Z"}
	cross("date", "", dates, []string{"d", "D", "f", "F", "g", "G", "m", "M", "o", "O", "r", "R", "s", "t", "T", "u", "y", "Y", "",
		"yyyy-MM-ddTHH:mm:ss.fffZ", "yyyy-MM-dd", "dd/MM/yyyy", "d MMM yy", "ddd d MMMM yyyy", "dddd", "h:mm tt", "hh:mm:ss t", "HH:mm:ss.FFFFFFF", "HH:mm:ss.FFF", "ss.f", "ss.F",
		"yyyyMMddHHmmssfff", "yyy", "yyyyy", "%y", "%d", "%M", "%h", "%H", "%m", "%s", "%t", "%f", "%F", "%K", "zzz", "zz", "%z", "'week' dd", "\"at\" HH", "\\d\\a\\y d", "yyyy'T'", "gg yyyy",
		"d/M/y H:m:s", "MMM", "MMMM", "ffffff", "yyyy-MM-dd'T'HH:mm:ssK", "HH'h'mm", "dd.MM.yyyy HH:mm", "%/", "%:", "x"}, invariant)
	cross("date", "", dates[:2], []string{"'unclosed", "ffffffff", "\\", "j", "FFFFFFFF", "%"}, invariant)
	// Long patterns and short names are left out, because they change with the version of ICU.
	cross("date", "", dates[:2], []string{"d", "dddd, d MMMM yyyy", "dd/MM/yyyy HH:mm"}, []string{"en-US", "en-GB", "de-DE", "fr-FR", "nl-NL", "it-IT", "sv-SE", "pt-BR", "ja-JP"})
	cross("date", "", dates[:2], []string{"D"}, []string{"en-US", "de-DE", "fr-FR", "nl-NL", "it-IT", "pt-BR"})
	cross("date", "", dates[:2], []string{"ddd d MMM"}, []string{"en-US", "en-GB", "fr-FR", "it-IT"})

	spans := []string{"00:00:00", "00:00:30", "1.02:03:04.5000000", "-00:00:01.2500000", "10.23:59:59.9999999", "00:00:00.0000001"}
	cross("timespan", "", spans, []string{"", "c", "t", "T", "g", "G", "hh\\:mm", "hh\\:mm\\:ss", "d\\.hh", "%d", "%h", "%m", "%s", "%f", "fff", "FFF", "mm'm'ss's'", "dd", "h\\:m\\:s", "ddd", "fffffff", "FFFFFFF"}, invariant)
	cross("timespan", "", spans[:1], []string{"x", "hh:mm", "k"}, invariant)
	cross("timespan", "", spans[2:3], []string{"g", "G", "c"}, []string{"de-DE", "fr-FR"})

	for _, p := range [][2]string{
		{"2026-01-05", "yyyy-MM-dd"}, {"05/01/2026", "dd/MM/yyyy"}, {"5/1/2026", "d/M/yyyy"}, {"5/1/2026", "dd/MM/yyyy"}, {"05 Jan 26", "dd MMM yy"}, {"05 jan 26", "dd MMM yy"},
		{"5 January 2026", "d MMMM yyyy"}, {"Monday, 5 January 2026", "dddd, d MMMM yyyy"}, {"Tuesday, 5 January 2026", "dddd, d MMMM yyyy"}, {"31/02/2026", "dd/MM/yyyy"},
		{"20260105", "yyyyMMdd"}, {"20260105073000", "yyyyMMddHHmmss"}, {"2026-01-05T07:30:00Z", "yyyy-MM-ddTHH:mm:ssZ"}, {"2026-01-05T07:30:00+02:00", "yyyy-MM-ddTHH:mm:sszzz"},
		{"2026-01-05T07:30:00Z", "yyyy-MM-dd'T'HH:mm:ssK"}, {"2026-01-05T07:30:00", "yyyy-MM-dd'T'HH:mm:ssK"}, {"2026-01-05T07:30:00-05:00", "yyyy-MM-dd'T'HH:mm:ssK"},
		{"05/01/49", "dd/MM/yy"}, {"05/01/50", "dd/MM/yy"}, {"05/01/99", "dd/MM/yy"}, {"12:00 AM 05/01/2026", "hh:mm tt dd/MM/yyyy"}, {"12:00 PM 05/01/2026", "hh:mm tt dd/MM/yyyy"},
		{"05/01/2026 25:00", "dd/MM/yyyy HH:mm"}, {"05/01/2026 ", "dd/MM/yyyy"}, {" 05/01/2026", "dd/MM/yyyy"}, {"", "dd/MM/yyyy"}, {"abc", "dd/MM/yyyy"}, {"05-01-2026", "dd/MM/yyyy"},
		{"2026-01-05 07:30:00.123", "yyyy-MM-dd HH:mm:ss.fff"}, {"2026-01-05 07:30:00.1", "yyyy-MM-dd HH:mm:ss.FFF"}, {"2026-01-05 07:30:00", "yyyy-MM-dd HH:mm:ss.FFF"}, {"2026-01-05 07:30:00.1234567", "yyyy-MM-dd HH:mm:ss.fffffff"},
		{"29/02/2024", "dd/MM/yyyy"}, {"29/02/2025", "dd/MM/yyyy"}, {"1/13/2026", "d/M/yyyy"}, {"0/1/2026", "d/M/yyyy"}, {"5.1.2026", "d.M.yyyy"}, {"005/01/2026", "dd/MM/yyyy"}, {"05/01/26", "dd/MM/yyyy"},
		{"2026-01-05T07:30:00.0000000Z", "o"}, {"2026-01-05T07:30:00", "s"}, {"2026-01-05 07:30:00Z", "u"}, {"Mon, 05 Jan 2026 07:30:00 GMT", "r"}, {"week 2 of 05/01/2026", "'week 2 of 'dd/MM/yyyy"},
		{"May 2026", "MMMM yyyy"}, {"Mai 2026", "MMMM yyyy"}, {"05Jan2026", "ddMMMyyyy"}, {"JANUARY 5, 2026", "MMMM d, yyyy"}, {"١/١/2026", "d/M/yyyy"},
	} {
		rows = append(rows, formatRow{Kind: "date.parse", Input: p[0], Format: p[1]})
	}
	for _, p := range [][3]string{
		{"5. Januar 2026", "d. MMMM yyyy", "de-DE"}, {"5 MÄRZ 2026", "d MMMM yyyy", "de-DE"}, {"5 février 2026", "d MMMM yyyy", "fr-FR"}, {"5 FÉVRIER 2026", "d MMMM yyyy", "fr-FR"}, {"5 mei 2026", "d MMMM yyyy", "nl-NL"},
		{"5 marzo 2026", "d MMMM yyyy", "it-IT"}, {"5 Januar 2026", "d MMMM yyyy", "en-GB"}, {"05.01.2026", "dd/MM/yyyy", "de-DE"},
	} {
		rows = append(rows, formatRow{Kind: "date.parse", Input: p[0], Format: p[1], Culture: p[2]})
	}

	for _, s := range []string{
		"00:00:30", "0:0:30", "00:30", "1:2", "1.00:00:00", "5.12:30", "-00:00:01", "-1.02:03:04", "23:59:59", "00:00:00.5", "00:00:00.1234567", "00:00:01.25", "10675199.02:48:05.4775807",
		" 00:00:30 ", "00:00:30\t", "99999.00:00:00", "106000.00:00:00",
		"24:00:00", "00:60:00", "00:00:60", "00:00:00.12345678", "", "abc", "1h", "30s", "00:00:00:00", "1.2.3", "-", "00:00:-1", "+00:00:30", "5", "0", "-5", "1:00:00:00", "5.6", "00.00:00:30", "::30", ":30", "1.", "00:00:30.",
		"0:00:00:30", "1 00:00:30", "00 : 00 : 30", "007:00:00", "00:00:007", "1.24:00:00", "24:00", "12345678.00:00:00", "PT30S", "30", "00:00:30.0000000",
	} {
		rows = append(rows, formatRow{Kind: "timespan.parse", Input: s})
	}
	for _, p := range [][2]string{
		{"1234.50", ""}, {"1,234.50", ""}, {"-1,234.50", ""}, {"(1,234.50)", ""}, {"1234.50-", ""}, {" 1234.50 ", ""}, {"¤5", ""}, {"1.234,50", "de-DE"}, {"1234,50", "de-DE"}, {"$1,234.50", "en-US"}, {"£9.99", "en-GB"}, {"€ 5,00", "nl-NL"},
		{"0", ""}, {"+7", ""}, {".5", ""}, {"5.", ""}, {"abc", ""}, {"", ""}, {"1.2.3", ""}, {"--5", ""}, {"1.234", "en-US"}, {"1.234", "de-DE"}, {"12,5", "pt-BR"}, {"R$ 12,50", "pt-BR"}, {"00012", ""}, {"1234567890123456789.12", ""}, {"12 %", ""}, {"5 5", ""},
	} {
		rows = append(rows, formatRow{Kind: "number.parse", Input: p[0], Culture: p[1]})
	}
	cross("align", "", []string{"", "ab", "abcdefghij", "日本", "😀"}, []string{"5", "-5", "0", "1", "10", "-10"}, invariant)
	return rows
}
