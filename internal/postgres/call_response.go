package postgres

import (
	"encoding/json"

	"github.com/forgehook/forgehook"
)

// responseRow is the response to an attempt, absent where there was none.
type responseRow struct {
	StatusCode        *int   `db:"status_code"`
	ResponseHeaders   []byte `db:"response_headers"`
	ResponseBody      []byte `db:"response_body"`
	ResponseTruncated *bool  `db:"response_truncated"`
}

func (r responseRow) toResponse() (*forgehook.Response, error) {
	if r.StatusCode == nil {
		return nil, nil // there was no response
	}
	response := forgehook.Response{StatusCode: *r.StatusCode, BodyTruncated: r.ResponseTruncated != nil && *r.ResponseTruncated}
	response.Body, response.BodyEncoding = forgehook.BodyText(r.ResponseBody)
	return &response, json.Unmarshal(r.ResponseHeaders, &response.Headers)
}
