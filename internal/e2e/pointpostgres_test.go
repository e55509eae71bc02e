//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// speakPostgres has a point before and after each round trip that runs a statement, named by what
// it changes or reads: "postgres/COMMIT of UPDATE attempts+UPDATE calls/after". It knows only as
// much of the protocol as it needs.
func speakPostgres(client, server net.Conn, at watcher) {
	s := &sqlSession{at: at, client: client, server: server, statements: map[string]string{}}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer client.Close() //nolint:errcheck // one side is gone
		s.responses()
	}()
	s.requests()
	_ = server.Close()
	<-ended
}

// sqlSession is one connection of a process to PostgreSQL.
type sqlSession struct {
	at             watcher
	client, server net.Conn
	statements     map[string]string // SQL by prepared name
	wrote          string            // the last change of the transaction

	mu     sync.Mutex
	rounds []string // pending round trips, by their points; "" has no point
}

const cancelRequest = 80877102 // replaces a start, on a separate connection

func (s *sqlSession) requests() {
	from := bufio.NewReader(s.client)
	start, err := s.startup(from)
	if err != nil {
		return
	}
	if binary.BigEndian.Uint32(start[4:]) != cancelRequest {
		s.expect("")
	}
	if _, err := s.server.Write(start); err != nil {
		return
	}
	var round bytes.Buffer
	sql := ""
	for {
		kind, body, err := message(from, &round)
		if err != nil {
			return
		}
		switch kind {
		case 'P':
			name, rest, _ := bytes.Cut(body, []byte{0})
			text, _, _ := bytes.Cut(rest, []byte{0})
			s.statements[string(name)] = string(text)
		case 'B':
			_, rest, _ := bytes.Cut(body, []byte{0})
			name, _, _ := bytes.Cut(rest, []byte{0})
			sql = s.statements[string(name)]
		case 'Q':
			sql = string(bytes.TrimRight(body, "\x00"))
		}
		if kind == 'Q' || kind == 'S' { // the end of a round trip
			point := s.point(sql)
			s.expect(point)
			if !s.pass(point, "/before") {
				return
			}
			sql = ""
		}
		if kind == 'P' || kind == 'B' || kind == 'D' || kind == 'E' {
			continue // parts of a round trip leave together
		}
		if _, err := round.WriteTo(s.server); err != nil {
			return
		}
	}
}

// startup reads the only message without a type.
func (s *sqlSession) startup(from io.Reader) ([]byte, error) {
	head := make([]byte, 8)
	if _, err := io.ReadFull(from, head); err != nil {
		return nil, err
	}
	rest := make([]byte, max(int(binary.BigEndian.Uint32(head))-len(head), 0))
	_, err := io.ReadFull(from, rest)
	return append(head, rest...), err
}

// responses holds back the parts of a round trip until all have come.
func (s *sqlSession) responses() {
	from := bufio.NewReader(s.server)
	var round bytes.Buffer
	ready := false // the server has admitted the process
	for {
		kind, _, err := message(from, &round)
		if err != nil {
			return
		}
		if kind == 'Z' {
			ready = true
			if !s.pass(s.ended(), "/after") {
				return
			}
		} else if ready && s.waiting() {
			continue
		}
		if _, err := round.WriteTo(s.client); err != nil {
			return
		}
	}
}

// message reads one message and adds its bytes to the round.
func message(from io.Reader, round *bytes.Buffer) (kind byte, body []byte, err error) {
	head := make([]byte, 5)
	if _, err := io.ReadFull(from, head); err != nil {
		return 0, nil, err
	}
	body = make([]byte, max(int(binary.BigEndian.Uint32(head[1:]))-4, 0))
	if _, err := io.ReadFull(from, body); err != nil {
		return 0, nil, err
	}
	round.Write(head)
	round.Write(body)
	return head[0], body, nil
}

func (s *sqlSession) pass(point, side string) bool {
	return point == "" || s.at("postgres/"+point+side)
}

func (s *sqlSession) expect(point string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rounds = append(s.rounds, point)
}

func (s *sqlSession) ended() (point string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.rounds) > 0 {
		point, s.rounds = s.rounds[0], s.rounds[1:]
	}
	return point
}

func (s *sqlSession) waiting() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.rounds) > 0
}

// point names a statement; "" if it changes nothing by itself. A commit is named by the last
// changes.
func (s *sqlSession) point(sql string) string {
	word, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(sql)), " ")
	switch strings.TrimRight(word, ";") {
	case "BEGIN":
		s.wrote = ""
		return ""
	case "COMMIT":
		if s.wrote == "" {
			return ""
		}
		return "COMMIT of " + s.wrote
	case "SELECT", "WITH", "INSERT", "UPDATE", "DELETE":
	default: // settings of sessions
		return ""
	}
	name, writes := statementName(sql)
	if writes {
		s.wrote = name
	}
	return name
}

var (
	changes = regexp.MustCompile(`(?i)(FOR |KEY |DO )?\b(INSERT INTO|UPDATE|DELETE FROM)\s+(\w+)`)
	reads   = regexp.MustCompile(`(?i)\bFROM\s+([a-z_]+)`)
)

// statementName is what a statement changes, or else what it reads first.
func statementName(sql string) (name string, writes bool) {
	var parts []string
	for _, m := range changes.FindAllStringSubmatch(sql, -1) {
		if m[1] == "" {
			parts = append(parts, strings.Fields(strings.ToUpper(m[2]))[0]+" "+strings.ToLower(m[3]))
		}
	}
	if len(parts) > 0 {
		return strings.Join(parts, "+"), true
	}
	if m := reads.FindStringSubmatch(sql); m != nil {
		return "SELECT " + strings.ToLower(m[1]), false
	}
	return "", false
}

func TestStatementName(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"SELECT id FROM calls c JOIN attempts a ON true FOR NO KEY UPDATE OF c":                                   "SELECT calls",
		"WITH lost AS (UPDATE attempts SET state = 'x'), added AS (\nINSERT INTO attempts (a) SELECT 1) SELECT 1": "UPDATE attempts+INSERT attempts",
		"INSERT INTO wakes (id) VALUES ($1) ON CONFLICT DO UPDATE SET id = 1":                                     "INSERT wakes",
		"DELETE FROM wakes WHERE id = $1":                                                                         "DELETE wakes",
		"SELECT 1":                                                                                                "",
	} {
		if got, _ := statementName(sql); got != want {
			t.Errorf("%q is named %q, want %q", sql, got, want)
		}
	}
}
