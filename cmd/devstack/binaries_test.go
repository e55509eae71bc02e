package main

import (
	"errors"
	"path"
	"strings"
	"testing"
)

func TestParseVersion(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		output string
		want   version
	}{
		{"postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", version{15, 18}},
		{"postgres (PostgreSQL) 17.10\n", version{17, 10}},
		{"postgres (PostgreSQL) 18.1 (Homebrew)", version{18, 1}},
		{"postgres (PostgreSQL) 18beta2", version{18, 0}},
		{"postgres (PostgreSQL) 19devel", version{19, 0}},
		{"postgres (PostgreSQL) 9.6.24", version{9, 6}},
	} {
		got, err := parseVersion(test.output)
		if err != nil || got != test.want {
			t.Errorf("parseVersion(%q) = %v, %v; want %v", test.output, got, err, test.want)
		}
	}
	for _, output := range []string{"", "psql: error", "postgres (EnterpriseDB) 15.1"} {
		if got, err := parseVersion(output); err == nil {
			t.Errorf("parseVersion(%q) = %v, want an error", output, got)
		}
	}
}

// fakeMachine has servers in folders, and pg_config unless it is "".
func fakeMachine(pgConfig string, servers map[string]string) machine {
	return machine{
		glob: func(pattern string) []string {
			var found []string
			for dir := range servers {
				if ok, _ := path.Match(pattern, dir); ok {
					found = append(found, dir)
				}
			}
			return found
		},
		exists: func(name string) bool { return servers[path.Dir(name)] != "" },
		output: func(program string, args ...string) (string, error) {
			switch {
			case program != "pg_config":
				return "postgres (PostgreSQL) " + servers[path.Dir(program)], nil
			case pgConfig == "":
				return "", errors.New("not found")
			}
			return pgConfig + "\n", nil
		},
	}
}

func TestInstalled(t *testing.T) {
	t.Parallel()
	debian := map[string]string{
		"/usr/lib/postgresql/9.6/bin": "9.6.24", "/usr/lib/postgresql/15/bin": "15.18", "/usr/lib/postgresql/17/bin": "17.2",
		"/opt/homebrew/opt/postgresql@18/bin": "18.1",
	}
	for _, test := range []struct {
		name     string
		pgConfig string
		servers  map[string]string
		major    int // of the data
		want     string
		wrong    string // in the error
	}{
		{name: "the highest of a place", servers: debian, want: "/usr/lib/postgresql/17/bin"},
		{name: "pg_config first", pgConfig: "/usr/lib/postgresql/15/bin", servers: debian, want: "/usr/lib/postgresql/15/bin"},
		{name: "pg_config of a client only", pgConfig: "/opt/client/bin", servers: debian, want: "/usr/lib/postgresql/17/bin"},
		{name: "the one that made the data", servers: debian, major: 15, want: "/usr/lib/postgresql/15/bin"},
		{name: "also in a later place", servers: debian, major: 18, want: "/opt/homebrew/opt/postgresql@18/bin"},
		{name: "no other for the data", servers: debian, major: 16, wrong: "cannot read the data of 16"},
		{name: "too old", servers: map[string]string{"/usr/lib/postgresql/14/bin": "14.9"}, wrong: "older than 15"},
		{name: "nothing", wrong: "not installed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := fakeMachine(test.pgConfig, test.servers).installed(test.major)
			if got.dir != test.want {
				t.Errorf("got %q, %v; want %q", got.dir, err, test.want)
			}
			if test.want == "" && (err == nil || !strings.Contains(err.Error(), test.wrong)) {
				t.Errorf("error %v, want one with %q", err, test.wrong)
			}
		})
	}
}
