package database

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/forgehook/forgehook"
)

const (
	defaultLimit = 50
	maxLimit     = 200
)

// ListOf is one kind of list. Its name is part of its cursors, so that a cursor of another list is
// refused.
type ListOf string

// read checks a page. key is where the page before ended, its parts as they were given to next; nil
// for the first page.
func (l ListOf) read(page forgehook.Page, parts int) (key []string, limit int, err error) {
	var faults []forgehook.FieldError
	if limit = page.Limit; limit == 0 {
		limit = defaultLimit
	}
	if limit < 1 || limit > maxLimit {
		faults = append(faults, forgehook.FieldError{Path: "limit", Value: strconv.Itoa(page.Limit), Allowed: fmt.Sprintf("1 to %d", maxLimit)})
	}
	if page.Cursor != "" {
		decoded, err := base64.RawURLEncoding.DecodeString(page.Cursor)
		key = strings.Split(string(decoded), ":")
		if err != nil || len(key) != parts+1 || key[0] != string(l) {
			faults = append(faults, badCursor(page))
		} else {
			key = key[1:]
		}
	}
	return key, limit, forgehook.Invalid(faults...)
}

func badCursor(page forgehook.Page) forgehook.FieldError {
	return forgehook.FieldError{Path: "cursor", Value: forgehook.Shorten(page.Cursor, 100), Allowed: "the nextCursor of the page before, unchanged"}
}

// ReadNumbers is read for lists that are sorted by numbers.
func (l ListOf) ReadNumbers(page forgehook.Page, parts int) (key []int32, limit int, err error) {
	texts, limit, err := l.read(page, parts)
	if err != nil {
		return nil, 0, err
	}
	for _, text := range texts {
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return nil, 0, forgehook.Invalid(badCursor(page))
		}
		key = append(key, int32(n))
	}
	return key, limit, nil
}

// ReadID is read for lists that are sorted by a UUID.
func (l ListOf) ReadID(page forgehook.Page) (key *string, limit int, err error) {
	texts, limit, err := l.read(page, 1)
	if err != nil || texts == nil {
		return nil, limit, err
	}
	if err := uuid.Validate(texts[0]); err != nil {
		return nil, 0, forgehook.Invalid(badCursor(page))
	}
	return &texts[0], limit, nil
}

// Next is the cursor of the page after a row.
func (l ListOf) Next(key ...any) string {
	text := string(l)
	for _, part := range key {
		text += fmt.Sprintf(":%v", part)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

// Cut turns rows into the items of a page. One row more than asked for was read, and says whether
// there is a next page.
func Cut[Row, Item any](rows []Row, limit int, item func(Row) (Item, error), cursor func(Row) string) (items []Item, next string, err error) {
	if len(rows) > limit {
		rows = rows[:limit]
		next = cursor(rows[limit-1])
	}
	items = make([]Item, len(rows))
	for i, row := range rows {
		if items[i], err = item(row); err != nil {
			return nil, "", err
		}
	}
	return items, next, nil
}
