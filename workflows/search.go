package workflows

import "go.temporal.io/sdk/temporal"

// Search attributes of calls. All but the last two are set at the start. A call that has a last
// status code but no outcome is failing now.
var (
	Tenant           = temporal.NewSearchAttributeKeyKeyword("ForgehookTenant")
	ProjectID        = temporal.NewSearchAttributeKeyKeyword("ForgehookProjectId")
	WebHookServiceID = temporal.NewSearchAttributeKeyKeyword("ForgehookWebhookServiceId")
	DocumentID       = temporal.NewSearchAttributeKeyKeyword("ForgehookDocumentId")
	EndpointHost     = temporal.NewSearchAttributeKeyKeyword("ForgehookEndpointHost")
	Outcome          = temporal.NewSearchAttributeKeyKeyword("ForgehookOutcome")
	LastStatusCode   = temporal.NewSearchAttributeKeyInt64("ForgehookLastStatusCode") // 0: no response
)

// SearchAttributes lists all of them, for registration.
var SearchAttributes = []temporal.SearchAttributeKey{
	Tenant, ProjectID, WebHookServiceID, DocumentID, EndpointHost, Outcome, LastStatusCode,
}
