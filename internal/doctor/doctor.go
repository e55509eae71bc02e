// Package doctor checks everything an installation depends on before it takes calls: settings,
// PostgreSQL, Temporal, clocks, and the way to the endpoints. It reads, and measures with two short
// workflows; it must not change anything. Each judgement is a pure function of what was found,
// beside the others of its subject. Start with [Examine].
package doctor

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/secret"
)

// Options are the settings of the process to run, as far as they can be read.
type Options struct {
	Faults              error // of the settings
	DatabaseURL         string
	DatabaseConnections int
	Keyset              string
	KeysetFault         error // why there is no key set
	Temporal            client.Client
	TemporalFault       error // why there is no client: the TEMPORAL_ settings cannot be read
	TaskQueue           string
	WorkerSlots         int
	EgressAllow         []netip.Prefix
	PublicURL           string // as endpoints get it
	PublicURLSet        bool
	Endpoints           []string // URLs to connect to
	Environ             []string
}

const (
	askWithin   = 5 * time.Second
	probeWithin = 20 * time.Second
)

// examination is one run of all checks.
type examination struct {
	Options
	report Report
	each   func(Check)
	db     *postgres.DB // nil: cannot be reached
}

// Examine makes all checks in turn and reports each at once. After a fault it goes on, but skips
// the checks that need the faulty part. If everything is away, it takes about 20 s.
func Examine(ctx context.Context, o Options, each func(Check)) Report {
	e := &examination{Options: o, each: each}
	e.configuration()
	e.database(ctx)
	e.keyset(ctx)
	e.temporal(ctx)
	e.egress(ctx)
	if e.db != nil {
		_ = e.db.Close() // only read from
	}
	return e.report
}

func (e *examination) tell(checks ...Check) {
	for _, c := range checks {
		e.report.add(c)
		e.each(c)
	}
}

// The names of the checks, in their order.
const (
	configuration  = "configuration"
	openFiles      = "open-files"
	pgReach        = "postgres"
	pgWritable     = "postgres-writable"
	pgDurability   = "postgres-durability"
	pgConnections  = "postgres-connections"
	pgDefaults     = "postgres-defaults"
	pgSession      = "postgres-session"
	pgPrepared     = "postgres-prepared"
	pgNotify       = "postgres-notify"
	pgMigrations   = "postgres-migrations"
	pgClock        = "postgres-clock"
	textLanguage   = "language"
	keySet         = "key-set"
	tReach         = "temporal"
	tShards        = "temporal-shards"
	tNamespace     = "temporal-namespace"
	tAttributes    = "temporal-attributes"
	tWorkers       = "temporal-workers"
	tSweep         = "temporal-sweep"
	tTimers        = "temporal-timers"
	tClock         = "temporal-clock"
	tFairness      = "temporal-fairness"
	egressAllow    = "egress-allow"
	egressGuard    = "egress-guard"
	egressProxy    = "egress-proxy"
	egressEndpoint = "egress-endpoint"
	callbackLink   = "public-url"
)

func (e *examination) configuration() {
	if e.Faults != nil {
		e.tell(Check{configuration, Fault, e.Faults.Error(), "No process starts with these settings.", "Correct the variables named; forgehook config lists all."})
	} else {
		e.tell(ok(configuration, "all FORGEHOOK_ variables can be read"))
	}
	switch limit, known := fileLimit(); {
	case e.WorkerSlots <= 0:
		e.tell(skipped(openFiles, configuration))
	case known:
		e.tell(judgeFiles(limit, e.WorkerSlots, e.DatabaseConnections))
	}
}

// otherFiles are the API's connections and the process's own files.
const otherFiles = 1000

func judgeFiles(limit uint64, slots, connections int) Check {
	need := uint64(slots + connections + otherFiles) //nolint:gosec // settings are not negative
	if limit >= need {
		return ok(openFiles, "%s may be open, %d are enough for %d attempts at once", count(limit), need, slots)
	}
	return Check{
		openFiles, Warning, "only " + count(limit) + " may be open",
		fmt.Sprint(slots) + " attempts at once (FORGEHOOK_WORKER_SLOTS), the database and the API may need " + count(need) + "; past the limit attempts fail without reaching the endpoint.",
		"Raise the hard limit (LimitNOFILE= of systemd, ulimits of the container), or lower FORGEHOOK_WORKER_SLOTS.",
	}
}

const keysetMatters = "The key set seals the secrets of webhooks. Without the right one, no delivery that needs a secret is made."

func (e *examination) keyset(ctx context.Context) {
	if e.KeysetFault != nil {
		e.tell(Check{keySet, Fault, e.KeysetFault.Error(), keysetMatters, "Set FORGEHOOK_ENCRYPTION_KEYSET to the key set of this installation; for a new one: forgehook keyset new"})
		return
	}
	keeper, err := secret.Open(e.Keyset)
	if err != nil {
		e.tell(Check{keySet, Fault, "FORGEHOOK_ENCRYPTION_KEYSET: " + err.Error(), keysetMatters, "It must be the JSON that forgehook keyset new printed, or @ and the path of a file with it."})
		return
	}
	if e.db == nil {
		e.tell(ok(keySet, "it can be read; whether it opens the stored secrets needs "+pgReach))
		return
	}
	e.tell(judgeSecrets(openLatest(ctx, e.db, keeper)))
}

func judgeSecrets(unread, sealed error) Check {
	switch {
	case unread != nil:
		return Check{Name: keySet, State: Skipped, Found: "it can be read; the stored secrets cannot, see " + pgMigrations}
	case sealed != nil:
		return Check{keySet, Fault, "it does not open the secrets in this database", keysetMatters, "Set FORGEHOOK_ENCRYPTION_KEYSET to the key set they were sealed with."}
	}
	return ok(keySet, "it can be read and opens what was sealed last")
}

// variables returns those of these names that are set, in upper or lower case.
func variables(environ []string, names ...string) (set []string) {
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		for _, n := range names {
			if strings.EqualFold(name, n) && value != "" {
				set = append(set, name)
			}
		}
	}
	return set
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "this machine"
	}
	return name
}

// count formats a number; a huge one stands for no limit.
func count(n uint64) string {
	if n > 1<<40 {
		return "any number"
	}
	return fmt.Sprint(n)
}
