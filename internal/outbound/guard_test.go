package outbound

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/outbound/zoo"
)

// inside are addresses that no tenant may make us call.
var inside = strings.Fields(`
	127.0.0.1 127.8.8.8 0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.100.100.200 169.254.169.254 169.254.170.2 172.31.1.1 192.0.0.192
	192.168.0.1 198.18.0.1 203.0.113.1 224.0.0.1 240.0.0.1 255.255.255.255 168.63.129.16
	:: ::1 ::ffff:127.0.0.1 ::ffff:a9fe:a9fe ::127.0.0.1 64:ff9b::a9fe:a9fe 64:ff9b:1::a9fe:a9fe 64:ff9b::7f00:1 2002:7f00:1::1
	2001:0:53aa:64c::1 fd00:ec2::254 fc00::1 fe80::1 fe80::1%eth0 fec0::1 ff02::1 2001:db8::1 2606:4700::1111%eth0`)

var outside = strings.Fields(`1.1.1.1 8.8.8.8 172.15.255.255 168.63.129.17 2606:4700::1111 ::ffff:8.8.8.8 64:ff9b::808:808`)

func TestPermit(t *testing.T) {
	t.Parallel()
	strict, _ := newGuard(nil)
	lenient, _ := newGuard([]netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("::1/128")})
	for _, a := range inside {
		if strict.permit("https", netip.AddrPortFrom(netip.MustParseAddr(a), 443)) == nil {
			t.Errorf("%s is permitted", a)
		}
	}
	for _, a := range outside {
		if err := strict.permit("https", netip.AddrPortFrom(netip.MustParseAddr(a), 443)); err != nil {
			t.Errorf("%s is refused: %v", a, err)
		}
	}
	tests := []struct {
		name, scheme, to string
		want             bool
	}{
		{"public, https on port 80", "https", "8.8.8.8:80", true},
		{"public, plain", "http", "8.8.8.8:80", false},
		{"public, odd port", "https", "8.8.8.8:8443", false},
		{"public, ssh", "https", "8.8.8.8:22", false},
		{"allowed, plain", "http", "10.1.2.3:80", true},
		{"allowed, odd port", "https", "10.1.2.3:6379", true},
		{"allowed, mapped", "http", "[::ffff:10.1.2.3]:80", true},
		{"allowed address by NAT64", "https", "[64:ff9b::a01:203]:443", false},
		{"allowed loopback", "http", "[::1]:8080", true},
		{"beside the allowed", "https", "10.2.0.1:443", false},
		{"allowed with a zone", "http", "[::1%lo]:80", false},
	}
	for _, tt := range tests {
		if got := lenient.permit(tt.scheme, netip.MustParseAddrPort(tt.to)) == nil; got != tt.want {
			t.Errorf("%s: permit(%s, %s) = %v, want %v", tt.name, tt.scheme, tt.to, got, tt.want)
		}
	}
}

func TestParseAllow(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, want, fault string }{
		{"", "", ""},
		{" , ", "", ""},
		{"127.0.0.0/8,::1/128", "127.0.0.0/8 ::1/128", ""},
		{"10.1.0.0/16, 10.2.3.4\nfd12:3456:789a::/48", "10.1.0.0/16 10.2.3.4/32 fd12:3456:789a::/48", ""},
		{"0.0.0.0/0", "", "every address"},
		{"::/0", "", "every address"},
		{"0.0.0.0/1", "", "metadata"},
		{"128.0.0.0/1", "", "metadata"},
		{"169.254.0.0/16", "", "metadata"},
		{"169.254.169.254", "", "metadata"},
		{"168.63.129.16/32", "", "metadata"},
		{"fd00:ec2::/32", "", "metadata"},
		{"64:ff9b::/96", "", "NAT64"},
		{"64:ff9b::a9fe:a9fe", "", "NAT64"},
		{"64:ff9b:1::/48", "", "NAT64"},
		{"::ffff:10.0.0.0/104", "", "as IPv4"},
		{"10.1.2.3/8", "", "write 10.0.0.0/8"},
		{"localhost", "", "not a network"},
		{"10.0.0.0/33", "", "not a network"},
		{"fe80::1%eth0", "", "not a network"},
	}
	for _, tt := range tests {
		got, err := ParseAllow(tt.in)
		var words []string
		for _, p := range got {
			words = append(words, p.String())
		}
		if strings.Join(words, " ") != tt.want || (err == nil) != (tt.fault == "") {
			t.Errorf("ParseAllow(%q) = %v, %v; want %q", tt.in, got, err, tt.want)
		}
		if err != nil && (!strings.Contains(err.Error(), tt.fault) || !strings.HasPrefix(err.Error(), "FORGEHOOK_EGRESS_ALLOW: ")) {
			t.Errorf("ParseAllow(%q) says %q, want %q", tt.in, err, tt.fault)
		}
	}
	if _, err := New(Options{Allow: []netip.Prefix{{}}}); err == nil {
		t.Error("New takes an invalid prefix")
	}
	if _, err := New(Options{Allow: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}}); err == nil {
		t.Error("New takes 0.0.0.0/0")
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	g, _ := newGuard(local)
	tests := []struct{ name, scheme, addrs, want string }{
		{"public", "https", "1.1.1.1 8.8.8.8", "1.1.1.1:443 8.8.8.8:443"},
		{"public then private", "https", "1.1.1.1 10.0.0.1", ""},
		{"private then public", "https", "10.0.0.1 1.1.1.1", ""},
		{"private last of many", "https", strings.Repeat("1.1.1.1 ", 99) + "169.254.169.254", ""},
		{"only mapped private", "https", "::ffff:10.0.0.1", ""},
		{"plain to public", "http", "1.1.1.1", ""},
		{"allowed", "http", "127.0.0.1 ::1", "127.0.0.1:443 [::1]:443"},
		{"allowed beside refused", "http", "10.0.0.1 127.0.0.1", "127.0.0.1:443"},
	}
	for _, tt := range tests {
		var addrs []netip.Addr
		for _, a := range strings.Fields(tt.addrs) {
			addrs = append(addrs, netip.MustParseAddr(a))
		}
		got, err := g.choose(tt.scheme, addrs, 443)
		var words []string
		for _, to := range got {
			words = append(words, to.String())
		}
		if strings.Join(words, " ") != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("%s: %v, %v; want %q", tt.name, got, err, tt.want)
		}
	}
}

// The guard also checks the socket, whatever chose the address.
func TestDialIsGuarded(t *testing.T) {
	t.Parallel()
	g, _ := newGuard(nil)
	d := &dialer{guard: g}
	server := zoo.OK(t)
	conn, err := d.dial(context.Background(), "http", netip.MustParseAddrPort(strings.TrimPrefix(server.URL, "http://")))
	if err == nil {
		_ = conn.Close()
		t.Fatal("connected")
	}
	if got := fault(t.Context(), t.Context(), err, false, 0); got.Code != forgehook.CallErrorGuardBlocked {
		t.Errorf("code %s", got.Code)
	}
}
