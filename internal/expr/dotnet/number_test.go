package dotnet

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func culture(t *testing.T, name string) *Culture {
	t.Helper()
	c, err := ByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func decimal(t *testing.T, text string) Number {
	t.Helper()
	n, err := Decimal(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestFormatNumber(t *testing.T) {
	t.Parallel()
	tests := []struct {
		n                     Number
		format, culture, want string
	}{
		{Double(118.4), "", "", "118.4"},
		{Double(-0.0001), "G", "", "-0.0001"},
		{Double(0.00001), "G", "", "1E-05"},
		{Double(1234567.891), "G3", "", "1.23E+06"},
		{Double(1e17), "", "", "1E+17"},
		{Double(1e16), "", "", "10000000000000000"},
		{Double(123456789012345680), "R", "", "1.2345678901234568E+17"},
		{Int(123456), "G3", "", "1.23E+05"},
		{Int(-42), "", "sv-SE", "\u221242"},
		{decimal(t, "1.50"), "", "", "1.50"},
		{decimal(t, "0.00"), "", "", "0.00"},
		{decimal(t, "-0.0"), "", "", "0.0"},
		{decimal(t, "0.00001"), "", "", "0.00001"},
		{decimal(t, "1.50"), "G3", "", "1.5"},
		// Doubles round halves of the exact value to even, decimals away from zero.
		{Double(2.5), "F0", "", "2"},
		{Double(0.125), "F2", "", "0.12"},
		{decimal(t, "2.5"), "F0", "", "3"},
		{decimal(t, "0.125"), "F2", "", "0.13"},
		{Double(2.675), "F2", "", "2.67"},
		{Double(2.5), "0", "", "3"},
		{Double(-0.4), "F0", "", "-0"},
		{decimal(t, "-0.4"), "F0", "", "0"},
		{Double(9.995), "F2", "", "9.99"},
		{Double(1234.5), "F", "", "1234.50"},
		{Double(1234.5), "F", "en-US", "1234.500"},
		{Double(1234567.891), "N", "", "1,234,567.89"},
		{Double(1234567.891), "N2", "de-DE", "1.234.567,89"},
		{Double(12345678.9), "N1", "en-IN", "1,23,45,678.9"},
		{Double(1234.5), "N2", "fr-FR", "1\u202f234,50"},
		{Double(-1234.5), "N0", "nb-NO", "\u22121\u00a0234"},
		{Double(0.1234), "P", "", "12.34 %"},
		{Double(0.1234), "P1", "en-US", "12.3%"},
		{Double(-0.1234), "P0", "de-DE", "-12 %"},
		{Double(1234.5), "C", "", "¤1,234.50"},
		{Double(-1234.5), "C", "", "(¤1,234.50)"},
		{Double(-1234.5), "C", "en-US", "-$1,234.50"},
		{Double(-1234.5), "C", "de-DE", "-1.234,50 €"},
		{Double(-1234.5), "C", "de-CH", "CHF-1’234.50"},
		{Double(1234.5), "C", "en-ZA", "R1\u00a0234,50"},
		{Double(1234.5), "C", "ja-JP", "￥1,234"},
		{Double(1234.5), "C0", "de-AT", "€ 1.234"},
		{Int(42), "D5", "", "00042"},
		{Int(-42), "D5", "", "-00042"},
		{Int(255), "X", "", "FF"},
		{Int(255), "x4", "", "00ff"},
		{Int(-1), "X", "", "FFFFFFFF"},
		{Int(-1 << 40), "X", "", "FFFFFF0000000000"},
		{Int(5), "B8", "", "00000101"},
		{Double(12345.678), "E2", "", "1.23E+004"},
		{Double(0), "E2", "", "0.00E+000"},
		{Double(0.00012345), "e", "", "1.234500e-004"},
		{Int(1500), "E0", "", "2E+003"},
		// Custom formats.
		{Double(1234.567), "#,##0.00", "", "1,234.57"},
		{Double(0.5), "#.##", "", ".5"},
		{Double(0), "#.##", "", ""},
		{Double(0), "0.##", "", "0"},
		{Double(0.05), "0.##", "", "0.05"},
		{Double(1234567), "#,##0,K", "", "1,235K"},
		{Double(1234567), "0,,.##M", "", "1.23M"},
		{Double(0.256), "0.0%", "", "25.6%"},
		{Double(0.0256), "0.0‰", "", "25.6‰"},
		{Double(-5), "0;(0);zero", "", "(5)"},
		{Double(0), "0;(0);zero", "", "zero"},
		{Double(0.2), "0;(0);zero", "", "zero"},
		{Double(-0.2), "0;(0)", "", "-0"},
		{decimal(t, "-0.2"), "0;(0)", "", "0"},
		{Double(-5), "0;;zero", "", "-5"},
		{Double(5), "'No. '000", "", "No. 005"},
		{Double(5), `\#0`, "", "#5"},
		{Double(5), `0"x`, "", "5x"},
		{Double(12345), "0.00E+00", "", "1.23E+04"},
		{Double(12345), "##0.0E0", "", "123.5E2"},
		{Double(0.00012), "0.0e-0", "", "1.2e-4"},
		{Double(12345), "0 EUR", "", "12345 EUR"},
		{Int(27821234567), "+## ## ### ####", "", "+27 82 123 4567"},
		{Int(42), "(###) ###-####", "", "() -42"},
		{Double(1234.5), "#,##0.00", "de-DE", "1.234,50"},
		{Double(12), "000,000", "", "000,012"},
		{Int(12345678), "#,#", "en-IN", "1,23,45,678"},
		{Double(86000), "Total", "", "Total"},
	}
	for _, tt := range tests {
		got, err := FormatNumber(tt.n, tt.format, culture(t, tt.culture))
		if err != nil {
			t.Errorf("%v %q %s: %v", tt.n, tt.format, tt.culture, err)
			continue
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%v %q %s: -want +got:\n%s", tt.n, tt.format, tt.culture, diff)
		}
	}
}

func TestFormatNumberRefusals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		n      Number
		format string
	}{
		{Double(1), "D2"}, {Double(1), "X"}, {Int(1), "R"}, {decimal(t, "1"), "D"}, {Double(1), "Q"}, {Double(1), "Z9"}, {Int(1), "F301"},
		{Int(1), "N99999999999999999999"}, {Int(1), strings.Repeat("#", 501)},
	} {
		_, err := FormatNumber(tt.n, tt.format, Invariant)
		var refused *FormatError
		if !errors.As(err, &refused) {
			t.Errorf("%v %q: %v, want a format error", tt.n, tt.format, err)
		}
	}
}
