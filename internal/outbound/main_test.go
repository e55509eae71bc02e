package outbound

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// local is what make dev allows.
var local = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

func setup(t *testing.T, o Options) *Sender {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// post returns a request with a timeout that no healthy machine reaches.
func post(url string) Request {
	return Request{Key: "tenant/1", Method: "POST", URL: url, Body: []byte(`{"a":1}`), Timeout: time.Minute}
}

// names is a name server. Each lookup of a name takes its next result; the last one stays.
type names struct {
	mu      sync.Mutex
	results map[string][][]string
}

func (n *names) LookupNetIP(ctx context.Context, _, host string) ([]netip.Addr, error) {
	if host == "slow.example" {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	rounds := n.results[host]
	if len(rounds) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	if len(rounds) > 1 {
		n.results[host] = rounds[1:]
	}
	var addrs []netip.Addr
	for _, a := range rounds[0] {
		addrs = append(addrs, netip.MustParseAddr(a))
	}
	return addrs, nil
}
