package bench

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Neighbours is the effect of many calls of one tenant on those of another with a quick endpoint,
// from the first call to the end of the last. With a quick endpoint of the neighbour, the effect is
// the machine's limit; with a slow one, anything beyond that would be our fault.
type Neighbours struct {
	Calls       int     `json:"calls"` // of the other tenant, made as fast as they are accepted
	SlowSeconds float64 `json:"slowSeconds"`
	Alone       Latency `json:"alone"`
	BesideQuick Latency `json:"besideQuick"` // the other tenant's endpoint responds at once
	BesideSlow  Latency `json:"besideSlow"`  // it takes SlowSeconds
}

// The load with which neighbours are measured.
const (
	slowResponse  = 4 * time.Second
	neighbourRate = 5 // calls a second
	neighbourFor  = 20 * time.Second
)

// neighbours measures calls alone and beside those of another tenant.
func (l *lab) neighbours(ctx context.Context, report *Report) error {
	if l.Neighbours == 0 {
		return nil
	}
	other, err := l.newSite(ctx, l.product().process.API)
	if err != nil {
		return err
	}
	defer other.endpoint.Close() //nolint:errcheck // the process ends
	f := &Neighbours{Calls: l.Neighbours, SlowSeconds: slowResponse.Seconds()}
	report.Neighbours = f
	for _, part := range []struct {
		calls int
		after time.Duration
		into  *Latency
	}{{0, 0, &f.Alone}, {l.Neighbours, 0, &f.BesideQuick}, {l.Neighbours, slowResponse, &f.BesideSlow}} {
		other.respondAfter.Store(int64(part.after))
		time.Sleep(settle)
		if *part.into, err = l.beside(ctx, other, part.calls); err != nil {
			return err
		}
	}
	return nil
}

// beside measures calls during so many calls of another site.
func (l *lab) beside(ctx context.Context, other *site, calls int) (Latency, error) {
	ended := make(chan error, 1)
	go func() { ended <- l.burst(ctx, other, calls) }()
	latencies, err := arrive(neighbourRate, neighbourFor, func() error {
		_, err := l.product().call(ctx)
		return err
	})
	return newLatency(latencies), errors.Join(err, <-ended)
}

// burst makes calls as fast as they are accepted, and waits until all are delivered.
func (l *lab) burst(ctx context.Context, s *site, calls int) error {
	ids := make([]string, calls)
	var next atomic.Int64
	err := atOnce(l.Callers, func() error {
		for i := next.Add(1) - 1; i < int64(calls); i = next.Add(1) - 1 {
			call, err := s.accepted(ctx, s.webhook)
			if err != nil {
				return err
			}
			ids[i] = call.ID
		}
		return nil
	})
	for i := 0; i < calls && err == nil; i++ {
		err = s.ended(ctx, ids[i])
	}
	return err
}

func (f *Neighbours) lines() (title string, lines []line) {
	slow := fmt.Sprintf("beside %d to an endpoint that takes %.0f s", f.Calls, f.SlowSeconds)
	return "a call beside those of another tenant", []line{
		{"alone: p50 to result, ms", f.Alone.P50},
		{"alone: p99", f.Alone.P99},
		{fmt.Sprintf("beside %d to a quick endpoint: p50", f.Calls), f.BesideQuick.P50},
		{"likewise: p99", f.BesideQuick.P99},
		{slow + ": p50", f.BesideSlow.P50},
		{"likewise: p99", f.BesideSlow.P99},
	}
}
