//go:build e2e

package e2e

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

// gauge is a quantity that a soak watches.
type gauge struct {
	name  string
	unit  float64 // divides the shown value
	share float64 // of its mean by which it may grow after the warm-up and still count as flat
	least float64 // growth that is always allowed
	only  bool    // shown, not judged
}

// reading holds all gauges at one moment.
type reading struct {
	at     time.Duration // since the soak began
	values []float64
}

// growth is how much a gauge grew after the warm-up, the first third, along the best line through
// its readings; mean is their mean.
func growth(readings []reading, i int) (grown, mean float64) {
	end := readings[len(readings)-1].at
	var times, values []float64
	for _, r := range readings {
		if r.at >= end/3 {
			times, values = append(times, r.at.Seconds()), append(values, r.values[i])
		}
	}
	return slope(times, values) * (times[len(times)-1] - times[0]), average(values)
}

// slope is that of the least-squares line, 0 for fewer than two moments.
func slope(x, y []float64) float64 {
	meanX, meanY := average(x), average(y)
	var above, below float64
	for i := range x {
		above += (x[i] - meanX) * (y[i] - meanY)
		below += (x[i] - meanX) * (x[i] - meanX)
	}
	if below == 0 {
		return 0
	}
	return above / below
}

func average(values []float64) (sum float64) {
	for _, v := range values {
		sum += v / float64(len(values))
	}
	return sum
}

// verdict has a line for each gauge, and names the judged ones that are not flat.
func verdict(gauges []gauge, readings []reading) (report string, growing []string) {
	var b strings.Builder
	for i, g := range gauges {
		grown, mean := growth(readings, i)
		allowed := math.Max(math.Abs(mean)*g.share, g.least)
		word := "flat"
		switch {
		case g.only:
			word = "not judged"
		case grown > allowed:
			word = "GROWS"
			growing = append(growing, fmt.Sprintf("%s grows by %.2f after the warm-up, mean %.2f, allowed %.2f", g.name, grown/g.unit, mean/g.unit, allowed/g.unit))
		}
		fmt.Fprintf(&b, "%-26s mean %10.2f  grew %+9.2f  %s\n", g.name, mean/g.unit, grown/g.unit, word)
	}
	return b.String(), growing
}

// header names the columns of row.
func header(gauges []gauge) string {
	names := []string{"minute"}
	for _, g := range gauges {
		names = append(names, g.name)
	}
	return strings.Join(names, " | ")
}

// row is one reading below header.
func row(gauges []gauge, r reading) string {
	columns := []string{fmt.Sprintf("%6.1f", r.at.Minutes())}
	for i, g := range gauges {
		shown := r.values[i] / g.unit
		columns = append(columns, fmt.Sprintf("%*.*f", len(g.name), digits(shown), shown))
	}
	return strings.Join(columns, " | ")
}

func digits(value float64) int {
	if math.Abs(value) < 10 && value != math.Trunc(value) {
		return 2
	}
	return 0
}

// TestSoakVerdict finds leaks, and nothing else.
func TestSoakVerdict(t *testing.T) {
	t.Parallel()
	noise := func(minute int) float64 { return float64(minute*7%5 - 2) }
	tests := []struct {
		name   string
		value  func(minute int) float64
		grows  bool
		judged bool
	}{
		{"steady", func(int) float64 { return 100 }, false, true},
		{"noise", func(m int) float64 { return 100 + noise(m) }, false, true},
		{"warms up", func(m int) float64 { return math.Min(100, float64(20*m)) }, false, true},
		{"falls", func(m int) float64 { return 200 - float64(m) }, false, true},
		{"saw", func(m int) float64 { return 100 + float64(m%4)*5 }, false, true},
		{"leaks", func(m int) float64 { return 100 + float64(m) }, true, true},
		{"leaks under noise", func(m int) float64 { return 100 + float64(m) + 3*noise(m) }, true, true},
		{"leaks after the warm-up", func(m int) float64 { return 100 + 2*math.Max(0, float64(m-12)) }, true, true},
		{"leaks from nothing", func(m int) float64 { return float64(m) }, true, true},
		{"leaks, and is not judged", func(m int) float64 { return float64(m) }, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var readings []reading
			for minute := range 31 {
				readings = append(readings, reading{time.Duration(minute) * time.Minute, []float64{tt.value(minute)}})
			}
			report, growing := verdict([]gauge{{name: tt.name, unit: 1, share: 0.1, least: 2, only: !tt.judged}}, readings)
			if (len(growing) > 0) != tt.grows || strings.Contains(report, "GROWS") != tt.grows {
				t.Errorf("growing %v, report\n%s", growing, report)
			}
		})
	}
	if got := slope([]float64{1, 2, 3}, []float64{5, 7, 9}); got != 2 {
		t.Errorf("slope %v, want 2", got)
	}
}
