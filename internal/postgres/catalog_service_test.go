package postgres_test

import (
	"testing"

	"github.com/forgehook/forgehook"
)

func TestServices(t *testing.T) {
	t.Parallel()
	b := setup(t)
	full := forgehook.Service{
		ID: 8, ProjectID: b.s.Project.ID, ServiceTypeID: new(int32(3)), Name: new("Extract"), Label: new("L"), Description: new("d"),
		Tags: new("a;b"), Category: 2, Index: new(int32(4)),
		DTC: &forgehook.Time{Time: at("2026-01-05T07:30:00Z")}, DTM: &forgehook.Time{Time: at("2026-01-05T07:30:00Z")},
	}
	created, err := b.CreateService(t.Context(), b.tenant, full)
	check(t, err)
	equal(t, "created service", created, full)
	got, err := b.Service(t.Context(), b.tenant, 8)
	check(t, err)
	equal(t, "service", got, full)
	_, err = b.CreateService(t.Context(), b.tenant, full)
	refused(t, "id that is taken", err, forgehook.CodeConflict)
	_, err = b.CreateService(t.Context(), b.tenant, forgehook.Service{ProjectID: 4711})
	refused(t, "project that is not there", err, forgehook.CodeNotFound)
	_, err = b.Service(t.Context(), b.tenant, b.s.Utility.ID)
	refused(t, "a utility as a service", err, forgehook.CodeNotFound)

	page, next, err := b.Services(t.Context(), b.tenant, b.s.Project.ID, forgehook.Page{Limit: 1})
	check(t, err)
	rest, end, err := b.Services(t.Context(), b.tenant, b.s.Project.ID, forgehook.Page{Cursor: next})
	check(t, err)
	equal(t, "services, without utilities", append(page, rest...), []forgehook.Service{full, b.s.Service})
	equal(t, "cursor behind the last page", end, "")

	updated, err := b.UpdateService(t.Context(), b.tenant, 8, func(s *forgehook.Service) error {
		s.ID, s.ProjectID, s.ServiceID, s.Name = 1, 2, new(int32(3)), nil
		return nil
	})
	check(t, err)
	full.Name, full.DTM = nil, updated.DTM
	equal(t, "answer of an update", updated, full)
	got, err = b.Service(t.Context(), b.tenant, 8)
	check(t, err)
	equal(t, "updated service", got, full)
}

func TestServices_strangers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.s.Service.ID
	_, err := b.Service(t.Context(), b.stranger, id)
	refused(t, "read", err, forgehook.CodeNotFound)
	_, err = b.UpdateService(t.Context(), b.stranger, id, func(*forgehook.Service) error { return nil })
	refused(t, "update", err, forgehook.CodeNotFound)
	refused(t, "delete", b.DeleteService(t.Context(), b.stranger, id), forgehook.CodeNotFound)
	_, err = b.CreateUtility(t.Context(), b.stranger, forgehook.Utility{ServiceID: id, Settings: forgehook.DefaultSettings()}, "")
	refused(t, "utility of it", err, forgehook.CodeNotFound)
	list, _, err := b.Services(t.Context(), b.stranger, b.s.Project.ID, forgehook.Page{})
	check(t, err)
	equal(t, "list", list, []forgehook.Service{})
}
