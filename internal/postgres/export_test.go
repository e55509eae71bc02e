package postgres

import "github.com/lib/pq"

// WithDialer lets a test stand between the driver and the network.
func (o Options) WithDialer(d pq.Dialer) Options {
	o.dialer = d
	return o
}
