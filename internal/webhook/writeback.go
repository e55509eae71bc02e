package webhook

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr"
	"github.com/forgehook/forgehook/internal/mask"
)

const (
	writeBackPath = "response.writeBack."
	workItemPath  = writeBackPath + "workItem."
)

// write is one value that a response writes to a document, a verification or a work item.
type write struct {
	path    string
	text    *string
	want    expr.Result
	put     func(into *forgehook.WriteBack, v expr.Value) (fault string) // v is not null
	program *expr.Program
}

// writesOf lists the write-back in the order of settings; one that is not set has no text.
func writesOf(s *forgehook.WriteBackSettings) []write {
	list := []write{
		{"document.status", s.Document.Status, expr.TextResult, func(b *forgehook.WriteBack, v expr.Value) string {
			return putEnum(&documentOf(b).Status, v)
		}, nil},
		{"document.comment", s.Document.Comment, expr.TextResult, func(b *forgehook.WriteBack, v expr.Value) string {
			return putText(&documentOf(b).Comment, v)
		}, nil},
		{"document.result", s.Document.Result, expr.AnyResult, func(b *forgehook.WriteBack, v expr.Value) string {
			return putJSON(&documentOf(b).Result, v)
		}, nil},
		{"document.category", s.Document.Category, expr.TextResult, func(b *forgehook.WriteBack, v expr.Value) string {
			return putID(&documentOf(b).Category, v)
		}, nil},
	}
	for i := range s.Document.Fields {
		field := &s.Document.Fields[i]
		list = append(list, write{"document.fields." + field.Name, &field.Value, expr.TextResult, func(b *forgehook.WriteBack, v expr.Value) string {
			var value *string
			fault := putText(&value, v)
			if fault == "" {
				d := documentOf(b)
				d.Fields = append(d.Fields, forgehook.FieldWrite{Name: field.Name, Value: *value})
			}
			return fault
		}, nil})
	}
	list = append(list, []write{
		{"verification.value", s.Verification.Value, expr.TextResult, func(b *forgehook.WriteBack, v expr.Value) string {
			return putText(&verificationOf(b).Value, v)
		}, nil},
		{"verification.status", s.Verification.Status, expr.TextResult, func(b *forgehook.WriteBack, v expr.Value) string {
			return putEnum(&verificationOf(b).Status, v)
		}, nil},
		{"verification.info", s.Verification.Info, expr.TextResult, func(b *forgehook.WriteBack, v expr.Value) string {
			return putText(&verificationOf(b).Info, v)
		}, nil},
		{"workItem.status", s.WorkItem.Status, expr.TextResult, func(b *forgehook.WriteBack, v expr.Value) string {
			return putEnum(&workItemOf(b).Status, v)
		}, nil},
		{"workItem.reasonCode", s.WorkItem.ReasonCode, expr.TextResult, func(b *forgehook.WriteBack, v expr.Value) string {
			return putText(&workItemOf(b).ReasonCode, v)
		}, nil},
		{"workItem.reasonDescription", s.WorkItem.ReasonDescription, expr.TextResult, func(b *forgehook.WriteBack, v expr.Value) string {
			return putText(&workItemOf(b).ReasonDescription, v)
		}, nil},
		{"workItem.reasonComment", s.WorkItem.ReasonComment, expr.TextResult, func(b *forgehook.WriteBack, v expr.Value) string {
			return putText(&workItemOf(b).ReasonComment, v)
		}, nil},
	}...)
	for i := range list {
		list[i].path = writeBackPath + list[i].path
	}
	return list
}

// run evaluates the expression and puts its value. The error is a *forgehook.CallError that quotes
// no secret.
func (w *write) run(vars *expr.Vars, into *forgehook.WriteBack, redact *mask.Redactor) error {
	v, err := w.program.Eval(vars)
	if err != nil {
		return redacted(unreadable(w.path, err), redact)
	}
	if v.IsNull() {
		return nil
	}
	fault := w.put(into, v)
	if fault == "" {
		return nil
	}
	if text := v.Text(); redact.Replace(text) != text {
		fault = forgehook.Masked + ", which does not fit here"
	}
	return &forgehook.CallError{Code: forgehook.CallErrorWriteBackRefused, Message: w.path + ": " + fault}
}

func documentOf(b *forgehook.WriteBack) *forgehook.DocumentWrite {
	if b.Document == nil {
		b.Document = new(forgehook.DocumentWrite)
	}
	return b.Document
}

func verificationOf(b *forgehook.WriteBack) *forgehook.VerificationWrite {
	if b.Verification == nil {
		b.Verification = new(forgehook.VerificationWrite)
	}
	return b.Verification
}

func workItemOf(b *forgehook.WriteBack) *forgehook.WorkItemWrite {
	if b.WorkItem == nil {
		b.WorkItem = new(forgehook.WorkItemWrite)
	}
	return b.WorkItem
}

// putText takes texts, numbers, booleans and times, written as in a body.
func putText(into **string, v expr.Value) string {
	if !v.IsScalar() {
		return v.TypeName() + ", where a text belongs"
	}
	text := v.Text()
	switch {
	case len(text) > maxResult:
		return tooLong(len(text))
	case !v.IsText() && (strings.HasSuffix(text, "Infinity") || text == "NaN"):
		return "a number without a value, where a text belongs"
	}
	*into = &text
	return ""
}

// putJSON takes a text unchanged and any other value as JSON.
func putJSON(into **string, v expr.Value) string {
	if v.IsText() {
		return putText(into, v)
	}
	data, err := v.AppendJSON(nil)
	if err != nil || len(data) > maxResult {
		return tooLong(len(data))
	}
	text := string(data)
	*into = &text
	return ""
}

func tooLong(n int) string {
	return fmt.Sprintf("%d bytes, of which at most %d are stored", n, maxResult)
}

// putID takes a positive number or its text.
func putID(into **int32, v expr.Value) string {
	n, ok := v.Whole()
	if !ok && v.IsText() {
		var err error
		n, err = strconv.ParseInt(v.Text(), 10, 32)
		ok = err == nil
	}
	if !ok || n < 1 || n > math.MaxInt32 {
		return quoted(v) + ", where the number of a category belongs"
	}
	id := int32(n)
	*into = &id
	return ""
}

// putEnum takes a number or a name in any case; flags may be several names with commas between
// them. A number without a name is refused: it could be a mistake as well as a later addition of
// the platform.
func putEnum[E ~int32](into **E, v expr.Value) string {
	var zero E
	table, _ := forgehook.EnumTableOf(zero)
	n, known := enumNumber(table, v)
	if !known {
		fault := quoted(v) + " is none of " + table.Kind()
		if near := forgehook.Nearest(v.Text(), table.Names()); near != "" && v.IsText() {
			fault += fmt.Sprintf("; did you mean %q?", near)
		}
		return fault
	}
	e := E(n)
	*into = &e
	return ""
}

func enumNumber(table forgehook.EnumTable, v expr.Value) (int32, bool) {
	n, ok := v.Whole()
	if v.IsText() {
		number, err := table.Number(strings.TrimSpace(v.Text()))
		n, ok = int64(number), err == nil
	}
	if !ok || n < math.MinInt32 || n > math.MaxInt32 {
		return 0, false
	}
	return int32(n), table.Name(int32(n)) != nil
}

// quoted shows a value in a message: a text in quotes, a list or an object by its type.
func quoted(v expr.Value) string {
	switch {
	case !v.IsScalar():
		return v.TypeName()
	case v.IsText():
		return string(toJSON(forgehook.Shorten(v.Text(), 60)))
	}
	data, err := v.AppendJSON(nil)
	if err != nil || !json.Valid(data) {
		return v.TypeName()
	}
	return string(data)
}
