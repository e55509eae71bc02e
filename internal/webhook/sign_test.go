package webhook

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	bodyB    = `{"type":"document.processed","timestamp":"2026-01-02T03:04:05Z","data":{"document":{"id":1234,"filename":"faktuur-Ü-☃.pdf","status":13,"statusName":"Processed"}}}`
	secretB  = "whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcY"
	secretB2 = "whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVpbXF1eX2A="
)

// The vectors agree with the Go, npm and Python libraries; A is Svix's own.
func TestSign(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, secret, id string
		unix             int64
		body, want       string
	}{
		{"A", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, `{"test": 2432232314}`, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
		{"B", secretB, "call_01JB0000000000000000000001", 1767323045, bodyB, "v1,wqLsQSwrliDtBBrP9AxOMIsqYUsHbnG95DOARXG8mkI="},
		{"B2", secretB2, "call_01JB0000000000000000000001", 1767323045, bodyB, "v1,39McQ3ZJVViQn9PbhYLgQWRssuOYLaKZASphzvyyVRo="},
		{"C", secretB2, "call_01JB0000000000000000000002", 1767323045, "", "v1,TuHjDb3tkH+thKWJAtt85kNljsFWkLoF5+6EXa1xADo="},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := Sign(tt.secret, tt.id, time.Unix(tt.unix, 999_999_999), []byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			diff(t, tt.want, got)
			verify(t, tt.secret, tt.id, tt.unix, tt.body, got)
		})
	}
}

// During a rotation the header has two signatures: each secret alone verifies it.
func TestSign_rotation(t *testing.T) {
	t.Parallel()
	const id, unix = "call_01JB0000000000000000000001", 1767323045
	var signatures []string
	for _, secret := range []string{secretB2, secretB} {
		signature, err := Sign(secret, id, time.Unix(unix, 0), []byte(bodyB))
		if err != nil {
			t.Fatal(err)
		}
		signatures = append(signatures, signature)
	}
	for _, secret := range []string{secretB2, secretB} {
		verify(t, secret, id, unix, bodyB, strings.Join(signatures, " "))
	}
}

func verify(t *testing.T, secret, id string, unix int64, body, signature string) {
	t.Helper()
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", strconv.FormatInt(unix, 10))
	h.Set("webhook-signature", signature)
	if err := verifier.VerifyIgnoringTimestamp([]byte(body), h); err != nil {
		t.Error(err)
	}
	if verifier.VerifyIgnoringTimestamp([]byte(body+" "), h) == nil {
		t.Error("a changed body verifies")
	}
}

func TestSign_refuses(t *testing.T) {
	t.Parallel()
	key := func(n int) string { return "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, n)) }
	for name, in := range map[string][2]string{
		"no secret":  {"", "evt_1"},
		"no prefix":  {strings.TrimPrefix(secretB, "whsec_"), "evt_1"},
		"no base64":  {"whsec_hunter2!!", "evt_1"},
		"short key":  {key(23), "evt_1"},
		"long key":   {key(65), "evt_1"},
		"no id":      {secretB, ""},
		"dot in id":  {secretB, "evt.1"},
		"public key": {"whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=", "evt_1"},
	} {
		got, err := Sign(in[0], in[1], at, nil)
		if err == nil || got != "" {
			t.Errorf("%s: got %q, %v", name, got, err)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the secret is in %q", name, err)
		}
	}
	for _, n := range []int{24, 64} {
		if _, err := Sign(key(n), "evt_1", at, nil); err != nil {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}
