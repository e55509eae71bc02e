package doctor

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/outbound"
)

func (e *examination) egress(ctx context.Context) {
	e.tell(judgeAllow(e.EgressAllow))
	sender, err := outbound.New(outbound.Options{Allow: e.EgressAllow})
	if err != nil {
		e.tell(Check{egressGuard, Fault, err.Error(), guardMatters, "Correct FORGEHOOK_EGRESS_ALLOW."})
		return
	}
	defer sender.Close()
	e.tell(tryGuard(ctx, sender), judgeProxy(e.Environ))
	for _, endpoint := range e.Endpoints {
		e.tell(tryEndpoint(ctx, sender, endpoint))
	}
	e.tell(e.callbackLink(ctx))
}

// The widest networks that are taken for somebody's own.
const (
	widestIPv4 = 16
	widestIPv6 = 48
)

func judgeAllow(allow []netip.Prefix) Check {
	if len(allow) == 0 {
		return ok(egressAllow, "webhooks reach the public internet only, by https")
	}
	var wide, local []string
	for _, p := range allow {
		switch {
		case p.Addr().IsLoopback():
			local = append(local, p.String())
		case p.Addr().Is4() && p.Bits() < widestIPv4 || p.Addr().Is6() && p.Bits() < widestIPv6:
			wide = append(wide, p.String())
		}
	}
	const mend = "Set FORGEHOOK_EGRESS_ALLOW to the addresses of the endpoints themselves, such as 10.1.2.0/28."
	switch {
	case len(local) > 0:
		return Check{egressAllow, Warning, "webhooks may reach this machine itself: " + strings.Join(local, ", "),
			"Users who may edit a webhook can send requests to every service on this machine. This is intended for development only.", mend}
	case len(wide) > 0:
		return Check{egressAllow, Warning, "wide networks are allowed: " + strings.Join(wide, ", "),
			"Users who may edit a webhook can send requests to every service there, perhaps to Forgehook's database.", mend}
	}
	return ok(egressAllow, "beside the public internet: %s", joined(allow))
}

func joined(allow []netip.Prefix) string {
	var all []string
	for _, p := range allow {
		all = append(all, p.String())
	}
	return strings.Join(all, ", ")
}

const guardMatters = "The guard keeps webhooks away from internal services and from the credentials that clouds hand out."

// tryGuard asks for an address that webhooks must never reach.
func tryGuard(ctx context.Context, sender *outbound.Sender) Check {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	const metadata = "http://169.254.169.254/"
	_, err := sender.Try(ctx, metadata)
	if err == nil || !strings.HasPrefix(err.Error(), string(forgehook.CallErrorGuardBlocked)) || sender.Check(metadata) == nil {
		return Check{egressGuard, Fault, fmt.Sprintf("%s was not refused", metadata), guardMatters, "Stop this installation and report it: no setting may do that."}
	}
	return ok(egressGuard, "the metadata address of clouds is refused")
}

// judgeProxy names variables but not their values, which may hold a password.
func judgeProxy(environ []string) Check {
	set := variables(environ, "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
	if len(set) == 0 {
		return ok(egressProxy, "no proxy is set; webhooks go straight out")
	}
	return Check{egressProxy, Warning, strings.Join(set, ", ") + ": set, but webhooks do not use a proxy",
		"Behind a proxy the guard would only see the proxy's address. The connection to Temporal does use HTTPS_PROXY.",
		"Let workers reach endpoints directly on port 443; except Temporal's host with NO_PROXY if it is inside."}
}

// certificateSoon is the time before its end in which a certificate should be renewed.
const certificateSoon = 14 * 24 * time.Hour

func tryEndpoint(ctx context.Context, sender *outbound.Sender, endpoint string) Check {
	ctx, cancel := context.WithTimeout(ctx, 2*askWithin)
	defer cancel()
	c, err := sender.Try(ctx, endpoint)
	return judgeEndpoint(hostOf(endpoint), c, err, time.Now())
}

// hostOf leaves out path and query, which may hold secrets.
func hostOf(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return "the URL"
	}
	return u.Scheme + "://" + u.Host
}

func judgeEndpoint(host string, c outbound.Connection, err error, now time.Time) Check {
	if err != nil {
		mend := "From this machine: curl -v " + host
		if strings.HasPrefix(err.Error(), string(forgehook.CallErrorGuardBlocked)) {
			mend = "If it is yours, add its address to FORGEHOOK_EGRESS_ALLOW of all API and worker processes."
		}
		return Check{egressEndpoint, Fault, host + ": " + err.Error(), "Attempts end the same way.", mend}
	}
	if c.TLS == "" {
		return ok(egressEndpoint, "%s: connected to %s, without TLS", host, c.Address)
	}
	left := c.Certificate.Sub(now)
	found := fmt.Sprintf("%s: connected to %s, %s, its certificate ends in %d days", host, c.Address, c.TLS, left/(24*time.Hour))
	if left < certificateSoon {
		return Check{egressEndpoint, Warning, found, "From then on every attempt fails with tls_untrusted.", "Ask the endpoint's operator to renew it."}
	}
	return ok(egressEndpoint, "%s", found)
}

// callbackLink checks whether an API responds at the address of callback links.
func (e *examination) callbackLink(ctx context.Context) Check {
	u, err := url.Parse(e.PublicURL)
	if err != nil || u.Host == "" {
		return skipped(callbackLink, configuration)
	}
	return judgePublicURL(u, e.PublicURLSet, askHealth(ctx, e.PublicURL))
}

func askHealth(ctx context.Context, base string) error {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/healthz", http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // only its status counts
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("/healthz responds with %s", response.Status)
	}
	return nil
}

func judgePublicURL(u *url.URL, set bool, away error) Check {
	const why = "Endpoints that respond later are given a link with this address. Without such utilities it does not matter."
	const mend = "Set FORGEHOOK_PUBLIC_URL to the https address under which endpoints reach the API, the same for API and workers."
	shown := u.Redacted()
	host := u.Hostname()
	ip, err := netip.ParseAddr(host)
	switch {
	case !set:
		return Check{callbackLink, Warning, "FORGEHOOK_PUBLIC_URL is not set, so callback links begin with " + shown, why, mend}
	case host == "localhost" || err == nil && ip.IsLoopback():
		return Check{callbackLink, Warning, shown + " is this machine only", why, mend}
	case u.Scheme != "https":
		return Check{callbackLink, Warning, shown + " is not https", "Callbacks and their tokens travel in plain text.", mend}
	case away != nil:
		return Check{callbackLink, Warning, "no API answers at " + shown + ": " + away.Error(), why, "Start the API, or mend name, proxy or certificate; this is expected before the first start, or if this machine may not reach the API."}
	}
	return ok(callbackLink, "%s answers", shown)
}
