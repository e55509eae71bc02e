package worker

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"

	"github.com/forgehook/forgehook"
)

// fault gives an error of the engine the code that callers branch on.
func fault(doing string, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%s: %w", doing, err)
	switch {
	case is[*serviceerror.NotFound](err):
		return &forgehook.Error{Code: forgehook.CodeNotFound, Detail: "There is no running workflow.", Err: err}
	case is[*serviceerror.Unavailable](err), is[*serviceerror.ResourceExhausted](err), is[*serviceerror.DeadlineExceeded](err),
		errors.Is(err, context.DeadlineExceeded):
		return &forgehook.Error{Code: forgehook.CodeUnavailable, Detail: "Temporal does not answer: try again.", Err: err}
	}
	return err
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
