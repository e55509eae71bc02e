package bench

import (
	"bufio"
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"os"

	"github.com/forgehook/forgehook"
)

// The texts of twelve receipts of the ICDAR 2019 SROIE challenge, from the smallest to the largest
// of its first 500, in the JSON of the document platform.
//
//go:embed receipts.jsonl
var ownReceipts []byte

const maxReceipt = 16 << 20 // bytes, as the API bounds a body

// receipt is a document to call about.
type receipt struct {
	text     []byte // its JSON
	document forgehook.Document
}

// readReceipts takes the documents of a file that have the status Processed. The others would be
// skipped, which costs less.
func readReceipts(path string) ([]receipt, error) {
	var in io.Reader = bytes.NewReader(ownReceipts)
	if path != "" {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer file.Close() //nolint:errcheck // read only
		in = file
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxReceipt)
	var list []receipt
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		r := receipt{text: bytes.Clone(lines.Bytes())}
		if err := forgehook.Decode(r.text, &r.document); err != nil {
			return nil, fmt.Errorf("document %d: %w", n, err)
		}
		if r.document.Status == forgehook.StatusProcessed {
			list = append(list, r)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: no document has the status Processed", path)
	}
	return list, nil
}

func meanSize(receipts []receipt) float64 {
	total := 0
	for _, r := range receipts {
		total += len(r.text)
	}
	return float64(total) / float64(len(receipts))
}
