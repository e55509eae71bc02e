package doctor

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/outbound"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/worker"
)

var now = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

// good is a healthy server.
func good(change func(*postgres.Inspection)) postgres.Inspection {
	i := postgres.Inspection{
		Version: 150004, ReadOnly: "off", Fsync: "on", FullPageWrites: "on", SynchronousCommit: "local", Isolation: "read committed",
		Encoding: "UTF8", Autovacuum: "on", IdleInTransaction: "10s", MaxConnections: 97, RoleConnections: -1, DatabaseConnections: -1,
	}
	change(&i)
	return i
}

func namespace(change func(*worker.NamespaceState)) worker.NamespaceState {
	s := worker.NamespaceState{Exists: true, Registered: true, Retention: leastRetention, EagerStart: true}
	change(&s)
	return s
}

func sweep(change func(*worker.SweepState)) worker.SweepState {
	s := worker.SweepState{ID: "forgehook-sweep/q", Exists: true, Every: 30 * time.Second, LastRun: now.Add(-20 * time.Second)}
	change(&s)
	return s
}

func TestJudgements(t *testing.T) {
	t.Parallel()
	away := errors.New("away")
	link := func(raw string) *url.URL {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	networks := func(list string) []netip.Prefix {
		allow, err := outbound.ParseAllow(list)
		if err != nil {
			t.Fatal(err)
		}
		return allow
	}
	condition, address := "doc.source.total / 100 > 19", "https://example.com/"
	older := postgres.UtilitySettings{WebHookServiceID: 7, Settings: forgehook.DefaultSettings()}
	older.Settings.Language, older.Settings.Condition, older.Settings.WebHook.URL = forgehook.Language1, &condition, &address
	plain := older
	plain.Settings.Condition = nil
	tests := []struct {
		name  string
		got   Check
		state State
		says  string // part of what is found or mends it
	}{
		{"files", judgeFiles(3020, 2000, 20), OK, "3020"},
		{"too few files", judgeFiles(3019, 2000, 20), Warning, "LimitNOFILE"},
		{"no limit of files", judgeFiles(1<<63, 2000, 20), OK, "any number"},

		{"version", judgeVersion(good(func(*postgres.Inspection) {})), OK, "PostgreSQL 15.4"},
		{"old version", judgeVersion(good(func(i *postgres.Inspection) { i.Version = 140011 })), Fault, "PostgreSQL 14.11"},
		{"primary", judgeWritable(good(func(*postgres.Inspection) {})), OK, ""},
		{"standby", judgeWritable(good(func(i *postgres.Inspection) { i.Recovering = true })), Fault, "target_session_attrs"},
		{"read only", judgeWritable(good(func(i *postgres.Inspection) { i.ReadOnly = "on" })), Fault, "default_transaction_read_only"},
		{"durable", judgeDurability(good(func(*postgres.Inspection) {})), OK, "synchronous_commit is local"},
		{"asynchronous", judgeDurability(good(func(i *postgres.Inspection) { i.SynchronousCommit = "off" })), Fault, "synchronous_commit = on"},
		{"no fsync", judgeDurability(good(func(i *postgres.Inspection) { i.Fsync = "off" })), Fault, "fsync = on"},
		{"torn pages", judgeDurability(good(func(i *postgres.Inspection) { i.FullPageWrites = "off" })), Fault, "full_page_writes = on"},
		{"room for two", judgeConnections(good(func(i *postgres.Inspection) { i.OtherConnections = 55 }), 20), OK, "42 of 97 (max_connections)"},
		{"room for one", judgeConnections(good(func(i *postgres.Inspection) { i.OtherConnections = 56 }), 20), Warning, "41 of 97"},
		{"no room", judgeConnections(good(func(i *postgres.Inspection) { i.RoleConnections = 20 }), 20), Fault, "20 of 20 (CONNECTION LIMIT of the role)"},
		{"a full database", judgeConnections(good(func(i *postgres.Inspection) { i.DatabaseConnections = 5; i.OtherConnections = 9 }), 20), Fault, "0 of 5 (CONNECTION LIMIT of the database)"},
		{"defaults", judgeDefaults(good(func(*postgres.Inspection) {})), OK, ""},
		{"encoding", judgeDefaults(good(func(i *postgres.Inspection) { i.Encoding = "LATIN1" })), Fault, "LATIN1"},
		{"isolation", judgeDefaults(good(func(i *postgres.Inspection) { i.Isolation = "serializable" })), Warning, "serializable"},
		{"autovacuum", judgeDefaults(good(func(i *postgres.Inspection) { i.Autovacuum = "off" })), Warning, "autovacuum = on"},
		{"session", judgeSession(good(func(*postgres.Inspection) {})), OK, "10s"},
		{"session of a pooler", judgeSession(good(func(i *postgres.Inspection) { i.IdleInTransaction = "0" })), Warning, "ALTER ROLE"},
		{"prepared", judgePrepared(nil), OK, ""},
		{"not prepared", judgePrepared(away), Fault, "PgBouncer"},
		{"notified", judgeNotify(nil), OK, ""},
		{"not notified", judgeNotify(away), Fault, "pool_mode = session"},
		{"schema", judgeSchema(postgres.SchemaState{Known: 4}, nil, true), OK, "all 4"},
		{"schema unread", judgeSchema(postgres.SchemaState{}, away, true), Fault, "away"},
		{"pending", judgeSchema(postgres.SchemaState{Known: 4, Pending: []int64{3, 4}}, nil, true), Fault, "2 of 4 are missing, the first is 3"},
		{"pending for another role", judgeSchema(postgres.SchemaState{Known: 4, Pending: []int64{4}}, nil, false), Fault, "GRANT CREATE"},
		{"newer", judgeSchema(postgres.SchemaState{Known: 4, Foreign: []int64{5, 6}}, nil, true), Warning, "up to 6"},
		{"another branch", judgeSchema(postgres.SchemaState{Known: 4, Pending: []int64{4}, Foreign: []int64{5}}, nil, true), Fault, "5 is not known"},

		{"language", judgeLanguage(nil, 0, nil), OK, "language of this release"},
		{"older language", judgeLanguage([]postgres.UtilitySettings{plain}, 1, nil), OK, "1 utilities keep an older language"},
		{"what a save changes", judgeLanguage([]postgres.UtilitySettings{older}, 1, nil), Warning, "utility 7, condition: doc.source.total / 100"},
		{"no table of settings", judgeLanguage(nil, 0, away), Skipped, pgMigrations},

		{"no secrets", judgeSecrets(nil, nil), OK, ""},
		{"another key set", judgeSecrets(nil, away), Fault, "they were sealed with"},
		{"no table of secrets", judgeSecrets(away, nil), Skipped, pgMigrations},

		{"clock", judgeClock(pgClock, "PostgreSQL's", -time.Second, 0), OK, "within 1s"},
		{"clock in doubt", judgeClock(pgClock, "PostgreSQL's", 3*time.Second, 2*time.Second), OK, "within 3s"},
		{"clock ahead", judgeClock(pgClock, "PostgreSQL's", 3*time.Second, 0), Warning, "3s ahead of"},
		{"clock behind", judgeClock(pgClock, "PostgreSQL's", -6*time.Second, 0), Fault, "6s behind"},

		{"shards", judgeShards(4), OK, "4"},
		{"one shard", judgeShards(1), Warning, "numHistoryShards"},
		{"shards unknown", judgeShards(0), OK, "does not say"},
		{"namespace", judgeNamespace("n", namespace(func(*worker.NamespaceState) {}), nil), OK, "7 days"},
		{"no namespace", judgeNamespace("n", worker.NamespaceState{}, nil), Fault, "namespace create --namespace n --retention 168h"},
		{"deprecated namespace", judgeNamespace("n", namespace(func(s *worker.NamespaceState) { s.Registered = false }), nil), Fault, "deprecated"},
		{"short retention", judgeNamespace("n", namespace(func(s *worker.NamespaceState) { s.Retention = 72 * time.Hour }), nil), Warning, "3 days"},
		{"no eager start", judgeNamespace("n", namespace(func(s *worker.NamespaceState) { s.EagerStart = false }), nil), Warning, "enableEagerWorkflowStart"},
		{"namespace not to be read", judgeNamespace("n", worker.NamespaceState{}, away), Warning, "away"},
		{"attributes", judgeAttributes(worker.AttributeState{Wanted: 7}, nil), OK, "all 7"},
		{"an attribute missing", judgeAttributes(worker.AttributeState{Missing: []string{"A"}, Wanted: 7, Command: "add A"}, nil), Fault, "add A"},
		{"attributes of another type", judgeAttributes(worker.AttributeState{}, away), Fault, "away"},
		{"workers", judgeQueue("q", worker.QueueState{WorkflowPollers: 1, ActivityPollers: 2, Backlog: 3}, nil), OK, "2 worker(s)"},
		{"no workers", judgeQueue("q", worker.QueueState{}, nil), Warning, "forgehook worker"},
		{"versions without a current one", judgeQueue("q", worker.QueueState{WorkflowPollers: 1, ActivityPollers: 1, Unrouted: true}, nil), Fault, "set-current-version"},
		{"behind", judgeQueue("q", worker.QueueState{WorkflowPollers: 1, ActivityPollers: 1, Backlog: 9, OldestWaits: 2 * time.Minute}, nil), Warning, "9 tasks"},
		{"queue not to be read", judgeQueue("q", worker.QueueState{}, away), Warning, "away"},
		{"sweep", judgeSweep(sweep(func(*worker.SweepState) {}), nil, now), OK, "20s ago"},
		{"no sweep", judgeSweep(worker.SweepState{ID: "s"}, nil, now), Warning, "no schedule s"},
		{"paused sweep", judgeSweep(sweep(func(s *worker.SweepState) { s.Paused, s.Note = true, "by me" }), nil, now), Fault, "toggle --unpause"},
		{"late sweep", judgeSweep(sweep(func(s *worker.SweepState) { s.LastRun = now.Add(-3 * time.Minute) }), nil, now), Warning, "2026-01-05T11:57:00Z"},
		{"sweep that never ran", judgeSweep(sweep(func(s *worker.SweepState) { s.LastRun = time.Time{} }), nil, now), Warning, "never ran"},
		{"sweep not to be read", judgeSweep(worker.SweepState{}, away, now), Warning, "away"},
		{"timers", judgeTimers(299 * time.Millisecond), OK, ""},
		{"late timers", judgeTimers(time.Second), Warning, "timerProcessorMaxTimeShift"},
		{"fair", judgeFairness(5, 12), OK, ""},
		{"unfair", judgeFairness(0, 12), Warning, "matching.enableFairness"},
		{"fairness of nothing", judgeFairness(0, 0), Warning, ""},

		{"nothing allowed", judgeAllow(nil), OK, "public internet only"},
		{"a network", judgeAllow(networks("10.1.0.0/16")), OK, "10.1.0.0/16"},
		{"this machine", judgeAllow(networks("::1,10.1.0.0/16")), Warning, "::1/128"},
		{"a wide network", judgeAllow(networks("10.0.0.0/8")), Warning, "10.0.0.0/8"},
		{"a wide IPv6 network", judgeAllow(networks("fd12::/32")), Warning, "fd12::/32"},
		{"no proxy", judgeProxy([]string{"PATH=/bin", "NO_PROXY=x", "HTTP_PROXY="}), OK, ""},
		{"a proxy", judgeProxy([]string{"https_proxy=http://u:hidden@p"}), Warning, "https_proxy"},
		{"endpoint", judgeEndpoint("https://x", outbound.Connection{Address: "192.0.2.1:443", TLS: "TLS 1.3", Certificate: now.Add(certificateSoon)}, nil, now), OK, "ends in 14 days"},
		{"endpoint without TLS", judgeEndpoint("http://x", outbound.Connection{Address: "192.0.2.1:80"}, nil, now), OK, "without TLS"},
		{"certificate that ends", judgeEndpoint("https://x", outbound.Connection{TLS: "TLS 1.3", Certificate: now.Add(49 * time.Hour)}, nil, now), Warning, "ends in 2 days"},
		{"endpoint away", judgeEndpoint("https://x", outbound.Connection{}, away, now), Fault, "curl -v https://x"},
		{"endpoint refused", judgeEndpoint("https://x", outbound.Connection{}, errors.New(string(forgehook.CallErrorGuardBlocked)+": x"), now), Fault, "FORGEHOOK_EGRESS_ALLOW"},
		{"public URL", judgePublicURL(link("https://hooks.example.com"), true, nil), OK, "answers"},
		{"public URL not set", judgePublicURL(link("http://127.0.0.1:8080"), false, nil), Warning, "is not set"},
		{"public URL of this machine", judgePublicURL(link("http://[::1]:8080"), true, nil), Warning, "this machine only"},
		{"public URL in plain text", judgePublicURL(link("http://u:hidden@hooks.example.com"), true, nil), Warning, "not https"},
		{"public URL away", judgePublicURL(link("https://hooks.example.com"), true, away), Warning, "away"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text := tt.got.Text()
			if tt.got.State != tt.state || !strings.Contains(text, tt.says) {
				t.Errorf("want %s that says %q, got\n%s", tt.state, tt.says, text)
			}
			if bad := tt.got.State == Warning || tt.got.State == Fault; bad != (tt.got.Why != "" && tt.got.Mend != "") {
				t.Errorf("what is not well says why and what mends it, all else neither:\n%s", text)
			}
			if strings.Contains(text, "hidden") {
				t.Errorf("it tells a secret:\n%s", text)
			}
		})
	}
}

func TestMendReach(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"tls: first record does not look like a TLS handshake":       "speaks no TLS",
		"x509: certificate signed by unknown authority":              "TEMPORAL_TLS_SERVER_CA_CERT_PATH",
		"connection error: error reading server preface: EOF":        "TEMPORAL_TLS=true",
		"rpc error: code = Unauthenticated desc = Request is denied": "TEMPORAL_API_KEY",
		"dial tcp 127.0.0.1:1: connect: connection refused":          "TEMPORAL_ADDRESS",
	} {
		if got := mendReach(errors.New(text)); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestMendDatabase(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"pq: unsupported startup parameter: idle_in_transaction_session_timeout (08P01)": "ignore_startup_parameters",
		"dial tcp 127.0.0.1:1: connect: connection refused":                              "FORGEHOOK_DATABASE_URL",
	} {
		if got := mendDatabase(errors.New(text)); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// away examines an installation in which nothing can be reached. Every check is made or skipped.
func away(t *testing.T) Report {
	t.Helper()
	var told int
	report := Examine(t.Context(), Options{
		Faults: errors.New("x"), KeysetFault: errors.New("x"), TemporalFault: errors.New("x"), Endpoints: []string{"http://127.0.0.1:1/hidden"}, WorkerSlots: 1,
	}, func(Check) { told++ })
	if told != len(report.Checks) {
		t.Errorf("told of %d checks of %d", told, len(report.Checks))
	}
	return report
}

func TestExamine_away(t *testing.T) {
	t.Parallel()
	report := away(t)
	longest := 0
	for _, c := range report.Checks {
		longest = max(longest, len(c.Name))
		if strings.Contains(c.Text(), "hidden") {
			t.Errorf("it tells a path: %s", c.Text())
		}
	}
	if longest != nameWidth {
		t.Errorf("the longest name has %d letters, the column %d", longest, nameWidth)
	}
	if got, want := report.Summary(), "28 checks: 4 ok, 0 warn, 5 FAULT, 19 skipped"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := report.ExitCode(); got != 2 {
		t.Errorf("exit code %d with faulty settings", got)
	}
}

func TestExitCode(t *testing.T) {
	t.Parallel()
	for want, states := range map[int][]State{0: {OK, Warning, Skipped}, 1: {OK, Fault, Fault}} {
		var r Report
		for _, s := range states {
			r.add(Check{Name: "x", State: s})
		}
		if got := r.ExitCode(); got != want {
			t.Errorf("%v: exit code %d, want %d", states, got, want)
		}
	}
}

func TestOperations(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	example := judgeWritable(good(func(*postgres.Inspection) {})).Text() +
		judgeDurability(good(func(i *postgres.Inspection) { i.SynchronousCommit = "off" })).Text() + judgeShards(16).Text()
	if !strings.Contains(string(guide), example) {
		t.Errorf("docs/operations.md does not show the doctor as it is:\n%s", example)
	}
	for _, c := range away(t).Checks {
		if !strings.Contains(string(guide), "| `"+c.Name+"` |") {
			t.Errorf("docs/operations.md does not explain %s", c.Name)
		}
	}
}

func TestAskHealth_canceled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := askHealth(ctx, "http://127.0.0.1:1"); err == nil {
		t.Error("an API that is not there answers")
	}
}
