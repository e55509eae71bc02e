package api

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/jsontree"
	"github.com/forgehook/forgehook/internal/mask"
)

const (
	importFaults = 100         // listed in one response
	batchLines   = 500         // documents of one statement,
	batchBytes   = 8 << 20     // unless they are large
	maxSpooled   = 3 * maxBody // of a line that was made of raw JSON: the document, and the JSON in it
)

// imported says what an import did.
type imported struct {
	Imported int `json:"imported"`
	Created  int `json:"created"`
	Updated  int `json:"updated"`
}

// importDocuments reads the lines twice. First it checks all of them and writes them to a file,
// then it stores all or none. The lines of several clients would not fit into memory.
func (s *server) importDocuments(ctx context.Context, r *request, in *documentInput) (*response[imported], error) {
	if err := r.accept(maxImport, "application/x-ndjson", "application/ndjson", "application/jsonl"); err != nil {
		return nil, err
	}
	check := checkDocument
	if in.ServiceID != 0 {
		service, err := s.mappingOf(ctx, r, in)
		if err == nil {
			err = r.invalid()
		}
		if err != nil {
			return nil, err
		}
		check = s.mapLine(service)
	} else if _, err := s.DB.Project(ctx, r.tenant(), in.ID); err != nil {
		return nil, err
	}
	spool, err := os.CreateTemp("", "forgehook-import-*")
	if err != nil {
		return nil, fmt.Errorf("spool import: %w", err)
	}
	defer func() { _ = errors.Join(spool.Close(), os.Remove(spool.Name())) }()
	if err := r.checkLines(ctx, spool, check); err != nil {
		return nil, err
	}
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("spool import: %w", err)
	}
	created, updated, raised, err := s.DB.ImportDocuments(ctx, r.tenant(), in.ID, r.cause(), keepImported, func(put func([]forgehook.Document) error) error {
		return inBatches(spool, in.ID, put)
	})
	if err != nil {
		return nil, err
	}
	s.dispatch(r).Follow(ctx, raised)
	return ok(imported{created + updated, created, updated}), nil
}

// keepImported puts the stored secrets back into a document that shows them as "[secret]".
func keepImported(d *forgehook.Document, stored func() (*forgehook.Document, error)) error {
	err := mask.Keep(d, stored)
	if e, ok := errors.AsType[*forgehook.Error](err); ok && e.Code == forgehook.CodeInvalid {
		return forgehook.Invalid(forgehook.Under(fmt.Sprintf("body[document %d]", d.ID), e.Fields)...)
	}
	return err
}

// inBatches stores the checked documents of a spool, as many at a time as one statement can carry.
func inBatches(spool io.Reader, projectID int32, put func([]forgehook.Document) error) error {
	var batch []forgehook.Document
	size := 0
	err := eachLine(spool, maxSpooled, func(_ int, line []byte) error {
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

// lineCheck returns the line of the document to store, or adds the line's faults.
type lineCheck func(at string, line []byte) (document []byte, faults []forgehook.FieldError)

// checkLines adds the faults of all lines, each below its line number, counted from 1, and writes
// the documents to store.
func (r *request) checkLines(ctx context.Context, into io.Writer, check lineCheck) error {
	found, spool := 0, bufio.NewWriter(into)
	err := eachLine(r, maxBody, func(number int, line []byte) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		document, faults := check(fmt.Sprintf("body[%d]", number), line)
		found += len(faults)
		if room := importFaults - len(r.faults); room > 0 {
			r.faults = append(r.faults, faults[:min(room, len(faults))]...)
		}
		_, err := spool.Write(append(document, '\n'))
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

// checkDocument checks a line that is a document.
func checkDocument(at string, line []byte) ([]byte, []forgehook.FieldError) {
	return line, lineFaults(at, line)
}

// mapLine makes a document of a line of raw JSON.
func (s *server) mapLine(service forgehook.Service) lineCheck {
	return func(at string, line []byte) ([]byte, []forgehook.FieldError) {
		raw, err := jsontree.Parse(line)
		if err != nil || raw.IsNull() {
			return nil, []forgehook.FieldError{{Path: at, Value: forgehook.Shorten(string(line), 100), Allowed: "one JSON object a line"}}
		}
		document, texts := s.mapper.document(service, raw.Append(nil), time.Now())
		if document == nil {
			faults := make([]forgehook.FieldError, len(texts))
			for i, text := range texts {
				faults[i] = forgehook.FieldError{Path: at, Allowed: text}
			}
			return nil, faults
		}
		made, err := forgehook.AppendJSON(nil, document)
		if err != nil {
			return nil, []forgehook.FieldError{{Path: at, Allowed: "an input result that has JSON"}}
		}
		return made, nil
	}
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
func eachLine(lines io.Reader, limit int, do func(number int, line []byte) error) error {
	scanner := bufio.NewScanner(lines)
	scanner.Buffer(make([]byte, 64<<10), limit+1)
	number := 0
	for scanner.Scan() {
		number++
		line := scanner.Bytes()
		if number == 1 {
			line = bytes.TrimPrefix(line, byteOrderMark)
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
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
