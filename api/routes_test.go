package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
)

// permissions says, apart from the code, who may use which route.
var permissions = map[forgehook.Permission][]forgehook.Role{
	forgehook.MayRead:       {"Owner", "Administrator", "Developer", "Operator", "Caller", "Viewer"},
	forgehook.MayCall:       {"Owner", "Administrator", "Developer", "Operator", "Caller"},
	forgehook.MayOperate:    {"Owner", "Administrator", "Developer", "Operator"},
	forgehook.MayConfigure:  {"Owner", "Administrator", "Developer"},
	forgehook.MayAdminister: {"Owner", "Administrator"},
}

var routes = map[string]forgehook.Permission{
	"POST /v1/keys":                                              forgehook.MayAdminister,
	"GET /v1/keys":                                               forgehook.MayAdminister,
	"DELETE /v1/keys/{id}":                                       forgehook.MayAdminister,
	"POST /v1/projects":                                          forgehook.MayConfigure,
	"GET /v1/projects":                                           forgehook.MayRead,
	"GET /v1/projects/{id}":                                      forgehook.MayRead,
	"PATCH /v1/projects/{id}":                                    forgehook.MayConfigure,
	"DELETE /v1/projects/{id}":                                   forgehook.MayConfigure,
	"POST /v1/projects/{id}/services":                            forgehook.MayConfigure,
	"GET /v1/projects/{id}/services":                             forgehook.MayRead,
	"GET /v1/services/{id}":                                      forgehook.MayRead,
	"PATCH /v1/services/{id}":                                    forgehook.MayConfigure,
	"DELETE /v1/services/{id}":                                   forgehook.MayConfigure,
	"POST /v1/services/{id}/utilities":                           forgehook.MayConfigure,
	"GET /v1/services/{id}/utilities":                            forgehook.MayRead,
	"GET /v1/services/{id}/settings":                             forgehook.MayRead,
	"PUT /v1/services/{id}/settings":                             forgehook.MayConfigure,
	"PATCH /v1/services/{id}/settings":                           forgehook.MayConfigure,
	"GET /v1/services/{id}/settings/versions":                    forgehook.MayRead,
	"GET /v1/services/{id}/settings/versions/{version}":          forgehook.MayRead,
	"GET /v1/services/{id}/settings/versions/{version}/diff":     forgehook.MayRead,
	"POST /v1/services/{id}/settings/versions/{version}/restore": forgehook.MayConfigure,
	"POST /v1/services/{id}/preview":                             forgehook.MayConfigure,
	"POST /v1/services/{id}/backtest":                            forgehook.MayConfigure,
	"POST /v1/services/{id}/pause":                               forgehook.MayOperate,
	"POST /v1/services/{id}/resume":                              forgehook.MayOperate,
	"POST /v1/projects/{id}/documents":                           forgehook.MayCall,
	"GET /v1/projects/{id}/documents":                            forgehook.MayRead,
	"POST /v1/projects/{id}/documents/import":                    forgehook.MayCall,
	"POST /v1/projects/{id}/categories":                          forgehook.MayConfigure,
	"GET /v1/projects/{id}/categories":                           forgehook.MayRead,
	"GET /v1/categories/{id}":                                    forgehook.MayRead,
	"PATCH /v1/categories/{id}":                                  forgehook.MayConfigure,
	"DELETE /v1/categories/{id}":                                 forgehook.MayConfigure,
	"POST /v1/services/{id}/utilities/import":                    forgehook.MayConfigure,
	"GET /v1/documents/{id}":                                     forgehook.MayRead,
	"PATCH /v1/documents/{id}":                                   forgehook.MayCall,
	"DELETE /v1/documents/{id}":                                  forgehook.MayCall,
	"POST /v1/calls":                                             forgehook.MayCall,
	"GET /v1/calls":                                              forgehook.MayRead,
	"GET /v1/calls/{id}":                                         forgehook.MayRead,
	"GET /v1/calls/{id}/attempts":                                forgehook.MayRead,
	"GET /v1/calls/{id}/request":                                 forgehook.MayRead,
	"POST /v1/calls/{id}/retry":                                  forgehook.MayOperate,
	"POST /v1/calls/{id}/cancel":                                 forgehook.MayOperate,
	"GET /v1/calls/stream":                                       forgehook.MayRead,
	"POST /v1/services/{id}/events":                              forgehook.MayCall,
	"GET /v1/runs":                                               forgehook.MayRead,
	"GET /v1/runs/{id}":                                          forgehook.MayRead,
	"POST /v1/runs/{id}/cancel":                                  forgehook.MayOperate,
	"POST /v1/projects/{id}/work-items":                          forgehook.MayCall,
	"GET /v1/projects/{id}/work-items":                           forgehook.MayRead,
	"GET /v1/work-items/{id}":                                    forgehook.MayRead,
	"PATCH /v1/work-items/{id}":                                  forgehook.MayCall,
	"DELETE /v1/work-items/{id}":                                 forgehook.MayCall,
	"POST /v1/work-items/{id}/process":                           forgehook.MayCall,
	"GET /v1/work-items/{id}/process":                            forgehook.MayRead,
}

// There is no id like these, so that nothing happens where a role may do it.
func absent(route string) (method, path string) {
	method, path, _ = strings.Cut(route, " ")
	const uuid = "0193a5c2-7d3e-7a51-9c1e-5b8f0d2e4a67"
	id := "77"
	if strings.HasPrefix(path, "/v1/calls") || strings.HasPrefix(path, "/v1/keys") || strings.HasPrefix(path, "/v1/runs") {
		id = uuid
	}
	if path == "/v1/calls/stream" { // without an id it goes on
		path += "?id=" + uuid
	}
	return method, strings.NewReplacer("{id}", id, "{version}", "1").Replace(path)
}

func TestRoles(t *testing.T) {
	t.Parallel()
	f := setup(t)
	var listed []string
	for route := range routes {
		listed = append(listed, route)
	}
	listed = append(listed, "GET /healthz", "GET /readyz", "POST /v1/callbacks/{token}")
	slices.Sort(listed)
	if diff := cmp.Diff(listed, operations(t)); diff != "" {
		t.Fatalf("the table of this test and the document list other routes: %s", diff)
	}
	for route, need := range routes {
		method, path := absent(route)
		for role, key := range f.keys {
			a := f.do(t, method, path, "[]", as(key))
			if may := slices.Contains(permissions[need], role); (a.status != 403) != may || a.status >= 500 {
				t.Errorf("%s as %s: status %d, want allowed %v", route, role, a.status, may)
			}
			if a.status == 403 && a.problem() != "forbidden" {
				t.Errorf("%s as %s: problem %s", route, role, a.problem())
			}
		}
		for _, header := range []string{"X-Api-Key: ", "X-Api-Key: fh_wrong"} {
			if a := f.do(t, method, path, "[]", header); a.status != 401 || a.problem() != "unauthorized" || a.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s with %q: %d %s", route, header, a.status, a.problem())
			}
		}
	}
}

// TestTenants looks at a whole tenant through the eyes of another, which has nothing.
func TestTenants(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	f.must(t, 201, "POST", "/v1/projects/1001/categories", `{"id":3307}`)
	call := f.call(t)
	f.must(t, 201, "POST", "/v1/projects/1001/work-items", `{"id":77,"documentId":912}`)
	f.must(t, 202, "POST", "/v1/work-items/77/process", fmt.Sprintf(`{"callId":%q}`, call.CallID))
	run := f.must(t, 202, "POST", "/v1/services/48072/events", `{"type":"after_process","documentId":912}`).json(t)["run"].(map[string]any)["id"].(string)
	key := f.must(t, 201, "POST", "/v1/keys", `{"name":"x","roles":["Viewer"]}`).json(t)["id"].(string)
	_, others := f.newTenant(t, "other")
	other := as(others[forgehook.Owner])

	bodies := map[string]string{
		"PATCH /v1/projects/{id}": `{"name":"mine"}`, "POST /v1/projects/{id}/services": `{"name":"mine"}`, "PATCH /v1/services/{id}": `{"name":"mine"}`,
		"POST /v1/services/{id}/utilities": fmt.Sprintf(`{"type":"WebHook","name":"mine","settings":{"webHook":{"url":%q}}}`, webhookURL),
		"PUT /v1/services/{id}/settings":   fmt.Sprintf(`{"webHook":{"url":%q}}`, webhookURL), "PATCH /v1/services/{id}/settings": `{"enabled":false}`,
		"POST /v1/projects/{id}/documents": `{"id":5000}`, "POST /v1/projects/{id}/documents/import": `{"id":5000}`, "PATCH /v1/documents/{id}": `{"status":9}`,
		"POST /v1/projects/{id}/categories": `{}`, "PATCH /v1/categories/{id}": `{"name":"mine"}`,
		"POST /v1/services/{id}/utilities/import": hierarchyOf(5000, "WebHook/URL", webhookURL),
		"POST /v1/services/{id}/preview":          `{"documentId":912,"settings":{}}`, "POST /v1/services/{id}/backtest": `{"settings":{}}`,
		"POST /v1/services/{id}/events": `{"type":"after_process","documentId":912}`, "POST /v1/projects/{id}/work-items": `{"id":5000}`,
		"PATCH /v1/work-items/{id}": `{"status":2}`, "POST /v1/work-items/{id}/process": fmt.Sprintf(`{"callId":%q}`, call.CallID),
	}
	ids := map[string][]string{
		"/v1/keys/": {key}, "/v1/projects/": {"1001"}, "/v1/services/": {"48072", "48080"}, "/v1/documents/": {"912"}, "/v1/calls/": {call.CallID},
		"/v1/categories/": {"3307"}, "/v1/runs/": {run}, "/v1/work-items/": {"77"},
	}
	for route := range routes {
		method, path, _ := strings.Cut(route, " ")
		for prefix, known := range ids {
			if !strings.HasPrefix(path, prefix) || !strings.Contains(path, "{id}") {
				continue
			}
			for _, id := range known {
				if a := f.do(t, method, strings.NewReplacer("{id}", id, "{version}", "1").Replace(path), bodies[route], other); a.status != 404 || a.problem() != "not-found" {
					t.Errorf("%s with id %s of another tenant: %d %s", route, id, a.status, a.body)
				}
			}
		}
	}
	for _, list := range []string{"projects", "calls", "runs"} {
		if n := len(f.must(t, 200, "GET", "/v1/"+list, "", other).json(t)[list].([]any)); n != 0 {
			t.Errorf("another tenant lists %d %s", n, list)
		}
	}
	if keys := f.must(t, 200, "GET", "/v1/keys", "", other).json(t)["keys"].([]any); len(keys) != len(forgehook.Roles) {
		t.Errorf("another tenant lists %d keys", len(keys))
	}
	for _, body := range []string{`{"webHookServiceId":48080,"document":{"id":1}}`, `{"serviceId":48072,"document":{"id":1}}`} {
		if a := f.do(t, "POST", "/v1/calls", body, other); a.status != 404 {
			t.Errorf("call of another tenant's %s: %d %s", body, a.status, a.body)
		}
	}
	// The same ids and the same Idempotency-Key are free for the other tenant.
	f.seed(t, other)
	f.must(t, 202, "POST", "/v1/calls", `{"documentId":912}`, "Idempotency-Key: one")
	f.must(t, 202, "POST", "/v1/calls", `{"documentId":912,"reason":"mine"}`, "Idempotency-Key: one", other)
	// And all is as it was.
	if a := f.must(t, 200, "GET", "/v1/documents/912", ""); a.json(t)["status"] != 10.0 {
		t.Errorf("document is now %s", a.body)
	}
	f.must(t, 200, "GET", "/v1/calls/"+call.CallID, "")
}

// TestRequests has a row for what routes do beside the golden story.
func TestRequests(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	call := f.call(t)
	utility := func(settings string) string { return `{"type":"WebHook","name":"x","settings":` + settings + `}` }
	for _, row := range []struct {
		name   string
		role   forgehook.Role
		method string
		path   string
		body   string
		status int
		want   []string // the problem's code and the places of its faults
	}{
		{"an Administrator makes no Owner", "Administrator", "POST", "/v1/keys", `{"name":"x","roles":["Owner"]}`, 403, []string{"forbidden"}},
		{"an Administrator makes an Administrator", "Administrator", "POST", "/v1/keys", `{"name":"x","roles":["administrator"]}`, 201, nil},
		{"a key needs name and roles", "Owner", "POST", "/v1/keys", `{}`, 422, []string{"invalid", "body.name", "body.roles"}},
		{"a key has one expiry", "Owner", "POST", "/v1/keys", `{"name":"x","roles":["Viewer"],"expiresAt":"2099-01-01","expiresIn":"1h"}`, 422, []string{"invalid", "body.expiresIn"}},
		{"a key lives for some time", "Owner", "POST", "/v1/keys", `{"name":"x","roles":["Viewer"],"expiresIn":"-1.00:00:00"}`, 422, []string{"invalid", "body.expiresIn"}},
		{"a duration has a unit", "Owner", "POST", "/v1/keys", `{"name":"x","roles":["Viewer"],"expiresIn":"5"}`, 422, []string{"invalid", "body.expiresIn"}},
		{"a key that is none", "Owner", "DELETE", "/v1/keys/1", "", 404, []string{"not-found"}},
		{"null is no project", "Owner", "POST", "/v1/projects", "null", 422, []string{"invalid", "body"}},
		{"a list is no project", "Owner", "POST", "/v1/projects", "[]", 422, []string{"invalid", "body"}},
		{"nothing is no JSON", "Owner", "POST", "/v1/projects", "", 400, []string{"malformed-json"}},
		{"two values are no JSON", "Owner", "POST", "/v1/projects", "{} {}", 400, []string{"malformed-json"}},
		{"a project is given an id", "Owner", "POST", "/v1/projects", `{"Name":"x","whatever":1}`, 201, nil},
		{"an id too large", "Owner", "GET", "/v1/projects/2147483648", "", 422, []string{"invalid", "path.id"}},
		{"an id that is none", "Owner", "GET", "/v1/projects/0", "", 422, []string{"invalid", "path.id"}},
		{"id and query at once", "Owner", "GET", "/v1/projects/x/services?limit=201&page=2", "", 422, []string{"invalid", "path.id", "query.limit", "query.page"}},
		{"a cursor of elsewhere", "Owner", "GET", "/v1/projects?cursor=abc", "", 422, []string{"invalid", "query.cursor"}},
		{"a patch is an object", "Owner", "PATCH", "/v1/projects/1001", `"x"`, 422, []string{"invalid", "body"}},
		{"a patch is JSON", "Owner", "PATCH", "/v1/projects/1001", `{`, 400, []string{"malformed-json"}},
		{"a patch has types", "Owner", "PATCH", "/v1/projects/1001", `{"name":{"a":1},"status":"Actve"}`, 422, []string{"invalid", "body.status", "body.name"}},
		{"a project with services stays", "Owner", "DELETE", "/v1/projects/1001", "", 409, []string{"conflict"}},
		{"no services of no project", "Owner", "GET", "/v1/projects/77/services", "", 404, []string{"not-found"}},
		{"no documents of no project", "Owner", "GET", "/v1/projects/77/documents", "", 404, []string{"not-found"}},
		{"no utilities of no service", "Owner", "GET", "/v1/services/77/utilities", "", 404, []string{"not-found"}},
		{"no versions of no utility", "Owner", "GET", "/v1/services/77/settings/versions", "", 404, []string{"not-found"}},
		{"no versions of a service", "Owner", "GET", "/v1/services/48072/settings/versions", "", 404, []string{"not-found"}},
		{"a service is no utility", "Owner", "POST", "/v1/projects/1001/services", `{"name":"x","serviceId":48072,"id":-1}`, 422, []string{"invalid", "body.id", "body.serviceId"}},
		{"the path's project wins", "Owner", "POST", "/v1/projects/1001/services", `{"name":"x","projectId":7}`, 201, nil},
		{"a service keeps its project", "Owner", "PATCH", "/v1/services/48072", `{"projectId":7,"serviceId":8,"id":null}`, 422, []string{"invalid", "body.id", "body.projectId", "body.serviceId"}},
		{"a service's id is taken", "Owner", "POST", "/v1/projects/1001/services", `{"id":48072}`, 409, []string{"conflict"}},
		{"a utility needs all", "Owner", "POST", "/v1/services/48072/utilities", `{}`, 422, []string{"invalid", "body.name", "body.type", "body.settings.webHook.url"}},
		{"settings are an object", "Owner", "POST", "/v1/services/48072/utilities", utility(`[]`), 422, []string{"invalid", "body.settings"}},
		{"settings are not null", "Owner", "PUT", "/v1/services/48080/settings", `null`, 422, []string{"invalid", "body"}},
		{"no utility of a utility", "Owner", "POST", "/v1/services/48080/utilities", utility(fmt.Sprintf(`{"webHook":{"url":%q}}`, webhookURL)), 404, []string{"not-found"}},
		{"a utility's patch is strict", "Owner", "PATCH", "/v1/services/48080", `{"title":"x"}`, 422, []string{"invalid", "body.title"}},
		{"the same again is no change", "Owner", "PATCH", "/v1/services/48080", `{"id":48080,"Type":"WebHook","draining":false}`, 200, nil},
		{"a utility's index is a number", "Owner", "PATCH", "/v1/services/48080", `{"index":"first"}`, 422, []string{"invalid", "body.index"}},
		{"loopback is allowed where it is listed", "Owner", "POST", "/v1/services/48072/utilities", utility(`{"webHook":{"url":"http://127.0.0.1:9000/"}}`), 201, nil},
		{"settings and guard at once", "Owner", "PATCH", "/v1/services/48080/settings", `{"webHook":{"url":"https://169.254.169.254/","retryCount":101},"document":{"pattern":"("}}`,
			422, []string{"invalid", "body.webHook.retryCount", "body.document.pattern", "body.webHook.url"}},
		{"a document's id", "Caller", "POST", "/v1/projects/1001/documents", `{"id":-3,"status":true}`, 422, []string{"invalid", "body.status", "body.id"}},
		{"a document of no project", "Caller", "POST", "/v1/projects/77/documents", `{}`, 404, []string{"not-found"}},
		{"a document stays in its project", "Caller", "PATCH", "/v1/documents/912", `{"projectId":7,"id":913}`, 422, []string{"invalid", "body.id", "body.projectId"}},
		{"an import of no project", "Caller", "POST", "/v1/projects/77/documents/import", `{}`, 404, []string{"not-found"}},
		{"an import of nothing", "Caller", "POST", "/v1/projects/1001/documents/import", "\n \n", 200, nil},
		{"an import is no list", "Caller", "POST", "/v1/projects/1001/documents/import", "[{}]\nnull\n{\"id\":-1}", 422, []string{"invalid", "body[1]", "body[2]", "body[3].id"}},
		{"a call is about something", "Caller", "POST", "/v1/calls", `{"reason":"x"}`, 422, []string{"invalid", "body.document"}},
		{"a document that is not here", "Caller", "POST", "/v1/calls", `{"webHookServiceId":48080,"documentId":1}`, 422, []string{"invalid", "body.documentId"}},
		{"a utility that is not here", "Caller", "POST", "/v1/calls", `{"webHookServiceId":1,"documentId":912}`, 404, []string{"not-found"}},
		{"an inline document", "Caller", "POST", "/v1/calls", `{"WebHookServiceId":48080,"document":{"ID":5,"whatever":{}}}`, 202, nil},
		{"the attempts of no call", "Viewer", "GET", "/v1/calls/0193a5c2-7d3e-7a51-9c1e-5b8f0d2e4a67/attempts", "", 404, []string{"not-found"}},
		{"the attempts of a new call", "Viewer", "GET", "/v1/calls/" + call.CallID + "/attempts", "", 200, nil},
		{"a call's id in capitals", "Viewer", "GET", "/v1/calls/" + strings.ToUpper(call.CallID), "", 200, nil},
		{"a call's id in braces", "Viewer", "GET", "/v1/calls/{" + call.CallID + "}", "", 404, []string{"not-found"}},
		{"no trailing slash", "Viewer", "GET", "/v1/projects/", "", 404, []string{"not-found"}},
		{"no such route yet", "Owner", "POST", "/v1/services/48080/test", "{}", 404, []string{"not-found"}},
		{"a filter given twice", "Viewer", "GET", "/v1/calls?outcome=delivered&outcome=skipped", "", 422, []string{"invalid", "query.outcome"}},
		{"an id given twice", "Viewer", "GET", "/v1/calls/stream?id=" + call.CallID + "&id=" + call.CallID + "&limit=1", "", 422, []string{"invalid", "query.limit"}},
		{"attempts, a page", "Viewer", "GET", "/v1/calls/" + call.CallID + "/attempts?limit=1", "", 200, nil},
		{"attempts, another list's page", "Viewer", "GET", "/v1/calls/" + call.CallID + "/attempts?cursor=abc", "", 422, []string{"invalid", "query.cursor"}},
		{"the head of a call", "Viewer", "HEAD", "/v1/calls/" + call.CallID, "", 200, nil},
		{"the head of a probe", "Viewer", "HEAD", "/healthz", "", 200, nil},
		{"a stream has no head", "Viewer", "HEAD", "/v1/calls/stream", "", 405, []string{"method-not-allowed"}},
		{"no such method", "Owner", "DELETE", "/v1/calls/" + call.CallID, "", 405, []string{"method-not-allowed"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := f.do(t, row.method, row.path, row.body, as(f.keys[row.role]))
			if a.status != row.status {
				t.Fatalf("status %d, want %d: %s", a.status, row.status, a.body)
			}
			if a.status < http.StatusBadRequest {
				return
			}
			if got := append([]string{a.problem()}, a.places(t)...); !cmp.Equal(got, row.want) {
				t.Errorf("problem and places: %s\n%s", cmp.Diff(row.want, got), a.body)
			}
			if a.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("Content-Type %q", a.header.Get("Content-Type"))
			}
		})
	}
}
