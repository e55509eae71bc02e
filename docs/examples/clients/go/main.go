// Command go calls a webhook for a document and uses the result. It takes the id of a webhook, and
// a document by id or as JSON:
//
//	FORGEHOOK_URL=http://127.0.0.1:8080 FORGEHOOK_API_KEY=fh_... go run ./docs/examples/clients/go 48100 9001
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/client"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		if problem, ok := errors.AsType[*client.Problem](err); ok {
			err = fmt.Errorf("problem %s: %w", problem.Code(), problem)
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 2 {
		return errors.New("usage: go WEBHOOK DOCUMENT")
	}
	request, err := about(args[0], args[1])
	if err != nil {
		return err
	}
	call, err := deliver(ctx, client.New(os.Getenv("FORGEHOOK_URL"), os.Getenv("FORGEHOOK_API_KEY")), request)
	if err != nil {
		return err
	}
	fmt.Println("outcome:", *call.Outcome)
	result, err := json.Marshal(call.Result) // null without a response.result
	if err != nil {
		return err
	}
	fmt.Printf("result: %s\n", result)
	if call.Error != nil {
		fmt.Printf("error: %s: %s\n", call.Error.Code, call.Error.Message)
	}
	return nil
}

// about reads the id of the webhook, and the document or its id.
func about(webhook, document string) (forgehook.CallRequest, error) {
	id, err := strconv.ParseInt(webhook, 10, 32)
	if err != nil {
		return forgehook.CallRequest{}, err
	}
	request := forgehook.CallRequest{WebHookServiceID: new(int32(id))}
	if id, err := strconv.ParseInt(document, 10, 32); err == nil {
		request.DocumentID = new(int32(id))
		return request, nil
	}
	request.Document = &forgehook.Document{}
	return request, json.Unmarshal([]byte(document), request.Document)
}

// wait is how long one request waits. Many proxies cut a connection that is silent for 60 s.
const wait = 50 * time.Second

// deliver calls the webhook and waits for the outcome until ctx ends. The client retries passing
// failures, always with the same Idempotency-Key, so that nothing is called twice. Set
// Options.IdempotencyKey, for example to the id of your task, to find the same call after a crash.
func deliver(ctx context.Context, c *client.Client, request forgehook.CallRequest) (forgehook.Call, error) {
	accepted, err := c.CallWebhook(ctx, request, client.Options{Wait: wait})
	if err != nil {
		return forgehook.Call{}, err
	}
	call := accepted.Calls[0]
	for call.Outcome == nil {
		if call, err = c.Call(ctx, call.ID, wait); err != nil {
			return forgehook.Call{}, err
		}
	}
	return call, nil
}
