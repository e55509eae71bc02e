package activities

import (
	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/mask"
)

// redact returns the exchange without secrets.
func redact(x forgehook.Exchange, secrets *mask.Redactor) forgehook.Exchange {
	x.Status = secrets.Replace(x.Status)
	if x.Body != nil {
		x.Body = []byte(secrets.Replace(string(x.Body)))
	}
	headers := make(map[string]string, len(x.Headers))
	for name, value := range x.Headers {
		headers[secrets.Replace(name)] = secrets.Replace(value)
	}
	x.Headers = headers
	if x.Err != nil {
		x.Err = &forgehook.CallError{Code: x.Err.Code, Message: secrets.Replace(x.Err.Message)}
	}
	return x
}
