package forgehook

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/forgehook/forgehook/internal/jsontree"
)

func TestDecode(t *testing.T) {
	t.Parallel()
	const ids = "a whole number from -2147483648 to 2147483647"
	deep := strings.Repeat(`{"documents":[`, 40) + strings.Repeat(`]}`, 40)
	tests := []struct {
		name, in string
		want     []string
	}{
		{"empty object", `{}`, nil},
		{"null everywhere", `{"id":null,"filename":null,"resultParameters":null,"status":null,"info":null}`, nil},
		{"unknown names", `{"canVerify":true,"class":{"id":1}}`, nil},
		{"names in any case", `{"ID":1,"FILENAME":"a","ResultParameters":[{"VALUE":"1"}]}`, nil},
		{"whole numbers as other languages write them", `{"id":7.0,"projectId":7e0,"masterId":70e-1}`, nil},
		{"numbers that are none", `{"id":1.5,"projectId":"7","serviceId":2147483648,"classId":1e400,"masterId":true}`, []string{
			"projectId | 7 | " + ids, "serviceId | 2147483648 | " + ids, "id | 1.5 | " + ids, "classId | 1e400 | " + ids, "masterId | true | " + ids}},
		{"texts that are none", `{"filename":7,"comment":["a"],"externalId":{"a":1}}`, []string{
			"filename | 7 | a text in quotes", `externalId | {"a":1} | a text in quotes`, `comment | ["a"] | a text in quotes`}},
		{"lists that are none", `{"info":"a","resultParameters":{}}`, []string{"info | a | a list", "resultParameters | {} | a list"}},
		{"null in a list", `{"info":["a",null],"documents":[null]}`, []string{"info[1] |  | no null in a list", "documents[0] |  | no null in a list"}},
		{"places", `{"resultParameters":[{},{"children":[{"verifications":[{"confidence":"high","dt":"soon","charge":"1"}]}]}]}`, []string{
			"resultParameters[1].children[0].verifications[0].dt | soon | a date and time like 2026-01-05T07:30:00.000Z",
			"resultParameters[1].children[0].verifications[0].confidence | high | a number",
			"resultParameters[1].children[0].verifications[0].charge | 1 | a number"}},
		{"a double that is too big", `{"data":[{"resolution":1e999}]}`, []string{"data[0].resolution | 1e999 | a number that fits a double"}},
		{"no object", `[1]`, []string{" | [1] | an object"}},
		{"a list of no objects", `{"documents":[1]}`, []string{"documents[0] | 1 | an object"}},
		{"too deep", deep, []string{strings.TrimPrefix(strings.Repeat(".documents[0]", 33)+" |  | at most 64 levels deep", ".")}},
		{"a long value", `{"id":"` + strings.Repeat("ü", 100) + `"}`, []string{"id | " + strings.Repeat("ü", 48) + "... | " + ids}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var doc Document
			got := faultsOf(t, Decode([]byte(tt.in), &doc))
			if len(got) == len(tt.want) && len(got) > 1 { // faults come in the order of the struct
				for _, w := range tt.want {
					if !strings.Contains("\n"+strings.Join(got, "\n")+"\n", "\n"+w+"\n") {
						diff(t, tt.want, got)
					}
				}
				return
			}
			diff(t, tt.want, got)
		})
	}
}

func TestDecode_malformed(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                     "it is empty",
		" \n":                  "it is empty",
		"{":                    "unexpected end of JSON input, line 1, column 1",
		"{\"id\":1}\n{":        "invalid character '{' after top-level value, line 2, column 1",
		"{\"ä\":\"ü\", x}":     "invalid character 'x' looking for beginning of object key string, line 1, column 11",
		"{\n\t\"a\": \"b\n\"}": `invalid character '\n' in string literal, line 2, column 9`,
		"{'a':1}":              `invalid character '\'' looking for beginning of object key string, line 1, column 2`,
		"NaN":                  "invalid character 'N' looking for beginning of value, line 1, column 1",
		"\xef\xbb\xbf{}":       "invalid character 'ï' looking for beginning of value, line 1, column 1",
	} {
		err := Decode([]byte(in), new(Document))
		if ErrorCode(err) != CodeMalformed || err.Error() != "malformed-json: The body is no JSON: "+want+"." {
			t.Errorf("%q: got %v, want %s", in, err, want)
		}
	}
	if err := Decode([]byte(strings.Repeat("[", 20_000)), new(Document)); ErrorCode(err) != CodeMalformed {
		t.Errorf("20,000 brackets: %v", err)
	}
}

func TestDecodeStrict(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in string
		want     []string
	}{
		{"platform entities stay open", `{"document":{"id":1,"canVerify":true,"resultParameters":[{"x":1,"paramDef":{"x":1}}]},"workItem":{"puId":1}}`, nil},
		{"names in any case", `{"DocumentID":1}`, nil},
		{"names in letters that fold", `{"rea\u017fon":"a"}`, nil},
		{"did you mean", `{"documentID":1,"webHookServicId":2}`, []string{`webHookServicId | 2 | no such name: did you mean "webHookServiceId"?`}},
		{"nothing near", `{"colour":"red"}`, []string{"colour | red | no such name; allowed: serviceId, webHookServiceId, documentId, document, masterDocumentId, masterDocument, " +
			"parameterId, parameter, parameterDefId, parameterDef, verificationId, verification, workItemId, workItem, reason"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			diff(t, tt.want, faultsOf(t, DecodeStrict([]byte(tt.in), new(CallRequest))))
		})
	}
}

// Of two spellings the exact one wins, else always the same one.
func TestDecode_twoSpellings(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"FILENAME":"a","filename":"b"}`:                "b",
		`{"fileName":"c","FILENAME":"a","Filename":"b"}`: "a",
		`{"":"c","FİLENAME":"b","FILENAME":"a"}`:         "a",
		`{"\u017fervice\u0130d":1,"FILENAME":"a"}`:       "a",
	} {
		for range 50 {
			var doc Document
			if err := Decode([]byte(in), &doc); err != nil || *doc.Filename != want {
				t.Fatalf("%s: got %q, %v", in, *doc.Filename, err)
			}
		}
	}
}

// A response must not outgrow its request.
func TestDecode_manyFaults(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"list":     `{"document":{"info":[` + strings.Repeat("1,", 500_000) + `1]}}`,
		"nulls":    `{"document":{"documents":[` + strings.Repeat("null,", 500_000) + `null]}}`,
		"unknowns": unknowns(50_000),
	} {
		if n := len(faultsOf(t, DecodeStrict([]byte(in), new(CallRequest)))); n != jsontree.MaxFaults {
			t.Errorf("%s: %d faults", name, n)
		}
	}
}

func unknowns(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"unknownName%d":1`, i)
	}
	return "{" + b.String()[1:] + "}"
}

func TestShorten(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in   string
		n    int
		want string
	}{{"abc", 3, "abc"}, {"abcdef", 5, "ab..."}, {"üüü", 5, "ü..."}, {"üüü", 6, "üüü"}, {"☃☃☃", 5, "..."}} {
		if got := Shorten(tt.in, tt.n); got != tt.want {
			t.Errorf("%q to %d: got %q", tt.in, tt.n, got)
		}
	}
}

// A suggestion is at most 3 edits away, at most half the length of the input, and 1 is always
// allowed. A swap of neighbours is one edit.
func TestNearest(t *testing.T) {
	t.Parallel()
	names := []string{"enabled", "webHook", "url", "document", "method", "id"}
	for got, want := range map[string]string{
		"enabeld": "enabled", "Webhook": "webHook", "uri": "url", "documents": "document", "x": "", "": "", "completely": "",
		"do": "", "doc": "", "docu": "", "docum": "", "docume": "document", "docuxxxx": "", "i": "id", // 4 away of 3, 1 of 1
		"ur": "url", "um": "", "u": "", "ulr": "url", "lru": "", // 1 of 1, a swap, 2 of 1
		"enable": "enabled", "enab": "", "enabxx": "enabled", "enaxxx": "", "enxxxxx": "", // 3 of 3, 4 of 3
		"metohd": "method", "emtohd": "method", "emtohx": "method", "mxxxxx": "",
		strings.Repeat("e", 1000): "",
	} {
		if near := Nearest(got, names); near != want {
			t.Errorf("%.20q: got %q, want %q", got, near, want)
		}
	}
}

// FuzzDecode: a decoded document is written and read again unchanged.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{platformDocument, `{}`, `{"status":"Processed","documents":[{"info":["a"]}],"dtc":"0001-01-01T00:00:00+01:00"}`,
		`{"resultParameters":[{"verifications":[{"charge":1e5,"symbolsConfidence":{"b":[1.50,null],"a":"<"},"confidence":1e-7}]}]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var doc, again Document
		if err := Decode(data, &doc); err != nil {
			return
		}
		first, err := json.Marshal(doc)
		if err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		if err := Decode(first, &again); err != nil {
			t.Fatalf("%q: written %s, %v", data, first, err)
		}
		if second, err := json.Marshal(again); err != nil || string(first) != string(second) {
			t.Fatalf("%q: written %s, then %s, %v", data, first, second, err)
		}
	})
}

func TestAppendJSON_names(t *testing.T) {
	t.Parallel()
	unknown, hidden := Availability(5), Availability(9)
	for _, tt := range []struct {
		entity any
		want   string
	}{
		{Verification{Status: 3, Type: 77}, `"typeName":null,"statusName":"Required, Suspicious"}`},
		{DocumentParameter{Availability: &unknown}, `"availability":5}`},
		{&DocumentParameter{Availability: &hidden}, `"availability":9,"availabilityName":"Hidden"}`},
		{DocumentParameter{}, `"availability":null}`},
	} {
		got, err := AppendJSON(nil, tt.entity)
		if err != nil || !json.Valid(got) {
			t.Fatalf("%s: %v", got, err)
		}
		if tail := string(got[max(0, len(got)-len(tt.want)):]); tail != tt.want {
			t.Errorf("got %s at the end, want %s", tail, tt.want)
		}
	}
	if _, err := AppendJSON(nil, Document{Source: json.RawMessage(`{"a":`)}); err == nil {
		t.Error("invalid raw JSON was written")
	}
}
