package outbound

import (
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Check judges a URL on save, as far as that needs no DNS; each dial judges the rest. The error
// says what is allowed and reads after "must be". Expressions in a URL must be filled in first.
func (s *Sender) Check(rawURL string) error {
	u, err := parseURL(rawURL)
	if err != nil {
		return err
	}
	return s.guard.checkURL(u)
}

var (
	errAbsolute   = errors.New("an absolute URL that starts with https:// and names a host")
	errCharacters = errors.New("a URL without spaces, line breaks and control characters: write them percent-encoded")
	errUserinfo   = errors.New("a URL without user name and password: use the authentication settings for them")
	errFragment   = errors.New("a URL without a #fragment, which is never sent: write # as %23")
	errPort       = errors.New("a URL with a port from 1 to 65535, or without one")
	errHostname   = errors.New("a URL with a valid host name")
	errSpelling   = errors.New("a URL whose IP address has its usual spelling, such as https://192.0.2.10/ or https://[2001:db8::1]/")
	errMetadata   = errors.New("a URL with a public host: this one is a cloud's metadata service, which is never allowed")
	errPrivate    = errors.New("a URL with a public host: private, local and reserved addresses are allowed only where FORGEHOOK_EGRESS_ALLOW holds them")
	errPlain      = errors.New("an https URL: plain http is allowed only for addresses that FORGEHOOK_EGRESS_ALLOW holds")
	errOddPort    = errors.New("a URL with port 443 or 80: other ports are allowed only for addresses that FORGEHOOK_EGRESS_ALLOW holds")
)

// parseURL parses a URL that can be sent; it does not ask the guard. Errors never quote the URL,
// which may hold secrets.
func parseURL(raw string) (*url.URL, error) {
	if !utf8.ValidString(raw) || strings.ContainsFunc(raw, func(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }) {
		return nil, errCharacters
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "":
		return nil, errAbsolute
	case u.User != nil:
		return nil, errUserinfo
	case u.Fragment != "" || strings.Contains(raw, "#"):
		return nil, errFragment
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return nil, errPort
		}
	}
	return u, nil
}

// port returns the port of a parsed URL.
func port(u *url.URL) uint16 {
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	switch {
	case err == nil:
		return uint16(n)
	case u.Scheme == "https":
		return 443
	default:
		return 80
	}
}

// checkURL applies the guard to a URL, as far as its host needs no DNS.
func (g *guard) checkURL(u *url.URL) error {
	addrs, err := knownAddrs(u.Hostname())
	if err != nil {
		return err
	}
	for _, a := range addrs {
		if g.permit(u.Scheme, netip.AddrPortFrom(a, port(u))) == nil {
			return nil
		}
	}
	switch {
	case slices.ContainsFunc(addrs, isMetadata):
		return errMetadata
	case slices.ContainsFunc(addrs, func(a netip.Addr) bool { return !g.public(a.Unmap()) }):
		return errPrivate
	case len(addrs) == 0 && g.allowsNetworks():
		return nil // the name may be in an allowed network: the dial checks it
	case u.Scheme != "https":
		return errPlain
	case !usualPort(port(u)):
		return errOddPort
	default:
		return nil
	}
}

var (
	loopback = []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()}
	// localNames need no DNS: every resolver knows them.
	localNames = map[string][]netip.Addr{
		"localhost": loopback, "localhost.localdomain": loopback, "localhost6": loopback, "localhost6.localdomain6": loopback,
		"ip6-localhost": loopback, "ip6-loopback": loopback,
		"metadata.google.internal": metadata[:1], "metadata.goog": metadata[:1],
	}
)

// knownAddrs returns the addresses of an IP literal or a local name, and none for other names. It
// refuses spellings with no honest use: a resolver may read 127.1, 0x7f000001 or 2130706433 as an
// address, and net/http turns ①②⑦.⓪.⓪.① into one.
func knownAddrs(host string) ([]netip.Addr, error) {
	if len(host) > 253 { // DNS names are not longer, and Punycode takes quadratic time
		return nil, errHostname
	}
	if !isASCII(host) {
		ascii, err := idna.Lookup.ToASCII(host) // as net/http does
		if err != nil {
			return nil, errHostname
		}
		host = ascii
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	last := host[strings.LastIndexByte(host, '.')+1:]
	switch {
	case last == "" || strings.ContainsAny(host, ":%"):
		return nil, errHostname
	case strings.Trim(last, "0123456789") == "", strings.HasPrefix(last, "0x") && strings.Trim(last[2:], "0123456789abcdef") == "":
		return nil, errSpelling
	case strings.HasSuffix(host, ".localhost"):
		return loopback, nil
	default:
		return localNames[host], nil
	}
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}
