package outbound

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"code.dny.dev/ssrf"
)

// guard decides which addresses may be dialled. Its one rule: an address that the operator allowed
// may be dialled by any scheme on any port; every other one must be public, and is dialled by https
// on the usual ports only.
type guard struct {
	allow    []netip.Prefix
	internet *ssrf.Guardian
}

// metadata are the addresses where clouds hand credentials to whoever asks from inside: they can
// never be allowed.
var metadata = []netip.Addr{
	netip.MustParseAddr("169.254.169.254"), // most clouds
	netip.MustParseAddr("169.254.170.2"),   // AWS ECS
	netip.MustParseAddr("169.254.170.23"),  // AWS EKS
	netip.MustParseAddr("168.63.129.16"),   // Azure's wire server, in public space
	netip.MustParseAddr("100.100.100.200"), // Alibaba
	netip.MustParseAddr("192.0.0.192"),     // Oracle
	netip.MustParseAddr("fd00:ec2::254"),   // AWS
	netip.MustParseAddr("fd00:ec2::23"),    // AWS EKS
	netip.MustParseAddr("fd20:ce::254"),    // Google
}

// azure is the one metadata address that the library's tables hold for public.
var azure = netip.MustParsePrefix("168.63.129.16/32")

// nat64 holds the well-known prefix and the one for local use.
var nat64 = netip.MustParsePrefix("64:ff9b::/32")

func isMetadata(a netip.Addr) bool { return slices.Contains(metadata, a.Unmap()) }

func newGuard(allow []netip.Prefix) (*guard, error) {
	for _, p := range allow {
		if err := allowable(p); err != nil {
			return nil, err
		}
	}
	return &guard{allow: allow, internet: ssrf.New(ssrf.WithDeniedV4Prefixes(azure))}, nil
}

// ParseAllow reads FORGEHOOK_EGRESS_ALLOW: networks in CIDR form or single addresses, separated by
// commas or spaces. Empty allows nothing beyond the public internet.
func ParseAllow(s string) ([]netip.Prefix, error) {
	var allow []netip.Prefix
	for _, word := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' }) {
		p, err := netip.ParsePrefix(word)
		if a, addrErr := netip.ParseAddr(word); addrErr == nil && a.Zone() == "" {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("FORGEHOOK_EGRESS_ALLOW: %q is no network such as 10.1.0.0/16 or fd12:3456:789a::/48", word)
		}
		if err := allowable(p); err != nil {
			return nil, err
		}
		allow = append(allow, p)
	}
	return allow, nil
}

// allowable refuses networks that would open the guard altogether.
func allowable(p netip.Prefix) error {
	refuse := func(why string, args ...any) error {
		return fmt.Errorf("FORGEHOOK_EGRESS_ALLOW: %s: %s", p, fmt.Sprintf(why, args...))
	}
	switch {
	case !p.IsValid():
		return refuse("is no network")
	case p.Addr().Is4In6():
		return refuse("write an IPv4 network as IPv4")
	case p != p.Masked():
		return refuse("has bits beyond its prefix length, write %s", p.Masked())
	case p.Bits() == 0:
		return refuse("allows every address there is")
	case p.Overlaps(nat64):
		return refuse("NAT64 addresses reach any IPv4 address; those of a public one are allowed anyway")
	}
	for _, a := range metadata {
		if p.Contains(a) {
			return refuse("holds %s, a cloud's metadata service, which is never allowed: name smaller networks beside it", a)
		}
	}
	return nil
}

// permit returns a [blockedError] unless the address may be dialled.
func (g *guard) permit(scheme string, to netip.AddrPort) error {
	addr := to.Addr().Unmap()
	if g.allows(addr) || (scheme == "https" && usualPort(to.Port()) && g.public(addr)) {
		return nil
	}
	return &blockedError{to.String()}
}

func (g *guard) allows(addr netip.Addr) bool {
	return slices.ContainsFunc(g.allow, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// allowsNetworks reports whether more than this machine is allowed, so that names other than
// localhost may be among it.
func (g *guard) allowsNetworks() bool {
	return slices.ContainsFunc(g.allow, func(p netip.Prefix) bool { return !p.Addr().IsLoopback() })
}

// public reports whether an address is one of the internet's. One of NAT64's stands for the IPv4
// address within.
func (g *guard) public(addr netip.Addr) bool {
	if ssrf.IPv6NAT64Prefix.Contains(addr) {
		bytes := addr.As16()
		addr = netip.AddrFrom4([4]byte(bytes[12:]))
	}
	return g.internet.SafeAddr(addr) == nil
}

func usualPort(port uint16) bool { return port == 443 || port == 80 }

// choose checks every address of a name before any is dialled, so that no answer of a name server
// can change between check and use. One refused address refuses the whole answer, for a name that
// is partly internal is an attack, unless the operator allowed another of them: localhost is often
// ::1 as well as 127.0.0.1. Refused addresses are not dialled either way.
func (g *guard) choose(scheme string, addrs []netip.Addr, port uint16) ([]netip.AddrPort, error) {
	var permitted []netip.AddrPort
	var refusal error
	vouched := false
	for _, a := range addrs {
		to := netip.AddrPortFrom(a.Unmap(), port)
		if err := g.permit(scheme, to); err != nil {
			refusal = err
			continue
		}
		vouched = vouched || g.allows(to.Addr())
		permitted = append(permitted, to)
	}
	if refusal != nil && !vouched {
		return nil, refusal
	}
	return permitted, nil
}
