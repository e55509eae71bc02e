// Package activities holds the steps of the workflows, one thin method each: read from PostgreSQL,
// apply a rule of internal/webhook, talk to the endpoint, record. It does not decide about order or
// waiting (workflows do), and it holds no rules. Every step may run twice. Start with deliver.go.
package activities

import (
	"context"
	"log/slog"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/forgehook/forgehook/internal/dispatch"
	"github.com/forgehook/forgehook/internal/outbound"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/secret"
	"github.com/forgehook/forgehook/internal/webhook"
	"github.com/forgehook/forgehook/workflows"
)

// Activities holds the steps and what they depend on.
type Activities struct {
	DB        *postgres.DB
	Secrets   *secret.Keeper
	Sender    *outbound.Sender
	Engine    dispatch.Engine
	Plans     *webhook.Plans
	First     *FirstAttempts
	Starts    *Starts
	FastPath  bool // workflow tasks make the first attempts to quick endpoints
	Now       func() time.Time
	UserAgent string
	PublicURL string // the API's address for endpoints, without a trailing slash
	Log       *slog.Logger
}

var _ workflows.Activities = (*Activities)(nil)

func (a *Activities) dispatch(of slog.Attr) dispatch.Dispatcher {
	return dispatch.Dispatcher{Store: a.DB, Engine: a.Engine, Log: a.Log, Of: of}
}

// count increments a counter of /metrics. An activity that runs twice counts twice.
func count(ctx context.Context, counter, tag, value string) {
	activity.GetMetricsHandler(ctx).WithTags(map[string]string{tag: value}).Counter(counter).Inc(1)
}
