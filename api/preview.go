package api

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/webhook"
)

// previewRequest is a request for calls and settings to try.
type previewRequest struct {
	forgehook.CallRequest
	Settings json.RawMessage `json:"settings" holds:"settings"`
}

// preview is what a call would do.
type preview struct {
	WouldFire   bool                  `json:"wouldFire"`
	Explanation []forgehook.Condition `json:"explanation"`
	Request     *forgehook.Request    `json:"request"`
	Warnings    []webhook.Warning     `json:"warnings"`
	Error       *forgehook.CallError  `json:"error,omitempty"` // the conditions cannot be judged, or the request cannot be built
}

func (s *server) preview(ctx context.Context, r *request, in *byID) (*response[preview], error) {
	at, err := s.DB.Site(ctx, r.tenant(), in.ID)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	given, err := s.readPreview(r, at.Service, now)
	if err != nil {
		return nil, err
	}
	plan, err := s.settingsToTry(r, at, given.Settings)
	if err != nil {
		return nil, err
	}
	subject, err := s.DB.FreezeSubject(ctx, r.tenant(), at, given.CallRequest)
	if err := r.collect("body", err); err != nil {
		return nil, err
	}
	if err := r.invalid(); err != nil {
		return nil, err
	}
	var out preview
	err = s.turn(ctx, func() error {
		out = previewOf(plan, &subject, s.metaOf(at.NewCall(given.Reason, subject, now), plan))
		return nil
	})
	return ok(out), err
}

// readPreview reads the body. As in a request for calls, its documents are raw JSON if the service
// has an input.
func (s *server) readPreview(r *request, service *forgehook.Service, now time.Time) (given previewRequest, err error) {
	if service.Input == nil {
		return given, r.decode(&given, true)
	}
	documents, err := r.takeDocuments("document", "masterDocument")
	if err == nil {
		err = r.decode(&given, true)
	}
	if err == nil {
		given.Document = s.mapped(r, "body.document", *service, documents["document"], now)
		given.MasterDocument = s.mapped(r, "body.masterDocument", *service, documents["masterDocument"], now)
	}
	return given, err
}

// previewOf applies the rules as a call's steps do. It also builds the request of a webhook that
// would not fire.
func previewOf(plan *webhook.Plan, subject *forgehook.Subject, call webhook.Meta) preview {
	explained := plan.Explain(subject, call)
	out := preview{
		WouldFire: explained.Fires(), Explanation: some(explained.Conditions), Warnings: some(plan.Warnings()), Error: explained.Failure,
	}
	// A placeholder of a token's usual length. It is not the text that masks a token, because that
	// would be masked again.
	call.CallbackURL = strings.Replace(call.CallbackURL, webhook.ShownToken, strings.Repeat("0", 64), 1)
	built := plan.Request(subject, call)
	switch {
	case built.Failure == nil:
		out.Request = new(built.Seen())
	case out.Error == nil:
		out.Error = built.Failure
	}
	return out
}
