package main

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/pgtest"
	"github.com/forgehook/forgehook/internal/secret"
)

var oneKey = regexp.MustCompile(`^fh_[A-Za-z0-9_-]{43}\n$`)

func TestTenantsAndKeys(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	settings := []string{"FORGEHOOK_DATABASE_URL=" + db.URL}
	forge := func(args ...string) ran {
		t.Helper()
		return command(t, settings, args...)
	}
	keyOf := func(got ran) forgehook.APIKey {
		t.Helper()
		if got.Code != 0 || !oneKey.MatchString(got.Out) {
			t.Fatalf("want the key alone on standard output: %+v", got)
		}
		key, err := db.KeyByHash(t.Context(), secret.HashAPIKey(strings.TrimSpace(got.Out)), time.Now())
		check(t, err)
		return key
	}

	made := forge("tenants", "create", "acme")
	owner := keyOf(made)
	equal(t, "roles of the first key", owner.Roles, []forgehook.Role{forgehook.Owner})
	if !strings.Contains(made.Err, "tenant acme ("+string(owner.Tenant)+")") {
		t.Errorf("said %q", made.Err)
	}
	equal(t, "made again", forge("tenants", "create", "acme"), ran{Err: "forgehook: There is a tenant of this name already.\n", Code: 1})
	listed := forge("tenants", "list")
	if listed.Code != 0 || !strings.HasPrefix(listed.Out, "ID ") || !strings.Contains(listed.Out, string(owner.Tenant)+"  acme") {
		t.Errorf("tenants: %+v", listed)
	}

	plain := forge("keys", "create", "--tenant", "acme", "--name", "pipeline")
	pipeline := keyOf(plain)
	equal(t, "default role", pipeline.Roles, []forgehook.Role{forgehook.Caller})
	equal(t, "expires", pipeline.ExpiresAt, nil)
	both := keyOf(forge("keys", "create", "--tenant", "acme", "--name", "ops", "--role", "operator", "--role", "Viewer", "--expires-in", "1h"))
	equal(t, "roles", both.Roles, []forgehook.Role{forgehook.Operator, forgehook.Viewer})
	if both.ExpiresAt == nil || !both.ExpiresAt.After(both.CreatedAt.Time) {
		t.Errorf("expires %v", both.ExpiresAt)
	}
	listed = forge("keys", "list", "--tenant", "acme")
	for _, want := range []string{owner.ID + "  owner ", pipeline.ID + "  pipeline ", "[Operator Viewer]", "never", pipeline.Prefix} {
		if !strings.Contains(listed.Out, want) {
			t.Errorf("keys do not show %q:\n%s", want, listed.Out)
		}
	}
	if strings.Contains(listed.Out, strings.TrimSpace(plain.Out)) {
		t.Error("a key is shown a second time")
	}
	equal(t, "revoke", forge("keys", "revoke", "--tenant", "acme", pipeline.ID), ran{})
	if _, err := db.KeyByHash(t.Context(), secret.HashAPIKey(strings.TrimSpace(plain.Out)), time.Now()); err == nil {
		t.Error("a revoked key lets in")
	}
	keyOf(forge("tenants", "create", "other"))
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"keys", "create", "--tenant", "nobody", "--name", "x"}, "nobody"},
		{[]string{"keys", "create", "--tenant", "acme", "--name", "x", "--role", "boss"}, `--role "boss": one of [Owner`},
		{[]string{"keys", "create", "--tenant", "acme", "--name", "x", "--expires-in", "-1h"}, "--expires-in -1h0m0s: more than 0"},
		{[]string{"keys", "create", "--name", "x"}, `"tenant" not set`},
		{[]string{"keys", "create", "--tenant", "acme"}, `"name" not set`},
		{[]string{"keys", "revoke", "--tenant", "acme", "x"}, "There is no"},
		{[]string{"keys", "revoke", "--tenant", "other", owner.ID}, "There is no"},
		{[]string{"tenants", "create"}, "give one name: forgehook tenants create acme"},
	} {
		if got := forge(tt.args...); got.Code != 1 || got.Out != "" || !strings.Contains(got.Err, tt.want) {
			t.Errorf("%v: %+v, want it to say %q", tt.args, got, tt.want)
		}
	}
	if _, err := db.KeyByHash(t.Context(), secret.HashAPIKey(strings.TrimSpace(made.Out)), time.Now()); err != nil {
		t.Errorf("another tenant has revoked the key: %v", err)
	}
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	settings := []string{"FORGEHOOK_DATABASE_URL=" + pgtest.EmptyURL(t)}
	applied := regexp.MustCompile(`(?m)^\d+ +\S+ +(\S+)\s*\z`) // only the last migration, which down takes back
	for _, step := range []struct {
		do   string
		want string
	}{{"status", `pending`}, {"up", `\d{4}-\d\d-\d\dT.*Z`}, {"up", `\d{4}-.*Z`}, {"down", `pending`}} {
		if got := command(t, settings, "migrate", step.do); got.Code != 0 {
			t.Fatalf("migrate %s: %+v", step.do, got)
		}
		got := command(t, settings, "migrate", "status")
		line := applied.FindStringSubmatch(got.Out)
		if line == nil || !regexp.MustCompile("^"+step.want+"$").MatchString(line[1]) {
			t.Errorf("after %s: %s", step.do, got.Out)
		}
	}
	keyset, err := secret.NewKeyset()
	check(t, err)
	got := command(t, append(settings, "FORGEHOOK_ENCRYPTION_KEYSET="+keyset), "serve")
	if got.Code != 1 || !strings.Contains(got.Err, "migrate up") {
		t.Errorf("serve without a schema: %+v", got)
	}
}

// A rotated key set opens what was sealed before. The old key set cannot open what the new one
// seals.
func TestKeysetRotate(t *testing.T) {
	t.Parallel()
	made := command(t, nil, "keyset", "new")
	rotated := command(t, []string{"FORGEHOOK_ENCRYPTION_KEYSET=" + made.Out}, "keyset", "rotate")
	equal(t, "exit code", rotated.Code, 0)
	before, err := secret.Open(made.Out)
	check(t, err)
	after, err := secret.Open(rotated.Out)
	check(t, err)
	sealed, err := before.Seal("acme", "hidden")
	check(t, err)
	opened, err := after.Unseal("acme", sealed)
	check(t, err)
	equal(t, "opened", opened, "hidden")
	if sealed, err = after.Seal("acme", "hidden"); err != nil {
		t.Fatal(err)
	}
	if _, err := before.Unseal("acme", sealed); err == nil {
		t.Error("the fresh key does not seal")
	}
	if none := command(t, nil, "keyset", "rotate"); none.Code != 1 || !strings.Contains(none.Err, "FORGEHOOK_ENCRYPTION_KEYSET is not set") {
		t.Errorf("without a key set: %+v", none)
	}
}
