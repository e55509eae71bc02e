package worker

import (
	"context"
	"errors"
	"testing"
)

// No task is taken, by a poll or at once, until there is room.
func TestSlots_admit(t *testing.T) {
	t.Parallel()
	full, room := true, make(chan struct{})
	tuner, err := slots(Options{
		Full: func() bool { return full },
		AwaitRoom: func(ctx context.Context) error {
			select {
			case <-room:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
	}, 1)
	if err != nil {
		t.Fatal(err)
	}
	s := tuner.GetActivityTaskSlotSupplier()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.ReserveSlot(ended, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("no room: %v", err)
	}
	if s.TryReserveSlot(nil) != nil {
		t.Error("a slot at once, without room")
	}
	full = false
	close(room)
	if _, err := s.ReserveSlot(t.Context(), nil); err != nil {
		t.Errorf("room: %v", err)
	}
	if s.TryReserveSlot(nil) != nil {
		t.Error("two slots of one")
	}
	s.ReleaseSlot(nil)
	if s.TryReserveSlot(nil) == nil {
		t.Error("no slot at once, with room")
	}
}
