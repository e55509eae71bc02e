package zoo

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// Roots trusts the authority of this process's certificates, but not [SelfSigned].
func Roots(t testing.TB) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(authority(t).cert)
	return pool
}

// TLS responds 200 over HTTPS, by HTTP/2 if the client can.
func TLS(t testing.TB) *Server { return encrypted(t, now(), nil, nil) }

// TLSWith is [TLS] with the test's handler.
func TLSWith(t testing.TB, h http.HandlerFunc) *Server { return encrypted(t, now(), nil, h) }

// Expired has a certificate that ended an hour ago.
func Expired(t testing.TB) *Server {
	v := now()
	v.NotAfter = time.Now().Add(-time.Hour)
	return encrypted(t, v, nil, nil)
}

// WrongHost has a certificate for another host name.
func WrongHost(t testing.TB) *Server {
	v := now()
	v.DNSNames, v.IPAddresses = []string{"other.example"}, nil
	return encrypted(t, v, nil, nil)
}

// SelfSigned has a certificate that is signed by itself.
func SelfSigned(t testing.TB) *Server {
	v := now()
	self := pair{cert: v, key: newKey(t)}
	return encrypted(t, v, func(c *tls.Config) { c.Certificates = []tls.Certificate{issue(t, v, self.key, self)} }, nil)
}

// OldTLS speaks TLS 1.1 at most.
func OldTLS(t testing.TB) *Server {
	return encrypted(t, now(), func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, nil)
}

// AsksCertificate asks for a client certificate.
func AsksCertificate(t testing.TB) *Server {
	return encrypted(t, now(), func(c *tls.Config) { c.ClientAuth, c.MaxVersion = tls.RequireAnyClientCert, tls.VersionTLS12 }, nil)
}

// NotTLS has an https URL and speaks plain HTTP.
func NotTLS(t testing.TB) *Server {
	s := OK(t)
	s.URL = strings.Replace(s.URL, "http:", "https:", 1)
	return s
}

func encrypted(t testing.TB, valid *x509.Certificate, change func(*tls.Config), h http.HandlerFunc) *Server {
	if h == nil {
		h = func(w http.ResponseWriter, _ *http.Request) { respond(w, http.StatusOK, nil, "ok") }
	}
	s, hs := unstarted(t, func(_ *Server, w http.ResponseWriter, r *http.Request) { h(w, r) })
	hs.EnableHTTP2 = true
	hs.TLS = &tls.Config{Certificates: []tls.Certificate{issue(t, valid, newKey(t), authority(t))}}
	if change != nil {
		change(hs.TLS)
	}
	hs.StartTLS()
	s.URL = hs.URL
	return s
}

type pair struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

var made struct {
	once      sync.Once
	authority pair
	err       error
}

// authority is made once for a process.
func authority(t testing.TB) pair {
	made.once.Do(func() {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			made.err = err
			return
		}
		cert := now()
		cert.Subject.CommonName, cert.IsCA, cert.BasicConstraintsValid, cert.KeyUsage = "zoo authority", true, true, x509.KeyUsageCertSign
		cert.DNSNames, cert.IPAddresses, cert.ExtKeyUsage = nil, nil, nil
		der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
		if err != nil {
			made.err = err
			return
		}
		made.authority.key = key
		made.authority.cert, made.err = x509.ParseCertificate(der)
	})
	if made.err != nil {
		t.Fatal(made.err)
	}
	return made.authority
}

// now returns a certificate for this machine that is valid now.
func now() *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: "zoo"},
		DNSNames:     []string{"localhost", "hook.example"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		NotBefore:    time.Now().Add(-24 * time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
}

func issue(t testing.TB, cert *x509.Certificate, key *ecdsa.PrivateKey, by pair) tls.Certificate {
	der, err := x509.CreateCertificate(rand.Reader, cert, by.cert, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
