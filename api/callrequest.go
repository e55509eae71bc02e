package api

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"strings"
	"time"

	"github.com/forgehook/forgehook"
)

// askedCalls is a request for calls as it was read.
type askedCalls struct {
	forgehook.CallRequest
	sum []byte // of what was sent: equal requests are equal here, however they were spelt. nil where there are no calls to look for
}

// identity is what tells one request with raw JSON from another: not the documents that were made of it, which hold the time.
type identity struct {
	ServiceID        int32           `json:"serviceId"`
	WebHookServiceID int32           `json:"webHookServiceId"`
	Reason           string          `json:"reason"`
	Raw              json.RawMessage `json:"raw"` // members sorted
}

// readCalls reads the body as the query asks: as our own request, in which documents may be raw JSON, or as raw JSON altogether.
// The faults are the request's.
func (s *server) readCalls(ctx context.Context, r *request, in *createCallsInput, now time.Time) (askedCalls, error) {
	if in.serviceID != 0 || in.webHookServiceID != 0 {
		return s.readRaw(ctx, r, in, now)
	}
	if asked, mapped, err := s.readInline(ctx, r, now); mapped || err != nil {
		return asked, err
	}
	var asked askedCalls
	if err := r.decode(&asked.CallRequest, true); err != nil {
		return asked, err
	}
	for name, document := range map[string]*forgehook.Document{"document": asked.Document, "masterDocument": asked.MasterDocument} {
		if document != nil && document.Source != nil {
			document.Source = asWritten(r.body, name, "source")
		}
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

// sorted is a request with the members of its raw JSON in order, as all others are.
func sorted(asked forgehook.CallRequest) forgehook.CallRequest {
	for _, document := range []**forgehook.Document{&asked.Document, &asked.MasterDocument} {
		if *document == nil || (*document).Source == nil {
			continue
		}
		clean := orderedSource(**document)
		*document = &clean
	}
	return asked
}

// orderedSource is a document with the members of its raw JSON in order.
func orderedSource(document forgehook.Document) forgehook.Document {
	if document.Source != nil {
		source := document.Source
		if forgehook.Decode(source, &source) == nil { // it was read before
			document.Source = source
		}
	}
	return document
}

func sumOf(request any) ([]byte, error) {
	decoded, err := json.Marshal(request)
	sum := sha256.Sum256(decoded)
	return sum[:], err
}

// rawSum sorts the members of raw JSON, as decoding does.
func rawSum(i identity) ([]byte, error) {
	if err := forgehook.Decode(i.Raw, &i.Raw); err != nil {
		return nil, err
	}
	return sumOf(i)
}

// readRaw takes the whole body for raw JSON.
func (s *server) readRaw(ctx context.Context, r *request, in *createCallsInput, now time.Time) (asked askedCalls, err error) {
	raw, err := r.rawBody()
	if err != nil {
		return asked, err
	}
	asked.ServiceID, asked.WebHookServiceID = optionalID(in.serviceID), optionalID(in.webHookServiceID)
	if len(in.Reason) > forgehook.MaxReason {
		r.fault("query.reason", in.Reason, "at most 500 bytes")
	}
	if in.Reason != "" {
		asked.Reason = &in.Reason
	}
	if len(r.faults) > 0 {
		return asked, nil
	}
	if asked.sum, err = rawSum(identity{in.serviceID, in.webHookServiceID, in.Reason, raw}); err != nil {
		return asked, err
	}
	service, err := s.mapping(ctx, r, in.serviceID, in.webHookServiceID)
	if err != nil || len(r.faults) > 0 {
		return asked, err
	}
	asked.Document = s.mapped(r, "body", service, raw, now)
	return asked, nil
}

// readInline takes a body whose document or master document is raw JSON: it names a service with an input, or a utility of one.
func (s *server) readInline(ctx context.Context, r *request, now time.Time) (asked askedCalls, mapped bool, err error) {
	service, err := s.inlineMapping(ctx, r)
	if service == nil || err != nil {
		return asked, false, err
	}
	if asked.sum, err = rawSum(identity{Raw: r.body}); err != nil {
		return asked, true, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(r.body, &members); err != nil {
		return asked, true, err
	}
	documents := []struct {
		name string
		raw  json.RawMessage
		into **forgehook.Document
	}{
		{"document", asWritten(r.body, "document"), &asked.Document},
		{"masterDocument", asWritten(r.body, "masterDocument"), &asked.MasterDocument},
	}
	for given := range members {
		if strings.EqualFold(given, "document") || strings.EqualFold(given, "masterDocument") {
			delete(members, given)
		}
	}
	rest, err := json.Marshal(members)
	if err != nil {
		return asked, true, err
	}
	if err := r.collect("body", forgehook.DecodeStrict(rest, &asked.CallRequest)); err != nil {
		return asked, true, err
	}
	for _, d := range documents {
		if d.raw == nil {
			continue
		}
		if *d.into = s.mapped(r, "body."+d.name, *service, d.raw, now); *d.into == nil {
			*d.into = &forgehook.Document{} // it is there, whatever is wrong with it
		}
	}
	return asked, true, r.collect("body", asked.Validate())
}

// inlineMapping is the service whose input the documents in the body are meant for; nil where there is none or none in the body. What
// is wrong with the body is for the decoder to say.
func (s *server) inlineMapping(ctx context.Context, r *request) (*forgehook.Service, error) {
	var members map[string]json.RawMessage
	if json.Unmarshal(r.body, &members) != nil {
		return nil, nil
	}
	if document, master := member(members, "document"), member(members, "masterDocument"); isAbsent(document) && isAbsent(master) {
		return nil, nil
	}
	var names struct {
		ServiceID        *int32 `json:"serviceId"`
		WebHookServiceID *int32 `json:"webHookServiceId"`
	}
	ids, err := json.Marshal(map[string]json.RawMessage{"serviceId": orNull(member(members, "serviceId")), "webHookServiceId": orNull(member(members, "webHookServiceId"))})
	if err != nil || forgehook.Decode(ids, &names) != nil || names.ServiceID == nil && names.WebHookServiceID == nil {
		return nil, nil //nolint:nilerr // the decoder says it better
	}
	service, err := s.DB.Mapping(ctx, r.tenant(), names.ServiceID, names.WebHookServiceID)
	if forgehook.ErrorCode(err) == forgehook.CodeNotFound || err == nil && service.Input == nil {
		return nil, nil
	}
	return &service, err
}

func isAbsent(raw json.RawMessage) bool { return len(raw) == 0 || isNull(raw) }

func orNull(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("null")
	}
	return raw
}
