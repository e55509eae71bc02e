package dotnet

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// currencyMark is a sign or code of a currency beside an amount. A sign that several currencies
// share has no code. It means the culture's currency if that is one of them; otherwise it stays
// open.
type currencyMark struct {
	text, code string
	among      string
}

// isWord reports whether the mark needs a border: R counts in "R 12" and "R2D2", but not in
// "Rabatt".
func (m currencyMark) isWord() bool {
	r, _ := utf8.DecodeLastRuneInString(m.text)
	return unicode.IsLetter(r)
}

// currencyMarks has a longer mark before the marks that it starts or ends with.
var currencyMarks = append([]currencyMark{
	{text: "US$", code: "USD"}, {text: "CA$", code: "CAD"}, {text: "AU$", code: "AUD"}, {text: "A$", code: "AUD"},
	{text: "C$", code: "CAD"}, {text: "NZ$", code: "NZD"}, {text: "HK$", code: "HKD"}, {text: "S$", code: "SGD"},
	{text: "R$", code: "BRL"}, {text: "SFr.", code: "CHF"}, {text: "Fr.", code: "CHF"}, {text: "Rs.", among: "INR"},
	{text: "kr.", among: "SEK NOK DKK"}, {text: "€", code: "EUR"}, {text: "£", code: "GBP"}, {text: "₹", code: "INR"},
	{text: "zł", code: "PLN"}, {text: "Kč", code: "CZK"}, {text: "₽", code: "RUB"}, {text: "₺", code: "TRY"}, {text: "₪", code: "ILS"},
	{text: "₩", code: "KRW"}, {text: "元", code: "CNY"}, {text: "円", code: "JPY"},
	{text: "¥", among: "JPY CNY"}, {text: "￥", among: "JPY CNY"},
	{text: "$", among: "USD"}, {text: "¤"},
}, append(codes("AED ARS AUD BGN BRL BWP CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR JPY KES KRW MAD MXN MYR MZN "+
	"NAD NGN NOK NZD PEN PHP PKR PLN QAR RON RSD RUB SAR SEK SGD THB TRY TWD TZS UAH UGX USD VND ZAR ZMW"),
	currencyMark{text: "SFr", code: "CHF"}, currencyMark{text: "Rs", among: "INR"}, currencyMark{text: "kr", among: "SEK NOK DKK"},
	currencyMark{text: "R", code: "ZAR"})...)

func codes(list string) []currencyMark {
	var marks []currencyMark
	for _, code := range strings.Fields(list) {
		marks = append(marks, currencyMark{text: code, code: code})
	}
	return marks
}

// cutFold cuts a mark off the end or the start, in any case.
func cutFold(s, mark string, end bool) (string, bool) {
	if len(s) < len(mark) {
		return s, false
	}
	if end {
		if at := len(s) - len(mark); utf8.RuneStart(s[at]) && strings.EqualFold(s[at:], mark) {
			return s[:at], true
		}
		return s, false
	}
	if strings.EqualFold(s[:len(mark)], mark) {
		return s[len(mark):], true
	}
	return s, false
}

func startsWithLetter(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return s != "" && unicode.IsLetter(r)
}

func endsWithLetter(s string) bool {
	r, _ := utf8.DecodeLastRuneInString(s)
	return s != "" && unicode.IsLetter(r)
}
