// Package workercomponent is a stub: the server runs no worker that scales others.
package workercomponent

import "go.uber.org/fx"

var Module = fx.Options()
