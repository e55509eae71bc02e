package outbound

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"time"
)

const (
	connectTimeout = 5 * time.Second        // DNS, TCP and TLS of one connection together
	nextAddress    = 250 * time.Millisecond // then the next address starts too (RFC 8305)
	maxAddresses   = 8                      // tried for one name
)

// dialer opens connections to addresses that the guard permits. Failures are [stageError]s.
type dialer struct {
	guard    *guard
	resolver Resolver
}

// plain opens an unencrypted connection, as [net/http.Transport.DialContext].
func (d *dialer) plain(ctx context.Context, _, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	return d.open(ctx, "http", address)
}

// encrypted opens a connection and completes its handshake, as [net/http.Transport.DialTLSContext].
func (d *dialer) encrypted(config *tls.Config) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, _, address string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, connectTimeout)
		defer cancel()
		raw, err := d.open(ctx, "https", address)
		if err != nil {
			return nil, err
		}
		config := config.Clone()
		config.ServerName, _, _ = net.SplitHostPort(address)
		conn := tls.Client(raw, config)
		if err := conn.HandshakeContext(ctx); err != nil {
			_ = raw.Close()
			return nil, &stageError{stageHandshake, err}
		}
		return conn, nil
	}
}

func (d *dialer) open(ctx context.Context, scheme, address string) (net.Conn, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, &stageError{stageConnect, err}
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, &stageError{stageConnect, err}
	}
	addrs, err := d.resolve(ctx, host)
	if err != nil {
		return nil, &stageError{stageResolve, err}
	}
	targets, err := d.guard.choose(scheme, addrs, uint16(port))
	if err != nil {
		return nil, err
	}
	conn, err := d.race(ctx, scheme, targets[:min(len(targets), maxAddresses)])
	if err != nil {
		return nil, &stageError{stageConnect, err}
	}
	return conn, nil
}

func (d *dialer) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	addrs, err := d.resolver.LookupNetIP(ctx, "ip", host)
	if err == nil && len(addrs) == 0 {
		err = &net.DNSError{Err: "no addresses", IsNotFound: true}
	}
	return addrs, err
}

// race dials the addresses in order and takes the first connection. The next dial starts when the
// previous one fails or takes too long: a broken IPv6 route costs a moment, not an attempt.
func (d *dialer) race(ctx context.Context, scheme string, targets []netip.AddrPort) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		conn net.Conn
		err  error
	}
	results := make(chan result, len(targets))
	var first error
	next := time.NewTimer(0)
	defer next.Stop()
	for started, failed := 0, 0; failed < len(targets); {
		select {
		case <-next.C:
			if started < len(targets) {
				go func(to netip.AddrPort) {
					conn, err := d.dial(ctx, scheme, to)
					results <- result{conn, err}
				}(targets[started])
				started++
				next.Reset(nextAddress)
			}
		case r := <-results:
			if r.err == nil {
				go func() { // closes connections that come too late
					for range started - failed - 1 {
						if late := <-results; late.conn != nil {
							_ = late.conn.Close()
						}
					}
				}()
				return r.conn, nil
			}
			if first == nil {
				first = r.err
			}
			failed++
			next.Reset(0)
		}
	}
	return nil, first
}

// dial connects to one address. The guard checks the address that the kernel connects to: nothing
// between the choice and the socket can change it.
func (d *dialer) dial(ctx context.Context, scheme string, to netip.AddrPort) (net.Conn, error) {
	nd := net.Dialer{ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		dialled, err := netip.ParseAddrPort(address)
		if err != nil {
			return &blockedError{address}
		}
		return d.guard.permit(scheme, dialled)
	}}
	return nd.DialContext(ctx, "tcp", to.String())
}
