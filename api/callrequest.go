package api

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/jsontree"
)

// askedCalls is a decoded request for calls.
type askedCalls struct {
	forgehook.CallRequest
	sum []byte // hash of the request: equal requests have equal hashes, however they are spelt. nil if there are no earlier calls to find
}

// identity distinguishes requests with raw JSON. It leaves out the documents that were made of the
// JSON, because they hold the time.
type identity struct {
	ServiceID        int32           `json:"serviceId"`
	WebHookServiceID int32           `json:"webHookServiceId"`
	Reason           string          `json:"reason"`
	Raw              json.RawMessage `json:"raw"` // members sorted
}

// readCalls reads the body in the form that the query asks for: either all of it is raw JSON, or it
// is our own request, in which documents may be raw JSON. Faults are added to the request.
func (s *server) readCalls(ctx context.Context, r *request, in *createCallsInput, now time.Time) (askedCalls, error) {
	if in.ServiceID != 0 || in.WebHookServiceID != 0 {
		return s.readRaw(ctx, r, in, now)
	}
	if asked, mapped, err := s.readInline(ctx, r, now); mapped || err != nil {
		return asked, err
	}
	var asked askedCalls
	if err := r.decode(&asked.CallRequest, true); err != nil {
		return asked, err
	}
	if err := r.collect("body", asked.Validate()); err != nil || len(r.faults) > 0 {
		return asked, err
	}
	r.refuseMasks("body.document", asked.Document)
	if r.refuseMasks("body.masterDocument", asked.MasterDocument); len(r.faults) > 0 {
		return asked, nil
	}
	var err error
	asked.sum, err = sumOf(sorted(asked.CallRequest))
	return asked, err
}

// sorted is a request whose raw JSON has sorted members, like the rest of it.
func sorted(asked forgehook.CallRequest) forgehook.CallRequest {
	asked.Document, asked.MasterDocument = orderedSource(asked.Document), orderedSource(asked.MasterDocument)
	return asked
}

// orderedSource is a document whose raw JSON has sorted members.
func orderedSource(document *forgehook.Document) *forgehook.Document {
	if document == nil {
		return nil
	}
	clean := *document
	if source, err := jsontree.Parse(document.Source); err == nil {
		clean.Source = source.AppendSorted(nil)
	}
	clean.Documents = slices.Clone(document.Documents)
	for i := range clean.Documents {
		clean.Documents[i] = *orderedSource(&document.Documents[i])
	}
	return &clean
}

func sumOf(request any) ([]byte, error) {
	decoded, err := json.Marshal(request)
	sum := sha256.Sum256(decoded)
	return sum[:], err
}

// readRaw reads the whole body as raw JSON.
func (s *server) readRaw(ctx context.Context, r *request, in *createCallsInput, now time.Time) (asked askedCalls, err error) {
	body, err := r.parse()
	if err != nil {
		return asked, err
	}
	if body.IsNull() {
		r.fault("body", "null", "an object")
	}
	asked.ServiceID, asked.WebHookServiceID = optionalID(in.ServiceID), optionalID(in.WebHookServiceID)
	if len(in.Reason) > forgehook.MaxReason {
		r.fault("query.reason", in.Reason, "at most 500 bytes")
	}
	if in.Reason != "" {
		asked.Reason = &in.Reason
	}
	if len(r.faults) > 0 {
		return asked, nil
	}
	if asked.sum, err = sumOf(identity{in.ServiceID, in.WebHookServiceID, in.Reason, body.AppendSorted(nil)}); err != nil {
		return asked, err
	}
	service, err := s.mapping(ctx, r, in.ServiceID, in.WebHookServiceID)
	if err != nil || len(r.faults) > 0 {
		return asked, err
	}
	asked.Document = s.mapped(r, "body", service, body, now)
	return asked, nil
}

// readInline reads a body whose document or master document is raw JSON. It must name a service
// with an input, or a utility of one.
func (s *server) readInline(ctx context.Context, r *request, now time.Time) (asked askedCalls, mapped bool, err error) {
	body, err := r.parse()
	if err != nil {
		return asked, false, err
	}
	service, err := s.inlineMapping(ctx, r, body)
	if service == nil || err != nil {
		return asked, false, err
	}
	if asked.sum, err = sumOf(identity{Raw: body.AppendSorted(nil)}); err != nil {
		return asked, true, err
	}
	documents, err := r.takeDocuments("document", "masterDocument")
	if err == nil {
		err = r.decode(&asked.CallRequest, true)
	}
	if err != nil {
		return asked, true, err
	}
	asked.Document = s.mapped(r, "body.document", *service, documents["document"], now)
	asked.MasterDocument = s.mapped(r, "body.masterDocument", *service, documents["masterDocument"], now)
	return asked, true, r.collect("body", asked.Validate())
}

// inlineMapping is the service whose input makes the body's documents. It is nil if there is no
// such service, or if the body holds no documents. The decoder reports what is wrong with the body.
func (s *server) inlineMapping(ctx context.Context, r *request, body *jsontree.Node) (*forgehook.Service, error) {
	if body.Member("document").IsNull() && body.Member("masterDocument").IsNull() {
		return nil, nil
	}
	var names struct {
		ServiceID        *int32 `json:"serviceId"`
		WebHookServiceID *int32 `json:"webHookServiceId"`
	}
	if forgehook.DecodeTree(body, &names, false) != nil || names.ServiceID == nil && names.WebHookServiceID == nil {
		return nil, nil //nolint:nilerr // the decoder reports it better
	}
	service, err := s.DB.Mapping(ctx, r.tenant(), names.ServiceID, names.WebHookServiceID)
	if forgehook.ErrorCode(err) == forgehook.CodeNotFound || err == nil && service.Input == nil {
		return nil, nil
	}
	return &service, err
}
