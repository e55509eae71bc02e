package api

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
)

// wideInput has a member of every kind, some of them in inputs that it embeds.
type wideInput struct {
	changeInput
	Run     string               `path:"run" format:"uuid"`
	Of      string               `query:"of" format:"uuid"`
	Status  forgehook.CallStatus `query:"status"`
	From    forgehook.Time       `query:"from"`
	DryRun  bool                 `query:"dryRun"`
	IDs     []string             `query:"id"`
	checked bool
	pageInput
}

func (in *wideInput) check(*request) { in.checked = true }

func TestBind(t *testing.T) {
	t.Parallel()
	const id, other = "0193a5c2-7d3e-7a51-9c1e-5b8f0d2e4a67", "0193a5c2-7d3e-7a51-9c1e-5b8f0d2e4a68"
	upper := "0193A5C2-7D3E-7A51-9C1E-5B8F0D2E4A67"
	for _, row := range []struct {
		name, id, query string
		want            wideInput
		faults          []string
	}{
		{name: "nothing but the path", id: "7", want: wideInput{changeInput: changeInput{byID: byID{7}}}},
		{name: "all", id: "7",
			query: "of=" + upper + "&status=paused&from=2026-01-05T07:30:00Z&dryRun=true&limit=200&cursor=x&id=" + id + "&id=" + other + "&id=" + upper,
			want: wideInput{
				changeInput: changeInput{byID: byID{7}}, Of: id, Status: forgehook.CallPaused, DryRun: true, IDs: []string{id, other},
				From: forgehook.Time{Time: time.Date(2026, 1, 5, 7, 30, 0, 0, time.UTC)}, pageInput: pageInput{200, "x"},
			}},
		{name: "an empty text is none", id: "7", query: "of=&status=&from=&dryRun=&limit=&id=", want: wideInput{changeInput: changeInput{byID: byID{7}}}},
		{name: "all faults at once", id: "0", query: "of=x&status=Paused&from=x&dryRun=x&limit=201&id=x&limt=1&cursor=a&cursor=b", faults: []string{
			"path.id: a whole number from 1 to 2147483647", "query.of: a UUID",
			"query.status: one of accepted, evaluating, delivering, waiting_retry, paused, awaiting_callback, completed",
			"query.from: a date and time like 2026-01-05T07:30:00.000Z", "query.dryRun: true or false", "query.id: the id of a call: a UUID",
			"query.limit: a whole number from 1 to 200", "query.cursor: once",
			"query.limt: no such parameter; allowed: of, status, from, dryRun, id, limit, cursor",
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			c, _ := gin.CreateTestContext(httptest.NewRecorder())
			c.Request = httptest.NewRequest(http.MethodGet, "/?"+row.query, nil)
			c.Request.Header["Forgehook-Cause"] = []string{"first", "second"}
			c.Params = gin.Params{{Key: "id", Value: row.id}, {Key: "run", Value: upper}}
			r, in := &request{gin: c}, wideInput{}
			r.bind(parametersOf(reflect.TypeFor[wideInput]()), &in)
			var faults []string
			for _, f := range r.faults {
				faults = append(faults, f.Path+": "+f.Allowed)
			}
			if diff := cmp.Diff(row.faults, faults); diff != "" {
				t.Error(diff)
			}
			if row.faults != nil {
				return
			}
			row.want.Run, row.want.Cause, row.want.checked = id, "first", true
			if !reflect.DeepEqual(in, row.want) {
				t.Errorf("%+v, want %+v", in, row.want)
			}
		})
	}
}

func TestBind_pathUUID(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"last", "{0193a5c2-7d3e-7a51-9c1e-5b8f0d2e4a67}", "0193a5c27d3e7a519c1e5b8f0d2e4a67"} {
		c, _ := gin.CreateTestContext(httptest.NewRecorder())
		c.Request, c.Params = httptest.NewRequest(http.MethodGet, "/", nil), gin.Params{{Key: "id", Value: text}}
		r := &request{gin: c}
		r.bind(parametersOf(reflect.TypeFor[byUUID]()), new(byUUID))
		if got := forgehook.ErrorCode(r.invalid()); got != forgehook.CodeNotFound {
			t.Errorf("%s: %q", text, got)
		}
	}
}
