package main

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/doctor"
	"github.com/forgehook/forgehook/internal/postgres/pgtest"
	"github.com/forgehook/forgehook/internal/secret"
	"github.com/forgehook/forgehook/worker"
)

// faults are the names of the failed checks.
func faults(t *testing.T, got ran) (names []string) {
	t.Helper()
	var report doctor.Report
	if err := json.Unmarshal([]byte(got.Out), &report); err != nil {
		t.Fatalf("%v: %+v", err, got)
	}
	for _, c := range report.Checks {
		if c.State == doctor.Fault {
			names = append(names, c.Name)
		}
	}
	return names
}

// sealed is a database whose secrets were sealed with the returned key set.
func sealed(t *testing.T) (address, keyset string) {
	t.Helper()
	keyset, err := secret.NewKeyset()
	check(t, err)
	keeper, err := secret.Open(keyset)
	check(t, err)
	db := pgtest.New(t)
	signing, err := secret.NewSigningSecret()
	check(t, err)
	tenant := pgtest.Tenant(t, db.DB)
	service := pgtest.Service(t, db.DB, tenant, pgtest.Project(t, db.DB, tenant).ID)
	pgtest.Utility(t, db.DB, tenant, service.ID, func(s *forgehook.Settings) {
		s.Signing.Secret = forgehook.NewSecret(signing)
		check(t, keeper.SealSettings(tenant, s, time.Now()))
	})
	return db.URL, keyset
}

// The stack of the tests trades durability for speed, so it always has this fault.
const notDurable = "postgres-durability"

func TestDoctor(t *testing.T) {
	t.Parallel()
	if os.Getenv("TEMPORAL_ADDRESS") == "" {
		t.Fatal("TEMPORAL_ADDRESS is not set: run make test")
	}
	temporal, err := worker.Dial(t.Context(), worker.DialOptions{})
	check(t, err)
	defer temporal.Close()
	check(t, worker.RegisterSearchAttributes(t.Context(), temporal, "default"))
	address, keyset := sealed(t)
	other, err := secret.NewKeyset()
	check(t, err)
	tests := []struct {
		name   string
		change []string // of the good settings; later changes win
		args   []string
		faults []string
		code   int
	}{
		{"all is well", nil, nil, []string{notDurable}, 1},
		{"an empty database", []string{"FORGEHOOK_DATABASE_URL=" + pgtest.EmptyURL(t)}, nil, []string{notDurable, "postgres-migrations"}, 1},
		{"another key set", []string{"FORGEHOOK_ENCRYPTION_KEYSET=" + other}, nil, []string{notDurable, "key-set"}, 1},
		{"no namespace", []string{"TEMPORAL_NAMESPACE=nowhere"}, nil, []string{notDurable, "temporal-namespace"}, 1},
		{"no Temporal", []string{"TEMPORAL_ADDRESS=127.0.0.1:1"}, nil, []string{notDurable, "temporal"}, 1},
		{"no database", []string{"FORGEHOOK_DATABASE_URL=postgres://u:hidden@127.0.0.1:1/x"}, nil, []string{"postgres"}, 1},
		{"an endpoint that the guard refuses", nil, []string{"--endpoint", "https://127.0.0.1/hidden"}, []string{notDurable, "egress-endpoint"}, 1},
		{"settings", []string{"FORGEHOOK_EGRESS_ALLOW=0.0.0.0/0"}, nil, []string{"configuration", notDurable}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			settings := append([]string{"FORGEHOOK_DATABASE_URL=" + address, "FORGEHOOK_ENCRYPTION_KEYSET=" + keyset}, tt.change...)
			got := command(t, settings, append([]string{"doctor", "--json"}, tt.args...)...)
			if found := faults(t, got); got.Code != tt.code || got.Err != "" || !slices.Equal(found, tt.faults) {
				t.Errorf("exit code %d, faults %v, want %v: %+v", got.Code, found, tt.faults, got)
			}
			if strings.Contains(got.Out, "hidden") || strings.Contains(got.Out, "primaryKeyId") {
				t.Errorf("it tells a secret: %s", got.Out)
			}
		})
	}
}

func TestDoctor_text(t *testing.T) {
	t.Parallel()
	got := command(t, []string{"TEMPORAL_ADDRESS=127.0.0.1:1"}, "doctor")
	if got.Code != 1 || got.Err != "" || !strings.HasPrefix(got.Out, "ok       configuration ") || !strings.HasSuffix(got.Out, " skipped\n") {
		t.Errorf("%+v", got)
	}
}

func TestDoctor_usage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--jsn"}, {"x"}, {"--endpoint", "erp.example.com"}} {
		if got := command(t, nil, append([]string{"doctor"}, args...)...); got.Code != usageCode || got.Out != "" || !strings.HasPrefix(got.Err, "forgehook: ") {
			t.Errorf("%v: %+v", args, got)
		}
	}
}
