package database

import (
	"net"
	"time"
)

const (
	ReconnectAfter  = 50 * time.Millisecond // doubles with each failure
	ReconnectAtMost = 2 * time.Second
)

// Dialer makes connections that notice within half a minute that their server is gone, even while
// they are idle.
type Dialer struct{}

func (Dialer) Dial(network, address string) (net.Conn, error) {
	return Dialer{}.DialTimeout(network, address, connectTimeout)
}

func (Dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	d := net.Dialer{
		Timeout:         timeout,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3},
	}
	return d.Dial(network, address)
}
