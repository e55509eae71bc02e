package api

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/forgehook/forgehook"
)

// Parameters arrive as text, so that one answer can list all their faults. These are documented as what they mean.
type (
	idText      string
	limitText   string
	statusText  string
	outcomeText string
)

func (idText) Schema(huma.Registry) *huma.Schema {
	low, high := 1.0, float64(math.MaxInt32)
	return &huma.Schema{Type: huma.TypeInteger, Format: "int32", Minimum: &low, Maximum: &high}
}

func (limitText) Schema(huma.Registry) *huma.Schema {
	low, high := 1.0, float64(maxLimit)
	return &huma.Schema{Type: huma.TypeInteger, Minimum: &low, Maximum: &high, Default: defaultLimit, Description: "Entries of a page."}
}

func (statusText) Schema(huma.Registry) *huma.Schema  { return wordSchema(forgehook.CallStatuses) }
func (outcomeText) Schema(huma.Registry) *huma.Schema { return wordSchema(forgehook.Outcomes) }

// input is what routes take: huma fills in the texts, parse makes values of them and collects the faults. huma looks into
// exported members only, so inputs repeat their members instead of embedding each other.
type input interface{ parse(*request) }

type (
	nothing struct{}
	byID    struct {
		ID idText `path:"id"`
		id int32
	}
	changeInput struct {
		ID    idText `path:"id"`
		Cause string `header:"Forgehook-Cause" doc:"The id, or webhook-id, of the call that the change comes from: utilities that led to it do not fire again. A traceparent that we sent says the same."`
		id    int32
	}
	byUUID struct { // keys and calls
		ID string `path:"id" format:"uuid"`
		id string
	}
	pageInput struct {
		Limit  limitText `query:"limit"`
		Cursor string    `query:"cursor" doc:"nextCursor of the page before."`
		page   forgehook.Page
	}
	byUUIDPaged struct {
		ID     string    `path:"id" format:"uuid"`
		Limit  limitText `query:"limit"`
		Cursor string    `query:"cursor" doc:"nextCursor of the page before."`
		id     string
		page   forgehook.Page
	}
	byIDPaged struct {
		ID     idText    `path:"id"`
		Limit  limitText `query:"limit"`
		Cursor string    `query:"cursor" doc:"nextCursor of the page before."`
		id     int32
		page   forgehook.Page
	}
)

func (*nothing) parse(*request) {}

func (in *byID) parse(r *request) { in.id = r.integer("path.id", string(in.ID)) }

func (in *changeInput) parse(r *request) { in.id = r.integer("path.id", string(in.ID)) }

func (in *byUUID) parse(r *request) { in.id = r.uuid(in.ID) }

func (in *pageInput) parse(r *request) { in.page = r.page(in.Limit, in.Cursor) }

func (in *byUUIDPaged) parse(r *request) {
	in.id, in.page = r.uuid(in.ID), r.page(in.Limit, in.Cursor)
}

func (in *byIDPaged) parse(r *request) {
	in.id, in.page = r.integer("path.id", string(in.ID)), r.page(in.Limit, in.Cursor)
}

// uuid reads the id of a key or a call; what is no UUID names nothing.
func (r *request) uuid(text string) string {
	id, err := uuid.Parse(text)
	if err != nil || len(text) != 36 {
		r.lost = forgehook.Errorf(forgehook.CodeNotFound, "There is nothing with the id %s.", forgehook.Shorten(text, 100))
	}
	return id.String()
}

const defaultLimit, maxLimit = 50, 200

func (r *request) page(limit limitText, cursor string) forgehook.Page {
	page := forgehook.Page{Limit: defaultLimit, Cursor: cursor}
	if limit != "" {
		n, err := strconv.Atoi(string(limit))
		if err != nil || n < 1 || n > maxLimit {
			r.fault("query.limit", string(limit), fmt.Sprintf("a whole number from 1 to %d", maxLimit))
		}
		page.Limit = n
	}
	return page
}

// integer reads an id, 0 when it is absent or none.
func (r *request) integer(location, text string) int32 {
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 1 {
		r.fault(location, text, fmt.Sprintf("a whole number from 1 to %d", math.MaxInt32))
	}
	return int32(n)
}

// checkQuery reports query parameters that the route does not take: a misspelt filter would select everything. Of one that is given twice
// the second would select nothing more.
func (r *request) checkQuery(known []queryParameter) {
	given := r.gin.Request.URL.Query()
	for _, name := range slices.Sorted(maps.Keys(given)) {
		i := slices.IndexFunc(known, func(p queryParameter) bool { return p.name == name })
		switch {
		case i >= 0 && (known[i].many || len(given[name]) == 1):
		case i >= 0:
			r.fault("query."+name, strings.Join(given[name], ", "), "once")
		case len(known) > 0:
			names := make([]string, len(known))
			for i, p := range known {
				names[i] = p.name
			}
			r.fault("query."+name, r.gin.Query(name), "no such parameter; allowed: "+strings.Join(names, ", "))
		default:
			r.fault("query."+name, r.gin.Query(name), "no query parameter is known here")
		}
	}
}

type queryParameter struct {
	name string
	many bool // it may be given several times
}

// queryOf lists the query parameters of an input.
func queryOf(input reflect.Type) (known []queryParameter) {
	for _, f := range reflect.VisibleFields(input) {
		if name, _, _ := strings.Cut(f.Tag.Get("query"), ","); name != "" {
			known = append(known, queryParameter{name, f.Type.Kind() == reflect.Slice})
		}
	}
	return known
}
