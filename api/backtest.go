package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/webhook"
)

// The number of subjects that a backtest looks at by default, and at most.
const (
	sampleUsual = 1000
	sampleMost  = 10_000
)

// backtestBudget bounds one backtest. Expensive conditions on every subject would keep the
// processors busy for hours.
const backtestBudget = 2 * time.Minute

// backtestRequest asks what settings would have done.
type backtestRequest struct {
	Settings json.RawMessage `json:"settings" holds:"settings"`
	Sample   *sampleRequest  `json:"sample"`
	Progress *bool           `json:"progress"`
}

// sampleRequest selects the newest subjects of a kind.
type sampleRequest struct {
	Source *postgres.SampleSource `json:"source"`
	Limit  *int32                 `json:"limit"`
}

// backtestLine is one line of the response.
type backtestLine struct{ line any }

func (l backtestLine) MarshalJSON() ([]byte, error) { return json.Marshal(l.line) }

// difference is a subject on which two settings disagree, or which one of them cannot judge.
type difference struct {
	DocumentID *int32                `json:"documentId"`
	CallID     string                `json:"callId,omitempty"`
	Filename   *string               `json:"filename,omitempty"`
	WouldFire  bool                  `json:"wouldFire"`
	FiresToday bool                  `json:"firesToday"`
	Reasons    []forgehook.Condition `json:"reasons"` // the failed conditions of the settings that do not fire
	Error      *forgehook.CallError  `json:"error,omitempty"`
}

type backtestProgress struct {
	Progress progress `json:"progress"`
}

type progress struct {
	Done int `json:"done"`
	Of   int `json:"of"`
}

// backtestTotal is the last line.
type backtestTotal struct {
	Total        int `json:"total"`
	WouldFire    int `json:"wouldFire"`
	FiresToday   int `json:"firesToday"`
	NewlyFires   int `json:"newlyFires"`
	NoLongerFire int `json:"noLongerFires"`
	Errors       int `json:"errors"`

	Error *forgehook.CallError `json:"error,omitempty"` // it ended early
}

func (s *server) backtest(ctx context.Context, r *request, in *byID) (*response[backtestLine], error) {
	var given backtestRequest
	if err := r.decode(&given, true); err != nil {
		return nil, err
	}
	at, err := s.DB.Site(ctx, r.tenant(), in.ID)
	if err != nil {
		return nil, err
	}
	b := backtest{server: s, until: time.Now().Add(backtestBudget)}
	if given.Settings == nil {
		r.fault("body.settings", "", "required: the settings to try")
	} else if b.next, err = s.settingsToTry(r, at, given.Settings); err != nil {
		return nil, err
	}
	b.call = s.metaOf(at.NewCall(nil, forgehook.Subject{}, time.Now()), b.next)
	query := r.sample(at, given.Sample)
	if err := r.invalid(); err != nil {
		return nil, err
	}
	if at.Utility != nil {
		b.present, _ = s.planOf(r, at.Utility.ID, at.Utility.SettingsVersion, at.Utility.Settings) // settings that a later release refuses no longer fire
	}
	return lines(func(put func(...backtestLine) error) error {
		return b.run(ctx, r, query, given.Progress != nil && *given.Progress, put)
	}), nil
}

// sample reads which subjects to try.
func (r *request) sample(at postgres.Site, given *sampleRequest) postgres.SampleQuery {
	query := postgres.SampleQuery{At: at, Source: postgres.SampleDocuments, Limit: sampleUsual}
	if given == nil {
		return query
	}
	if given.Source != nil {
		const path = "body.sample.source"
		query.Source = *given.Source
		switch {
		case !slices.Contains(postgres.SampleSources, query.Source):
			r.fault(path, string(query.Source), "documents or calls")
		case query.Source == postgres.SampleCalls && at.Utility == nil:
			r.fault(path, string(query.Source), "documents: only utilities have calls")
		}
	}
	if given.Limit != nil {
		if query.Limit = int(*given.Limit); query.Limit < 1 || query.Limit > sampleMost {
			r.fault("body.sample.limit", fmt.Sprint(query.Limit), fmt.Sprintf("a whole number from 1 to %d", sampleMost))
		}
	}
	return query
}

// backtest compares two settings. The present ones are nil if nothing fires today.
type backtest struct {
	server        *server
	next, present *webhook.Plan
	call          webhook.Meta // of a document; a past call has its own
	until         time.Time    // then it gives up
}

// errLate ends a backtest that has used up its time.
var errLate = errors.New("the backtest took too long")

// run writes the lines.
func (b backtest) run(ctx context.Context, r *request, query postgres.SampleQuery, showsProgress bool, put func(...backtestLine) error) error {
	var total backtestTotal
	err := b.server.DB.EachSample(ctx, r.tenant(), query, func(page []postgres.Sample, done, of int) error {
		results, err := b.compare(ctx, page)
		var group []backtestLine
		for _, d := range results {
			if d.err != nil {
				b.server.log.LogAttrs(ctx, slog.LevelError, "a subject of the past cannot be judged", slog.String("request_id", r.id), slog.Any("error", d.err))
			}
			if total.count(d.difference) {
				group = append(group, backtestLine{d.difference})
			}
		}
		if showsProgress {
			group = append(group, backtestLine{backtestProgress{progress{done + len(results), of}}})
		}
		if len(group) > 0 && ctx.Err() == nil {
			err = errors.Join(put(group...), err)
		}
		return err
	})
	if errors.Is(err, errLate) {
		total.Error = &forgehook.CallError{Code: forgehook.CallErrorTooSlow, Message: fmt.Sprintf("Stopped after %s: the conditions take too long. These are the totals until then.", backtestBudget)}
	} else if err != nil {
		return err
	}
	return put(backtestLine{total})
}

// compared is the comparison of one sample; err is for the log.
type compared struct {
	difference
	err error
}

// compare judges the samples of a page, one for each processor at a time, and keeps their order. If
// it has to end early, the results are those of the first samples.
func (b backtest) compare(ctx context.Context, page []postgres.Sample) ([]compared, error) {
	results := make([]compared, len(page))
	var taken atomic.Int64
	var workers sync.WaitGroup
	ends := func() error {
		if time.Now().After(b.until) {
			return errLate
		}
		return ctx.Err()
	}
	for range min(runtime.GOMAXPROCS(0), len(page)) {
		workers.Go(func() {
			for ends() == nil {
				i := int(taken.Add(1)) - 1
				if i >= len(page) {
					return
				}
				err := b.server.turn(ctx, func() error { results[i] = b.judge(page[i]); return nil })
				if err != nil {
					results[i] = untold(page[i], err)
				}
			}
		})
	}
	workers.Wait()
	if judged := int(taken.Load()); judged < len(page) {
		return results[:judged], ends()
	}
	return results, nil
}

func (b backtest) judge(sample postgres.Sample) compared {
	out := compared{difference: difference{DocumentID: sample.DocumentID, CallID: sample.Call.ID, Reasons: []forgehook.Condition{}}}
	if sample.Err != nil {
		out.Error, out.err = &forgehook.CallError{Code: forgehook.CallErrorInternal, Message: "What is stored of this subject cannot be read."}, sample.Err
		return out
	}
	subject := sample.Subject
	call := b.call
	if sample.Call.ID != "" {
		call = b.server.metaOf(sample.Call, b.next)
	}
	if subject.Document != nil {
		out.Filename = subject.Document.Filename
	}
	var failed, failedToday []forgehook.Condition
	var errToday *forgehook.CallError
	out.WouldFire, failed, out.Error = fires(b.next, &subject, call)
	if b.present != nil {
		out.FiresToday, failedToday, errToday = fires(b.present, &subject, call)
	}
	if out.Error == nil && errToday != nil {
		out.Error = errToday
		out.Error.Message = "With the settings in force: " + errToday.Message
	}
	if out.Reasons = failed; out.WouldFire {
		out.Reasons = failedToday
	}
	out.Reasons = some(out.Reasons)
	return out
}

// untold is a sample whose conditions we fail to judge, for a reason that is not the settings'.
func untold(sample postgres.Sample, err error) compared {
	failure := &forgehook.CallError{Code: forgehook.CallErrorInternal, Message: "The conditions of this subject cannot be told."}
	return compared{difference{DocumentID: sample.DocumentID, CallID: sample.Call.ID, Reasons: []forgehook.Condition{}, Error: failure}, err}
}

// fires reports whether a webhook would fire, or the conditions that stop it.
func fires(plan *webhook.Plan, subject *forgehook.Subject, call webhook.Meta) (bool, []forgehook.Condition, *forgehook.CallError) {
	explained := plan.Explain(subject, call)
	would := explained.Fires()
	return would, slices.DeleteFunc(explained.Conditions, func(c forgehook.Condition) bool { return c.Passed }), explained.Failure
}

// count adds a sample and reports whether it gets a line.
func (t *backtestTotal) count(d difference) bool {
	add := func(n *int, when bool) {
		if when {
			*n++
		}
	}
	t.Total++
	add(&t.WouldFire, d.WouldFire)
	add(&t.FiresToday, d.FiresToday)
	add(&t.NewlyFires, d.WouldFire && !d.FiresToday)
	add(&t.NoLongerFire, !d.WouldFire && d.FiresToday)
	add(&t.Errors, d.Error != nil)
	return d.WouldFire != d.FiresToday || d.Error != nil
}
