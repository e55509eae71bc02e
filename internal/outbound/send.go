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

// Options are set once a process. The zero value is the strictest guard.
type Options struct {
	Allow            []netip.Prefix // addresses that are allowed whatever they are; see [ParseAllow]
	MaxResponseBytes int            // of a body, after decompression; 0 is [DefaultMaxResponseBytes]
	Resolver         Resolver       // nil is the system's
	RootCAs          *x509.CertPool // nil is the system's
	QuickWithin      time.Duration  // what makes an exchange a quick one; 0 is [DefaultQuickWithin]
	Logger           *slog.Logger   // gets the addresses that the guard refused; nil is silent
}

// DefaultMaxResponseBytes is how much of a response's body is kept.
const DefaultMaxResponseBytes = 128 << 10

// DefaultTimeout bounds an exchange whose request says nothing else.
const DefaultTimeout = 30 * time.Second

// Resolver finds the addresses of a host name; [net.Resolver] is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Request is one request to an endpoint. What is not in it is not sent, but for Host,
// Content-Length and Accept-Encoding.
type Request struct {
	Key     string // names the connection pool, "tenant/utility": connections are never shared between keys
	Method  string
	URL     string
	Headers []Header // Host replaces the URL's; Content-Length is always the body's
	Body    []byte   // nil: none
	Timeout time.Duration
	Keep    int // of the response's body, after decompression, in bytes; 0 is what the sender keeps
}

// Header is one header field, its name spelled as it is to be sent.
type Header struct{ Name, Value string }

// Sender makes exchanges. It is safe for concurrent use.
type Sender struct {
	guard    *guard
	pools    *pools
	maxBytes int

	quickWithin time.Duration
	log         *slog.Logger
}

// New makes a Sender. The error names what in Allow is never allowed.
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
// kept-alive connection that turns out to be dead is replaced and the request sent again only where
// nothing had been written, or where the method may be repeated anyway (GET, HEAD, OPTIONS).
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
