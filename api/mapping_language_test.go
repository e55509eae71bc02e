package api

import (
	"database/sql"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/forgehook/forgehook"
)

// input is the body that gives a service an input.
func input(t *testing.T, text string) string {
	t.Helper()
	body, err := json.Marshal(map[string]string{"input": text})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// mappedTo posts raw JSON to service 48072 and returns the document that its input makes.
func (f *fixture) mappedTo(t *testing.T, source string) (d forgehook.Document) {
	t.Helper()
	posted := f.must(t, 201, "POST", "/v1/projects/1001/documents?serviceId=48072", source)
	if err := forgehook.Decode(posted.body, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// The input of a service keeps the language that it was saved in; only a save that gives the input
// sets the present one.
func TestService_inputLanguage(t *testing.T) {
	t.Parallel()
	var address string
	f := setup(t, func(_ *Config, url string) { address = url })
	f.seed(t)
	const at, text = "/v1/services/48072", `{"comment": text(source.total / 4), "externalId": text(source.price)}`
	language := func(a reply) (service struct{ InputLanguage forgehook.Language }) {
		if err := json.Unmarshal(a.body, &service); err != nil {
			t.Fatal(err)
		}
		return service
	}
	if got := language(f.must(t, 200, "PATCH", at, input(t, text))).InputLanguage; got != forgehook.LanguageNow {
		t.Errorf("an input that was saved now is in language %d", got)
	}
	expect := func(comment, externalID string) {
		t.Helper()
		if d := f.mappedTo(t, `{"total":30,"price":30.0}`); *d.Comment != comment || *d.ExternalID != externalID {
			t.Errorf("mapped to %s and %s, want %s and %s", *d.Comment, *d.ExternalID, comment, externalID)
		}
	}
	expect("7.5", "30.0")
	f.must(t, 422, "PATCH", at, `{"inputLanguage":1}`)

	// As an earlier release has stored it.
	db, err := sql.Open("postgres", address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // only written to
	_, err = db.ExecContext(t.Context(), `
		UPDATE services SET body = convert_to(replace(convert_from(body, 'UTF8'), ',"inputLanguage":2', ''), 'UTF8') WHERE id = 48072`)
	if err != nil {
		t.Fatal(err)
	}
	f.must(t, 200, "PATCH", at, `{"label":"renamed"}`)
	expect("7", "30")
	f.must(t, 200, "PATCH", at, input(t, text))
	expect("7.5", "30.0")
}

// What people calculate with the numbers of real files.
func TestInput_realNumbers(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	for _, c := range []struct{ file, text, want string }{
		{"veryfi", `source.subtotal + source.tax`, "154.06"}, // 145 and 9.06
		{"veryfi", `source.line_items[1].total / 4`, "7.5"},  // 30
		{"asprise", `source.receipts[0].ocr_confidence / 100.0`, "0.966"},
		{"asprise", `source.receipts[0].subtotal / 100`, "1.32"}, // 132
	} {
		source, err := os.ReadFile("testdata/cases/" + c.file + ".json")
		if err != nil {
			t.Fatal(err)
		}
		f.must(t, 200, "PATCH", "/v1/services/48072", input(t, `{"comment": text(`+c.text+`)}`))
		if d := f.mappedTo(t, string(source)); *d.Comment != c.want {
			t.Errorf("%s: %s is %s, want %s", c.file, c.text, *d.Comment, c.want)
		}
	}
}

// Some programs begin UTF-8 with a byte order mark, in a body as in the first of several lines.
func TestBody_byteOrderMark(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	f.must(t, 200, "PATCH", "/v1/services/48072", input(t, `{"comment": text(source.n)}`))
	const mark = "\uFEFF"
	if d := f.mappedTo(t, mark+`{"n":1.50}`); *d.Comment != "1.50" || string(d.Source) != `{"n":1.50}` {
		t.Errorf("mapped to %s of %s", *d.Comment, d.Source)
	}
	lines := mark + `{"id":931,"filename":"a.pdf"}` + "\r\n" + `{"id":932,"filename":"b.pdf"}` + "\n"
	got := f.must(t, 200, "POST", "/v1/projects/1001/documents/import", lines, "Content-Type: application/x-ndjson").json(t)
	if got["created"] != 2.0 {
		t.Errorf("imported %v", got)
	}
	if a := f.do(t, "POST", "/v1/projects/1001/documents", mark+mark+`{"id":933}`); a.status != 400 {
		t.Errorf("two marks: %d %s", a.status, a.body)
	}
}

// A sample may have what a body may have.
func TestInput_largeSample(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	body, err := json.Marshal(map[string]any{"input": `{"comment": text(size(source.pages))}`, "inputSample": map[string]any{"pages": strings.Repeat("x", 3<<20)}})
	if err != nil {
		t.Fatal(err)
	}
	f.must(t, 200, "PATCH", "/v1/services/48072", string(body))
}
