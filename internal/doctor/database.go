package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/secret"
	"github.com/forgehook/forgehook/internal/webhook"
)

func (e *examination) database(ctx context.Context) {
	e.db = e.reachDatabase(ctx)
	if e.db == nil {
		for _, name := range []string{pgWritable, pgDurability, pgConnections, pgDefaults, pgSession, pgPrepared, pgNotify, pgMigrations, pgClock, textLanguage} {
			e.tell(skipped(name, pgReach))
		}
		return
	}
	ask, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	i, err := e.db.Inspect(ask)
	if err != nil {
		e.tell(Check{pgReach, Fault, err.Error(), "The server responds, but does not say what it is.", "Ask its operator; Forgehook needs PostgreSQL 15 or later itself, not a look-alike."})
	} else {
		e.tell(judgeVersion(i), judgeWritable(i), judgeDurability(i), judgeConnections(i, e.DatabaseConnections), judgeDefaults(i), judgeSession(i))
	}
	e.tell(judgePrepared(e.db.TryPrepared(ask)), judgeNotify(e.tryNotify(ctx)))
	state, err := e.db.SchemaState(ask)
	e.tell(judgeSchema(state, err, i.MayCreate))
	if i.Version > 0 {
		e.tell(judgeClock(pgClock, "PostgreSQL's", i.ClockAhead, i.ClockDoubt))
	}
	old, all, err := e.db.OldSettings(ask, maxOld)
	e.tell(judgeLanguage(old, all, err))
}

func (e *examination) reachDatabase(ctx context.Context) *postgres.DB {
	const why = "Calls cannot be accepted: an accepted call is a row."
	if e.DatabaseURL == "" {
		e.tell(Check{pgReach, Fault, "FORGEHOOK_DATABASE_URL is not set", why, "Set FORGEHOOK_DATABASE_URL=postgres://user:password@host:port/database"})
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	db, err := postgres.Open(ctx, e.DatabaseURL, postgres.Options{MaxConnections: 3})
	if err != nil {
		e.tell(Check{pgReach, Fault, "cannot be reached: " + err.Error(), why, mendDatabase(err)})
		return nil
	}
	return db
}

// mendDatabase recognizes a pooler by its error about the setting that Forgehook asks for when it
// connects.
func mendDatabase(err error) string {
	if strings.Contains(err.Error(), "unsupported startup parameter") {
		return "PgBouncer: ignore_startup_parameters = idle_in_transaction_session_timeout, and ALTER ROLE ... SET idle_in_transaction_session_timeout = '10s'; on the server; or connect to the server itself."
	}
	return "Check host, port, user, password and sslmode of FORGEHOOK_DATABASE_URL; from this machine: psql \"$FORGEHOOK_DATABASE_URL\""
}

func (e *examination) tryNotify(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	return e.db.TryNotify(ctx, e.DatabaseURL)
}

const oldestVersion = 150000

func judgeVersion(i postgres.Inspection) Check {
	version := fmt.Sprintf("PostgreSQL %d.%d, %d MB of data", i.Version/10000, i.Version%10000, i.Bytes>>20)
	if i.Version < oldestVersion {
		return Check{pgReach, Fault, version, "The migrations and statements need PostgreSQL 15.", "Upgrade the server to PostgreSQL 15 or later."}
	}
	return ok(pgReach, "%s", version)
}

func judgeWritable(i postgres.Inspection) Check {
	switch {
	case i.Recovering:
		return Check{pgWritable, Fault, "the server is a standby", "It refuses every write, so no call is accepted.",
			"Point FORGEHOOK_DATABASE_URL at the primary, or name all servers and add target_session_attrs=read-write."}
	case i.ReadOnly != "off":
		return Check{pgWritable, Fault, "default_transaction_read_only is " + i.ReadOnly, "It refuses every write, so no call is accepted.",
			"ALTER DATABASE ... SET default_transaction_read_only = off; (or of the role)"}
	}
	return ok(pgWritable, "the server is a primary")
}

func judgeDurability(i postgres.Inspection) Check {
	var off []string
	for _, s := range []struct{ name, value string }{
		{"fsync", i.Fsync}, {"full_page_writes", i.FullPageWrites}, {"synchronous_commit", i.SynchronousCommit},
	} {
		if s.value == "off" {
			off = append(off, s.name)
		}
	}
	if len(off) == 0 {
		return ok(pgDurability, "fsync and full_page_writes are on, synchronous_commit is %s", i.SynchronousCommit)
	}
	mend := "In postgresql.conf of the server:"
	for _, name := range off {
		mend += " " + name + " = on;"
	}
	return Check{pgDurability, Fault, "off: " + strings.Join(off, ", "), "A crash of the server loses accepted calls, or the whole database.",
		mend + " and look for settings of the database and role that differ (\\drds of psql)."}
}

func judgeConnections(i postgres.Inspection, connections int) Check {
	need := connections + 1
	limit, whose := i.MaxConnections, "max_connections"
	if i.RoleConnections >= 0 && i.RoleConnections < limit {
		limit, whose = i.RoleConnections, "CONNECTION LIMIT of the role"
	}
	if i.DatabaseConnections >= 0 && i.DatabaseConnections < limit {
		limit, whose = i.DatabaseConnections, "CONNECTION LIMIT of the database"
	}
	room := limit - i.OtherConnections
	found := fmt.Sprintf("%d of %d (%s) are free beside other programs, a process takes up to %d", max(room, 0), limit, whose, need)
	if room >= 2*need {
		return ok(pgConnections, "%s", found)
	}
	const mend = "Raise it to (FORGEHOOK_DATABASE_CONNECTIONS + 1) times all API and worker processes, twice during a deploy, and what others use; or lower FORGEHOOK_DATABASE_CONNECTIONS."
	if room < need {
		return Check{pgConnections, Fault, found, "A process will be refused connections: the API responds with 503, and deliveries wait.", mend}
	}
	return Check{pgConnections, Warning, found, "There is room for one process, but not for a second, nor for its successor during a deploy.", mend}
}

func judgeDefaults(i postgres.Inspection) Check {
	const name = pgDefaults
	switch {
	case i.Encoding != "UTF8":
		return Check{name, Fault, "the database's encoding is " + i.Encoding, "It refuses document texts with characters that it lacks.", "createdb --encoding UTF8 --template template0 ..., and move the data."}
	case i.Isolation != "read committed":
		return Check{name, Warning, "default_transaction_isolation is " + i.Isolation, "Forgehook locks rows for read committed; at stricter levels the server refuses statements of busy calls, which are then repeated.",
			"ALTER DATABASE ... SET default_transaction_isolation = 'read committed';"}
	case i.Autovacuum != "on":
		return Check{name, Warning, "autovacuum is off", "Each call updates its row several times; without vacuum tables only grow and become slow.", "autovacuum = on"}
	}
	return ok(name, "UTF8, read committed, autovacuum on")
}

func judgeSession(i postgres.Inspection) Check {
	if i.IdleInTransaction != "0" {
		return ok(pgSession, "idle_in_transaction_session_timeout is %s", i.IdleInTransaction)
	}
	return Check{pgSession, Warning, "idle_in_transaction_session_timeout is 0, though Forgehook asks for 10s when it connects",
		"A pooler dropped it. A worker that freezes in a transaction would then hold its row locks for ever.",
		"ALTER ROLE ... SET idle_in_transaction_session_timeout = '10s'; on the server."}
}

func judgePrepared(err error) Check {
	if err == nil {
		return ok(pgPrepared, "prepared statements stay with their connection")
	}
	return Check{pgPrepared, Fault, err.Error(), "Every call uses prepared statements, which fail at random here.",
		"Behind PgBouncer: version 1.21 or later and max_prepared_statements above 0, or pool_mode = session; or connect to the server itself."}
}

func judgeNotify(err error) Check {
	if err == nil {
		return ok(pgNotify, "a notification arrives")
	}
	return Check{pgNotify, Fault, err.Error(), "HTTP requests that wait for a call are woken by LISTEN and NOTIFY; without them they wait until they time out.",
		"A pooler in transaction mode has no sessions to listen with: pool_mode = session, or connect to the server itself."}
}

func judgeSchema(s postgres.SchemaState, err error, mayCreate bool) Check {
	const why = "No process starts with a schema that lacks migrations."
	switch {
	case err != nil:
		return Check{pgMigrations, Fault, err.Error(), "Without the list of migrations, the schema is unknown.", "forgehook migrate status, as the owner of the tables"}
	case len(s.Pending) > 0:
		mend := "forgehook migrate up"
		if !mayCreate {
			mend += ", as a role that may create tables: this one may not (or GRANT CREATE ON SCHEMA public TO it)"
		}
		found := fmt.Sprintf("%d of %d are missing, the first is %d", len(s.Pending), s.Known, s.Pending[0])
		if len(s.Foreign) > 0 {
			found += fmt.Sprintf("; and %d is not known to this program", s.Foreign[0])
		}
		return Check{pgMigrations, Fault, found, why, mend}
	case len(s.Foreign) > 0:
		return Check{pgMigrations, Warning, fmt.Sprintf("the schema has %d that this program does not know, up to %d", len(s.Foreign), s.Foreign[len(s.Foreign)-1]),
			"A newer Forgehook has migrated it. This is right during an upgrade and wrong after it.", "Run the newer program, or this one only until all are upgraded."}
	}
	return ok(pgMigrations, "all %d are applied", s.Known)
}

// openLatest opens the secrets stored last, nil if there are none.
func openLatest(ctx context.Context, db *postgres.DB, keeper *secret.Keeper) (readFault, openFault error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	tenant, settings, err := db.LatestSettings(ctx)
	if forgehook.ErrorCode(err) == forgehook.CodeNotFound {
		return nil, nil
	}
	if err != nil {
		return err, nil
	}
	return nil, keeper.OpenSettings(tenant, &settings)
}

// judgeClock tolerates the doubt of the measurement: half of the round trip.
func judgeClock(name, whose string, ahead, doubt time.Duration) Check {
	apart := max(ahead.Abs()-doubt, 0)
	found := fmt.Sprintf("%s clock and that of %s agree within %s", whose, hostname(), max(ahead.Abs(), doubt, time.Millisecond).Round(time.Millisecond))
	if apart <= time.Second {
		return ok(name, "%s", found)
	}
	side := "ahead of"
	if ahead < 0 {
		side = "behind"
	}
	c := Check{name, Warning, fmt.Sprintf("%s clock is %s %s that of %s", whose, ahead.Abs().Round(10*time.Millisecond), side, hostname()),
		"Deadlines, retry times and signatures' timestamps come from several clocks; receivers refuse signatures that are 5 minutes off.",
		"Let NTP keep the clocks of all machines (timedatectl set-ntp true, chronyc tracking)."}
	if apart > 5*time.Second {
		c.State = Fault
	}
	return c
}

// maxOld bounds the settings that are looked at.
const maxOld = 200

// judgeLanguage lists what a save would change in settings of an older language.
func judgeLanguage(old []postgres.UtilitySettings, all int, err error) Check {
	if err != nil {
		return Check{Name: textLanguage, State: Skipped, Found: "the settings cannot be read, see " + pgMigrations}
	}
	if all == 0 {
		return ok(textLanguage, "all settings are in the language of this release")
	}
	c := ok(textLanguage, "%d utilities keep an older language until they are saved again", all)
	var lines []string
	for _, o := range old {
		for _, line := range webhook.Changes(o.Settings) {
			lines = append(lines, fmt.Sprintf("utility %d, %s", o.WebHookServiceID, forgehook.Shorten(line, 200)))
		}
	}
	if len(lines) > 0 {
		c.State = Warning
		c.Why = "A save may change how these are read: " + strings.Join(lines, "; ")
		c.Mend = "Look at them with POST /v1/services/{id}/backtest before you save; docs/expressions.md says how numbers and names behave."
	}
	return c
}
