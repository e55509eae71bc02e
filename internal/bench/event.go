package bench

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/forgehook/forgehook"
)

// Event is the cost of one event that fires a webhook for many documents.
type Event struct {
	Documents    int     `json:"documents"`
	Delivered    int     `json:"delivered"`
	PerSecond    float64 `json:"documentsPerSecond"`
	AcceptedIn   float64 `json:"secondsToAcceptAll"`
	Transactions float64 `json:"transactionsPerDocument"`
	WALBytes     float64 `json:"walBytesPerDocument"`
	HistoryBytes float64 `json:"runHistoryBytes"` // of the run's own workflow, its last continuation
}

// event raises after_process for many stored documents.
func (l *lab) event(ctx context.Context, report *Report) error {
	if l.Documents == 0 {
		return nil
	}
	s := l.product().site
	ids, err := l.store(ctx, s, l.Documents)
	if err != nil {
		return err
	}
	before, err := l.db.ServerFigures(ctx)
	if err != nil {
		return err
	}
	f := &Event{Documents: l.Documents}
	report.Event = f
	run, err := s.fire(ctx, ids, f)
	if err != nil {
		return err
	}
	time.Sleep(settle)
	after, err := l.db.ServerFigures(ctx)
	if err != nil {
		return err
	}
	f.Transactions = float64(after.Transactions-before.Transactions) / float64(l.Documents)
	f.WALBytes = float64(after.WALBytes-before.WALBytes) / float64(l.Documents)
	described, err := l.client.DescribeWorkflowExecution(ctx, run.WorkflowID, "")
	if err != nil {
		return err
	}
	f.HistoryBytes = float64(described.GetWorkflowExecutionInfo().GetHistorySizeBytes())
	return nil
}

// fire raises the event and waits until its run ends.
func (s *site) fire(ctx context.Context, ids []int32, f *Event) (forgehook.Run, error) {
	begin := time.Now()
	var response struct{ Run forgehook.Run }
	event := map[string]any{"type": "after_process", "documentIds": ids}
	if err := s.client.Do(ctx, http.MethodPost, fmt.Sprintf("/v1/services/%d/events", s.service), event, &response); err != nil {
		return forgehook.Run{}, err
	}
	run := response.Run
	for run.Status != forgehook.RunCompleted {
		if err := s.client.Do(ctx, http.MethodGet, "/v1/runs/"+run.ID, nil, &run); err != nil {
			return run, err
		}
		if f.AcceptedIn == 0 && run.Processed == run.Documents {
			f.AcceptedIn = time.Since(begin).Seconds()
		}
		time.Sleep(100 * time.Millisecond)
	}
	f.Delivered, f.PerSecond = run.Delivered, float64(len(ids))/time.Since(begin).Seconds()
	return run, nil
}

// store puts so many documents into the project.
func (l *lab) store(ctx context.Context, s *site, n int) ([]int32, error) {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(i + 1)
	}
	_, _, _, err := l.db.ImportDocuments(ctx, s.tenant, s.project, "", nil, func(put func([]forgehook.Document) error) error {
		for chunk := range slices.Chunk(ids, 500) {
			documents := make([]forgehook.Document, len(chunk))
			for i, id := range chunk {
				documents[i] = s.receipts[int(id)%len(s.receipts)].document
				documents[i].ID, documents[i].ServiceID, documents[i].MasterID = id, s.service, nil
			}
			if err := put(documents); err != nil {
				return err
			}
		}
		return nil
	})
	return ids, err
}

func (f *Event) lines() (title string, lines []line) {
	return fmt.Sprintf("an event of %d documents", f.Documents), []line{
		{"delivered", float64(f.Delivered)},
		{"documents a second, to the last outcome", f.PerSecond},
		{"seconds until all calls were accepted", f.AcceptedIn},
		{"PostgreSQL transactions a document", f.Transactions},
		{"WAL bytes a document", f.WALBytes},
		{"history bytes of the run's workflow", f.HistoryBytes},
	}
}
