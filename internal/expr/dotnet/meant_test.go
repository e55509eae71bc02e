package dotnet

import "testing"

func TestCheckMeant(t *testing.T) {
	t.Parallel()
	for format, meant := range map[string]string{
		"YYYY-MM-DD":           "yyyy-MM-dd",
		"yyyy-mm-dd":           "yyyy-MM-dd",
		"%Y-%m-%d":             "yyyy-MM-dd",
		"%d.%m.%y %H:%M":       "dd.MM.yy HH:mm",
		"YYYY-MM-DDTHH:mm:ssZ": "yyyy-MM-ddTHH:mm:ssZ",
		"DD/MM/YYYY":           "dd/MM/yyyy",
		"dd.mm.yy":             "dd.MM.yy",
		"mm/yyyy":              "MM/yyyy",
		"dd/mm/yyyy HH:mm":     "dd/MM/yyyy HH:mm",
		"HH:MM":                "HH:mm",
		"HH:MM:ss":             "HH:mm:ss",
		"YYYY":                 "yyyy",
		"HH:mm Uhr":            "HH:mm 'Uhr'",
		"yyyy-MM-dd at HH:mm":  "yyyy-MM-dd 'at' HH:mm",
		"ddd, dd MMM yyyy GMT": "ddd, dd MMM yyyy 'GMT'",
		// These are right.
		"yyyy-MM-dd": "", "HH:mm": "", "mm:ss": "", "h:mm tt": "", "yyyy-MM-ddTHH:mm:ssZ": "", "yyyy-MM-ddTHH:mm:ss.fffK": "",
		"yyyyMMddTHHmmssZ": "", "yyyyMMddHHmmss": "", "d. MMMM yyyy": "", "dd 'de' MMMM": "", "%d": "", "o": "", "d": "", "": "", "HH'h'mm": "",
		"MM/yy": "", "dd-MM HH:mm": "", "'Y'yyyy": "", `\Yyyyy`: "", "MMM": "", "ss": "", "mm": "", "yyyy.MM.dd G 'at'": "yyyy.MM.dd 'G' 'at'",
	} {
		err := CheckMeant(format)
		if meant == "" {
			if err != nil {
				t.Errorf("%q: %v", format, err)
			}
			continue
		}
		if got := meantMoment(format); err == nil || got != meant {
			t.Errorf("%q: meant %q, want %q (%v)", format, got, meant, err)
		}
	}
}

// What is proposed is itself accepted.
func FuzzCheckMeant(f *testing.F) {
	for _, seed := range []string{"YYYY-MM-DD", "%Y-%m-%d", "HH:MM Uhr", "'a", `\`, "%", "ddTHHZ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, format string) {
		if CheckMeant(format) == nil {
			return
		}
		meant := meantMoment(format)
		if err := CheckMoment(meant); err != nil {
			t.Errorf("%q: %q is proposed: %v", format, meant, err)
		}
		if err := CheckMeant(meant); err != nil {
			t.Errorf("%q: %q is proposed: %v", format, meant, err)
		}
	})
}
