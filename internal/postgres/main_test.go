package postgres_test

import (
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/postgres/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.Tests{M: m}) }

// bundle is what most tests need: a database, a scene, and another tenant that must see nothing of
// it.
type bundle struct {
	*postgres.DB
	url      string
	s        pgtest.Scene
	tenant   forgehook.TenantID // of the scene
	stranger forgehook.TenantID
}

func setup(t *testing.T, change ...func(*forgehook.Settings)) bundle {
	t.Helper()
	db := pgtest.New(t)
	s := pgtest.NewScene(t, db.DB, change...)
	return bundle{DB: db.DB, url: db.URL, s: s, tenant: s.Tenant, stranger: pgtest.Tenant(t, db.DB)}
}

func (b bundle) ref(callID string) forgehook.CallRef {
	return forgehook.CallRef{Tenant: b.tenant, CallID: callID}
}

// open opens a database once more.
func open(t *testing.T, address string, options ...postgres.Options) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), address, options...)
	check(t, err)
	t.Cleanup(func() { check(t, db.Close()) })
	return db
}

// rawPool opens a database for statements of the test's own.
func rawPool(t *testing.T, address string) *sql.DB {
	t.Helper()
	pool, err := sql.Open("postgres", address)
	check(t, err)
	t.Cleanup(func() { check(t, pool.Close()) })
	return pool
}

// at is a moment in the precision of the database.
func at(text string) time.Time {
	t, err := forgehook.ParseTime(text)
	if err != nil {
		panic(err)
	}
	return t.Time
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T any](t *testing.T, what string, got, want T, options ...cmp.Option) {
	t.Helper()
	options = append(options, cmp.AllowUnexported(postgres.Pinned{}), cmpopts.IgnoreUnexported(forgehook.Secret{})) // what is stored of secrets is exported
	if diff := cmp.Diff(want, got, options...); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// refused checks the code of an error.
func refused(t *testing.T, what string, err error, want forgehook.Code) {
	t.Helper()
	if got := forgehook.ErrorCode(err); got != want {
		t.Errorf("%s: got code %q, want %q: %v", what, got, want, err)
	}
}

// faultPaths are the places of an error's faults.
func faultPaths(err error) (paths []string) {
	if e, ok := errors.AsType[*forgehook.Error](err); ok {
		for _, f := range e.Fields {
			paths = append(paths, f.Path)
		}
	}
	return paths
}

func deleteDocument(t *testing.T, b bundle, tenant forgehook.TenantID, id int32) error {
	t.Helper()
	_, err := b.DeleteDocument(t.Context(), tenant, id, "")
	return err
}
