// Package writeback applies a reading to the document and the work item of a call: it returns the
// changed entities, the differences as they may be shown, and the faults. It must not know the
// database or settings: internal/postgres locks what is stored, calls [Of], and stores the whole
// plan or nothing. Start with [Of].
package writeback

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/mask"
)

// Stored holds the stored entities of a call. [Of] changes them.
type Stored struct {
	Document       *forgehook.Document // nil: not stored here
	ParameterID    *int32              // of the call's parameter; nil: none
	VerificationID int32               // of the verification to add
	Item           *forgehook.WorkItem // or its child, if it was handed over; nil: not stored here
	Handed         bool                // Item was handed over, and its child is not stored yet
	Waited         bool                // the item's process waits for this call
}

// Plan is what a reading changes. The zero value changes nothing.
type Plan struct {
	Changes []forgehook.Change
	Faults  []forgehook.FieldError // if any, nothing may be stored

	Document     *forgehook.Document     // changed; nil: unchanged
	Verification *forgehook.Verification // added to Document; nil: none
	StatusSet    bool                    // documentProcessedStatus then has no effect
	Item         *forgehook.WorkItem     // changed; nil: unchanged
	ItemMoved    bool                    // its status has changed

	secrets *mask.Secrets  // of the document, as it was
	redact  *mask.Redactor // of all secrets
}

const (
	settingPath   = "response.writeBack."
	notStoredHere = "not stored here"
)

// Of applies a reading, which must have a write-back, to what is stored; at is the time of the
// change.
func Of(reading forgehook.Reading, stored Stored, at time.Time) Plan {
	w, p := reading.WriteBack, Plan{redact: mask.NewRedactor(reading.Secrets...)}
	if d := stored.Document; d != nil {
		about := &forgehook.Subject{Document: d}
		if id := stored.ParameterID; id != nil {
			about.Parameter = d.Parameter(*id)
		}
		p.secrets = mask.Of(about)
		p.redact = p.redact.With(slices.Concat(p.secrets.Values(), p.secrets.Written(w))...) // in any text
	}
	if w.Document != nil {
		p.writeDocument(stored.Document, *w.Document)
	}
	if w.Verification != nil {
		p.addVerification(stored, *w.Verification, at)
	}
	if stored.Document != nil && len(p.Changes) > 0 {
		p.Document = stored.Document
	}
	if w.WorkItem != nil {
		p.writeItem(stored, *w.WorkItem)
	}
	return p
}

// Refusal is the error of a call whose write-back has faults.
func (p *Plan) Refusal() *forgehook.CallError {
	lines := make([]string, len(p.Faults))
	for i, f := range p.Faults {
		lines[i] = f.Path + ": " + f.Allowed
	}
	return &forgehook.CallError{Code: forgehook.CallErrorWriteBackRefused, Message: strings.Join(lines, "; ")}
}

func (p *Plan) fault(path, value, allowed string) {
	p.Faults = append(p.Faults, forgehook.FieldError{Path: settingPath + path, Value: value, Allowed: allowed})
}

func (p *Plan) writeDocument(d *forgehook.Document, w forgehook.DocumentWrite) {
	if d == nil {
		p.absent("document", notStoredHere)
		return
	}
	if w.Status != nil {
		p.StatusSet = true
		p.change("document.status", enumJSON(d.Status), enumJSON(*w.Status))
		d.Status = *w.Status
	}
	p.setText("document.comment", &d.Comment, w.Comment)
	p.setText("document.result", &d.Result, w.Result)
	if w.Category != nil {
		p.change("document.category", numberJSON(d.ClassID), numberJSON(w.Category))
		d.ClassID = w.Category
	}
	fields := forgehook.IndexFields(d.ResultParameters)
	for _, f := range w.Fields {
		p.writeField(d, fields, f)
	}
}

func (p *Plan) writeField(d *forgehook.Document, fields *forgehook.FieldIndex, f forgehook.FieldWrite) {
	path := "document.fields." + f.Name
	field, fault := meant(d, fields, f.Name)
	switch {
	case fault != "":
		p.fault(path, f.Name, fault)
		return
	case field.Value != nil && *field.Value == f.Value:
		return
	}
	secret := p.secrets.Has(field)
	if secret && strings.Contains(f.Value, forgehook.Masked) {
		p.fault(path, "", mask.Refusal)
		return
	}
	p.note(path, p.value(field.Value, secret), p.value(&f.Value, secret))
	field.Value = &f.Value
}

// provider is the source of a verification that a response adds.
const provider = "Forgehook"

const viaAPI forgehook.VerificationType = 7

// addVerification adds a verification to the call's parameter.
func (p *Plan) addVerification(stored Stored, w forgehook.VerificationWrite, at time.Time) {
	const path = "verification"
	switch {
	case stored.ParameterID == nil:
		p.fault(path, "", "the call has no parameter")
		return
	case stored.Document == nil:
		p.absent(path, notStoredHere)
		return
	}
	id := *stored.ParameterID
	parameter := stored.Document.Parameter(id)
	if parameter == nil || id == 0 {
		p.fault(path, strconv.Itoa(int(id)), fmt.Sprintf("the document no longer has parameter %d", id))
		return
	}
	secret := p.secrets.Has(parameter)
	if secret && w.Value != nil && strings.Contains(*w.Value, forgehook.Masked) {
		p.fault(path+".value", "", mask.Refusal)
		return
	}
	v := forgehook.Verification{
		ID: stored.VerificationID, ParameterID: id, Value: w.Value, DT: &forgehook.Time{Time: at}, Type: viaAPI, Info: w.Info,
		Provider: new(provider),
	}
	if w.Status != nil {
		v.Status = *w.Status
	}
	parameter.Verifications = append(parameter.Verifications, v)
	p.Verification = &v
	p.note(path, null, verificationJSON(v, p.value(v.Value, secret), p.value(v.Info, false)))
}

// writeItem changes a work item. It does not overrule a decision that somebody has made. If a
// process waits for the call, the end of the process writes instead: only it can tell such a
// decision from the call's own value.
func (p *Plan) writeItem(stored Stored, w forgehook.WorkItemWrite) {
	item := stored.Item
	switch {
	case item == nil:
		p.absent("workItem", notStoredHere)
		return
	case stored.Waited:
		p.absent("workItem", "left to the process of the work item")
		return
	case stored.Handed:
		p.absent("workItem", "handed over, the child is not here yet")
		return
	case !item.Status.Actionable():
		p.absent("workItem", "not written: the item is "+nameOf(item.Status))
		return
	}
	before := len(p.Changes)
	if w.Status != nil {
		p.ItemMoved = *w.Status != item.Status
		p.change("workItem.status", enumJSON(item.Status), enumJSON(*w.Status))
		item.Status = *w.Status
	}
	p.setText("workItem.reasonCode", &item.ReasonCode, w.ReasonCode)
	p.setText("workItem.reasonDescription", &item.ReasonDescription, w.ReasonDescription)
	p.setText("workItem.reasonComment", &item.ReasonComment, w.ReasonComment)
	if len(p.Changes) > before {
		p.Item = item
	}
}
