// Package pgtest gives each test a database of its own, with the schema applied, on the server that
// FORGEHOOK_DATABASE_URL names, and what most tests put into it. It is for tests only. Start with
// [New].
package pgtest

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/migrations"
)

// DB is a test's database and the URL to open it again with.
type DB struct {
	*postgres.DB
	URL string
}

// connections of a test: enough for races, few enough for many packages at once.
const connections = 10

// New opens a database of the test's own. It is dropped when the test ends.
func New(t testing.TB) *DB {
	t.Helper()
	address := URL(t)
	db, err := postgres.Open(t.Context(), address, postgres.Options{MaxConnections: connections})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return &DB{DB: db, URL: address}
}

// URL gives the test a database with the schema applied and nothing in it, to be opened by the
// test. When the test ends the next one of this process gets it, emptied: making one takes longer
// than most tests do. Databases of processes that have ended are dropped by the next process.
func URL(t testing.TB) string {
	t.Helper()
	server := serverURL(t)
	d, err := pool.take(server)
	if err != nil {
		t.Fatalf("make a database: %v", err)
	}
	t.Cleanup(func() {
		if err := pool.giveBack(d); err != nil {
			t.Errorf("empty the test's database: %v", err)
		}
	})
	return inDatabase(server, d.name)
}

// EmptyURL makes a database without the schema, for tests of migrations, and drops it when the
// test ends.
func EmptyURL(t testing.TB) string {
	t.Helper()
	server := serverURL(t)
	name := "forgehook_empty_" + unique()
	if err := administer(t.Context(), server, "CREATE DATABASE "+name+" TEMPLATE template0"); err != nil {
		t.Fatalf("create a database: %v", err)
	}
	t.Cleanup(func() {
		// The test's context has ended; whatever still uses the database must not keep it alive.
		if err := administer(context.Background(), server, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop a database: %v", err)
		}
	})
	return inDatabase(server, name)
}

func serverURL(t testing.TB) *url.URL {
	t.Helper()
	text := os.Getenv("FORGEHOOK_DATABASE_URL")
	if text == "" {
		t.Fatal("FORGEHOOK_DATABASE_URL is not set: run make test, which starts PostgreSQL")
	}
	server, err := url.Parse(text)
	if err != nil {
		t.Fatal("FORGEHOOK_DATABASE_URL is no URL")
	}
	return server
}

func unique() string { return strings.ToLower(rand.Text()) }

func inDatabase(server *url.URL, name string) string {
	address := *server
	address.Path = "/" + name
	return address.String()
}

// administer runs a statement on the server, over a connection that does not outlive it.
func administer(ctx context.Context, server *url.URL, statement string) error {
	pool, err := sql.Open("postgres", server.String())
	if err != nil {
		return err
	}
	_, err = pool.ExecContext(ctx, statement)
	return cmp.Or(err, pool.Close())
}

// migrated returns the name of a database with the schema applied, which is made once for each
// server and state of the migrations.
func migrated(ctx context.Context, session *sql.Conn, server *url.URL) (string, error) {
	hash, err := schemaHash()
	if err != nil {
		return "", err
	}
	name := "forgehook_template_" + hash
	var exists bool
	err = session.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, name).Scan(&exists)
	if err != nil || exists {
		return name, err
	}
	return name, makeTemplate(ctx, session, server, name)
}

// makeTemplate gives a database its name when it is complete: one that has it can be used.
func makeTemplate(ctx context.Context, session *sql.Conn, server *url.URL, name string) error {
	unfinished := name + "_unfinished"
	for _, statement := range []string{"DROP DATABASE IF EXISTS " + unfinished + " WITH (FORCE)", "CREATE DATABASE " + unfinished + " TEMPLATE template0"} {
		if _, err := session.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	db, err := postgres.Open(ctx, inDatabase(server, unfinished), postgres.Options{MaxConnections: 1})
	if err != nil {
		return err
	}
	if err := cmp.Or(db.Migrate(ctx), db.Close()); err != nil {
		return err
	}
	for _, statement := range []string{"ALTER DATABASE " + unfinished + " RENAME TO " + name, "ALTER DATABASE " + name + " ALLOW_CONNECTIONS false"} {
		if _, err := session.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func schemaHash() (string, error) {
	files, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	for _, file := range files {
		content, err := migrations.FS.ReadFile(file)
		if err != nil {
			return "", err
		}
		sum := sha256.Sum256(content)
		hash.Write(sum[:])
	}
	return hex.EncodeToString(hash.Sum(nil))[:16], nil
}
