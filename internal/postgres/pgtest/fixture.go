package pgtest

import (
	"crypto/rand"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
)

// Scene is a tenant with one of each: a project, a service, a utility attached to it, and a
// document that passes the utility's conditions.
type Scene struct {
	Tenant   forgehook.TenantID
	Project  forgehook.Project
	Service  forgehook.Service
	Utility  forgehook.Utility
	Document forgehook.Document
}

// NewScene sets one up; change alters the utility's settings.
func NewScene(t testing.TB, db *postgres.DB, change ...func(*forgehook.Settings)) Scene {
	t.Helper()
	s := Scene{Tenant: Tenant(t, db)}
	s.Project = Project(t, db, s.Tenant)
	s.Service = Service(t, db, s.Tenant, s.Project.ID)
	s.Utility = Utility(t, db, s.Tenant, s.Service.ID, change...)
	s.Document = Document(t, db, s.Tenant, s.Project.ID, s.Service.ID)
	return s
}

// Tenant makes a tenant.
func Tenant(t testing.TB, db *postgres.DB) forgehook.TenantID {
	t.Helper()
	tenant, err := db.CreateTenant(t.Context(), "tenant "+rand.Text())
	check(t, err)
	return tenant.ID
}

// Project makes a project.
func Project(t testing.TB, db *postgres.DB, tenant forgehook.TenantID) forgehook.Project {
	t.Helper()
	p, err := db.CreateProject(t.Context(), tenant, forgehook.Project{Name: new("Invoices"), Status: 1})
	check(t, err)
	return p
}

// Service makes a plain service.
func Service(t testing.TB, db *postgres.DB, tenant forgehook.TenantID, projectID int32) forgehook.Service {
	t.Helper()
	s, err := db.CreateService(t.Context(), tenant, forgehook.Service{ProjectID: projectID, Name: new("Extraction"), Category: 2})
	check(t, err)
	return s
}

// Settings are those of [Utility]: the defaults and a URL.
func Settings(change ...func(*forgehook.Settings)) forgehook.Settings {
	s := forgehook.DefaultSettings()
	s.WebHook.URL = new("https://example.com/hooks")
	for _, c := range change {
		c(&s)
	}
	return s
}

// Utility attaches a utility to a service.
func Utility(t testing.TB, db *postgres.DB, tenant forgehook.TenantID, serviceID int32, change ...func(*forgehook.Settings)) forgehook.Utility {
	t.Helper()
	u, err := db.CreateUtility(t.Context(), tenant, forgehook.Utility{Name: "Hook", ServiceID: serviceID, Settings: Settings(change...)}, "")
	check(t, err)
	return u
}

// invoice has a field with two verifications, and a table with a cell.
const invoice = `{"status":10,"usage":3,"classId":3307,"contentType":"application/pdf","filename":"inv-0042.pdf","fileType":"pdf",
"dtc":"2026-01-05T07:30:00.000Z","dtm":"2026-01-05T07:31:02.250Z","externalId":"PO-7","resultIndex":0,"resultParameters":[
{"id":50,"documentId":912,"paramDefId":179804,"value":"118.40",
"paramDef":{"id":179804,"name":"Total","label":"Total","category":4,"grouping":12,"valueType":3},
"verifications":[{"id":71,"parameterId":50,"value":"118.40","dt":"2026-01-05T08:00:00.000Z","type":3,"status":8},
{"id":70,"parameterId":50,"value":"118.4","dt":"2026-01-05T07:31:02.000Z","confidence":0.62,"type":1,"status":3,"provider":"OCR"}]},
{"id":60,"documentId":912,"paramDefId":179810,"paramDef":{"id":179810,"name":"Lines","category":4,"grouping":3},"children":[
{"id":61,"documentId":912,"paramDefId":179811,"parentId":60,"colIndex":0,
"paramDef":{"id":179811,"name":"Text","category":4,"grouping":5,"valueType":1},
"children":[{"id":62,"documentId":912,"paramDefId":179811,"parentId":61,"rowIndex":0,"colIndex":0,"value":"Bolts M6"}]}]}]}`

// Invoice is a document that passes the default conditions, not stored yet.
func Invoice(t testing.TB, projectID, serviceID int32) forgehook.Document {
	t.Helper()
	var d forgehook.Document
	check(t, forgehook.Decode([]byte(invoice), &d))
	d.ProjectID, d.ServiceID = projectID, serviceID
	return d
}

// Document stores an [Invoice].
func Document(t testing.TB, db *postgres.DB, tenant forgehook.TenantID, projectID, serviceID int32) forgehook.Document {
	t.Helper()
	d, _, _, err := db.PutDocument(t.Context(), tenant, Invoice(t, projectID, serviceID), "", nil)
	check(t, err)
	return d
}

// Accept accepts calls now, without an idempotency key.
func Accept(t testing.TB, db *postgres.DB, tenant forgehook.TenantID, request forgehook.CallRequest) postgres.Accepted {
	t.Helper()
	sum := sha256.Sum256([]byte("a body"))
	accepted, err := db.AcceptCalls(t.Context(), tenant, postgres.Acceptance{Request: request, BodySHA256: sum[:], Now: time.Now()})
	check(t, err)
	return accepted
}

// Call accepts a call of the scene's utility for its document.
func (s Scene) Call(t testing.TB, db *postgres.DB) forgehook.Call {
	t.Helper()
	accepted := Accept(t, db, s.Tenant, forgehook.CallRequest{WebHookServiceID: &s.Utility.ID, DocumentID: &s.Document.ID})
	return accepted.Calls[0]
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// WorkItem stores a work item about a document: created now, and due in an hour.
func WorkItem(t testing.TB, db *postgres.DB, tenant forgehook.TenantID, projectID int32, change func(*forgehook.WorkItem)) forgehook.WorkItem {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Millisecond)
	w := forgehook.WorkItem{
		UserID: new("clerk"), Type: 1, Action: 1, Status: 1, DTC: &forgehook.Time{Time: now}, DueDate: &forgehook.Time{Time: now.Add(time.Hour)},
	}
	if change != nil {
		change(&w)
	}
	w, _, _, err := db.PutWorkItem(t.Context(), tenant, projectID, w, "")
	check(t, err)
	return w
}
