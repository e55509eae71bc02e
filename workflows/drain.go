package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"
)

// A drain releases calls one by one, in pages. It pauses after a page that is not full.
const (
	drainPage  = 50
	drainPause = time.Second
	drainPages = 200 // in one run: about 2,200 events, half of what Temporal advises
)

// DrainUtility releases the held calls of a resumed utility, oldest first, until none is left. A
// resume meanwhile signals it, since the last page may have been read before that resume. The
// signal is never lost: Temporal lets no run end with an unread signal.
func DrainUtility(ctx workflow.Context, in DrainInput) error {
	resumed := workflow.GetSignalChannel(ctx, ResumeSignal)
	released := 0
	for range drainPages {
		for resumed.ReceiveAsync(nil) {
		}
		page, err := releaseHeld(ctx, ReleaseInput{Tenant: in.Tenant, WebHookServiceID: in.WebHookServiceID, Limit: drainPage})
		if err != nil {
			return err
		}
		released += page.Released
		workflow.SetCurrentDetails(ctx, fmt.Sprintf("Calls released by this run: **%d**", released))
		if page.Done && resumed.Len() == 0 {
			return nil
		}
		if page.Released == drainPage {
			continue // ReleaseHeld waits for each call to begin
		}
		pause := workflow.NewTimerWithOptions(ctx, drainPause, workflow.TimerOptions{Summary: "pace of the drain"})
		if err := pause.Get(ctx, nil); err != nil {
			return err
		}
	}
	return workflow.NewContinueAsNewError(ctx, DrainUtility, in)
}
