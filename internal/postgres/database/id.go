package database

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"time"

	"github.com/google/uuid"

	"github.com/forgehook/forgehook"
)

const IDVersion = 7

// NewIDs makes n UUIDv7 in ascending order with the time at. So calls sort by acceptance, to a
// quarter of a microsecond, and a range of times is a range of ids.
func NewIDs(at time.Time, n int) []string {
	const ticks = 1 << 12                             // of a millisecond: the 12 bits behind the time
	tick := uint64(at.Nanosecond()%1e6) * ticks / 1e6 //nolint:gosec // never negative
	if last := uint64(ticks - min(n, ticks)); tick > last {
		tick = last // all of them within the millisecond
	}
	tick += uint64(at.UnixMilli()) * ticks
	ids := make([]string, n)
	for i := range ids {
		var id uuid.UUID
		_, _ = rand.Read(id[8:]) // it never fails
		id[8] = id[8]&0x3f | 0x80
		binary.BigEndian.PutUint64(id[:8], tick/ticks<<16|IDVersion<<12|tick%ticks)
		ids[i] = id.String()
		tick++
	}
	return ids
}

func NewID(at time.Time) string { return NewIDs(at, 1)[0] }

// FloorID is at most the smallest id of calls that were accepted at or after a moment.
func FloorID(at time.Time) string {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], uint64(max(at.UnixMilli(), 0))<<16)
	return id.String()
}

// NewEntityIDs returns n new ids and skips those that clients chose.
func NewEntityIDs(ctx context.Context, tx Conn, tenant forgehook.TenantID, n int) ([]int32, error) {
	var ids []int32
	for len(ids) < n {
		var free []int32
		err := tx.List(ctx, &free, `
			SELECT n.id FROM (SELECT nextval('entity_ids')::integer AS id FROM generate_series(1, $2)) n
			WHERE NOT EXISTS (SELECT FROM projects p WHERE p.tenant_id = $1 AND p.id = n.id)
			  AND NOT EXISTS (SELECT FROM services s WHERE s.tenant_id = $1 AND s.id = n.id)
			  AND NOT EXISTS (SELECT FROM documents d WHERE d.tenant_id = $1 AND d.id = n.id)
			  AND NOT EXISTS (SELECT FROM categories c WHERE c.tenant_id = $1 AND c.id = n.id)
			  AND NOT EXISTS (SELECT FROM work_items w WHERE w.tenant_id = $1 AND w.id = n.id)
			ORDER BY n.id`, tenant, n-len(ids))
		if err != nil {
			return nil, err
		}
		ids = append(ids, free...)
	}
	return ids, nil
}

// OrNewEntityID is id, or a new id if it is 0.
func OrNewEntityID(ctx context.Context, tx Conn, tenant forgehook.TenantID, id int32) (int32, error) {
	if id != 0 {
		return id, CheckID(id)
	}
	ids, err := NewEntityIDs(ctx, tx, tenant, 1)
	if err != nil {
		return 0, err
	}
	return ids[0], nil
}
