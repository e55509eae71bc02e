package bench

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

//go:embed baseline.json
var baseline []byte

// Baseline is the committed run, with which new ones are compared. `make bench ARGS="--out
// internal/bench/baseline.json"` replaces it.
func Baseline() (*Report, error) {
	var r Report
	if err := json.Unmarshal(baseline, &r); err != nil {
		return nil, fmt.Errorf("internal/bench/baseline.json: %w", err)
	}
	return &r, nil
}

// Compare writes the figures that differ from the baseline's by more than their tolerance, for
// shapes in both, and returns how many are worse. Counts have narrow tolerances, ratios wide ones,
// times and rates none.
func (r *Report) Compare(w io.Writer, with *Report) (worse int) {
	within := 0
	fmt.Fprintf(w, "\nBeside the committed run of %s:\n", with.At.Format("2006-01-02"))
	for _, f := range r.Shapes {
		i := slices.IndexFunc(with.Shapes, func(b Figures) bool { return b.Name == f.Name })
		if i < 0 {
			fmt.Fprintf(w, "  %s: not in it\n", f.Name)
			continue
		}
		for _, m := range measures(nil) {
			if m.within == 0 {
				continue
			}
			switch verdict := m.compare(m.of(f), m.of(with.Shapes[i])); verdict {
			case "":
				within++
			default:
				fmt.Fprintf(w, "  %s, %s: %.4g, was %.4g: %s\n", f.Name, m.name, m.of(f), m.of(with.Shapes[i]), verdict)
				if verdict == isWorse {
					worse++
				}
			}
		}
	}
	fmt.Fprintf(w, "  %d figures within their tolerance, %d worse\n", within, worse)
	return worse
}

const isWorse, isBetter = "worse", "better"

// compare says how a value differs from the baseline's; "" is within the tolerance.
func (m measure) compare(value, was float64) string {
	more := value - was
	if m.more {
		more = -more
	}
	switch limit := m.within * was; {
	case was <= 0: // the committed run does not have it
		return ""
	case more > limit:
		return isWorse
	case more < -limit:
		return isBetter
	}
	return ""
}
