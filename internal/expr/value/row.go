package value

import (
	"bytes"
	"encoding/json"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/jsontree"
)

// Row is a row of a table as doc.rows gives it.
type Row struct {
	Index   int32 `json:"index"`
	Columns []string
	Cells   []*forgehook.DocumentParameter // nil: the row has no such cell
}

func (r *Row) Value(i int) *string {
	if r.Cells[i] == nil {
		return nil
	}
	return r.Cells[i].Value
}

// MarshalJSON writes the row as doc.table gives it.
func (r *Row) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, name := range r.Columns {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(jsontree.AppendString(nil, name))
		b.WriteByte(':')
		if v := r.Value(i); v != nil {
			b.Write(jsontree.AppendString(nil, *v))
		} else {
			b.WriteString("null")
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

var _ json.Marshaler = (*Row)(nil)
