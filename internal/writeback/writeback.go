// Package writeback says what becomes of the document and the work item that a call was about when
// a reading is written to them: the entities after that, the differences as they may be shown, and
// the faults of what does not fit. It knows no database and no settings: internal/postgres locks
// what is stored, asks [Of], and stores all that it says or nothing. Start with [Of].
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

// Stored is what is stored of what a call is about. Its entities become what the plan says.
type Stored struct {
	Document       *forgehook.Document // nil: not stored here
	ParameterID    *int32              // of the parameter that the call is about; nil: about none
	VerificationID int32               // for a verification that is added
	Item           *forgehook.WorkItem // or the one that it was handed over to; nil: not stored here
	Handed         bool                // Item was handed over, and the child is not here yet
	Waited         bool                // a process waits with the item for this very call
}

// Plan is what a reading changes on what is stored. The zero value changes nothing.
type Plan struct {
	Changes []forgehook.Change
	Faults  []forgehook.FieldError // where there is one, nothing is to be stored

	Document     *forgehook.Document     // as it becomes; nil: it stays
	Verification *forgehook.Verification // that was added to it; nil: none
	StatusSet    bool                    // so that the settings' documentProcessedStatus is not
	Item         *forgehook.WorkItem     // as it becomes; nil: it stays
	ItemMoved    bool                    // its status has changed

	secrets *mask.Secrets  // of the document, as it was
	redact  *mask.Redactor // of what no change may show
}

const (
	settingPath   = "response.writeBack."
	notStoredHere = "not stored here"
)

// Of works out what becomes of what is stored when a reading, which must have a write-back, is
// written to it at a moment.
func Of(reading forgehook.Reading, stored Stored, at time.Time) Plan {
	w, p := reading.WriteBack, Plan{redact: mask.NewRedactor(reading.Secrets...)}
	if d := stored.Document; d != nil {
		about := &forgehook.Subject{Document: d}
		if id := stored.ParameterID; id != nil {
			about.Parameter = d.Parameter(*id)
		}
		p.secrets = mask.Of(about)
		p.redact = p.redact.With(slices.Concat(p.secrets.Values(), p.secrets.Written(w))...) // also in other texts
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

// Refusal is the error of a call whose write-back does not fit.
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

// provider is who says what a response says about a field.
const provider = "Forgehook"

const viaAPI forgehook.VerificationType = 7

// addVerification adds to the document what a response says about the parameter of the call.
func (p *Plan) addVerification(stored Stored, w forgehook.VerificationWrite, at time.Time) {
	const path = "verification"
	switch {
	case stored.ParameterID == nil:
		p.fault(path, "", "the call is about no parameter")
		return
	case stored.Document == nil:
		p.absent(path, notStoredHere)
		return
	}
	id := *stored.ParameterID
	parameter := stored.Document.Parameter(id)
	if parameter == nil || id == 0 {
		p.fault(path, strconv.Itoa(int(id)), fmt.Sprintf("the document has no parameter %d any more", id))
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

// writeItem changes a work item. What somebody has decided about it stands. Where a process waits
// with it for the call, the process's end writes, so that it tells the call's word from such a
// decision.
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
