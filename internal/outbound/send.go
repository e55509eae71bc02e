package outbound

import (
	"cmp"
	"context"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/forgehook/forgehook"
)

// Options are set once for a process. The zero value has the strictest guard.
type Options struct {
	Allow            []netip.Prefix // addresses that are always allowed; see [ParseAllow]
	MaxResponseBytes int            // of a body, after decompression; 0 is [DefaultMaxResponseBytes]
	Resolver         Resolver       // nil is the system's
	RootCAs          *x509.CertPool // nil is the system's
	QuickWithin      time.Duration  // longest quick exchange; 0 is [DefaultQuickWithin]
	Logger           *slog.Logger   // logs the addresses that the guard refuses; nil: no log
}

// DefaultMaxResponseBytes is how much of a response's body is stored.
const DefaultMaxResponseBytes = 128 << 10

// DefaultTimeout bounds an exchange whose request sets no timeout.
const DefaultTimeout = 30 * time.Second

// Resolver finds the addresses of a host name; [net.Resolver] is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Request is one request to an endpoint. Only Host, Content-Length and Accept-Encoding are added to
// it.
type Request struct {
	Key     string // names the connection pool, "tenant/utility": connections are never shared between keys
	Method  string
	URL     string
	Headers []Header // Host replaces the URL's; Content-Length is always the body's
	Body    []byte   // nil: none
	Timeout time.Duration
	Keep    int // bytes of the response's body to keep, decompressed; 0 is MaxResponseBytes
}

// Header is one header field, its name spelled as sent.
type Header struct{ Name, Value string }

// Sender makes exchanges. It is safe for concurrent use.
type Sender struct {
	guard    *guard
	pools    *pools
	maxBytes int

	quickWithin time.Duration
	log         *slog.Logger
}

// New makes a Sender. The error names a network in Allow that can never be allowed.
func New(o Options) (*Sender, error) {
	g, err := newGuard(o.Allow)
	if err != nil {
		return nil, err
	}
	if o.MaxResponseBytes <= 0 {
		o.MaxResponseBytes = DefaultMaxResponseBytes
	}
	if o.QuickWithin == 0 {
		o.QuickWithin = DefaultQuickWithin
	}
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	d := &dialer{guard: g, resolver: o.Resolver}
	return &Sender{guard: g, pools: newPools(d, o.RootCAs), maxBytes: o.MaxResponseBytes, quickWithin: o.QuickWithin, log: o.Logger}, nil
}

// Close closes idle connections. Exchanges under way go on.
func (s *Sender) Close() { s.pools.close() }

// Send makes one exchange. It ends when the response is complete or long enough, at the timeout, or
// with ctx (code "canceled"). A status that has arrived stands, whatever happens to its body. A
// dead kept-alive connection is replaced; the request is sent again only if nothing had been
// written, or if the method may be repeated (GET, HEAD, OPTIONS).
func (s *Sender) Send(ctx context.Context, r Request) forgehook.Exchange {
	x := forgehook.Exchange{StartedAt: time.Now()}
	s.exchange(ctx, r, &x)
	x.Duration = time.Since(x.StartedAt)
	return x
}

func (s *Sender) exchange(parent context.Context, r Request, x *forgehook.Exchange) {
	timeout := r.Timeout
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(parent, timeout)
	defer cancel()

	var connected atomic.Bool
	req, err := s.request(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	}), r)
	if err == nil {
		to := s.pools.get(r.Key)
		defer to.pace(s.quickWithin)()
		var res *http.Response
		if res, err = to.transport.RoundTrip(req); err == nil {
			defer func() { _ = res.Body.Close() }()
			err = read(res, cmp.Or(max(r.Keep, 0), s.maxBytes), x)
		}
	}
	x.Sent = connected.Load()
	if err != nil {
		s.report(parent, r.Key, err)
		x.Err = fault(parent, ctx, err, x.Sent, timeout)
	}
}
