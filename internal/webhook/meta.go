package webhook

import (
	"cmp"

	"github.com/forgehook/forgehook"
)

// MetaOf returns what requests and expressions say about a call, without the callback's URL.
func MetaOf(call forgehook.Call, userAgent string) Meta {
	m := Meta{
		CallID: call.ID, WebhookID: call.WebhookID, WebHookServiceID: call.WebHookServiceID, AcceptedAt: call.AcceptedAt.Time,
		EventType: string(cmp.Or(call.EventType, forgehook.EventExplicit)), UserAgent: userAgent,
	}
	if call.Reason != nil {
		m.Reason = *call.Reason
	}
	return m
}
