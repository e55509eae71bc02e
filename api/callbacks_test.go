package api

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/secret"
)

// awaiting makes utility 48085, which awaits a callback and writes what it says to the document.
func (f *fixture) awaiting(t *testing.T) {
	t.Helper()
	f.seed(t)
	f.must(t, 201, "POST", "/v1/services/48072/utilities", fmt.Sprintf(`{"type":"WebHook","id":48085,"name":"Check","settings":{"webHook":{"url":%q},
		"callback":{"await":true,"timeout":"1h"},"response":{"writeBack":{"document":{"status":"callback.result.status","comment":"callback.result.note"}}}}}`, webhookURL))
}

// waitsForCallback makes a call of it that has come as far as status: accepted, delivering or
// awaiting_callback.
func (f *fixture) waitsForCallback(t *testing.T, status forgehook.CallStatus) (ref forgehook.CallRef, path string, number int) {
	t.Helper()
	a := f.must(t, 202, "POST", "/v1/calls", `{"webHookServiceId":48085,"documentId":912}`)
	ref = forgehook.CallRef{Tenant: f.tenant, CallID: callIDs(t, a)[0]}
	if status != forgehook.CallAccepted {
		f.evaluate(t, ref)
		f.build(t, ref)
		started, err := f.db.StartAttempt(t.Context(), postgres.AttemptStart{Ref: ref, Released: true, AtOnce: true, Now: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		number = started.Number
	}
	if status == forgehook.CallAwaiting {
		f.answered(t, ref, number)
	}
	return ref, callbacksPath + f.token(t, ref), number
}

// answered records that the endpoint took the request and answers later.
func (f *fixture) answered(t *testing.T, ref forgehook.CallRef, number int) {
	t.Helper()
	_, err := f.db.RecordAttempt(t.Context(), postgres.AttemptEnd{
		Ref: ref, Number: number, Exchange: forgehook.Exchange{Duration: time.Millisecond, StatusCode: 202},
		Decision: forgehook.Decision{Verdict: forgehook.VerdictSuccess, Reason: "202 Accepted", Final: true, Await: time.Hour}, Now: time.Now(),
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) token(t *testing.T, ref forgehook.CallRef) string {
	t.Helper()
	sealed, err := f.db.CallbackKey(t.Context(), ref.Tenant, func() ([]byte, error) { return f.secrets.Seal(ref.Tenant, secret.NewCallbackKey()) })
	if err != nil {
		t.Fatal(err)
	}
	key, err := f.secrets.Unseal(ref.Tenant, sealed)
	if err != nil {
		t.Fatal(err)
	}
	token, err := secret.CallbackToken(key, ref.Tenant, ref.CallID)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

const noKey = "X-Api-Key: "

func TestCallback(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.awaiting(t)
	said := func(note any) string { return fmt.Sprintf(`{"result":{"z":1,"status":"Processed","note":"%s"}}`, note) }
	outcome := func(ref forgehook.CallRef) any {
		return f.must(t, 200, "GET", "/v1/calls/"+ref.CallID, "").json(t)["outcome"]
	}

	for _, status := range []forgehook.CallStatus{forgehook.CallAwaiting, forgehook.CallAccepted} {
		ref, path, _ := f.waitsForCallback(t, status)
		a := f.must(t, 200, "POST", path, said(status), noKey)
		if diff := cmp.Diff(map[string]any{"status": "accepted", "outcome": "delivered"}, a.json(t)); diff != "" {
			t.Errorf("%s: %s", status, diff)
		}
		call := f.must(t, 200, "GET", "/v1/calls/"+ref.CallID, "").json(t)
		if call["outcome"] != "delivered" || call["result"].(map[string]any)["note"] != string(status) || call["changes"] == nil {
			t.Errorf("%s: the call is %v", status, call)
		}
		if !strings.Contains(string(f.must(t, 200, "GET", "/v1/calls/"+ref.CallID, "").body), `"result":{"z":1,"status"`) {
			t.Error("the result does not read as it was sent")
		}
		if d := f.must(t, 200, "GET", "/v1/documents/912", "").json(t); d["comment"] != string(status) {
			t.Errorf("%s: the document is %v", status, d)
		}
		woken := f.engine.woken[len(f.engine.woken)-1]
		if woken.WorkflowID != "call/"+ref.CallID || woken.Signal != forgehook.CallbackSignal {
			t.Errorf("woken %+v", woken)
		}
		for _, body := range []string{said("again"), "{", `{"resul":1}`} {
			if again := f.do(t, "POST", path, body, noKey); again.status != 409 || again.problem() != "callback-used" {
				t.Errorf("%s, a second time with %s: %d %s", status, body, again.status, again.body)
			}
		}
	}

	ref, path, number := f.waitsForCallback(t, forgehook.CallDelivering)
	if a := f.must(t, 200, "POST", path, `{"outcome":"Failed","error":"no such order"}`, noKey); a.json(t)["status"] != "early" {
		t.Errorf("early: %s", a.body)
	}
	if got := outcome(ref); got != nil {
		t.Errorf("early: the call is %v before its request is answered", got)
	}
	f.answered(t, ref, number)
	if call := f.must(t, 200, "GET", "/v1/calls/"+ref.CallID, "").json(t); call["outcome"] != "failed" || call["error"].(map[string]any)["message"] != "no such order" {
		t.Errorf("early: %v", call)
	}

	ref, path, _ = f.waitsForCallback(t, forgehook.CallAwaiting)
	f.must(t, 202, "POST", "/v1/calls/"+ref.CallID+"/cancel", "")
	for _, body := range []string{"{}", "nonsense"} {
		if late := f.do(t, "POST", path, body, noKey); late.status != 410 || late.problem() != "callback-expired" {
			t.Errorf("late: %d %s", late.status, late.body)
		}
	}
	if text := f.log.String(); strings.Contains(text, strings.TrimPrefix(path, callbacksPath)) {
		t.Error("a token is in the log")
	}
}

// TestCallback_faults checks that what cannot be taken keeps nothing, so that it may be sent again.
func TestCallback_faults(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.awaiting(t)
	ref, path, _ := f.waitsForCallback(t, forgehook.CallAwaiting)
	for _, row := range []struct {
		name, body, message string
		status              int
		want                []string
	}{
		{"no JSON", `{`, "", 400, []string{"malformed-json"}},
		{"nothing", ``, "", 400, []string{"malformed-json"}},
		{"null", `null`, "", 422, []string{"invalid", "body"}},
		{"unknown names", `{"resul":1,"outcome":"delivered"}`, `did you mean \"result\"`, 422, []string{"invalid", "body.resul"}},
		{"another outcome", `{"outcome":"expired"}`, "delivered or failed", 422, []string{"invalid", "body.outcome"}},
		{"an error of a success", `{"error":"x"}`, "", 422, []string{"invalid", "body.error"}},
		{"a long error", `{"outcome":"failed","error":"` + strings.Repeat("x", maxCallbackError+1) + `"}`, "", 422, []string{"invalid", "body.error"}},
		{"a large result", `{"result":"` + strings.Repeat("x", maxResult) + `"}`, "", 422, []string{"invalid", "body.result"}},
		{"a status that is none", `{"result":{"status":"Procezzed"}}`, `response.writeBack.document.status`, 422, []string{"invalid", "body.result"}},
		{"too large", strings.Repeat(" ", maxBody+1), "", 413, []string{"too-large"}},
	} {
		a := f.do(t, "POST", path, row.body, noKey)
		if got := append([]string{a.problem()}, a.places(t)...); a.status != row.status || !cmp.Equal(got, row.want) || !strings.Contains(string(a.body), row.message) {
			t.Errorf("%s: %d %s", row.name, a.status, a.body)
		}
	}
	if a := f.do(t, "POST", path, "a=b", noKey, "Content-Type: application/x-www-form-urlencoded"); a.status != 415 {
		t.Errorf("a form: %d", a.status)
	}
	f.must(t, 200, "POST", path, `{"result":{"status":"Processed"}}`, noKey)
	if got := f.must(t, 200, "GET", "/v1/calls/"+ref.CallID, "").json(t)["outcome"]; got != "delivered" {
		t.Errorf("the call is %v", got)
	}
}

// TestCallback_unknown checks that every token that is no call's gets the same response, before its
// body is looked at.
func TestCallback_unknown(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.awaiting(t)
	_, path, _ := f.waitsForCallback(t, forgehook.CallAwaiting)
	other, _ := f.newTenant(t, "other")
	explicit := f.call(t)
	forged := []byte(path)
	forged[len(forged)-5] ^= 1
	strange := forgehook.CallRef{Tenant: other, CallID: explicit.CallID}
	want := ""
	for name, path := range map[string]string{
		"forged": string(forged), "short": callbacksPath + "abc", "no base64": callbacksPath + strings.Repeat("!", 64), "cut": path[:len(path)-1],
		"of a call that awaits none": callbacksPath + f.token(t, explicit), "made with another tenant's key": callbacksPath + f.token(t, strange),
		"of no call": callbacksPath + f.token(t, forgehook.CallRef{Tenant: f.tenant, CallID: "0193a5c2-7d3e-7a51-9c1e-5b8f0d2e4a67"}),
	} {
		a := f.do(t, "POST", path, "{", noKey, "X-Request-Id: same")
		if want == "" {
			want = string(a.body)
		}
		if a.status != 404 || string(a.body) != want {
			t.Errorf("%s: %d %s, want %s", name, a.status, a.body, want)
		}
	}
}

// TestCallback_race lets many call back at once: one is taken.
func TestCallback_race(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.awaiting(t)
	_, path, _ := f.waitsForCallback(t, forgehook.CallAwaiting)
	var mu sync.Mutex
	statuses := map[int]int{}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			a := f.do(t, "POST", path, `{"result":{"status":"Processed"}}`, noKey)
			mu.Lock()
			defer mu.Unlock()
			statuses[a.status]++
		})
	}
	wg.Wait()
	if diff := cmp.Diff(map[int]int{200: 1, 409: 19}, statuses); diff != "" {
		t.Error(diff)
	}
}

// TestPreview_callback shows where the endpoint would call back, without a token.
func TestPreview_callback(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.awaiting(t)
	const url = "https://hooks.example.com/v1/callbacks/[token]"
	request := f.must(t, 200, "POST", "/v1/services/48085/preview", `{"documentId":912}`).json(t)["request"].(map[string]any)
	if got := request["headers"].(map[string]any)["Forgehook-Callback-Url"]; got != url {
		t.Errorf("header %v", got)
	}
	if body := request["body"].(string); !strings.Contains(body, `"callbackUrl":"`+url+`"`) {
		t.Errorf("body %.200s", body)
	}
	plain := f.must(t, 200, "POST", "/v1/services/48080/preview", `{"documentId":912}`).json(t)["request"].(map[string]any)
	if _, given := plain["headers"].(map[string]any)["Forgehook-Callback-Url"]; given || strings.Contains(plain["body"].(string), "callbackUrl") {
		t.Errorf("a webhook that awaits nothing: %v", plain)
	}
}

// TestCallback_showsNoSecrets checks that what an endpoint sends back of its request, of a
// credential or its own URL, nobody reads.
func TestCallback_showsNoSecrets(t *testing.T) {
	t.Parallel()
	const door, apiKey = "hunter2-4711", "key-0042-secret"
	f := setup(t)
	f.awaiting(t)
	f.must(t, 200, "PATCH", "/v1/services/48085/settings", `{"webHook":{"apiKeyHeader":"X-Key","apiKey":"`+apiKey+`"}}`)
	f.must(t, 200, "PATCH", "/v1/documents/912",
		`{"resultParameters":[{"id":999,"value":"`+door+`","paramDef":{"id":998,"name":"Door","valueType":"Password"}}]}`)
	for _, status := range []forgehook.CallStatus{forgehook.CallAwaiting, forgehook.CallDelivering} {
		for _, said := range []string{
			`{"result":{"status":"Processed","note":"door %s","X-Key":%q,"url":%q}}`,
			`{"outcome":"failed","result":["%s",%q,%q],"error":"bad code ` + door + `, key ` + apiKey + `"}`,
		} {
			ref, path, number := f.waitsForCallback(t, status)
			f.must(t, 200, "POST", path, fmt.Sprintf(said, door, apiKey, path), noKey)
			if status == forgehook.CallDelivering {
				f.answered(t, ref, number)
			}
			shown := string(f.must(t, 200, "GET", "/v1/calls/"+ref.CallID, "").body)
			for _, secret := range []string{door, apiKey, strings.TrimPrefix(path, callbacksPath)} {
				if strings.Contains(shown, secret) {
					t.Errorf("%s: %s shows %s", said, shown, secret)
				}
			}
			if !strings.Contains(shown, `"result":{"status":"Processed","note":"door [secret]","X-Key":"[secret]","url":"/v1/callbacks/[secret]"}`) &&
				!strings.Contains(shown, `"result":["[secret]","[secret]","/v1/callbacks/[secret]"]`) {
				t.Errorf("%s: %s", said, shown)
			}
		}
	}
	if d := f.must(t, 200, "GET", "/v1/documents/912", "").json(t); d["comment"] != "door [secret]" {
		t.Errorf("the document's comment is shown as %v", d["comment"])
	}
}
