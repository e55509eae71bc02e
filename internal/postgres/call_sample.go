package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lib/pq"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/catalog"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

// SampleSource is the kind of subjects that settings are tried on.
type SampleSource string

// The sources.
const (
	SampleDocuments SampleSource = "documents" // those of the place's project that changed last
	SampleCalls     SampleSource = "calls"     // the last calls of the utility, with the subjects that were frozen for them
)

// SampleSources lists them.
var SampleSources = []SampleSource{SampleDocuments, SampleCalls}

// SampleQuery selects subjects of the past, newest first. The place of calls is a utility.
type SampleQuery struct {
	At     Site
	Source SampleSource
	Limit  int
}

// Sample is one past subject. Err is set if its stored form cannot be read.
type Sample struct {
	DocumentID *int32
	Call       forgehook.Call    // as far as rules see it; zero where the sample is a document
	Subject    forgehook.Subject // of a call the frozen one, of a document what a call for it would be given now
	Err        error

	stored storedSample
}

// storedSample is either what was frozen for a call, or a document and perhaps its master.
type storedSample struct {
	subject          []byte
	document, master *documentRow
}

const (
	samplePage  = 200      // samples of one statement,
	sampleBytes = 16 << 20 // unless they are large
)

// sampleKey is a sample that is still to be read.
type sampleKey struct {
	ID    string `db:"id"` // a document's number or a call's UUID
	Bytes int    `db:"bytes"`
}

// EachSample calls each with the samples, page by page. done counts those before the page, of is
// their total number. The selection is made once at the start: later changes neither add nor repeat
// any, and deleted ones are left out. No transaction stays open in between. Only the keys of all
// samples are held in memory. There is no index by change, which each delivered call would have to
// maintain; sorting a project's rows once is cheaper.
func (db *DB) EachSample(ctx context.Context, tenant forgehook.TenantID, q SampleQuery, each func(page []Sample, done, of int) error) (err error) {
	defer database.Wrap(&err, "sample %d %s of service %d", q.Limit, q.Source, q.At.id())
	keys, read, err := db.sampleKeys(ctx, tenant, q)
	if err != nil {
		return err
	}
	for done := 0; done < len(keys); {
		page := keys[done : done+pageOf(keys[done:])]
		ids := make([]string, len(page))
		for i, key := range page {
			ids[i] = key.ID
		}
		samples, err := read(ids)
		if err != nil {
			return err
		}
		if err := complete(ctx, db.conn.Conn, tenant, q.At, samples); err != nil {
			return err
		}
		if err := each(samples, done, len(keys)); err != nil {
			return err
		}
		done += len(page)
	}
	return nil
}

// pageOf is how many samples fit into one page, one at least.
func pageOf(keys []sampleKey) int {
	n, bytes := 0, 0
	for n < min(len(keys), samplePage) && (n == 0 || bytes+keys[n].Bytes <= sampleBytes) {
		bytes += keys[n].Bytes
		n++
	}
	return n
}

// sampleKeys finds the samples, and how they are read.
func (db *DB) sampleKeys(ctx context.Context, tenant forgehook.TenantID, q SampleQuery) (keys []sampleKey, read func(ids []string) ([]Sample, error), err error) {
	if q.Source == SampleCalls {
		err = db.conn.List(ctx, &keys, `
			SELECT c.id, octet_length(q.subject) AS bytes
			FROM (SELECT id, request_id FROM calls WHERE tenant_id = $1 AND webhook_service_id = $2 ORDER BY id DESC LIMIT $3) c
			JOIN call_requests q ON q.id = c.request_id ORDER BY c.id DESC`, tenant, q.At.id(), q.Limit)
		return keys, func(ids []string) ([]Sample, error) { return db.sampleCalls(ctx, tenant, ids) }, err
	}
	err = db.conn.List(ctx, &keys, `
		SELECT d.id, octet_length(d.body) + COALESCE(octet_length(m.body), 0) AS bytes
		FROM (SELECT id, master_id, body, updated_at FROM documents WHERE tenant_id = $1 AND project_id = $2
		      ORDER BY updated_at DESC, id DESC LIMIT $3) d
		LEFT JOIN documents m ON m.tenant_id = $1 AND m.id = d.master_id
		ORDER BY d.updated_at DESC, d.id DESC`, tenant, q.At.Project.ID, q.Limit)
	return keys, func(ids []string) ([]Sample, error) { return db.sampleDocuments(ctx, tenant, ids) }, err
}

// sampleDocuments reads documents and their masters in the order of their ids.
func (db *DB) sampleDocuments(ctx context.Context, tenant forgehook.TenantID, ids []string) ([]Sample, error) {
	var rows []struct {
		documentRow
		MasterID       *int32     `db:"master_id"`
		MasterProject  *int32     `db:"master_project"`
		MasterStatus   *int32     `db:"master_status"`
		MasterModified *time.Time `db:"master_modified"`
		MasterBody     []byte     `db:"master_body"`
	}
	err := db.conn.List(ctx, &rows, `
		SELECT d.id, d.project_id, d.status, d.modified, d.body, m.id AS master_id, m.project_id AS master_project,
		       m.status AS master_status, m.modified AS master_modified, m.body AS master_body
		FROM unnest($2::integer[]) WITH ORDINALITY AS s (id, place)
		JOIN documents d ON d.tenant_id = $1 AND d.id = s.id
		LEFT JOIN documents m ON m.tenant_id = $1 AND m.id = d.master_id
		ORDER BY s.place`, tenant, pq.Array(ids))
	if err != nil {
		return nil, err
	}
	samples := make([]Sample, len(rows))
	for i, row := range rows {
		samples[i] = Sample{DocumentID: &row.ID, stored: storedSample{document: &row.documentRow}}
		if row.MasterID != nil {
			samples[i].stored.master = &documentRow{*row.MasterID, *row.MasterProject, *row.MasterStatus, row.MasterModified, row.MasterBody}
		}
	}
	return samples, nil
}

// sampleCalls reads calls with their subjects, newest first.
func (db *DB) sampleCalls(ctx context.Context, tenant forgehook.TenantID, ids []string) ([]Sample, error) {
	var rows []struct {
		ID         string    `db:"id"`
		DocumentID *int32    `db:"document_id"`
		UtilityID  int32     `db:"webhook_service_id"`
		WebhookID  string    `db:"webhook_id"`
		Reason     *string   `db:"reason"`
		AcceptedAt time.Time `db:"accepted_at"`
		Subject    []byte    `db:"subject"`
	}
	err := db.conn.List(ctx, &rows, `
		SELECT c.id, c.document_id, c.webhook_service_id, c.webhook_id, c.reason, c.accepted_at, q.subject
		FROM calls c JOIN call_requests q ON q.id = c.request_id
		WHERE c.tenant_id = $1 AND c.id = ANY ($2::uuid[]) ORDER BY c.id DESC`, tenant, pq.Array(ids))
	if err != nil {
		return nil, err
	}
	samples := make([]Sample, len(rows))
	for i, row := range rows {
		samples[i] = Sample{DocumentID: row.DocumentID, stored: storedSample{subject: row.Subject}, Call: forgehook.Call{
			ID: row.ID, WebhookID: row.WebhookID, WebHookServiceID: row.UtilityID, DocumentID: row.DocumentID, Reason: row.Reason, AcceptedAt: database.Moment(row.AcceptedAt),
		}}
	}
	return samples, nil
}

// complete decodes the subjects, which is most of the work, on all processors, and adds to
// documents what a call would add.
func complete(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, at Site, samples []Sample) error {
	var taken atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(samples)) {
		workers.Go(func() {
			for i := int(taken.Add(1)) - 1; i < len(samples); i = int(taken.Add(1)) - 1 {
				s := &samples[i]
				s.Subject, s.Err = s.stored.subjectOf()
				s.stored = storedSample{}
			}
		})
	}
	workers.Wait()
	var classes []int32
	for i := range samples {
		if s := &samples[i]; s.Call.ID == "" && s.Err == nil {
			at.complete(&s.Subject)
			if class := s.Subject.Document.ClassID; class != nil {
				classes = append(classes, *class)
			}
		}
	}
	slices.Sort(classes)
	categories, err := catalog.CategoriesByID(ctx, tx, tenant, slices.Compact(classes))
	if err != nil {
		return err
	}
	for i := range samples {
		if s := &samples[i]; s.Call.ID == "" && s.Err == nil && s.Subject.Document.ClassID != nil {
			s.Subject.Category = categories[*s.Subject.Document.ClassID]
		}
	}
	return nil
}

func (s storedSample) subjectOf() (subject forgehook.Subject, err error) {
	if s.document == nil {
		if err := json.Unmarshal(s.subject, &subject); err != nil {
			return subject, fmt.Errorf("stored subject: %w", err)
		}
		return subject, nil
	}
	stored := map[int32]*forgehook.Document{}
	for _, row := range []*documentRow{s.document, s.master} {
		if row == nil {
			continue
		}
		d, err := row.toDocument()
		if err != nil {
			return subject, err
		}
		stored[row.ID] = &d
	}
	f := freezer{request: forgehook.CallRequest{DocumentID: &s.document.ID}, stored: stored}
	return f.subject(), nil
}
