package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/forgehook/forgehook"
)

// blockedError is the guard's refusal. Its text is the same for every address, port and scheme, so
// that callers learn nothing about internal names; only the operator's log has the address.
type blockedError struct{ address string }

func (*blockedError) Error() string {
	return "the address guard refused the endpoint: allowed are public addresses by https on port 443 or 80, and what FORGEHOOK_EGRESS_ALLOW holds"
}

// requestError says why a request cannot be sent, without quoting it.
type requestError string

func (e requestError) Error() string { return string(e) }

// stageError says at which stage opening a connection failed.
type stageError struct {
	stage
	err error
}

type stage string

const (
	stageResolve   stage = "resolve"
	stageConnect   stage = "connect"
	stageHandshake stage = "handshake"
)

func (e *stageError) Error() string { return string(e.stage) + ": " + e.err.Error() }
func (e *stageError) Unwrap() error { return e.err }

var errNoStatus = errors.New("no final status")

// report logs the refused address for the operator; callers do not learn it.
func (s *Sender) report(ctx context.Context, key string, err error) {
	if blocked, ok := errors.AsType[*blockedError](err); ok {
		s.log.LogAttrs(ctx, slog.LevelWarn, "endpoint refused by the address guard",
			slog.String("pool", key), slog.String("address", blocked.address))
	}
}

// fault says why an exchange has no response. It uses its own messages: those of net and net/http
// quote URLs, addresses and what the endpoint sent. parent is the caller's context; ctx adds the
// timeout.
func fault(parent, ctx context.Context, err error, sent bool, timeout time.Duration) *forgehook.CallError {
	say := func(code forgehook.CallErrorCode, message string) *forgehook.CallError {
		return &forgehook.CallError{Code: code, Message: message}
	}
	blocked, isBlocked := errors.AsType[*blockedError](err)
	request, isRequest := errors.AsType[requestError](err)
	opening, isOpening := errors.AsType[*stageError](err)
	switch {
	case isBlocked:
		return say(forgehook.CallErrorGuardBlocked, blocked.Error())
	case isRequest:
		return say(forgehook.CallErrorBadRequest, request.Error())
	case errors.Is(parent.Err(), context.Canceled):
		return say(forgehook.CallErrorCanceled, "canceled before a response came")
	case ctx.Err() != nil && sent:
		return say(forgehook.CallErrorTimeout, fmt.Sprintf("no response within %s", timeout))
	case ctx.Err() != nil:
		return say(forgehook.CallErrorTimeout, fmt.Sprintf("no connection within %s", timeout))
	case isOpening:
		return say(openingFault(opening))
	case isReset(err):
		return say(forgehook.CallErrorReset, "the endpoint closed the connection without a response")
	case errors.Is(err, errNoStatus):
		return say(forgehook.CallErrorBadResponse, "the endpoint sent no final HTTP status")
	case strings.Contains(err.Error(), "header"):
		return say(forgehook.CallErrorBadResponse, fmt.Sprintf("the headers of the response are malformed or over %d KiB", maxHeaderBytes>>10))
	case isTimeout(err):
		return say(forgehook.CallErrorTimeout, "the connection went silent")
	default:
		return say(forgehook.CallErrorBadResponse, "the endpoint's response is not HTTP")
	}
}

// openingFault says why there is no connection.
func openingFault(e *stageError) (code forgehook.CallErrorCode, message string) {
	if e.stage == stageResolve {
		if dns, ok := errors.AsType[*net.DNSError](e.err); ok && dns.IsNotFound {
			return forgehook.CallErrorDNS, "the host name does not exist"
		}
		return forgehook.CallErrorDNS, "the name servers did not resolve the host name"
	}
	switch {
	case isTimeout(e.err):
		return forgehook.CallErrorTimeout, fmt.Sprintf("no connection within %s", connectTimeout)
	case isReset(e.err):
		return forgehook.CallErrorReset, "the endpoint closed the connection while it was being opened"
	case e.stage == stageHandshake:
		return handshakeFault(e.err)
	case errors.Is(e.err, syscall.ECONNREFUSED):
		return forgehook.CallErrorRefused, "the endpoint refused the connection"
	default:
		return forgehook.CallErrorRefused, "the endpoint cannot be reached"
	}
}

// handshakeFault tells bad certificates, which somebody must replace, from TLS versions or ciphers
// that do not match.
func handshakeFault(err error) (code forgehook.CallErrorCode, message string) {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		reason := "is not from a trusted authority"
		if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
			reason = "is not valid"
			if invalid.Reason == x509.Expired {
				reason = "has expired or is not valid yet"
			}
		}
		if _, ok := errors.AsType[x509.HostnameError](err); ok {
			reason = "is for another host name"
		}
		return forgehook.CallErrorTLSUntrusted, "the endpoint's certificate " + reason
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return forgehook.CallErrorTLS, "the endpoint does not speak TLS on this port"
	}
	return forgehook.CallErrorTLS, "no TLS connection could be agreed on: TLS 1.2 or later is needed"
}

func isTimeout(err error) bool {
	if n, ok := errors.AsType[net.Error](err); ok && n.Timeout() {
		return true
	}
	return errors.Is(err, context.DeadlineExceeded)
}

// resetTexts are endings that net/http tells apart only by text.
var resetTexts = []string{"server closed idle connection", "stream error", "server sent GOAWAY", "client connection lost", "use of closed network connection"}

func isReset(err error) bool {
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED, net.ErrClosed} {
		if errors.Is(err, end) {
			return true
		}
	}
	for _, text := range resetTexts {
		if strings.Contains(err.Error(), text) {
			return true
		}
	}
	return false
}
