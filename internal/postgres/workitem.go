package postgres

import (
	"context"

	"github.com/forgehook/forgehook"
)

// PutWorkItem stores a work item in a project, or replaces the one of that id. ID 0 is handed out. cause is the call that the change
// comes from, "" where none is known. Where it names a parent (workItemId), processes that wait with the parent hear of it.
func (db *DB) PutWorkItem(ctx context.Context, tenant forgehook.TenantID, projectID int32, w forgehook.WorkItem, cause string) (_ forgehook.WorkItem, created bool, raised Raised, err error) {
	return w, false, Raised{}, errUnbuilt
}

// WorkItem returns a work item.
func (db *DB) WorkItem(ctx context.Context, tenant forgehook.TenantID, id int32) (_ forgehook.WorkItem, err error) {
	return forgehook.WorkItem{}, errUnbuilt
}

// WorkItems lists the work items of a project by id.
func (db *DB) WorkItems(ctx context.Context, tenant forgehook.TenantID, projectID int32, page forgehook.Page) (_ []forgehook.WorkItem, next string, err error) {
	return nil, "", errUnbuilt
}

// UpdateWorkItem lets change alter a work item, whose row is locked meanwhile; its id and project stay.
func (db *DB) UpdateWorkItem(ctx context.Context, tenant forgehook.TenantID, id int32, cause string, change func(*forgehook.WorkItem) error) (_ forgehook.WorkItem, raised Raised, err error) {
	return forgehook.WorkItem{}, Raised{}, errUnbuilt
}

// DeleteWorkItem deletes a work item; a process that waits with it ends.
func (db *DB) DeleteWorkItem(ctx context.Context, tenant forgehook.TenantID, id int32) (raised Raised, err error) {
	return Raised{}, errUnbuilt
}
