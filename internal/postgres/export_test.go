package postgres

import "github.com/lib/pq"

// WithDialer lets a test stand between the driver and the network.
func (o Options) WithDialer(d pq.Dialer) Options {
	o.dialer = d
	return o
}

// KeptSubjects is how many subjects wait for their next step at most.
const KeptSubjects = keptSubjects
