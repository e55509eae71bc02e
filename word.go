package forgehook

import (
	"math"
	"strings"
)

// Shorten cuts a text to at most n bytes on a rune boundary and marks the cut.
func Shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	const mark = "..."
	cut := n - len(mark)
	for cut > 0 && s[cut]&0xC0 == 0x80 {
		cut--
	}
	return s[:cut] + mark
}

// Nearest returns the candidate that was probably meant: the closest by edit distance, if it is close.
func Nearest(got string, candidates []string) string {
	best, limit := "", min(3, max(1, len(got)/2))
	for _, c := range candidates {
		if n := distance(strings.ToLower(got), strings.ToLower(c)); n < limit || (n == limit && best == "") {
			best, limit = c, n
		}
	}
	return best
}

// distance is the optimal string alignment distance: edits and swaps of neighbours.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return math.MaxInt
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
