package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"github.com/forgehook/forgehook"
)

// conflicts says what a broken constraint means to a caller.
var conflicts = map[string]string{
	"tenants_name_key":            "There is a tenant of this name already.",
	"api_keys_hash_key":           "There is such a key already.",
	"projects_pkey":               "There is a project with this id already.",
	"services_pkey":               "There is a service or utility with this id already.",
	"documents_pkey":              "There is a document with this id already.",
	"services_project_fkey":       "The project was deleted at the same moment, or still has services.",
	"services_parent_fkey":        "The service was deleted at the same moment, or still has utilities.",
	"documents_project_fkey":      "The project was deleted at the same moment, or still has documents.",
	"categories_pkey":             "There is a category with this id already.",
	"categories_project_fkey":     "The project was deleted at the same moment, or still has categories.",
	"work_items_pkey":             "There is a work item with this id already.",
	"work_items_project_fkey":     "The project was deleted at the same moment, or still has work items.",
	"work_item_processes_waiting": "The work item began to wait at the same moment; look again.",
}

// Wrap adds the operation and its arguments to an error. A database error that a caller can act on
// becomes a [*forgehook.Error]; all others stay internal.
func Wrap(err *error, format string, args ...any) {
	if *err != nil {
		*err = fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), Classify(*err))
	}
}

func Classify(err error) error {
	if forgehook.ErrorCode(err) != "" {
		return err
	}
	if errors.Is(err, sql.ErrNoRows) {
		return &forgehook.Error{Code: forgehook.CodeNotFound, Detail: "There is no such thing here.", Err: err}
	}
	if refused, ok := errors.AsType[*pq.Error](err); ok {
		return classifyRefused(refused)
	}
	if disconnected(err) {
		return Unavailable(err)
	}
	return err
}

// classifyRefused judges an error that the server reported.
func classifyRefused(err *pq.Error) error {
	switch err.Code {
	case pqerror.UniqueViolation, pqerror.ForeignKeyViolation:
		if detail, ok := conflicts[err.Constraint]; ok {
			return &forgehook.Error{Code: forgehook.CodeConflict, Detail: detail, Err: err}
		}
		return err
	case pqerror.InvalidTextRepresentation: // the only texts with a form are UUIDs: one that is none names nothing
		return &forgehook.Error{Code: forgehook.CodeNotFound, Detail: "There is no such id here.", Err: err}
	// A server that was demoted is read-only; a deadlock, a conflict with recovery and a statement
	// that somebody canceled go away.
	case pqerror.ReadOnlySQLTransaction, pqerror.IdleInTransactionSessionTimeout, pqerror.TRDeadlockDetected, pqerror.TRSerializationFailure:
		return Unavailable(err)
	}
	switch err.Code.Class() {
	case pqerror.ClassConnectionException, pqerror.ClassInsufficientResources, pqerror.ClassOperatorIntervention:
		return Unavailable(err)
	}
	return err
}

// disconnected reports whether the server could not be reached or went away. A context that ended
// is checked first, because this package's dial timeout looks like one.
func disconnected(err error) bool {
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return true
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	for _, lost := range []error{driver.ErrBadConn, sql.ErrConnDone, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed} {
		if errors.Is(err, lost) {
			return true
		}
	}
	_, ok := errors.AsType[net.Error](err)
	return ok
}

func Unavailable(err error) error {
	return &forgehook.Error{Code: forgehook.CodeUnavailable, Detail: "The database is away; try again.", Err: err}
}

// NotFound names what is missing. Data of another tenant is missing too.
func NotFound(kind string, id any) error {
	return forgehook.Errorf(forgehook.CodeNotFound, "There is no %s %v.", kind, id)
}

// OrNotFound gives the absence of a row its name.
func OrNotFound(err error, kind string, id any) error {
	if errors.Is(err, sql.ErrNoRows) {
		return NotFound(kind, id)
	}
	return err
}

// CheckID refuses ids that no entity can have; 0 asks for a new one.
func CheckID(id int32) error {
	if id < 0 {
		return forgehook.Invalid(forgehook.FieldError{Path: "id", Value: fmt.Sprint(id), Allowed: "a whole number from 1 to 2147483647, or absent to be given one"})
	}
	return nil
}

// Counted is "1 service" or "3 services", "" for none.
func Counted(n int, noun string) string {
	switch {
	case n == 0:
		return ""
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "y"):
		noun = strings.TrimSuffix(noun, "y") + "ie"
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// InUse refuses a deletion and names what still depends on the entity; nil if nothing does.
func InUse(what string, id int32, rest ...string) error {
	rest = slices.DeleteFunc(rest, func(s string) bool { return s == "" })
	if len(rest) == 0 {
		return nil
	}
	return forgehook.Errorf(forgehook.CodeConflict, "%s %d still has %s: delete what it has first.", what, id, strings.Join(rest, " and "))
}
