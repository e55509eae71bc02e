package activities

import (
	"context"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/mask"
	"github.com/forgehook/forgehook/internal/secret"
	"github.com/forgehook/forgehook/internal/webhook"
	"github.com/forgehook/forgehook/workflows"
)

// credentials authenticate an attempt.
type credentials struct {
	headers  []webhook.Credential
	signing  forgehook.Secret // for the signature; unset: no signature
	callback string           // token of the callback URL; "": no callback
	secrets  *mask.Redactor   // masks all of these and the secrets of the settings
}

// credentials makes the credentials of one attempt. This is the one place for credentials that need
// I/O, such as a token that is fetched through the guarded client and cached by tenant. Add such
// values to secrets: everything that masks an attempt takes them from there. An attempt whose
// credentials were refused can get new ones by a second call of [attempt.authenticate], before its
// exchange is repeated.
func (a *Activities) credentials(ctx context.Context, call workflows.CallRef, plan *webhook.Plan) (c credentials, err error) {
	settings := plan.Settings()
	if err := a.Secrets.OpenSettings(call.Tenant, &settings); err != nil {
		return c, err
	}
	if c.callback, err = a.callbackToken(ctx, call, plan); err != nil {
		return c, err
	}
	c.headers, c.signing = plan.Credentials(settings), settings.Signing.Secret
	c.secrets = plan.Redactor(settings, c.headers, c.callback)
	return c, nil
}

// callbackToken is the token of the callback URL, "" if the settings await no callback. It is the
// same in every attempt.
func (a *Activities) callbackToken(ctx context.Context, call workflows.CallRef, plan *webhook.Plan) (string, error) {
	if !plan.Awaits() {
		return "", nil
	}
	sealed, err := a.DB.CallbackKey(ctx, call.Tenant, func() ([]byte, error) { return a.Secrets.Seal(call.Tenant, secret.NewCallbackKey()) })
	if err != nil {
		return "", err
	}
	key, err := a.Secrets.Unseal(call.Tenant, sealed)
	if err != nil {
		return "", err
	}
	return secret.CallbackToken(key, call.Tenant, call.CallID)
}

// shownToken replaces the token in explanations: their readers must not be able to call back.
func shownToken(plan *webhook.Plan) string {
	if plan.Awaits() {
		return webhook.ShownToken
	}
	return ""
}
