package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// receiver is an endpoint for experiments: it verifies signatures, prints requests, and responds as
// configured.
type receiver struct {
	secret  *standardwebhooks.Webhook // nil: signatures are not verified
	status  int
	delay   time.Duration
	silent  bool // never responds
	headers []string
	body    string
	full    bool // print headers and bodies
	stop    <-chan struct{}

	mu  sync.Mutex
	out io.Writer
}

func listenCommand() *cobra.Command {
	r := &receiver{}
	var addr, secret string
	cmd := &cobra.Command{
		Use:   "listen",
		Short: "Run a receiver that verifies signatures, prints requests, and responds with any status, late or never",
		Example: "  forgehook listen --secret whsec_...            print and verify, respond with 200\n" +
			"  forgehook listen --status 503 --header 'Retry-After: 10'\n" +
			"  forgehook listen --delay 20s                    respond late\n" +
			"  forgehook listen --silent                       never respond",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r.out, r.stop = cmd.OutOrStdout(), cmd.Context().Done()
			if err := r.check(secret); err != nil {
				return err
			}
			listener, err := listen(addr, "the receiver", "--addr")
			if err != nil {
				return err
			}
			fmt.Fprintf(r.out, "listening on http://%s\n", listener.Addr())
			return serveHTTP(cmd.Context(), listener, r)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&addr, "addr", "127.0.0.1:8082", "address to listen on")
	flags.StringVar(&secret, "secret", "", "signing secret of the utility (whsec_...), to verify signatures")
	flags.IntVar(&r.status, "status", http.StatusOK, "status of the response; with a secret, a bad signature gets 401")
	flags.DurationVar(&r.delay, "delay", 0, "wait before the response")
	flags.BoolVar(&r.silent, "silent", false, "never respond")
	flags.StringArrayVar(&r.headers, "header", nil, "header of the response, as 'Name: value'; may be repeated")
	flags.StringVar(&r.body, "body", "", "body of the response")
	flags.BoolVar(&r.full, "full", false, "print headers and bodies")
	return cmd
}

func (r *receiver) check(secret string) error {
	if r.status < 200 || r.status > 599 {
		return fmt.Errorf("--status %d: from 200 to 599", r.status)
	}
	for _, h := range r.headers {
		if name, _, ok := strings.Cut(h, ":"); !ok || strings.TrimSpace(name) == "" {
			return fmt.Errorf("--header %q: give 'Name: value'", h)
		}
	}
	if secret == "" {
		return nil
	}
	var err error
	if r.secret, err = standardwebhooks.NewWebhook(secret); err != nil {
		return fmt.Errorf("--secret: it must be whsec_ and base64: %w", err)
	}
	return nil
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, 64<<20))
	status, signature := r.status, "not verified"
	switch {
	case err != nil:
		status, signature = http.StatusBadRequest, err.Error()
	case r.secret == nil:
	case r.secret.Verify(body, request.Header) == nil:
		signature = "signature ok"
	default:
		status, signature = http.StatusUnauthorized, "BAD SIGNATURE"
	}
	r.print(request, body, status, signature)
	var late <-chan time.Time // nil if silent: never
	if !r.silent {
		late = time.After(r.delay)
	}
	select {
	case <-request.Context().Done():
		return
	case <-r.stop:
		panic(http.ErrAbortHandler) // cut the connection: no response is possible here either
	case <-late:
	}
	for _, h := range r.headers {
		name, value, _ := strings.Cut(h, ":")
		w.Header().Set(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, r.body) // the sender may be gone
}

func (r *receiver) print(request *http.Request, body []byte, status int, signature string) {
	response := fmt.Sprintf("-> %d", status)
	if r.silent {
		response = "-> no response"
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.out, "%s  %s %s  attempt %s  %s%s, %d bytes  %s\n", time.Now().Format(time.TimeOnly), request.Method, printable(request.URL.Path),
		request.Header.Get("webhook-attempt"), about(body), signature, len(body), response)
	if !r.full {
		return
	}
	names := make([]string, 0, len(request.Header))
	for name := range request.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(r.out, "  %s: %s\n", name, strings.Join(request.Header[name], ", "))
	}
	fmt.Fprintf(r.out, "\n%s\n\n", body)
}

// about names the document of a default payload.
func about(body []byte) string {
	var payload struct {
		Data struct {
			Document *struct {
				ID       int32
				Filename *string
			}
		}
	}
	if json.Unmarshal(body, &payload) != nil || payload.Data.Document == nil {
		return ""
	}
	name := "(no filename)"
	if payload.Data.Document.Filename != nil {
		name = *payload.Data.Document.Filename
	}
	return fmt.Sprintf("document %d %s  ", payload.Data.Document.ID, printable(name))
}

// printable removes what could control the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}
