package bench

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestArrive ends the first call only after the last has begun. Callers that wait for each other
// would hang.
func TestArrive(t *testing.T) {
	t.Parallel()
	const rate, n = 1000, 50
	var begun sync.WaitGroup
	begun.Add(n)
	latencies, err := arrive(rate, n*time.Second/rate, func() error {
		begun.Done()
		begun.Wait()
		return nil
	})
	if err != nil || len(latencies) != n {
		t.Fatalf("%d calls, error %v; want %d", len(latencies), err, n)
	}
	if latencies[0] < latencies[n-1] {
		t.Errorf("the first took %f ms, the last %f: the time is to count from when each was meant to begin", latencies[0], latencies[n-1])
	}
}

func TestArrive_fails(t *testing.T) {
	t.Parallel()
	if _, err := arrive(1000, 10*time.Millisecond, func() error { return os.ErrClosed }); err == nil {
		t.Error("the failures of calls are lost")
	}
}

func TestLatency(t *testing.T) {
	t.Parallel()
	var unsorted []float64
	for i := 100; i > 0; i-- {
		unsorted = append(unsorted, float64(i))
	}
	if diff := cmp.Diff(Latency{50, 95, 99}, newLatency(unsorted)); diff != "" {
		t.Error(diff)
	}
}

// TestSummarise compares each round with the bare one beside it, not the sums.
func TestSummarise(t *testing.T) {
	t.Parallel()
	bare := &figures{single: [][]float64{{10}, {100}, {10}}, rates: []float64{100, 10, 100}}
	product := &figures{single: [][]float64{{11}, {120}, {9}}, rates: []float64{90, 8, 95}}
	f := product.summarise(bare)
	if diff := cmp.Diff([]Spread{{1.1, 0.9, 1.2}, {0.9, 0.8, 0.95}}, []Spread{f.P50Ratio, f.RateRatio}); diff != "" {
		t.Error(diff)
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	committed := Figures{
		Name: "product", P50Ratio: Spread{Median: 1}, RateRatio: Spread{Median: 0.9}, CallsPerSecond: 80,
		Cost: Cost{HistoryEvents: 14, HistoryBytes: 3700, Transactions: 40, OwnTransactions: 8, WALBytes: 34_000, TableBytes: 50_000, OwnTableBytes: 30_000},
	}
	for _, test := range []struct {
		name   string
		change func(*Figures)
		worse  int
		says   string
	}{
		{"the same", func(*Figures) {}, 0, "9 figures within their tolerance, 0 worse"},
		{"slower on a slower machine", func(f *Figures) { f.CallsPerSecond = 8 }, 0, "9 figures within"},
		{"one event more", func(f *Figures) { f.Cost.HistoryEvents = 15 }, 1, "history events a call: 15, was 14: worse"},
		{"fewer transactions", func(f *Figures) { f.Cost.Transactions = 30 }, 0, "PostgreSQL transactions: 30, was 40: better"},
		{"half the throughput", func(f *Figures) { f.RateRatio.Median = 0.45 }, 1, "0.45, was 0.9: worse"},
		{"another shape", func(f *Figures) { f.Name = "product X=1" }, 0, "product X=1: not in it"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			now := committed
			test.change(&now)
			var out bytes.Buffer
			worse := (&Report{Shapes: []Figures{now}}).Compare(&out, &Report{Shapes: []Figures{committed}})
			if worse != test.worse || !strings.Contains(out.String(), test.says) {
				t.Errorf("%d worse, want %d, saying %q:\n%s", worse, test.worse, test.says, out.String())
			}
		})
	}
}

// TestBaseline prints the committed run, which must have all parts of a report.
func TestBaseline(t *testing.T) {
	t.Parallel()
	committed, err := Baseline()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	committed.Print(&out)
	if worse := committed.Compare(&out, committed); worse != 0 || !strings.Contains(out.String(), "bare engine") || !strings.Contains(out.String(), "product") {
		t.Errorf("%d figures are worse than themselves:\n%s", worse, out.String())
	}
}

func TestReadReceipts(t *testing.T) {
	t.Parallel()
	own, err := readReceipts("")
	if err != nil || len(own) != 12 {
		t.Errorf("%d receipts, error %v; want 12", len(own), err)
	}
	path := filepath.Join(t.TempDir(), "documents.jsonl")
	if err := os.WriteFile(path, []byte("{\"id\":1,\"status\":9}\n\n{\"id\":2,\"status\":10}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if list, err := readReceipts(path); err != nil || len(list) != 1 || list[0].document.ID != 2 {
		t.Errorf("%v, error %v; want the one that is Processed", list, err)
	}
	if err := os.WriteFile(path, []byte("{\"id\":1,\"status\":9}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readReceipts(path); err == nil {
		t.Error("a file without a document to call for is taken")
	}
}

// TestCPU burns processor time until it finds it.
func TestCPU(t *testing.T) {
	t.Parallel()
	own := stat(os.Getpid())
	if own.parent != os.Getppid() {
		t.Errorf("the parent is %d, want %d", own.parent, os.Getppid())
	}
	for later := own; later.used < own.used+3*tick; later = stat(os.Getpid()) {
	}
	if none := stat(0); none != (used{}) {
		t.Errorf("no process has %+v", none)
	}
}
