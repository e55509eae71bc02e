package bench

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/google/uuid"
	sdk "go.temporal.io/sdk/client"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/client"
	"github.com/forgehook/forgehook/internal/secret"
)

// shape is one way to run a call.
type shape struct {
	name    string
	call    func(context.Context) (workflowID string, err error) // runs a call to its result
	start   func(context.Context) (id string, err error)         // starts a call and returns when it is acknowledged
	end     func(ctx context.Context, id string) error           // waits for a started call
	process *process                                             // of its worker
	site    *site                                                // the product's; nil for the bare shape
	figures *figures
}

func (x *shape) stop() {
	if x.site != nil {
		_ = x.site.endpoint.Close() // the process ends
	}
	x.process.stop()
}

const bareQueue = "forgehook-bench-bare"

// startBare starts the worker of the bare shape. This process is its client: it starts the
// workflows and waits for them.
func (l *lab) startBare(ctx context.Context, program string) (*shape, error) {
	p, err := startProcess(ctx, program, nil, "bench", "bare")
	if err != nil {
		return nil, err
	}
	start := func(ctx context.Context) (string, error) {
		id := "bare/" + uuid.NewString()
		_, err := l.client.ExecuteWorkflow(ctx, sdk.StartWorkflowOptions{ID: id, TaskQueue: bareQueue}, bareCall)
		return id, err
	}
	end := func(ctx context.Context, id string) error { return l.client.GetWorkflow(ctx, id, "").Get(ctx, nil) }
	return &shape{
		name: "bare engine", start: start, end: end, process: p, figures: &figures{name: "bare engine"},
		call: func(ctx context.Context) (string, error) {
			id, err := start(ctx)
			if err != nil {
				return "", err
			}
			return id, end(ctx, id)
		},
	}, nil
}

// startProduct starts a process of the product with more settings, and makes what is called there.
func (l *lab) startProduct(ctx context.Context, program string, n int, settings string) (*shape, error) {
	queue := fmt.Sprintf("forgehook-bench-%d", n)
	env := []string{
		"FORGEHOOK_DATABASE_URL=" + l.DatabaseURL, "FORGEHOOK_ENCRYPTION_KEYSET=" + l.keyset, "FORGEHOOK_TASK_QUEUE=" + queue,
		"FORGEHOOK_HTTP_ADDR=127.0.0.1:0", "FORGEHOOK_EGRESS_ALLOW=127.0.0.0/8", "FORGEHOOK_LOG_LEVEL=ERROR",
	}
	for _, setting := range strings.Fields(settings) {
		if path, ok := strings.CutPrefix(setting, "BINARY="); ok {
			program = path
			continue
		}
		env = append(env, setting)
	}
	p, err := startProcess(ctx, program, env, "bench", "serve")
	if err != nil {
		return nil, err
	}
	name := "product"
	if settings != "" {
		name += " " + settings
	}
	x := &shape{name: name, process: p, figures: &figures{name: name}}
	if x.site, err = l.newSite(ctx, p.API); err != nil {
		p.stop()
		return nil, err
	}
	x.site.queue = queue
	x.call = x.site.waited(x.site.webhook)
	x.start = func(ctx context.Context) (string, error) {
		call, err := x.site.accepted(ctx, x.site.webhook)
		return call.ID, err
	}
	x.end = x.site.ended
	return x, nil
}

// newSite makes a tenant, its key, and what is called, on the API at an address.
func (l *lab) newSite(ctx context.Context, address string) (*site, error) {
	tenant, err := l.db.CreateTenant(ctx, "bench-"+uuid.NewString())
	if err != nil {
		return nil, err
	}
	plain, prefix, hash, err := secret.NewAPIKey()
	if err != nil {
		return nil, err
	}
	key := forgehook.APIKey{Name: "bench", Prefix: prefix, Roles: []forgehook.Role{forgehook.Owner}}
	if _, err := l.db.CreateKey(ctx, tenant.ID, key, hash); err != nil {
		return nil, err
	}
	s := &site{tenant: tenant.ID, api: "http://" + address, client: client.New("http://"+address, plain), receipts: l.receipts, urls: make(chan string, l.Awaiting+1)}
	if err := s.listen(); err != nil {
		return nil, err
	}
	return s, s.set(ctx)
}

// delivered returns the workflow of a delivered call.
func delivered(call forgehook.Call) (string, error) {
	if call.Outcome == nil || *call.Outcome != forgehook.Delivered {
		return "", fmt.Errorf("call %s was not delivered", call.ID)
	}
	return call.WorkflowID, nil
}

// turn walks a list in a circle, for many callers at once.
type turn struct{ n atomic.Int64 }

func (t *turn) next(length int) int { return int((t.n.Add(1) - 1) % int64(length)) }
