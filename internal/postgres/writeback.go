package postgres

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lib/pq"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/mask"
)

// writeBack is what an answer changes on what is stored here: worked out first, on locked rows, then written as a whole or not at
// all. The zero value changes nothing.
type writeBack struct {
	changes []forgehook.Change
	faults  []forgehook.FieldError

	document     *forgehook.Document // as it becomes; nil: it stays
	secrets      *mask.Secrets       // of the document, as it was
	redact       *mask.Redactor      // of what no change may show
	statusSet    bool                // so that the settings' documentProcessedStatus is not
	serviceID    int32               // of the document, where it is stored here
	parameterID  int32               // that is given a verification; 0: none
	verification int32
	item         *forgehook.WorkItem // as it becomes; nil: it stays
	itemMoved    bool                // its status has changed
}

const (
	notStoredHere = "not stored here"
	writeBackPath = "response.writeBack."
)

// planWriteBack locks document and work item of a call, whose row is locked, in this order, and works out what becomes of them.
func planWriteBack(ctx context.Context, tx conn, call forgehook.CallRef, reading forgehook.Reading, at time.Time) (writeBack, error) {
	w, plan := *reading.WriteBack, writeBack{redact: mask.NewRedactor(reading.Secrets...)}
	var row struct {
		DocumentID  *int32 `db:"document_id"`
		WorkItemID  *int32 `db:"work_item_id"`
		GivesStatus bool   `db:"gives_status"`
		Subject     []byte `db:"subject"`
	}
	err := tx.get(ctx, &row, `
		SELECT c.document_id, c.work_item_id, c.processed_status IS NOT NULL AS gives_status, CASE WHEN $3 THEN q.subject END AS subject
		FROM calls c JOIN call_requests q ON q.id = c.request_id
		WHERE c.tenant_id = $1 AND c.id = $2`, call.Tenant, call.CallID, w.Verification != nil)
	if err != nil {
		return plan, orNotFound(err, "call", call.CallID)
	}
	switch {
	case w.Document == nil && w.Verification == nil && w.WorkItem != nil && row.GivesStatus: // the document comes first, as everywhere
		_, err := tx.exec(ctx, `SELECT FROM documents WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE`, call.Tenant, row.DocumentID)
		if err != nil {
			return plan, err
		}
	case w.Document != nil || w.Verification != nil:
		document, err := lockDocument(ctx, tx, call.Tenant, row.DocumentID)
		if err != nil {
			return plan, err
		}
		if document != nil {
			plan.serviceID = document.ServiceID
			plan.secrets = mask.OfDocument(document)
			plan.redact = plan.redact.With(plan.secrets.Values()...) // they may stand in other texts, which are shown as they were
		}
		plan.writeDocument(document, w.Document)
		if err := plan.addVerification(ctx, tx, call.Tenant, document, row.Subject, w.Verification, at); err != nil {
			return plan, err
		}
		if plan.document = document; !plan.touchesDocument() {
			plan.document = nil
		}
	}
	if w.WorkItem != nil {
		if err := plan.planItem(ctx, tx, call, row.WorkItemID, *w.WorkItem); err != nil {
			return plan, err
		}
	}
	return plan, nil
}

// planItem works out what becomes of the work item of a call, or of the one that it was handed over to. What somebody has decided
// stands. Where a process waits with the item for this very call, its end writes what the answer says: in its own transaction, after
// this one and soon, so that the process tells the answer from a decision of somebody else. The call's lock keeps ends of processes
// off meanwhile; see endProcess.
func (p *writeBack) planItem(ctx context.Context, tx conn, call forgehook.CallRef, id *int32, w forgehook.WorkItemWrite) error {
	if id == nil {
		p.absent("workItem", notStoredHere)
		return nil
	}
	at, err := followItem(ctx, tx, call, *id)
	if err != nil {
		return err
	}
	waits, err := processWaits(ctx, tx, call, at.passed)
	switch {
	case err != nil:
		return err
	case at.item == nil:
		p.absent("workItem", notStoredHere)
	case waits:
		p.absent("workItem", "left to the process of the work item")
	case at.handed:
		p.absent("workItem", "handed over, the child is not here yet")
	case !at.item.Status.Actionable():
		p.absent("workItem", "not written: the item is "+statusName(at.item.Status))
	default:
		p.writeItem(at.item, w)
	}
	return nil
}

// processWaits reports whether a process waits for a call with one of the work items.
func processWaits(ctx context.Context, tx conn, call forgehook.CallRef, items []int32) (waits bool, err error) {
	err = tx.get(ctx, &waits, `
		SELECT EXISTS (
			SELECT FROM work_item_processes
			WHERE tenant_id = $1 AND call_id = $2 AND (work_item_id = ANY ($3) OR current_id = ANY ($3)) AND outcome IS NULL
		)`, call.Tenant, call.CallID, pq.Array(items))
	return waits, err
}

func lockDocument(ctx context.Context, tx conn, tenant forgehook.TenantID, id *int32) (*forgehook.Document, error) {
	if id == nil {
		return nil, nil
	}
	var row documentRow
	err := tx.get(ctx, &row, documentSelect+` AND id = $2 FOR NO KEY UPDATE`, tenant, *id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d, err := row.toDocument()
	return &d, err
}

func (p *writeBack) touchesDocument() bool {
	for _, c := range p.changes {
		if c.Note == "" && (strings.HasPrefix(c.Path, "document.") || c.Path == "verification") {
			return true
		}
	}
	return false
}

// change notes a difference, where it is one.
func (p *writeBack) change(path string, before, after json.RawMessage) {
	if !bytes.Equal(before, after) {
		p.changes = append(p.changes, forgehook.Change{Path: path, Before: p.shown(before), After: p.shown(after)})
	}
}

// maxShownText bounds a text in a difference, in bytes: results may be documents of their own, and calls are listed.
const maxShownText = 4 << 10

// shown is a value as a difference shows it.
func (p *writeBack) shown(value json.RawMessage) json.RawMessage {
	var text string
	if json.Unmarshal(value, &text) != nil {
		return value
	}
	if shown := forgehook.Shorten(p.redact.Replace(text), maxShownText); shown != text {
		return jsonText(&shown)
	}
	return value
}

// absent notes why something is not written, which is no fault: calls may be about what they bring along, and others decide meanwhile.
func (p *writeBack) absent(path, why string) {
	p.changes = append(p.changes, forgehook.Change{Path: path, Before: jsonNull, After: jsonNull, Note: why})
}

func (p *writeBack) fault(path, value, allowed string) {
	p.faults = append(p.faults, forgehook.FieldError{Path: writeBackPath + path, Value: value, Allowed: allowed})
}

// refusal is the error of a call whose answer does not fit.
func (p *writeBack) refusal() *forgehook.CallError {
	lines := make([]string, len(p.faults))
	for i, f := range p.faults {
		lines[i] = f.Path + ": " + f.Allowed
	}
	return &forgehook.CallError{Code: forgehook.CallErrorWriteBackRefused, Message: strings.Join(lines, "; ")}
}

// diff is the stored form of the changes, NULL where there are none.
func (p *writeBack) diff() ([]byte, error) {
	if len(p.changes) == 0 {
		return nil, nil
	}
	return encode(p.changes)
}

var jsonNull = json.RawMessage("null")

func jsonText(s *string) json.RawMessage {
	if s == nil {
		return jsonNull
	}
	b, _ := encode(*s) // a text can always be written
	return b
}

// jsonEnum is the name of a value, or its number where it has none.
func jsonEnum(value any, number int32) json.RawMessage {
	if table, ok := forgehook.EnumTableOf(value); ok {
		if name := table.Name(number); name != nil {
			return jsonText(name)
		}
	}
	return json.RawMessage(strconv.Itoa(int(number)))
}

// statusName is a status by its name, or its number where it has none.
func statusName(s forgehook.WorkItemStatus) string {
	if table, ok := forgehook.EnumTableOf(s); ok {
		if name := table.Name(int32(s)); name != nil {
			return *name
		}
	}
	return strconv.Itoa(int(s))
}

func jsonInt(n *int32) json.RawMessage {
	if n == nil {
		return jsonNull
	}
	return json.RawMessage(strconv.Itoa(int(*n)))
}

// text sets a text of an entity.
func (p *writeBack) text(path string, present **string, value *string) {
	if value == nil {
		return
	}
	p.change(path, jsonText(*present), jsonText(value))
	*present = value
}

// writeDocument changes a document that is locked; nil: there is none here.
func (p *writeBack) writeDocument(d *forgehook.Document, w *forgehook.DocumentWrite) {
	switch {
	case w == nil:
		return
	case d == nil:
		p.absent("document", notStoredHere)
		return
	}
	if w.Status != nil {
		p.statusSet = true
		p.change("document.status", jsonEnum(d.Status, int32(d.Status)), jsonEnum(*w.Status, int32(*w.Status)))
		d.Status = *w.Status
	}
	p.text("document.comment", &d.Comment, w.Comment)
	p.text("document.result", &d.Result, w.Result)
	if w.Category != nil {
		p.change("document.category", jsonInt(d.ClassID), jsonInt(w.Category))
		d.ClassID = w.Category
	}
	fields := forgehook.IndexFields(d.ResultParameters)
	for _, f := range w.Fields {
		path := "document.fields." + f.Name
		named := fields.Named(f.Name)
		if len(named) == 0 {
			p.fault(path, f.Name, noField(fields, f.Name))
			continue
		}
		field := named[0]
		if n := alike(d, named); n > 1 {
			p.fault(path, f.Name, fmt.Sprintf("the document has %d fields %q: which one is meant cannot be told", n, forgehook.Shorten(f.Name, 100)))
			continue
		}
		if field.Value != nil && *field.Value == f.Value {
			continue
		}
		before, after := p.shown(jsonText(field.Value)), p.shown(jsonText(&f.Value))
		if p.secrets.Has(field) {
			before, after = masked(field.Value), jsonText(new(forgehook.Masked))
			if strings.Contains(f.Value, forgehook.Masked) {
				p.fault(path, "", mask.Refusal)
				continue
			}
		}
		p.changes = append(p.changes, forgehook.Change{Path: path, Before: before, After: after})
		field.Value = &f.Value
	}
}

func masked(value *string) json.RawMessage {
	if value == nil {
		return jsonNull
	}
	return jsonText(new(forgehook.Masked))
}

// verificationProvider is who says what an answer says about a field.
const verificationProvider = "Forgehook"

const verificationAPI forgehook.VerificationType = 7

// verificationAdded is a verification as a change shows it.
type verificationAdded struct {
	ID          int32           `json:"id"`
	ParameterID int32           `json:"parameterId"`
	Value       json.RawMessage `json:"value"`
	Status      json.RawMessage `json:"status"`
	Info        json.RawMessage `json:"info"`
}

// addVerification adds to the stored document what an answer says about the parameter of the call.
func (p *writeBack) addVerification(ctx context.Context, tx conn, tenant forgehook.TenantID, d *forgehook.Document, subject []byte, w *forgehook.VerificationWrite, at time.Time) error {
	if w == nil {
		return nil
	}
	var about struct {
		Parameter *struct {
			ID int32 `json:"id"`
		} `json:"parameter"`
	}
	if err := json.Unmarshal(subject, &about); err != nil {
		return fmt.Errorf("stored subject: %w", err)
	}
	switch {
	case about.Parameter == nil:
		p.fault("verification", "", "the call is about no parameter")
		return nil
	case d == nil:
		p.absent("verification", notStoredHere)
		return nil
	}
	parameter := d.Parameter(about.Parameter.ID)
	if parameter == nil || about.Parameter.ID == 0 {
		p.fault("verification", strconv.Itoa(int(about.Parameter.ID)), fmt.Sprintf("the document has no parameter %d any more", about.Parameter.ID))
		return nil
	}
	ids, err := newEntityIDs(ctx, tx, tenant, 1)
	if err != nil {
		return err
	}
	v := forgehook.Verification{
		ID: ids[0], ParameterID: parameter.ID, Value: w.Value, DT: &forgehook.Time{Time: milliseconds(at)}, Type: verificationAPI, Info: w.Info,
		Provider: new(verificationProvider),
	}
	if w.Status != nil {
		v.Status = *w.Status
	}
	parameter.Verifications = append(parameter.Verifications, v)
	p.parameterID, p.verification = parameter.ID, v.ID
	value, info := p.shown(jsonText(v.Value)), p.shown(jsonText(v.Info))
	if p.secrets.Has(parameter) {
		value = masked(v.Value)
		if v.Value != nil && strings.Contains(*v.Value, forgehook.Masked) {
			p.fault("verification.value", "", mask.Refusal)
		}
	}
	after, err := encode(verificationAdded{v.ID, v.ParameterID, value, jsonEnum(v.Status, int32(v.Status)), info})
	p.changes = append(p.changes, forgehook.Change{Path: "verification", Before: jsonNull, After: after})
	return err
}

// writeItem changes a work item that is locked.
func (p *writeBack) writeItem(item *forgehook.WorkItem, w forgehook.WorkItemWrite) {
	before := len(p.changes)
	if w.Status != nil {
		p.itemMoved = *w.Status != item.Status
		p.change("workItem.status", jsonEnum(item.Status, int32(item.Status)), jsonEnum(*w.Status, int32(*w.Status)))
		item.Status = *w.Status
	}
	p.text("workItem.reasonCode", &item.ReasonCode, w.ReasonCode)
	p.text("workItem.reasonDescription", &item.ReasonDescription, w.ReasonDescription)
	p.text("workItem.reasonComment", &item.ReasonComment, w.ReasonComment)
	if len(p.changes) > before {
		p.item = item
	}
}

// store writes what was worked out.
func (p *writeBack) store(ctx context.Context, tx conn, call forgehook.CallRef, at time.Time) error {
	stamp := forgehook.Time{Time: milliseconds(at)}
	if d := p.document; d != nil {
		d.DTM = &stamp
		body, err := forgehook.AppendJSON(nil, d)
		if err != nil {
			return err
		}
		_, err = tx.exec(ctx, `
			UPDATE documents SET body = $3, status = $4, modified = $5, updated_at = $6 WHERE tenant_id = $1 AND id = $2`,
			call.Tenant, d.ID, body, int32(d.Status), stamp.Time, instant())
		if err != nil {
			return err
		}
	}
	if w := p.item; w != nil {
		w.DTM = &stamp
		closeItem(nil, w, at) // it was actionable
		if _, err := putWorkItem(ctx, tx, call.Tenant, *w); err != nil {
			return err
		}
		if err := answerItem(ctx, tx, call, w.ID); err != nil {
			return err
		}
	}
	return nil
}

// raises reports whether what was written may be an event.
func (p *writeBack) raises() bool { return p.document != nil || p.item != nil }

// event is one that the end of a call raises.
type event struct {
	kind  forgehook.EventType
	about about
}

// events are those of what was written, and of the status that the settings gave the document.
func (p *writeBack) events(ctx context.Context, tx conn, tenant forgehook.TenantID, documentID *int32, statusChanged bool) (events []event, err error) {
	serviceID := p.serviceID
	if serviceID == 0 && documentID != nil && (statusChanged || p.itemMoved) {
		if serviceID, err = serviceOfDocument(ctx, tx, tenant, *documentID); err != nil {
			return nil, err
		}
	}
	if p.document != nil || statusChanged {
		events = append(events, event{forgehook.EventDocumentUpdated, about{serviceID: serviceID, documentID: documentID}})
	}
	if p.verification != 0 {
		events = append(events, event{forgehook.EventVerification, about{
			serviceID: serviceID, documentID: documentID, parameterID: &p.parameterID, verificationID: &p.verification,
		}})
	}
	if p.itemMoved {
		of := about{serviceID: serviceID, documentID: p.item.DocumentID, workItemID: &p.item.ID}
		switch {
		case p.item.ServiceID != nil:
			of.serviceID = *p.item.ServiceID
		case p.item.DocumentID != nil:
			if of.serviceID, err = serviceOfDocument(ctx, tx, tenant, *p.item.DocumentID); err != nil {
				return nil, err
			}
		}
		events = append(events, event{forgehook.EventWorkItem, of})
	}
	return events, nil
}

// serviceOfDocument is 0 where the document names none, or is not here.
func serviceOfDocument(ctx context.Context, tx conn, tenant forgehook.TenantID, id int32) (int32, error) {
	var body []byte
	err := tx.get(ctx, &body, `SELECT body FROM documents WHERE tenant_id = $1 AND id = $2`, tenant, id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var d struct {
		ServiceID int32 `json:"serviceId"`
	}
	if err := json.Unmarshal(body, &d); err != nil {
		return 0, fmt.Errorf("stored document %d: %w", id, err)
	}
	return d.ServiceID, nil
}

// wakeProcesses owes a signal to the processes that stand with the item which was written, or with the one that handed it over.
func (p *writeBack) wakeProcesses(ctx context.Context, tx conn, call forgehook.CallRef, at time.Time) (told bool, err error) {
	if p.item == nil {
		return false, nil
	}
	ids := []int32{p.item.ID}
	if p.item.WorkItemID != nil {
		ids = append(ids, *p.item.WorkItemID)
	}
	rows, err := tx.exec(ctx, `
		INSERT INTO wakes (tenant_id, call_id, workflow_id, signal, created_at)
		SELECT tenant_id, $2, $6 || id::text, $3, $4 FROM work_item_processes
		WHERE tenant_id = $1 AND current_id = ANY ($5) AND outcome IS NULL`,
		call.Tenant, call.CallID, forgehook.ItemChangedSignal, milliseconds(at), pq.Array(ids), forgehook.ProcessWorkflows)
	return rows > 0, err
}
