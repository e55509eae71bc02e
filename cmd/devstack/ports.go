package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"time"
)

// ports are those of one stack; the inner ones are used by Temporal itself.
type ports struct {
	postgres, temporal, ui, inner int // inner is the first of four
}

const (
	firstSlot = 20000 // below every system's ephemeral ports, so no outgoing connection takes one
	slotSize  = 8
	slots     = 1000
)

// choosePorts reserves a slot of eight ports. It holds the first one open to mark the slot as
// taken, so stacks that start at once never collide. A stack that is not ephemeral uses only the
// inner ports of its slot.
func choosePorts(cfg config, down *teardown) (ports, error) {
	for i := range slots {
		base := firstSlot + slotSize*((os.Getpid()+i)%slots)
		sign, err := net.Listen("tcp", address(base))
		if err != nil {
			continue
		}
		if !free(base+1, base+2, base+3, base+4, base+5, base+6, base+7) {
			sign.Close()
			continue
		}
		down.add("", func() { sign.Close() }, nil)
		p := ports{cfg.pgPort, cfg.temporalPort, cfg.uiPort, base + 1}
		if cfg.ephemeral {
			p = ports{base + 5, base + 6, base + 7, base + 1}
		}
		return p, nil
	}
	return ports{}, fmt.Errorf("no eight free ports in a row between %d and %d on 127.0.0.1", firstSlot, firstSlot+slots*slotSize)
}

// check checks all fixed ports before anything starts.
func (p ports) check(cfg config) error {
	if cfg.ephemeral {
		return nil
	}
	if cfg.startsPostgres() && !free(p.postgres) {
		return takenError(p.postgres, "PostgreSQL", "FORGEHOOK_DEV_PG_PORT", "FORGEHOOK_DATABASE_URL")
	}
	if cfg.startsTemporal() && !free(p.temporal) {
		return takenError(p.temporal, "Temporal", "FORGEHOOK_DEV_TEMPORAL_PORT", "TEMPORAL_ADDRESS")
	}
	if cfg.startsTemporal() && !free(p.ui) {
		return takenError(p.ui, "the Temporal UI", "FORGEHOOK_DEV_UI_PORT", "")
	}
	return nil
}

func takenError(port int, who, variable, use string) error {
	hint := fmt.Sprintf("set %s to a free one", variable)
	if use != "" {
		hint += fmt.Sprintf(", or %s to use what runs there", use)
	}
	return fmt.Errorf("port %d on 127.0.0.1 is taken, and %s needs it: %s", port, who, hint)
}

// free dials as well as binds, because some systems let a second program bind an address that the
// first holds as a wildcard.
func free(ports ...int) bool {
	for _, port := range ports {
		listener, err := net.Listen("tcp", address(port))
		if err != nil {
			return false
		}
		listener.Close()
		if responds(port) {
			return false
		}
	}
	return true
}

func responds(port int) bool {
	conn, err := net.DialTimeout("tcp", address(port), time.Second)
	if err == nil {
		conn.Close()
	}
	return err == nil
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
