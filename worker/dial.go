// Package worker is the Temporal client side: it connects, starts and signals workflows, and runs
// them. It must hold no rule and no SQL; the workflows themselves are in package workflows. Start
// with [Control] in control.go, which the API uses, or [Run], which is the worker process.
package worker

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/log"
)

// DialOptions are the options that the environment does not set.
type DialOptions struct {
	Logger  *slog.Logger          // nil: slog.Default()
	Metrics client.MetricsHandler // nil: none
	Lazy    bool                  // connect at the first request, so that the API accepts calls while Temporal is down
}

// Dial connects to the Temporal that TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY,
// TEMPORAL_TLS_... or a profile file name; without any it is the default namespace at
// localhost:7233. The caller closes the client.
func Dial(ctx context.Context, o DialOptions) (client.Client, error) {
	options, err := clientOptions()
	if err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	options.Logger = log.NewStructuredLogger(o.Logger)
	options.MetricsHandler = o.Metrics
	if o.Lazy {
		return client.NewLazyClient(options)
	}
	c, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("cannot connect to Temporal at %s, namespace %q: check TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE: %w",
			options.HostPort, options.Namespace, err)
	}
	return c, nil
}

// Namespace is the namespace that Dial connects to.
func Namespace() (string, error) {
	options, err := clientOptions()
	return options.Namespace, err
}

func clientOptions() (client.Options, error) {
	options, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return options, fmt.Errorf("read the TEMPORAL_ settings: %w", err)
	}
	options.HostPort = cmp.Or(options.HostPort, client.DefaultHostPort)
	options.Namespace = cmp.Or(options.Namespace, client.DefaultNamespace)
	// The default gzips messages in both directions. Ours are ids and small facts, for which gzip
	// costs more than it saves.
	options.ConnectionOptions.GrpcCompression = &client.GrpcCompressionNone{}
	return options, nil
}
