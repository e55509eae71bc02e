package dotnet

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestParseNumber(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text, culture  string
		want, currency string
	}{
		{"118.40", "", "118.40", ""},
		{" 1,234.50 ", "", "1234.50", ""},
		{"1.234", "en-US", "1.234", ""},
		{"1.234", "de-DE", "1234", ""},
		{"1.234.567,89", "de-DE", "1234567.89", ""},
		{"1 234,56", "fr-FR", "1234.56", ""},
		{"1\u202f234,56 €", "fr-FR", "1234.56", "EUR"},
		{"1\u00a0234\u00a0567", "sv-SE", "1234567", ""},
		{"1'234.50", "de-CH", "1234.50", ""},
		{"CHF 1’234.—", "de-CH", "1234.00", "CHF"},
		{"12,-", "nl-NL", "12.00", ""},
		{"12,- €", "de-DE", "12.00", "EUR"},
		{"R 1 234.50", "en-GB", "1234.50", "ZAR"},
		{"R1 234,50", "en-ZA", "1234.50", "ZAR"},
		{"ZAR 99", "", "99", "ZAR"},
		{"eur 5", "", "5", "EUR"},
		{"$1,000.00", "en-US", "1000.00", "USD"},
		{"$1,000.00", "", "1000.00", ""},
		{"¥500", "ja-JP", "500", "JPY"},
		{"￥500", "zh-CN", "500", "CNY"},
		{"100 kr", "nb-NO", "100", "NOK"},
		{"100 kr.", "da-DK", "100", "DKK"},
		{"R$ 1.234,50", "pt-BR", "1234.50", "BRL"},
		{"1 234,50 Kč", "cs-CZ", "1234.50", "CZK"},
		{"Rs. 1,23,456.00", "en-IN", "123456.00", "INR"},
		{"(1,234.50)", "", "-1234.50", ""},
		{"($5)", "en-US", "-5", "USD"},
		{"5.00-", "", "-5.00", ""},
		{"- 5", "", "-5", ""},
		{"-$5", "en-US", "-5", "USD"},
		{"$-5", "en-US", "-5", "USD"},
		{"$5-", "en-US", "-5", "USD"},
		{"5- EUR", "", "-5", "EUR"},
		{"\u22125", "", "-5", ""},
		{"+5", "", "5", ""},
		{"007", "", "7", ""},
		{".5", "", "0.5", ""},
		{"5.", "", "5", ""},
		{"1.5E3", "", "1.5E3", ""},
		{"0,00", "it-IT", "0.00", ""},
	}
	for _, tt := range tests {
		got, err := ParseNumber(tt.text, culture(t, tt.culture))
		if err != nil || got.Text != tt.want || got.Currency != tt.currency {
			t.Errorf("%q %s: %+v, %v, want %s %s", tt.text, tt.culture, got, err, tt.want, tt.currency)
		}
	}
}

func TestParseNumberRefusals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, culture string }{
		{"", ""}, {"  ", ""}, {"abc", ""}, {"1.23", "de-DE"}, {"1,23", "en-US"}, {"1,2345", ""}, {"1234,567", ""}, {"1,234.56", "de-DE"},
		{"1.234,56", ""}, {"1.2.3", ""}, {"1 234.567", "de-DE"}, {"15%", ""}, {"(5", ""}, {"5)", ""}, {"(-5)", ""}, {"--5", ""}, {"-5-", ""},
		{"$ 5 EUR", ""}, {"€", ""}, {"-", ""}, {"R2D2", ""}, {"5 apples", ""}, {"1\n234", ""}, {"NaN", ""}, {"Infinity", ""}, {"0x10", ""},
		{"1e400", ""}, {"1,000e3", ""}, {"1e", ""}, {"١٢", ""}, {strings.Repeat("9", 61), ""}, {strings.Repeat("9", 1000), ""}, {"1,,000", ""},
		{",5", ""}, {"12,34,567", "en-US"}, {"1_000", ""},
	} {
		got, err := ParseNumber(tt.text, culture(t, tt.culture))
		var unreadable *UnreadableError
		if !errors.As(err, &unreadable) {
			t.Errorf("%q %s: %+v, %v, want an unreadable error", tt.text, tt.culture, got, err)
		}
	}
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	tests := []struct{ text, format, culture, want string }{
		{"25/12/2018", "dd/MM/yyyy", "", "2018-12-25T00:00:00Z"},
		{"25.12.2018", "dd/MM/yyyy", "de-DE", "2018-12-25T00:00:00Z"},
		{"25/12/2018", "dd/MM/yyyy", "de-DE", "2018-12-25T00:00:00Z"},
		{" 5/1/2026 ", "d/M/yyyy", "", "2026-01-05T00:00:00Z"},
		{"05/01/2026", "d/M/yyyy", "", "2026-01-05T00:00:00Z"},
		{"5 Jan 26", "d MMM yy", "", "2026-01-05T00:00:00Z"},
		{"5 JAN 49", "d MMM yy", "", "2049-01-05T00:00:00Z"},
		{"5 jan 50", "d MMM yy", "", "1950-01-05T00:00:00Z"},
		{"5. März 2026", "d. MMMM yyyy", "de-DE", "2026-03-05T00:00:00Z"},
		{"5. Ma\u0308rz 2026", "d. MMMM yyyy", "de-DE", "2026-03-05T00:00:00Z"},
		{"5 févr. 2026", "d MMM yyyy", "fr-FR", "2026-02-05T00:00:00Z"},
		{"5 FÉVR 2026", "d MMM yyyy", "fr-FR", "2026-02-05T00:00:00Z"},
		{"5 stycznia 2026", "d MMMM yyyy", "pl-PL", "2026-01-05T00:00:00Z"},
		{"styczeń 2026", "MMMM yyyy", "pl-PL", "2026-01-01T00:00:00Z"},
		{"5 de enero de 2026", "d 'de' MMMM 'de' yyyy", "es-ES", "2026-01-05T00:00:00Z"},
		{"5\u00a0Jan\u00a02026", "d MMM yyyy", "", "2026-01-05T00:00:00Z"},
		{"Monday, January 5, 2026", "D", "en-US", "2026-01-05T00:00:00Z"},
		{"2026年1月5日", "yyyy年M月d日", "ja-JP", "2026-01-05T00:00:00Z"},
		{"2026-01-05T07:30:00+02:00", "yyyy-MM-dd'T'HH:mm:sszzz", "", "2026-01-05T05:30:00Z"},
		{"2026-01-05T07:30:00-0330", "yyyy-MM-ddTHH:mm:sszzz", "", "2026-01-05T11:00:00Z"},
		{"2026-01-05T07:30:00Z", "yyyy-MM-ddTHH:mm:ssK", "", "2026-01-05T07:30:00Z"},
		{"2026-01-05T07:30:00", "yyyy-MM-ddTHH:mm:ssK", "", "2026-01-05T07:30:00Z"},
		{"2026-01-05T07:30:00.2500000Z", "o", "", "2026-01-05T07:30:00.25Z"},
		{"2026-01-05 07:30:00.25", "yyyy-MM-dd HH:mm:ss.FFFFFFF", "", "2026-01-05T07:30:00.25Z"},
		{"2026-01-05 07:30:00", "yyyy-MM-dd HH:mm:ss.FFFFFFF", "", "2026-01-05T07:30:00Z"},
		{"01/05/2026 12:30 AM", "MM/dd/yyyy hh:mm tt", "en-US", "2026-01-05T00:30:00Z"},
		{"01/05/2026 1:30 pm", "MM/dd/yyyy h:mm tt", "en-US", "2026-01-05T13:30:00Z"},
		{"1/5/2026 13:30:00", "M/d/yyyy HH:mm:ss", "en-US", "2026-01-05T13:30:00Z"},
		{"20260105", "yyyyMMdd", "", "2026-01-05T00:00:00Z"},
		{"Mon, 05 Jan 2026 07:30:02 GMT", "R", "fr-FR", "2026-01-05T07:30:02Z"},
		{"29.02.2028", "dd.MM.yyyy", "", "2028-02-29T00:00:00Z"},
	}
	for _, tt := range tests {
		got, err := ParseTime(tt.text, []string{tt.format}, culture(t, tt.culture))
		if err != nil || got.Format(time.RFC3339Nano) != tt.want {
			t.Errorf("%q %q %s: %v, %v, want %s", tt.text, tt.format, tt.culture, got, err, tt.want)
		}
	}
	got, err := ParseTime("5 Jan 2026", []string{"dd/MM/yyyy", "d MMM yyyy"}, Invariant)
	if err != nil || got.Day() != 5 {
		t.Errorf("second format: %v, %v", got, err)
	}
}

func TestParseTimeRefusals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, format string }{
		{"", "dd/MM/yyyy"}, {"31/02/2026", "dd/MM/yyyy"}, {"5/1/2026", "dd/MM/yyyy"}, {"05/13/2026", "dd/MM/yyyy"}, {"05/01/2026x", "dd/MM/yyyy"},
		{"Tue 05 Jan 2026", "ddd dd MMM yyyy"}, {"2026-01-05 24:00", "yyyy-MM-dd HH:mm"}, {"2026-01-05 13:00", "yyyy-MM-dd hh:mm"},
		{"2026-01-05 09:00 PM", "yyyy-MM-dd HH:mm tt"}, {"5 Foo 2026", "d MMM yyyy"}, {"0000-01-01", "yyyy-MM-dd"}, {"2026 2025", "yyyy yyyy"},
		{"2026-01-05T00:00:00+15:00", "yyyy-MM-ddTHH:mm:sszzz"}, {"0001-01-01T00:00:00+01:00", "yyyy-MM-ddTHH:mm:sszzz"},
	} {
		got, err := ParseTime(tt.text, []string{tt.format}, Invariant)
		var unreadable *UnreadableError
		if !errors.As(err, &unreadable) {
			t.Errorf("%q %q: %v, %v, want an unreadable error", tt.text, tt.format, got, err)
		}
	}
	for _, format := range []string{"dd/MM", "HH:mm", "dd/mm/yyyy", "yyyy g", "t", "x", "'open"} {
		_, err := ParseTime("1", []string{format}, Invariant)
		var refused *FormatError
		if !errors.As(err, &refused) {
			t.Errorf("%q: %v, want a format error", format, err)
		}
	}
}
