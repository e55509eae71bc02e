package platform

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
)

var update = flag.Bool("update", false, "write golden files anew")

func fine(forgehook.Settings) error { return nil }

func hierarchy(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/hierarchy.json")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// settled parses a hierarchy with one utility and settles it.
func settled(t *testing.T, data string, check func(forgehook.Settings) error) (*Utility, forgehook.Settings) {
	t.Helper()
	utilities, err := Parse([]byte(data))
	if err != nil {
		t.Fatal(err)
	}
	if len(utilities) != 1 {
		t.Fatalf("%d utilities", len(utilities))
	}
	s, err := utilities[0].Settle(check)
	if err != nil {
		t.Fatal(err)
	}
	return utilities[0], s
}

// under returns a utility with these nodes below its Setting.
func under(nodes string) string {
	return `{"id":7,"serviceTypeId":87,"name":"WebHook","children":[{"name":"Setting","children":[` + nodes + `]}]}`
}

const goodURL = `{"name":"WebHook","children":[{"name":"URL","defaultValue":"https://example.com/"}]}`

// TestHierarchy compares report and settings of a whole tree with golden files.
func TestHierarchy(t *testing.T) {
	t.Parallel()
	utilities, err := Parse(hierarchy(t))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, u := range utilities {
		settings, err := u.Settle(fine)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%d %q index %d\n", u.ID, u.Name, u.Index)
		for _, l := range u.Report {
			fmt.Fprintf(&b, "%-10s %-24s %-24s %-40q %s\n", l.Action, l.Key, l.Setting, l.Value, l.Message)
		}
		shown, err := json.MarshalIndent(settings, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n\n", shown)
		if plain := settings.WebHook.APIKey.Reveal(); u.ID == 48080 && plain != "Bearer very-secret-key" {
			t.Errorf("the API key is %q", plain)
		}
	}
	const file = "testdata/hierarchy.golden"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("run go test ./internal/platform -update after a change that is meant: %s", diff)
	}
	for _, secret := range []string{"very-secret-key", "do-not-show"} {
		if strings.Contains(b.String(), secret) {
			t.Errorf("the report shows %s", secret)
		}
	}
}

// TestParse has a row for each input that is not a hierarchy with a utility.
func TestParse(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"children":[`, 80) + under("") + strings.Repeat(`]}`, 80)
	for _, row := range []struct{ name, in, want string }{
		{"nothing", "", "malformed-json"},
		{"half a tree", `{"serviceTypeId":87,`, "malformed-json"},
		{"no UTF-8", "{\"name\":\"\xff\"}", "malformed-json"},
		{"null", "null", "invalid"},
		{"a text", `"x"`, "invalid"},
		{"an empty list", "[]", "invalid"},
		{"another service", `{"serviceTypeId":12,"children":[{"serviceTypeId":1e400},{"serviceTypeId":null}]}`, "invalid"},
		{"a deleted utility", `{"serviceTypeId":87,"status":"deleted"}`, "invalid"},
		{"too deep", deep, "invalid"},
		{"too many", "[" + strings.Repeat(under("")+",", 100) + under("") + "]", "invalid"},
		{"a utility", under(""), ""},
		{"PascalCase", `{"ServiceTypeId":87.0,"Children":[]}`, ""},
		{"lists in lists", `[[[{"serviceTypeId":"87"}]]]`, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse([]byte(row.in))
			if got := string(forgehook.ErrorCode(err)); got != row.want {
				t.Errorf("got %q, want %q: %v", got, row.want, err)
			}
		})
	}
}

// TestNodes has a row for each kind of node and its line.
func TestNodes(t *testing.T) {
	t.Parallel()
	inWebHook := func(node string) string {
		return `{"name":"WebHook","children":[{"name":"URL","defaultValue":"https://example.com/"},` + node + `]}`
	}
	for _, row := range []struct {
		name, nodes, setting string
		action               Action
		value                string // the resulting setting, as JSON
	}{
		{"a text is a boolean", goodURL + `,{"name":"RemoveComments","defaultValue":"true"}`, "removeComments", Taken, "true"},
		{"a boolean is one", goodURL + `,{"name":"RemoveComments","defaultValue":true}`, "removeComments", Taken, "true"},
		{"a word is no boolean", goodURL + `,{"name":"RemoveComments","defaultValue":"yes"}`, "removeComments", Refused, "false"},
		{"Enabled beside something refused", goodURL + `,{"name":"Enabled","defaultValue":"True"},{"name":"BatchSize","defaultValue":"x"}`, "enabled", Warned, "false"},
		{"an empty boolean", goodURL + `,{"name":"Enabled","defaultValue":""}`, "enabled", Taken, "true"},
		{"an empty ExecuteBeforeProcess", goodURL + `,{"name":"ExecuteBeforeProcess","defaultValue":null}`, "executeBeforeProcess", Taken, "true"},
		{"no ExecuteBeforeProcess", goodURL, "executeBeforeProcess", Warned, "true"},
		{"no ExecuteAfterProcess", goodURL, "executeAfterProcess", Warned, "false"},
		{"a bad ExecuteAfterProcess", goodURL + `,{"name":"ExecuteAfterProcess","defaultValue":"maybe"}`, "executeAfterProcess", Refused, "false"},
		{"no Method", goodURL, "webHook.method", Taken, `"GET"`},
		{"an empty Method", inWebHook(`{"name":"Method","defaultValue":""}`), "webHook.method", Taken, `"GET"`},
		{"a Method's number", inWebHook(`{"name":"Method","defaultValue":"1"}`), "webHook.method", Refused, `"GET"`},
		{"a Method's name", inWebHook(`{"name":"Method","defaultValue":"put"}`), "webHook.method", Taken, `"PUT"`},
		{"no method", inWebHook(`{"name":"Method","defaultValue":"FETCH"}`), "webHook.method", Refused, `"GET"`},
		{"an empty filter lets any pass", goodURL + `,{"name":"Document","children":[{"name":"Status","defaultValue":null}]}`, "document.status", Taken, "null"},
		{"statuses by number", goodURL + `,{"name":"Document","children":[{"name":"Status","defaultValue":"9, 10"}]}`, "document.status", Taken, `["Verification","Processed"]`},
		{"a status that is none", goodURL + `,{"name":"Document","children":[{"name":"Status","defaultValue":"Exception"}]}`, "document.status", Refused, `"Processed"`},
		{"a category as number", goodURL + `,{"name":"Document","children":[{"name":"Category","value":3307}]}`, "document.category", Taken, "3307"},
		{"days of archiving", goodURL + `,{"name":"Archiving Strategy","defaultValue":"30"}`, "archivingStrategy", Warned, "30"},
		{"zero days", goodURL + `,{"name":"ArchivingStrategy","defaultValue":"0"}`, "archivingStrategy", Refused, "null"},
		{"an odd number", goodURL + `,{"name":"BatchSize","defaultValue":1e400}`, "batchSize", Refused, "100"},
		{"a value that is a list", goodURL + `,{"name":"BatchSize","defaultValue":[1]}`, "batchSize", Refused, "100"},
		{"days that are meant as seconds", inWebHook(`{"name":"RetryDelay","defaultValue":"5"}`), "webHook.retryDelay", Refused, "null"},
		{"a TimeSpan", inWebHook(`{"name":"RetryDelay","defaultValue":"1.00:00:00"}`), "webHook.retryDelay", Taken, `"1.00:00:00"`},
		{"a domain", inWebHook(`{"name":"Domain","defaultValue":"CORP"}`), "webHook.domain", Warned, `"CORP"`},
		{"a domain in the username", inWebHook(`{"name":"Username","defaultValue":"CORP\\joe"},{"name":"Domain","defaultValue":""}`), "webHook.domain", Warned, `"CORP"`},
		{"a username behind a domain", inWebHook(`{"name":"Username","defaultValue":"CORP\\joe"}`), "webHook.username", Warned, `"joe"`},
		{"a script", inWebHook(`{"name":"Body","defaultValue":"// x\nreturn \"{}\";"}`), "webHook.body", Translated, `"// x\nreturn \"{}\";"`},
		{"a masked password", inWebHook(`{"name":"Password","defaultValue":"***"}`), "webHook.password", Warned, "null"},
		{"no URL", "", "webHook.url", Refused, `"` + NoURL + `"`},
		{"the first of two counts", goodURL + `,{"name":"BatchSize","defaultValue":"7"},{"label":"Batch Size","value":"8"}`, "batchSize", Warned, "7"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			u, s := settled(t, under(row.nodes), fine)
			var line Line
			for _, l := range u.Report {
				if l.Setting == row.setting {
					line = l
				}
			}
			if line.Action != row.action {
				t.Errorf("got %+v, want %s", line, row.action)
			}
			if line.Action != Taken && line.Message == "" {
				t.Errorf("%+v does not say why", line)
			}
			whole, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			var tree any
			if err := json.Unmarshal(whole, &tree); err != nil {
				t.Fatal(err)
			}
			for _, name := range strings.Split(row.setting, ".") {
				tree = tree.(map[string]any)[name]
			}
			if got, _ := json.Marshal(tree); string(got) != row.value {
				t.Errorf("the setting is %s, want %s", got, row.value)
			}
			if refused := strings.Contains(fmt.Sprint(u.Report), string(Refused)); s.Enabled == refused {
				t.Errorf("enabled is %v though something was refused: %v", s.Enabled, refused)
			}
		})
	}
}

func TestUtility_isOffOnThePlatform(t *testing.T) {
	t.Parallel()
	_, s := settled(t, `{"serviceTypeId":87,"isEnabled":false,"children":[`+goodURL+`]}`, fine)
	if s.Enabled {
		t.Error("a disabled utility is on")
	}
}

func TestSettle_check(t *testing.T) {
	t.Parallel()
	fault := func(path string) error {
		return forgehook.Invalid(forgehook.FieldError{Path: path, Allowed: "something else"})
	}
	u, s := settled(t, under(goodURL+`,{"name":"Document","children":[{"name":"Pattern","defaultValue":"("}]}`), func(s forgehook.Settings) error {
		if s.Document.Pattern == "(" {
			return fault("document.pattern")
		}
		if *s.WebHook.URL != NoURL {
			return fault("webHook.url")
		}
		return nil
	})
	if s.Enabled || s.Document.Pattern != ".*" || *s.WebHook.URL != NoURL {
		t.Errorf("settings %+v", s)
	}
	for _, l := range u.Report {
		if want := l.Setting == "document.pattern" || l.Setting == "webHook.url"; (l.Action == Refused) != want {
			t.Errorf("%+v", l)
		}
	}
	stuck := errors.New("the disk is full")
	for _, err := range []error{stuck, fault("signing.secret"), fault("webHook.retryCount"), forgehook.Errorf(forgehook.CodeUnavailable, "away")} {
		utilities, parseErr := Parse([]byte(under(goodURL)))
		if parseErr != nil {
			t.Fatal(parseErr)
		}
		if _, got := utilities[0].Settle(func(forgehook.Settings) error { return err }); !errors.Is(got, err) {
			t.Errorf("got %v, want %v", got, err)
		}
	}
}

func TestReport_isBounded(t *testing.T) {
	t.Parallel()
	var nodes strings.Builder
	for i := range 30_000 {
		fmt.Fprintf(&nodes, `{"name":"Unknown %d","defaultValue":"x"},`, i)
	}
	u, _ := settled(t, under(nodes.String()+goodURL), fine)
	if n := len(u.Report); n > 200 {
		t.Errorf("%d lines", n)
	}
	if !strings.Contains(fmt.Sprint(u.Report), "29901 more") {
		t.Errorf("the report does not say how much it leaves out: %v", u.Report[len(u.Report)-1])
	}
}

// FuzzPlatformTree: any input gives an error with a code, or settings; no secret is in the report.
func FuzzPlatformTree(f *testing.F) {
	f.Add(hierarchy(f))
	f.Add([]byte(under(goodURL + `,{"name":"Password","defaultValue":"hush-7Qz-hush"}`)))
	f.Add([]byte(`[{"serviceTypeId":87,"settings":{"name":"Setting","children":{"name":"WebHook","children":[{"label":"A P I Key","value":"hush-7Qz-hush"}]}}}]`))
	f.Add([]byte(`{"serviceTypeId":8.7e1,"isEnabled":"no","status":"99","children":[null,1,"x",[],{}]}`))
	f.Add([]byte(strings.Repeat(`{"children":[`, 70) + `]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		utilities, err := Parse(data)
		if err != nil {
			if code := forgehook.ErrorCode(err); code != forgehook.CodeMalformed && code != forgehook.CodeInvalid {
				t.Errorf("an error without a code: %v", err)
			}
			return
		}
		for _, u := range utilities {
			s, err := u.Settle(fine)
			if err != nil {
				t.Fatalf("settle: %v", err)
			}
			report, err := json.Marshal(u.Report)
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range []forgehook.Secret{s.Password, s.WebHook.Password, s.WebHook.APIKey} {
				if plain := secret.Reveal(); strings.Contains(plain, "hush-7Qz-hush") && strings.Contains(string(report), plain) {
					t.Errorf("the report shows a secret: %s", report)
				}
			}
			if _, err := json.Marshal(s); err != nil {
				t.Errorf("the settings have no JSON: %v", err)
			}
		}
	})
}

// FuzzDecodeDocument: documents of any shape (unknown fields, odd numbers, deep nesting) that the
// decoder accepts are written as JSON that gives the same document.
func FuzzDecodeDocument(f *testing.F) {
	f.Add([]byte(`{"id":912,"status":9,"usage":"outbox","dtc":"2026-01-05T07:30:00Z","resultParameters":[{"id":1,"value":"1","verifications":[{"confidence":0.5,"charge":1e2}]}]}`))
	f.Add([]byte(`{"ID":1e0,"whatever":{"a":[1,2,{"b":null}]},"source":{"z":1.10,"a":[]},"classId":2147483648}`))
	f.Add([]byte(`{"id":-0.0,"status":-1,"resultIndex":1e400,"info":["x",null]}`))
	f.Add([]byte(strings.Repeat(`{"documents":[`, 40) + `{}` + strings.Repeat(`]}`, 40)))
	f.Fuzz(func(t *testing.T, data []byte) {
		var d, again forgehook.Document
		if err := forgehook.Decode(data, &d); err != nil {
			if forgehook.ErrorCode(err) == "" {
				t.Errorf("an error without a code: %v", err)
			}
			return
		}
		out, err := json.Marshal(d)
		if err != nil {
			t.Fatalf("no JSON of %s: %v", data, err)
		}
		if err := forgehook.Decode(out, &again); err != nil {
			t.Fatalf("its own JSON is refused: %v\n%s", err, out)
		}
		if second, err := json.Marshal(again); err != nil || string(second) != string(out) {
			t.Errorf("it changes by decoding: %v\n%s\n%s", err, out, second)
		}
	})
}
