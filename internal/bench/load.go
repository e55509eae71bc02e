package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// warm fills connections, caches and plans.
func (l *lab) warm(ctx context.Context, _ *Report) error {
	for _, x := range l.shapes {
		if _, err := l.saturate(ctx, x, 2*time.Second); err != nil {
			return fmt.Errorf("%s: %w", x.name, err)
		}
	}
	return nil
}

// closedLoop measures each shape with one caller that waits, and at saturation, in turns.
func (l *lab) closedLoop(ctx context.Context, _ *Report) error {
	for round := range l.Rounds {
		for i := range l.shapes { // each round begins with another shape
			x := l.shapes[(i+round)%len(l.shapes)]
			latencies, err := oneAtATime(ctx, x, l.Single)
			if err != nil {
				return fmt.Errorf("%s: %w", x.name, err)
			}
			x.figures.single = append(x.figures.single, latencies)
			if round == l.Rounds-1 && x == l.product() && l.CPUProfile != "" {
				profiled := l.profile(ctx, x)
				defer func() { <-profiled }()
			}
			rate, err := l.saturate(ctx, x, l.Duration)
			if err != nil {
				return fmt.Errorf("%s: %w", x.name, err)
			}
			x.figures.rates = append(x.figures.rates, rate)
		}
	}
	return nil
}

// profile takes the CPU profile of a shape's process under load. It closes the channel after
// writing it.
func (l *lab) profile(ctx context.Context, x *shape) <-chan struct{} {
	written := make(chan struct{})
	go func() {
		defer close(written)
		if err := x.process.profile(ctx, l.CPUProfile, max(1, int(l.Duration.Seconds()))); err != nil {
			l.say("no CPU profile: %v", err)
		}
	}()
	return written
}

// oneAtATime returns the time from each of n calls to its result, in ms.
func oneAtATime(ctx context.Context, x *shape, n int) ([]float64, error) {
	var latencies []float64
	for range n {
		begin := time.Now()
		if _, err := x.call(ctx); err != nil {
			return nil, err
		}
		latencies = append(latencies, since(begin))
	}
	return latencies, nil
}

func since(begin time.Time) float64 { return float64(time.Since(begin).Microseconds()) / 1000 }

// saturate keeps callers busy for a while and returns how many calls ended a second.
func (l *lab) saturate(ctx context.Context, x *shape, d time.Duration) (float64, error) {
	var calls atomic.Int64
	begin := time.Now()
	err := atOnce(l.Callers, func() error {
		for time.Since(begin) < d && ctx.Err() == nil {
			if _, err := x.call(ctx); err != nil {
				return err
			}
			calls.Add(1)
		}
		return nil
	})
	return float64(calls.Load()) / time.Since(begin).Seconds(), err
}

// atOnce runs do once for each caller, all at once.
func atOnce(callers int, do func() error) error {
	faults := make([]error, callers)
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() { faults[i] = do() })
	}
	all.Wait()
	return errors.Join(faults...)
}

// openLoop measures calls that arrive by the clock, however slow earlier ones are: to their
// results, and to their acknowledgement by requests that do not wait.
func (l *lab) openLoop(ctx context.Context, _ *Report) error {
	if l.OpenFor == 0 {
		return nil
	}
	for _, rate := range l.Rates {
		for _, x := range l.shapes {
			waited, err := arrive(rate, l.OpenFor, func() error {
				_, err := x.call(ctx)
				return err
			})
			if err != nil {
				return fmt.Errorf("%s, %d a second: %w", x.name, rate, err)
			}
			acknowledged, err := l.acknowledged(ctx, x, rate)
			if err != nil {
				return fmt.Errorf("%s, %d a second without waiting: %w", x.name, rate, err)
			}
			x.figures.open = append(x.figures.open, OpenLoop{rate, newLatency(waited), newLatency(acknowledged)})
		}
	}
	return nil
}

// acknowledged makes calls arrive without waiting for them, and returns when all have ended.
func (l *lab) acknowledged(ctx context.Context, x *shape, rate int) ([]float64, error) {
	var mu sync.Mutex
	var ids []string
	latencies, err := arrive(rate, l.OpenFor, func() error {
		id, err := x.start(ctx)
		mu.Lock()
		defer mu.Unlock()
		ids = append(ids, id)
		return err
	})
	for _, id := range ids {
		if err == nil {
			err = x.end(ctx, id)
		}
	}
	return latencies, err
}

// arrive runs do at random moments, the same ones in each run, so many a second. It returns how
// long each took, in ms, from its intended start: one that starts late on a busy machine is slow
// (no coordinated omission).
func arrive(rate int, d time.Duration, do func() error) ([]float64, error) {
	source := rand.New(rand.NewPCG(uint64(rate), 1)) //nolint:gosec // arrivals need no secrecy and must repeat
	n := int(float64(rate) * d.Seconds())
	latencies, faults := make([]float64, n), make([]error, n)
	var all sync.WaitGroup
	next := time.Now()
	for i := range n {
		next = next.Add(time.Duration(source.ExpFloat64() * float64(time.Second) / float64(rate)))
		meant := next
		time.Sleep(time.Until(meant))
		all.Go(func() {
			faults[i] = do()
			latencies[i] = since(meant)
		})
	}
	all.Wait()
	return latencies, errors.Join(faults...)
}
