// Package client calls Forgehook over HTTP: typed requests, typed problems, retries that cannot
// call twice. It must link only the standard library and the words of package forgehook. Start with
// [New] and [Client.CallWebhook].
package client

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/forgehook/forgehook"
)

// Client talks to one API with one key. It is safe for concurrent use.
type Client struct {
	base string
	key  string
	http *http.Client
}

// New makes a client for an API, such as "http://127.0.0.1:8080".
func New(baseURL, apiKey string) *Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 256
	return &Client{base: strings.TrimSuffix(baseURL, "/"), key: apiKey, http: &http.Client{
		Transport: transport,
		// The API never redirects. A followed redirect would send the key to another host, and make
		// a GET of a POST.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Problem is the API's response to a request that it refused or could not serve (RFC 9457).
type Problem struct {
	Type   string  `json:"type"` // urn:forgehook:problem:<code>
	Title  string  `json:"title"`
	Status int     `json:"status"`
	Detail string  `json:"detail"`
	Errors []Fault `json:"errors"`
}

// Fault is one fault of a request.
type Fault struct {
	Location string `json:"location"` // "body.settings.webHook.url"
	Message  string `json:"message"`
	Value    any    `json:"value"`
}

func (p *Problem) Error() string {
	text := fmt.Sprintf("%d %s", p.Status, p.Title)
	if p.Detail != "" {
		text += ": " + p.Detail
	}
	for _, f := range p.Errors {
		text += fmt.Sprintf("; %s: %s", f.Location, f.Message)
	}
	return text
}

// Code is the stable end of the problem's type.
func (p *Problem) Code() forgehook.Code {
	return forgehook.Code(strings.TrimPrefix(p.Type, "urn:forgehook:problem:"))
}

// Calls is the response to a call request.
type Calls struct {
	Calls     []forgehook.Call      `json:"calls"`
	NotCalled []forgehook.NotCalled `json:"notCalled"`
}

// Options of a call.
type Options struct {
	IdempotencyKey string        // "" makes one, so that retries cannot call twice
	Wait           time.Duration // up to 300 s, in whole seconds; 0 does not wait
}

// CallWebhook asks for calls. With Wait it returns when they have completed or the time is over;
// check Status.
func (c *Client) CallWebhook(ctx context.Context, request forgehook.CallRequest, o Options) (Calls, error) {
	body, err := json.Marshal(request)
	if err != nil {
		return Calls{}, err
	}
	return c.CallRaw(ctx, body, o)
}

// CallRaw is CallWebhook for a body that is already JSON.
func (c *Client) CallRaw(ctx context.Context, body []byte, o Options) (Calls, error) {
	var calls Calls
	err := c.do(ctx, http.MethodPost, "/v1/calls", o.headers(), body, &calls)
	return calls, err
}

func (o Options) headers() http.Header {
	if o.IdempotencyKey == "" {
		o.IdempotencyKey = rand.Text()
	}
	headers := http.Header{"Idempotency-Key": {o.IdempotencyKey}}
	preferWait(headers, o.Wait)
	return headers
}

// preferWait asks the API to wait, in seconds rounded up.
func preferWait(headers http.Header, wait time.Duration) {
	if wait > 0 {
		headers.Set("Prefer", "wait="+strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	}
}

// Call reads a call. With wait it returns when the call has completed or the time is over.
func (c *Client) Call(ctx context.Context, id string, wait time.Duration) (forgehook.Call, error) {
	headers := http.Header{}
	preferWait(headers, wait)
	var call forgehook.Call
	err := c.do(ctx, http.MethodGet, "/v1/calls/"+url.PathEscape(id), headers, nil, &call)
	return call, err
}

// Attempts lists a call's attempts, oldest first.
func (c *Client) Attempts(ctx context.Context, id string) ([]forgehook.Attempt, error) {
	var attempts []forgehook.Attempt
	for query := ""; ; {
		var page struct {
			Attempts   []forgehook.Attempt `json:"attempts"`
			NextCursor *string             `json:"nextCursor"`
		}
		if err := c.do(ctx, http.MethodGet, "/v1/calls/"+url.PathEscape(id)+"/attempts"+query, nil, nil, &page); err != nil {
			return nil, err
		}
		attempts = append(attempts, page.Attempts...)
		if page.NextCursor == nil {
			return attempts, nil
		}
		query = "?cursor=" + url.QueryEscape(*page.NextCursor)
	}
}

// Do sends any request of the API and decodes its response into out, which may be nil.
func (c *Client) Do(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	return c.do(ctx, method, path, nil, body, out)
}

const tries = 5

// errUnreadable is a response that is not the API's.
var errUnreadable = errors.New("unreadable response")

// do retries requests that are safe to repeat: reads, and writes with an idempotency key.
func (c *Client) do(ctx context.Context, method, path string, headers http.Header, body []byte, out any) error {
	repeatable := method == http.MethodGet || headers.Get("Idempotency-Key") != ""
	for try := 1; ; try++ {
		err := c.once(ctx, method, path, headers, body, out)
		if err == nil || !repeatable || try == tries || ctx.Err() != nil || !passing(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Duration(try*try) * 100 * time.Millisecond):
		}
	}
}

// passing reports whether an error may pass: no connection, 429, 5xx.
func passing(err error) bool {
	problem, ok := errors.AsType[*Problem](err)
	return !ok || problem.Status == http.StatusTooManyRequests || problem.Status >= 500
}

func (c *Client) once(ctx context.Context, method, path string, headers http.Header, body []byte, out any) error {
	response, err := c.send(ctx, method, path, headers, body)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // read to its end or dropped
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= 300 {
		return problemOf(response.StatusCode, content)
	}
	if out == nil || len(content) == 0 {
		return nil
	}
	if err := json.Unmarshal(content, out); err != nil {
		return fmt.Errorf("%s %s: %w: %w", method, path, errUnreadable, err)
	}
	return nil
}

func (c *Client) send(ctx context.Context, method, path string, headers http.Header, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, values := range headers {
		request.Header[name] = values
	}
	request.Header.Set("X-Api-Key", c.key)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return c.http.Do(request)
}

func problemOf(status int, content []byte) *Problem {
	problem := &Problem{}
	_ = json.Unmarshal(content, problem) // a proxy's response may be no problem document
	problem.Status = status
	problem.Title = cmp.Or(problem.Title, http.StatusText(status))
	return problem
}
