package api

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/forgehook/forgehook"
)

const (
	importFaults = 100     // listed in one answer
	batchLines   = 500     // documents of one statement,
	batchBytes   = 8 << 20 // unless they are large
)

// imported says what an import did.
type imported struct {
	Imported int `json:"imported"`
	Created  int `json:"created"`
	Updated  int `json:"updated"`
}

// importDocuments reads the lines twice: first all are checked on their way into a file, then they are stored, together or not at all. What a
// client may send would not fit into memory for many clients at once.
func (s *server) importDocuments(ctx context.Context, r *request, in *byID) (*answer[imported], error) {
	if err := r.accept(maxImport, "application/x-ndjson", "application/ndjson", "application/jsonl"); err != nil {
		return nil, err
	}
	if _, err := s.DB.Project(ctx, r.tenant(), in.id); err != nil {
		return nil, err
	}
	spool, err := os.CreateTemp("", "forgehook-import-*")
	if err != nil {
		return nil, fmt.Errorf("spool import: %w", err)
	}
	defer func() { _ = errors.Join(spool.Close(), os.Remove(spool.Name())) }()
	if err := r.checkLines(spool); err != nil {
		return nil, err
	}
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("spool import: %w", err)
	}
	created, updated, err := s.DB.ImportDocuments(ctx, r.tenant(), in.id, func(put func([]forgehook.Document) error) error {
		return inBatches(spool, in.id, put)
	})
	return ok(imported{created + updated, created, updated}), err
}

// inBatches puts the checked documents of a spool, so many at a time that one statement can carry them.
func inBatches(spool io.Reader, projectID int32, put func([]forgehook.Document) error) error {
	var batch []forgehook.Document
	size := 0
	err := eachLine(spool, func(_ int, line []byte) error {
		var document forgehook.Document
		if err := forgehook.Decode(line, &document); err != nil {
			return fmt.Errorf("read checked line: %w", err)
		}
		if len(batch) == batchLines || size+len(line) > batchBytes {
			if err := put(batch); err != nil {
				return err
			}
			batch, size = batch[:0], 0
		}
		document.ProjectID = projectID
		batch, size = append(batch, document), size+len(line)
		return nil
	})
	if err != nil || len(batch) == 0 {
		return err
	}
	return put(batch)
}

// checkLines collects the faults of all lines, each below its line number, counted from 1, and copies the lines.
func (r *request) checkLines(into io.Writer) error {
	found, spool := 0, bufio.NewWriter(into)
	err := eachLine(r, func(number int, line []byte) error {
		faults := lineFaults(fmt.Sprintf("body[%d]", number), line)
		found += len(faults)
		if room := importFaults - len(r.faults); room > 0 {
			r.faults = append(r.faults, faults[:min(room, len(faults))]...)
		}
		_, err := spool.Write(append(line, '\n'))
		return err
	})
	if err = errors.Join(err, spool.Flush()); err != nil {
		return fmt.Errorf("spool import: %w", err)
	}
	if found > len(r.faults) {
		return &forgehook.Error{
			Code: forgehook.CodeInvalid, Fields: r.faults,
			Detail: fmt.Sprintf("%d values are not allowed; these are the first %d. Nothing was stored.", found, len(r.faults)),
		}
	}
	return r.invalid()
}

func lineFaults(at string, line []byte) []forgehook.FieldError {
	if isNull(line) {
		return []forgehook.FieldError{{Path: at, Value: "null", Allowed: "an object: one document a line"}}
	}
	var document forgehook.Document
	err := forgehook.Decode(line, &document)
	e, _ := errors.AsType[*forgehook.Error](err)
	switch {
	case err == nil && document.ID < 0:
		return []forgehook.FieldError{{Path: at + ".id", Value: fmt.Sprint(document.ID), Allowed: ownIDs}}
	case err == nil:
		return nil
	case e != nil && e.Code == forgehook.CodeInvalid:
		return forgehook.Under(at, e.Fields)
	default:
		return []forgehook.FieldError{{Path: at, Value: forgehook.Shorten(string(line), 100), Allowed: "one JSON object a line"}}
	}
}

// eachLine calls do for every line that is not blank.
func eachLine(lines io.Reader, do func(number int, line []byte) error) error {
	scanner := bufio.NewScanner(lines)
	scanner.Buffer(make([]byte, 64<<10), maxBody+1)
	number := 0
	for scanner.Scan() {
		number++
		if line := bytes.TrimSpace(scanner.Bytes()); len(line) > 0 {
			if err := do(number, line); err != nil {
				return err
			}
		}
	}
	if errors.Is(scanner.Err(), bufio.ErrTooLong) {
		return forgehook.Errorf(forgehook.CodeTooLarge, "Line %d is too long: a document may have at most %d MiB.", number+1, maxBody>>20)
	}
	return scanner.Err()
}
