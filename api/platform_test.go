package api

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
)

const importPath = "/v1/services/48072/utilities/import"

// hierarchyOf is a utility of the platform with these settings: path, value, path, value.
func hierarchyOf(id int, settings ...string) string {
	containers := map[string][]string{}
	for i := 0; i < len(settings); i += 2 {
		container, name, nested := strings.Cut(settings[i], "/")
		if !nested {
			container, name = "", settings[i]
		}
		containers[container] = append(containers[container], fmt.Sprintf(`{"name":%q,"defaultValue":%q}`, name, settings[i+1]))
	}
	nodes := containers[""]
	for _, name := range []string{"Document", "WebHook"} {
		nodes = append(nodes, fmt.Sprintf(`{"name":%q,"children":[%s]}`, name, strings.Join(containers[name], ",")))
	}
	return fmt.Sprintf(`{"id":%d,"serviceTypeId":87,"name":"WebHook %d","children":[{"name":"Setting","children":[%s]}]}`, id, id, strings.Join(nodes, ","))
}

// lineOf is the report's line of a setting.
func lineOf(utility map[string]any, setting string) map[string]any {
	for _, line := range utility["report"].([]any) {
		if line.(map[string]any)["setting"] == setting {
			return line.(map[string]any)
		}
	}
	return nil
}

func imports(t *testing.T, a reply) []map[string]any {
	t.Helper()
	var list []map[string]any
	for _, u := range a.json(t)["utilities"].([]any) {
		list = append(list, u.(map[string]any))
	}
	return list
}

func TestImportUtilities(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	hierarchy, err := os.ReadFile("../internal/platform/testdata/hierarchy.json")
	if err != nil {
		t.Fatal(err)
	}
	tree := strings.NewReplacer("48080", "58080").Replace(string(hierarchy)) // 48080 is taken here

	dry := f.must(t, 200, "POST", importPath+"?dryRun=true", tree)
	if strings.Contains(string(dry.body), "whsec_") || len(imports(t, dry)) != 2 {
		t.Errorf("dry run: %s", dry.body)
	}
	if n := len(f.must(t, 200, "GET", "/v1/services/48072/utilities", "").json(t)["utilities"].([]any)); n != 1 {
		t.Fatalf("a dry run stored %d utilities", n-1)
	}
	a := f.must(t, 201, "POST", importPath, tree, as(f.keys[forgehook.Developer]))
	list := imports(t, a)
	for _, secret := range []string{"very-secret-key", "do-not-show"} {
		if strings.Contains(string(a.body)+string(dry.body)+f.log.String(), secret) {
			t.Errorf("%s is shown", secret)
		}
	}
	first := list[0]
	if first["id"] != 58080.0 || first["name"] != "Tell the ERP" || first["index"] != 3.0 || first["serviceId"] != 48072.0 || !strings.HasPrefix(fmt.Sprint(first["signingSecret"]), "whsec_") {
		t.Errorf("utility %v", first)
	}
	if line := lineOf(first, "webHook.body"); line["action"] != "translated" {
		t.Errorf("body: %v", line)
	}
	if line := lineOf(first, "webHook.domain"); line["action"] != "warned" {
		t.Errorf("domain: %v", line)
	}
	stored, err := f.db.Utility(t.Context(), f.tenant, 58080)
	if err != nil {
		t.Fatal(err)
	}
	if s := stored.Settings; !s.Enabled || !s.WebHook.APIKey.IsSet() || s.WebHook.APIKey.Reveal() != "" || value(s.WebHook.Domain) != "CORP" || *s.ArchivingStrategy != 30 {
		t.Errorf("settings %+v", s)
	}
	if a := f.do(t, "POST", importPath, tree); a.status != 409 {
		t.Errorf("imported twice: %d %s", a.status, a.body)
	}
	if a := f.do(t, "POST", importPath+"?dryRun=1", tree); a.status != 409 {
		t.Errorf("a dry run says nothing of what is taken: %d %s", a.status, a.body)
	}
}

func TestImportUtilities_refused(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	for i, row := range []struct {
		setting, key, value string
		want                any // of the setting then
	}{
		{"webHook.url", "WebHook/URL", "https://169.254.169.254/", "https://address-not-imported.invalid/"},
		{"webHook.url", "WebHook/URL", "erp.example.com", "https://address-not-imported.invalid/"},
		{"webHook.method", "WebHook/Method", "CONNECT", "GET"},
		{"document.pattern", "Document/Pattern", "(", ".*"},
		{"webHook.retryDelay", "WebHook/RetryDelay", "5", nil},
		{"webHook.body", "WebHook/Body", "foreach (var x in doc.Parameters) { }\nreturn new HttpClient();", nil},
		{"webHook.apiKeyHeader", "WebHook/APIKeyHeader", "Host", nil},
	} {
		settings := []string{row.key, row.value}
		if row.setting != "webHook.url" {
			settings = append(settings, "WebHook/URL", webhookURL)
		}
		u := imports(t, f.must(t, 201, "POST", importPath, hierarchyOf(60000+i, settings...)))[0]
		line := lineOf(u, row.setting)
		if line == nil || line["action"] != "refused" || line["message"] == nil {
			t.Errorf("%s %q: %v", row.setting, row.value, line)
		}
		got := u["settings"]
		for _, name := range strings.Split(row.setting, ".") {
			got = got.(map[string]any)[name]
		}
		if enabled := u["settings"].(map[string]any)["enabled"]; got != row.want || enabled != false {
			t.Errorf("%s %q is %v, enabled %v", row.setting, row.value, got, enabled)
		}
		// It is disabled, so that a call by name says why nothing is sent.
		a := f.must(t, 202, "POST", "/v1/calls", fmt.Sprintf(`{"webHookServiceId":%d,"documentId":912}`, 60000+i))
		ref := forgehook.CallRef{Tenant: f.tenant, CallID: callIDs(t, a)[0]}
		if outcome := f.evaluate(t, ref); outcome != forgehook.Skipped {
			t.Errorf("%s: a call of it ends %q", row.setting, outcome)
		}
	}
}

func TestImportUtilities_faults(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	good := hierarchyOf(70000, "WebHook/URL", webhookURL)
	for _, row := range []struct {
		name, path, body string
		status           int
		want             []string
	}{
		{"no JSON", importPath, `{`, 400, nil},
		{"no utility", importPath, `{"serviceTypeId":1}`, 422, []string{"body"}},
		{"null", importPath, `null`, 422, []string{"body"}},
		{"all at once", "/v1/services/x/utilities/import?dryRun=maybe&dry=1", good, 422, []string{"path.id", "query.dryRun", "query.dry"}},
		{"no such service", "/v1/services/1/utilities/import", good, 404, nil},
		{"a utility is no service", "/v1/services/48080/utilities/import", good, 404, nil},
		{"no such service, dry", "/v1/services/1/utilities/import?dryRun=true", good, 404, nil},
		{"one of two is taken", importPath, "[" + good + "," + hierarchyOf(48080, "WebHook/URL", webhookURL) + "]", 409, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := f.do(t, "POST", row.path, row.body)
			if a.status != row.status {
				t.Fatalf("status %d, want %d: %s", a.status, row.status, a.body)
			}
			if got := a.places(t); !cmp.Equal(got, row.want) {
				t.Errorf("places: %s\n%s", cmp.Diff(row.want, got), a.body)
			}
		})
	}
	if a := f.do(t, "GET", "/v1/services/70000", ""); a.status != 404 {
		t.Errorf("an import that was refused left %d %s", a.status, a.body)
	}
}

func TestCategoryRows(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	const path = "/v1/projects/1001/categories"
	a := f.must(t, 201, "POST", path, `{"ID":3307,"Name":"Invoice","status":"Enabled","projectId":7,"whatever":1}`, as(f.keys[forgehook.Developer]))
	if got := a.json(t); a.header.Get("Location") != "/v1/categories/3307" || got["projectId"] != 1001.0 || got["statusName"] != "Enabled" {
		t.Errorf("made %s", a.body)
	}
	f.must(t, 200, "POST", path, `{"id":3307,"name":"Bill"}`)
	if got := f.must(t, 200, "PATCH", "/v1/categories/3307", `{"description":"d","name":null}`).json(t); got["description"] != "d" || got["name"] != nil {
		t.Errorf("changed %v", got)
	}
	for _, row := range []struct {
		name   string
		role   forgehook.Role
		method string
		path   string
		body   string
		status int
		want   []string
	}{
		{"faults at once", "Owner", "POST", path, `{"id":-1,"status":"On","name":7}`, 422, []string{"body.name", "body.status", "body.id"}},
		{"of no project", "Owner", "POST", "/v1/projects/7/categories", `{}`, 404, nil},
		{"list of no project", "Viewer", "GET", "/v1/projects/7/categories", "", 404, nil},
		{"it stays in its project", "Owner", "PATCH", "/v1/categories/3307", `{"id":1,"projectId":7}`, 422, []string{"body.id", "body.projectId"}},
		{"none", "Viewer", "GET", "/v1/categories/1", "", 404, nil},
		{"a Caller stores none", "Caller", "POST", path, `{}`, 403, nil},
		{"a project with categories stays", "Owner", "DELETE", "/v1/projects/1001", "", 409, nil},
		{"deleted", "Owner", "DELETE", "/v1/categories/3307", "", 204, nil},
		{"deleted twice", "Owner", "DELETE", "/v1/categories/3307", "", 404, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := f.do(t, row.method, row.path, row.body, as(f.keys[row.role]))
			if a.status != row.status {
				t.Fatalf("status %d, want %d: %s", a.status, row.status, a.body)
			}
			if a.status == 422 && !cmp.Equal(a.places(t), row.want) {
				t.Errorf("places: %s", cmp.Diff(row.want, a.places(t)))
			}
		})
	}
}

// TestImportUtilities_schema: the document says which actions there are.
func TestImportUtilities_schema(t *testing.T) {
	t.Parallel()
	schemas, _ := json.Marshal(parsedDocument(t)["components"].(map[string]any)["schemas"].(map[string]any)["Line"])
	if !strings.Contains(string(schemas), `"enum":["taken","translated","warned","refused"]`) {
		t.Errorf("%s", schemas)
	}
}
