package activities

import (
	"context"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/mask"
	"github.com/forgehook/forgehook/internal/secret"
	"github.com/forgehook/forgehook/internal/webhook"
	"github.com/forgehook/forgehook/workflows"
)

// credentials are what authenticates an attempt.
type credentials struct {
	headers  []webhook.Credential
	signing  forgehook.Secret // of the signature; not set: none
	callback string           // token of the URL at which the endpoint calls back; "": none
	secrets  *mask.Redactor   // knows all of them and the secrets of the settings
}

// credentials makes those of one attempt. It is the seam for credentials that need I/O, such as a
// token that is fetched through the guarded client and cached by tenant: they are made here alone,
// with a context, and whatever masks an attempt takes its values from secrets, so that they are
// hidden though no setting holds them. An attempt that is refused for its credentials can ask for
// new ones with a second call of [attempt.authenticate], before its exchange is made once more.
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

// callbackToken is where the endpoint calls back, "" where the settings await nothing. It is the
// same however often it is made.
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

// shownToken stands for the token where values are explained: a reader of the explanation must
// not be able to call back.
func shownToken(plan *webhook.Plan) string {
	if plan.Awaits() {
		return webhook.ShownToken
	}
	return ""
}
