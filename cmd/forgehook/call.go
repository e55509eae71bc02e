package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/client"
)

// maxLine bounds one document of a file as the API bounds a body.
const maxLine = 16 << 20

// batch calls a webhook for each document of a file.
type batch struct {
	client   *client.Client
	webhook  int32
	wait     bool
	parallel int
	run      string // part of each idempotency key: retries within this run cannot call twice
	progress io.Writer
}

// called is the result of one line.
type called struct {
	line int
	call *forgehook.Call
	err  error
}

func callCommand() *cobra.Command {
	b := &batch{run: rand.Text()}
	var file string
	cmd := &cobra.Command{
		Use:     "call",
		Short:   "Call a webhook for every document of a file",
		Example: "  forgehook call --webhook 48100 --file documents.jsonl --wait",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig()
			if err != nil {
				return err
			}
			key, err := c.clientKey()
			if err != nil {
				return err
			}
			in := cmd.InOrStdin()
			if file != "-" {
				opened, err := os.Open(file)
				if err != nil {
					return err
				}
				defer opened.Close() //nolint:errcheck // read only
				in = opened
			}
			b.client, b.progress = client.New(c.URL, key), cmd.ErrOrStderr()
			begin := time.Now()
			results, err := b.calls(cmd.Context(), in)
			return errors.Join(err, report(cmd.OutOrStdout(), results, time.Since(begin)))
		},
	}
	flags := cmd.Flags()
	flags.Int32Var(&b.webhook, "webhook", 0, "id of the WebHook utility")
	flags.StringVar(&file, "file", "", "documents, one JSON object a line; - is standard input")
	flags.BoolVar(&b.wait, "wait", false, "wait until every call has completed")
	flags.IntVar(&b.parallel, "parallel", 32, "requests at a time")
	_ = cmd.MarkFlagRequired("webhook") // fails only for an unknown flag
	_ = cmd.MarkFlagRequired("file")
	return cmd
}

// clientKey finds the key of client commands.
func (c *config) clientKey() (string, error) {
	if c.APIKey != "" {
		return valueOrFile("FORGEHOOK_API_KEY", c.APIKey)
	}
	path := filepath.Join(c.Dev.Dir, "api-key")
	key, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("no API key: set FORGEHOOK_API_KEY, or run make dev, which writes %s", path)
	}
	return strings.TrimSpace(string(key)), nil
}

func (b *batch) calls(ctx context.Context, in io.Reader) ([]called, error) {
	if b.parallel < 1 || b.parallel > 1000 {
		return nil, fmt.Errorf("--parallel %d: from 1 to 1000", b.parallel)
	}
	type job struct {
		line     int
		document []byte
	}
	jobs, ends := make(chan job), make(chan called)
	var workers sync.WaitGroup
	for range b.parallel {
		workers.Go(func() {
			for j := range jobs {
				call, err := b.one(ctx, j.line, j.document)
				ends <- called{j.line, call, err}
			}
		})
	}
	var readErr error
	go func() {
		lines := bufio.NewScanner(in)
		lines.Buffer(nil, maxLine)
		for n := 1; ctx.Err() == nil && lines.Scan(); n++ {
			if document := bytes.TrimSpace(lines.Bytes()); len(document) > 0 {
				jobs <- job{n, bytes.Clone(document)}
			}
		}
		if readErr = lines.Err(); errors.Is(readErr, bufio.ErrTooLong) {
			readErr = fmt.Errorf("a document is over %d MiB", maxLine>>20)
		}
		close(jobs)
		workers.Wait()
		close(ends)
	}()
	var results []called
	for end := range ends {
		results = append(results, end)
		fmt.Fprintf(b.progress, "\r%d documents called", len(results))
	}
	fmt.Fprintln(b.progress)
	slices.SortFunc(results, func(x, y called) int { return x.line - y.line })
	return results, errors.Join(readErr, ctx.Err())
}

func (b *batch) one(ctx context.Context, line int, document []byte) (*forgehook.Call, error) {
	if !json.Valid(document) {
		return nil, errors.New("no JSON")
	}
	body := fmt.Appendf(nil, `{"webHookServiceId":%d,"document":%s}`, b.webhook, document)
	options := client.Options{IdempotencyKey: b.run + "-" + strconv.Itoa(line)}
	if b.wait {
		options.Wait = 300 * time.Second
	}
	accepted, err := b.client.CallRaw(ctx, body, options)
	if err != nil {
		return nil, err
	}
	if len(accepted.Calls) != 1 {
		return nil, fmt.Errorf("%d calls instead of one", len(accepted.Calls))
	}
	call := accepted.Calls[0]
	for b.wait && call.Status != forgehook.CallCompleted && ctx.Err() == nil {
		if call, err = b.client.Call(ctx, call.ID, 300*time.Second); err != nil {
			return nil, err
		}
	}
	return &call, nil
}

// report prints how many calls ended how, and why, and which lines could not be called. It fails
// unless every call that has ended was delivered or skipped.
func report(w io.Writer, results []called, took time.Duration) error {
	counts := map[string]int{}
	var faults []string
	undelivered := 0
	for _, r := range results {
		switch {
		case r.err != nil:
			faults = append(faults, fmt.Sprintf("line %d: %s", r.line, r.err))
			counts["not called\t"]++
		case r.call.Outcome == nil:
			counts[string(r.call.Status)+"\t"]++
		default:
			counts[string(*r.call.Outcome)+"\t"+why(r.call)]++
			if *r.call.Outcome != forgehook.Delivered && *r.call.Outcome != forgehook.Skipped {
				undelivered++
			}
		}
	}
	lines := slices.SortedFunc(maps.Keys(counts), func(x, y string) int {
		if counts[x] != counts[y] {
			return counts[y] - counts[x]
		}
		return strings.Compare(x, y)
	})
	fmt.Fprintf(w, "%7s  %-13s %s\n", "calls", "outcome", "why")
	for _, line := range lines {
		outcome, reason, _ := strings.Cut(line, "\t")
		fmt.Fprintf(w, "%7d  %-13s %s\n", counts[line], outcome, reason)
	}
	fmt.Fprintf(w, "%d documents in %.1f s, %.1f a second\n", len(results), took.Seconds(), float64(len(results))/took.Seconds())
	for _, fault := range faults[:min(len(faults), 20)] {
		fmt.Fprintln(w, fault)
	}
	if len(faults)+undelivered > 0 {
		return fmt.Errorf("%d documents were not called, %d calls were neither delivered nor skipped", len(faults), undelivered)
	}
	return nil
}

// why says why a call ended as it did.
func why(c *forgehook.Call) string {
	switch {
	case *c.Outcome == forgehook.Skipped:
		var reasons []string
		for _, x := range c.Explanation {
			if !x.Passed {
				reasons = append(reasons, fmt.Sprintf("%s is %s, expected %s", x.Condition, x.Actual, x.Expected))
			}
		}
		return strings.Join(reasons, "; ")
	case c.Error != nil:
		return c.Error.Message
	case c.Response != nil:
		return fmt.Sprintf("%d after %d attempt(s)", c.Response.StatusCode, c.Attempts)
	default:
		return ""
	}
}
