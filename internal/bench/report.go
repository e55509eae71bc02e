package bench

import (
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/forgehook/forgehook"
)

// Report is the result of a run.
type Report struct {
	At           forgehook.Time `json:"at"`
	Processors   int            `json:"processors"`
	Go           string         `json:"go"`
	Receipts     int            `json:"receipts"`
	ReceiptBytes float64        `json:"receiptBytes"` // of the mean receipt
	Shapes       []Figures      `json:"shapes"`       // the bare one first, then the product
	Ways         []Way          `json:"waysToAwait,omitempty"`
	Awaiting     *Awaiting      `json:"awaitingCallbacks,omitempty"`
	Event        *Event         `json:"event,omitempty"`
	Neighbours   *Neighbours    `json:"neighbours,omitempty"`
}

// Figures are those of one shape.
type Figures struct {
	Name           string     `json:"name"`
	Single         Latency    `json:"oneAtATime"`
	CallsPerSecond float64    `json:"callsPerSecond"` // at saturation, the median of the rounds
	Open           []OpenLoop `json:"openLoop"`
	Cost           Cost       `json:"costPerCall"`
	P50Ratio       Spread     `json:"p50Ratio"`  // relative to the bare shape in the same round
	RateRatio      Spread     `json:"rateRatio"` // likewise, of calls a second
}

// OpenLoop is the latency of calls that arrived by the clock, so many a second.
type OpenLoop struct {
	PerSecond    int     `json:"perSecond"`
	Result       Latency `json:"result"`       // from the request to the result
	Acknowledged Latency `json:"acknowledged"` // to the 202 of a request that does not wait; for the bare shape, to the started workflow
}

// Latency is in ms.
type Latency struct {
	P50 float64 `json:"p50Ms"`
	P95 float64 `json:"p95Ms"`
	P99 float64 `json:"p99Ms"`
}

func newLatency(unsorted []float64) Latency {
	sorted := slices.Sorted(slices.Values(unsorted))
	return Latency{quantile(sorted, 0.5), quantile(sorted, 0.95), quantile(sorted, 0.99)}
}

// Spread is the median of the rounds and their extremes.
type Spread struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

func newSpread(rounds []float64) Spread {
	slices.Sort(rounds)
	return Spread{quantile(rounds, 0.5), rounds[0], rounds[len(rounds)-1]}
}

func quantile(sorted []float64, q float64) float64 {
	return sorted[int(math.Ceil(q*float64(len(sorted))))-1]
}

// figures is what is collected of a shape.
type figures struct {
	name   string
	single [][]float64 // ms of each call, by round
	rates  []float64   // calls a second, by round
	open   []OpenLoop
	cost   Cost
}

func (f *figures) summarise(bare *figures) Figures {
	out := Figures{Name: f.name, Open: f.open, Cost: f.cost, Single: newLatency(slices.Concat(f.single...)), CallsPerSecond: newSpread(slices.Clone(f.rates)).Median}
	var p50s, rates []float64
	for round := range f.rates {
		p50s = append(p50s, newLatency(f.single[round]).P50/newLatency(bare.single[round]).P50)
		rates = append(rates, f.rates[round]/bare.rates[round])
	}
	out.P50Ratio, out.RateRatio = newSpread(p50s), newSpread(rates)
	return out
}

// measure is a line of the table, and how it is compared with the baseline.
type measure struct {
	name string
	of   func(Figures) float64
	// within is how much worse than the baseline the value may be, as a share. 0: times and rates
	// depend on the machine and are only shown.
	within float64
	more   bool // more is better
}

func measures(rates []OpenLoop) []measure {
	list := []measure{
		{"one at a time: p50 to result, ms", func(f Figures) float64 { return f.Single.P50 }, 0, false},
		{"p95", func(f Figures) float64 { return f.Single.P95 }, 0, false},
		{"p99", func(f Figures) float64 { return f.Single.P99 }, 0, false},
		{"saturation: calls a second", func(f Figures) float64 { return f.CallsPerSecond }, 0, true},
		{"p50 to the bare shape's, median of the rounds", func(f Figures) float64 { return f.P50Ratio.Median }, 0.2, false},
		{"calls a second to the bare shape's, likewise", func(f Figures) float64 { return f.RateRatio.Median }, 0.15, true},
	}
	for i, rate := range rates {
		for _, q := range []struct {
			name string
			of   func(OpenLoop) float64
		}{
			{"p50 to result, ms", func(o OpenLoop) float64 { return o.Result.P50 }},
			{"p95", func(o OpenLoop) float64 { return o.Result.P95 }},
			{"p99", func(o OpenLoop) float64 { return o.Result.P99 }},
			{"p50 to acknowledgement, ms", func(o OpenLoop) float64 { return o.Acknowledged.P50 }},
			{"p99", func(o OpenLoop) float64 { return o.Acknowledged.P99 }},
		} {
			list = append(list, measure{fmt.Sprintf("%d a second: %s", rate.PerSecond, q.name), func(f Figures) float64 { return q.of(f.Open[i]) }, 0, false})
		}
	}
	return append(list,
		measure{"history events a call", func(f Figures) float64 { return f.Cost.HistoryEvents }, 0.001, false},
		measure{"history bytes", func(f Figures) float64 { return f.Cost.HistoryBytes }, 0.02, false},
		measure{"PostgreSQL transactions", func(f Figures) float64 { return f.Cost.Transactions }, 0.06, false},
		measure{"of them in the product's database", func(f Figures) float64 { return f.Cost.OwnTransactions }, 0.06, false},
		measure{"WAL bytes", func(f Figures) float64 { return f.Cost.WALBytes }, 0.1, false},
		measure{"table and index bytes", func(f Figures) float64 { return f.Cost.TableBytes }, 0.3, false},
		measure{"of them in the product's database", func(f Figures) float64 { return f.Cost.OwnTableBytes }, 0.3, false},
		measure{"CPU ms, all processes", func(f Figures) float64 { return f.Cost.CPU.total() }, 0, false},
		measure{"the load and the endpoint", func(f Figures) float64 { return f.Cost.CPU.Load }, 0, false},
		measure{"API and worker; the bare shape's worker", func(f Figures) float64 { return f.Cost.CPU.Worker }, 0, false},
		measure{"the engine", func(f Figures) float64 { return f.Cost.CPU.Engine }, 0, false},
		measure{"PostgreSQL", func(f Figures) float64 { return f.Cost.CPU.Postgres }, 0, false},
		measure{"of it sessions of the product's database", func(f Figures) float64 { return f.Cost.CPU.PostgresOwn }, 0, false},
	)
}

// Print writes tables: the shapes side by side, and the product's ratio to the bare one.
func (r *Report) Print(w io.Writer) {
	fmt.Fprintf(w, "\n%d receipts of %.0f bytes in the mean, %d processors, %s\n\n| %-46s |", r.Receipts, r.ReceiptBytes, r.Processors, r.Go, "")
	for _, f := range r.Shapes {
		fmt.Fprintf(w, " %-16s |", f.Name)
	}
	fmt.Fprint(w, "\n|---|")
	for range r.Shapes {
		fmt.Fprint(w, "---|")
	}
	fmt.Fprintln(w)
	for _, m := range measures(r.Shapes[0].Open) {
		fmt.Fprintf(w, "| %-46s |", m.name)
		for i, f := range r.Shapes {
			text := fmt.Sprintf("%.4g", m.of(f))
			if bare := m.of(r.Shapes[0]); i > 0 && bare != 0 && bare != 1 {
				text += fmt.Sprintf(" (%.2f)", m.of(f)/bare)
			}
			fmt.Fprintf(w, " %-16s |", text)
		}
		fmt.Fprintln(w)
	}
	for _, f := range r.Shapes[1:] {
		fmt.Fprintf(w, "\n%s: p50 %.2f (%.2f to %.2f) of the bare shape's, calls a second %.2f (%.2f to %.2f), over the rounds\n",
			f.Name, f.P50Ratio.Median, f.P50Ratio.Low, f.P50Ratio.High, f.RateRatio.Median, f.RateRatio.Low, f.RateRatio.High)
	}
	r.printWays(w)
	if r.Awaiting != nil {
		printLines(w, r.Awaiting.lines)
	}
	if r.Event != nil {
		printLines(w, r.Event.lines)
	}
	if r.Neighbours != nil {
		printLines(w, r.Neighbours.lines)
	}
}

func (r *Report) printWays(w io.Writer) {
	if len(r.Ways) == 0 {
		return
	}
	fmt.Fprintf(w, "\n| %-30s | %8s | %8s | %7s |\n|---|---|---|---|\n", "way to await", "p50, ms", "p95, ms", "to bare")
	for _, x := range r.Ways {
		fmt.Fprintf(w, "| %-30s | %8.1f | %8.1f | %7.2f |\n", x.Name, x.P50MS, x.P95MS, x.Ratio)
	}
}

// line is a row of a table with one column of values.
type line struct {
	name  string
	value float64
}

func printLines(w io.Writer, of func() (string, []line)) {
	title, lines := of()
	fmt.Fprintf(w, "\n| %-54s | |\n|---|---|\n", title)
	for _, l := range lines {
		fmt.Fprintf(w, "| %-54s | %10.1f |\n", l.name, l.value)
	}
}
