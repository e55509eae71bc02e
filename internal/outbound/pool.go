package outbound

import (
	"container/list"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxPools         = 512
	maxIdlePerPool   = 64
	idleTimeout      = 30 * time.Second
	maxHeaderBytes   = 64 << 10  // of a response, interim ones (1xx) included
	streamBuffer     = 128 << 10 // bytes that an HTTP/2 endpoint may send ahead of the reader
	connectionBuffer = 1 << 20
	pingAfter        = 15 * time.Second // then a silent HTTP/2 connection is pinged
)

// pools holds one transport for each key and drops the least recently used. Keys do not share
// connections: a slow or hostile endpoint of one tenant can neither hold up nor read what another
// tenant sends.
type pools struct {
	dialer *dialer
	roots  *x509.CertPool

	mu     sync.Mutex
	recent *list.List // of *pool, most recently used first
	byKey  map[string]*list.Element
}

type pool struct {
	key       string
	transport *http.Transport
	quick     atomic.Int32 // quick exchanges in a row; see pace.go
}

func newPools(d *dialer, roots *x509.CertPool) *pools {
	return &pools{dialer: d, roots: roots, recent: list.New(), byKey: make(map[string]*list.Element)}
}

// newTransport makes a transport with its own connections. It has no [http.Client], which would
// follow redirects, take credentials from URLs and quote URLs in errors.
func newTransport(d *dialer, roots *x509.CertPool) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	return &http.Transport{
		Proxy:                  nil, // the guard would see only the proxy's address
		DialContext:            d.plain,
		DialTLSContext:         d.encrypted(tlsConfig(roots)),
		Protocols:              protocols,
		DisableCompression:     true, // response.go decompresses within a bound
		MaxIdleConns:           maxIdlePerPool,
		MaxIdleConnsPerHost:    maxIdlePerPool,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		HTTP2: &http.HTTP2Config{
			MaxReceiveBufferPerStream: streamBuffer, MaxReceiveBufferPerConnection: connectionBuffer, SendPingTimeout: pingAfter,
		},
	}
}

func tlsConfig(roots *x509.CertPool) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, NextProtos: []string{"h2", "http/1.1"}}
}

func (p *pools) get(key string) *pool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e, ok := p.byKey[key]; ok {
		p.recent.MoveToFront(e)
		return e.Value.(*pool)
	}
	if p.recent.Len() >= maxPools {
		oldest := p.recent.Remove(p.recent.Back()).(*pool)
		delete(p.byKey, oldest.key)
		oldest.transport.CloseIdleConnections() // connections in use close after their exchange
	}
	made := &pool{key: key, transport: newTransport(p.dialer, p.roots)}
	p.byKey[key] = p.recent.PushFront(made)
	return made
}

// find returns the key's pool, or nil.
func (p *pools) find(key string) *pool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e, ok := p.byKey[key]; ok {
		return e.Value.(*pool)
	}
	return nil
}

func (p *pools) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for e := p.recent.Front(); e != nil; e = e.Next() {
		e.Value.(*pool).transport.CloseIdleConnections()
	}
}
