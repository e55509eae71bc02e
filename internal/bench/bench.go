// Package bench measures what a call costs compared with the bare engine: the same shape, two local
// activities and a regular one, with activities that do nothing. All shapes take turns on one
// server in one run, so ratios hold on any machine; times do not.
//
// Each part is a process with its own CPU time: each shape of the product, as `forgehook serve`
// runs it; the worker of the bare shape; the engine; PostgreSQL, which serves both. The measuring
// process makes the requests and is also the endpoint.
//
// Start with [Run]. shape.go is what is called, load.go how it is called, cost.go what that took of
// the machine. ways.go, await.go, event.go and neighbour.go are the long parts; report.go prints
// and compare.go compares.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"runtime"
	"strings"
	"time"

	sdk "go.temporal.io/sdk/client"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/secret"
	"github.com/forgehook/forgehook/worker"
)

// Options say what is measured, and for how long.
type Options struct {
	DatabaseURL string
	StackPID    int // of the engine's process; 0 if unknown: its CPU time and memory are then 0
	PostgresPID int // of the postmaster; likewise

	With       []string      // more shapes of the product: settings such as "GOGC=200 BINARY=/path/of/another/forgehook"
	Receipts   string        // a file of documents, one JSON object a line; "": the built-in ones
	Rounds     int           // of one call at a time and of saturation, with the shapes in turns
	Single     int           // calls one at a time in a round
	Callers    int           // at saturation
	Duration   time.Duration // of saturation in a round
	Rates      []int         // calls a second of the open loop
	OpenFor    time.Duration // of each rate
	Counted    int           // calls whose cost is counted
	Ways       bool          // measure the ways to await
	Awaiting   int           // calls that await a callback at once; 0 skips this
	Documents  int           // of one event; 0 skips this
	Neighbours int           // calls of another tenant; 0 skips this
	CPUProfile string        // a file for the product's CPU profile at saturation; "": none
	Progress   io.Writer
}

// lab is the server under test and what is measured on it.
type lab struct {
	Options
	db       *postgres.DB
	database string // its name
	client   sdk.Client
	keyset   string
	receipts []receipt
	shapes   []*shape
}

// Run measures. It migrates the database and leaves its data there.
func Run(ctx context.Context, o Options) (*Report, error) {
	l := &lab{Options: o}
	if err := l.open(ctx); err != nil {
		return nil, err
	}
	defer l.close()
	report := &Report{At: forgehook.Time{Time: time.Now().UTC()}, Processors: runtime.NumCPU(), Go: runtime.Version()}
	report.Receipts, report.ReceiptBytes = len(l.receipts), meanSize(l.receipts)
	steps := []struct {
		name string
		do   func(context.Context, *Report) error
	}{
		{"warming up", l.warm},
		{"one call at a time, and saturation", l.closedLoop},
		{"open loop", l.openLoop},
		{"cost of a call", l.cost},
		{"ways to await a call", l.ways},
		{"calls that await a callback", l.await},
		{"one event of many documents", l.event},
		{"calls beside another tenant's", l.neighbours},
	}
	for _, step := range steps {
		begin := time.Now()
		if err := step.do(ctx, report); err != nil {
			return nil, fmt.Errorf("%s: %w", step.name, err)
		}
		l.say("%s: %.0f s", step.name, time.Since(begin).Seconds())
	}
	for _, x := range l.shapes {
		report.Shapes = append(report.Shapes, x.figures.summarise(l.shapes[0].figures))
	}
	return report, nil
}

func (l *lab) say(format string, args ...any) { fmt.Fprintf(l.Progress, format+"\n", args...) }

// open connects to the servers and starts the processes of all shapes.
func (l *lab) open(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	address, err := url.Parse(l.DatabaseURL)
	if err != nil {
		return errors.New("FORGEHOOK_DATABASE_URL is not a URL")
	}
	l.database = strings.TrimPrefix(address.Path, "/")
	if l.receipts, err = readReceipts(l.Receipts); err != nil {
		return err
	}
	if l.keyset, err = secret.NewKeyset(); err != nil {
		return err
	}
	if l.db, err = postgres.Open(ctx, l.DatabaseURL); err != nil {
		return err
	}
	if err := l.db.Migrate(ctx); err != nil {
		return err
	}
	if l.client, err = worker.Dial(ctx, worker.DialOptions{Logger: slog.New(slog.DiscardHandler)}); err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	bare, err := l.startBare(ctx, program)
	if err != nil {
		return err
	}
	l.shapes = []*shape{bare}
	for i, settings := range append([]string{""}, l.With...) {
		product, err := l.startProduct(ctx, program, i, settings)
		if err != nil {
			return err
		}
		l.shapes = append(l.shapes, product)
	}
	return nil
}

func (l *lab) close() {
	for _, x := range l.shapes {
		x.stop()
	}
	if l.client != nil {
		l.client.Close()
	}
	if l.db != nil {
		_ = l.db.Close() // the process ends
	}
}

// product is the first shape of the product, on which the long parts are measured.
func (l *lab) product() *shape { return l.shapes[1] }
