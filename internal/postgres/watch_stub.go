package postgres

import (
	"context"

	"github.com/forgehook/forgehook"
)

func (w *Waiter) WaitRun(ctx context.Context, tenant forgehook.TenantID, id string) (forgehook.Run, error) {
	return forgehook.Run{}, errUnbuilt
}

func (w *Waiter) WaitProcess(ctx context.Context, tenant forgehook.TenantID, workItemID int32) (forgehook.WorkItemProcess, error) {
	return forgehook.WorkItemProcess{}, errUnbuilt
}

func (w *Waiter) Watch(ctx context.Context, tenant forgehook.TenantID) (<-chan string, func()) {
	return nil, func() {}
}
