package outbound

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"code.dny.dev/ssrf"
)

// guard decides which addresses may be dialled. An address that the operator allowed may be dialled
// by any scheme on any port; every other address must be public and is dialled only on ports 443
// and 80, by https.
type guard struct {
	allow    []netip.Prefix
	internet *ssrf.Guardian
}

// metadata are the addresses where clouds hand out credentials to callers inside. They can never be
// allowed.
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

// azure is the one metadata address that the library takes for public.
var azure = netip.MustParsePrefix("168.63.129.16/32")

// nat64 contains the well-known prefix and the one for local use.
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
// commas or spaces. An empty list allows only the public internet.
func ParseAllow(s string) ([]netip.Prefix, error) {
	var allow []netip.Prefix
	for _, word := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' }) {
		p, err := netip.ParsePrefix(word)
		if a, addrErr := netip.ParseAddr(word); addrErr == nil && a.Zone() == "" {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("FORGEHOOK_EGRESS_ALLOW: %q is not a network such as 10.1.0.0/16 or fd12:3456:789a::/48", word)
		}
		if err := allowable(p); err != nil {
			return nil, err
		}
		allow = append(allow, p)
	}
	return allow, nil
}

// allowable refuses networks that would disable the guard.
func allowable(p netip.Prefix) error {
	refuse := func(why string, args ...any) error {
		return fmt.Errorf("FORGEHOOK_EGRESS_ALLOW: %s: %s", p, fmt.Sprintf(why, args...))
	}
	switch {
	case !p.IsValid():
		return refuse("is not a network")
	case p.Addr().Is4In6():
		return refuse("write an IPv4 network as IPv4")
	case p != p.Masked():
		return refuse("has bits beyond its prefix length, write %s", p.Masked())
	case p.Bits() == 0:
		return refuse("allows every address")
	case p.Overlaps(nat64):
		return refuse("NAT64 addresses reach any IPv4 address; those of a public one are allowed anyway")
	}
	for _, a := range metadata {
		if p.Contains(a) {
			return refuse("holds %s, a cloud's metadata service, which is never allowed: name smaller networks without it", a)
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

// allowsNetworks reports whether more than this machine is allowed; names other than localhost may
// then be allowed too.
func (g *guard) allowsNetworks() bool {
	return slices.ContainsFunc(g.allow, func(p netip.Prefix) bool { return !p.Addr().IsLoopback() })
}

// public reports whether an address belongs to the internet. A NAT64 address counts as the IPv4
// address within.
func (g *guard) public(addr netip.Addr) bool {
	if ssrf.IPv6NAT64Prefix.Contains(addr) {
		bytes := addr.As16()
		addr = netip.AddrFrom4([4]byte(bytes[12:]))
	}
	return g.internet.SafeAddr(addr) == nil
}

func usualPort(port uint16) bool { return port == 443 || port == 80 }

// choose checks all addresses of a name before one is dialled, so that a name server cannot change
// them in between. One refused address refuses the name: a name that is partly internal is an
// attack. If the operator allowed another address of it, only the refused ones are left out:
// localhost is often ::1 as well as 127.0.0.1.
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
