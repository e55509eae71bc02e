package main

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/client"
	"github.com/forgehook/forgehook/internal/secret"
)

// samples are our own documents: an invoice with a table, receipts, one not yet Processed, one with
// missing fields.
//
//go:embed samples/*.json
var samples embed.FS

const (
	sampleProject = 1001
	sampleService = 48072
	sampleWebHook = 48100
)

func devCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "dev",
		Short:  "What make dev runs: everything with embedded defaults, a sample project and a receiver",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDev(cmd.Context(), cmd.OutOrStdout())
		},
	}
}

func runDev(ctx context.Context, out io.Writer) error {
	c, err := loadConfig()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(c.Dev.Dir, "log"), 0o700); err != nil {
		return err
	}
	logPath := filepath.Join(c.Dev.Dir, "log", "forgehook.log")
	logFile, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer logFile.Close() //nolint:errcheck // the process ends
	receiver, receiverSecret, err := c.devDefaults(out)
	if err != nil {
		return err
	}
	s, err := openService(ctx, c, slog.New(slog.NewJSONHandler(logFile, &slog.HandlerOptions{Level: c.LogLevel})))
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.listenAPI(); err != nil {
		return err
	}
	receiver.stop = ctx.Done()
	endpoint, err := listen(c.Dev.ReceiverAddr, "the built-in receiver", "FORGEHOOK_DEV_RECEIVER_ADDR")
	if err != nil {
		return err
	}
	if err := s.db.Migrate(ctx); err != nil {
		return err
	}
	if err := s.awaitEngine(ctx); err != nil {
		return err
	}
	s.prepareEngine(ctx)
	s.control.EagerStart = true // as serve does
	s.config.DrainDelay = 0     // Ctrl-C is quick: there is no load balancer
	key, err := s.devKey(ctx)
	if err != nil {
		return err
	}
	d := &devSeed{
		client: client.New("http://"+c.HTTPAddr, key), out: out, config: c, logPath: logPath,
		receiverURL: "http://" + c.Dev.ReceiverAddr + "/documents", secret: receiverSecret,
	}
	return s.run(ctx, (*service).serveAPI, (*service).runWorker,
		func(_ *service, ctx context.Context) error {
			return serveHTTP(ctx, endpoint, receiver)
		},
		func(_ *service, ctx context.Context) error {
			if err := d.run(ctx); err != nil && ctx.Err() == nil {
				return err
			}
			<-ctx.Done()
			return nil
		})
}

// devDefaults sets what an operator would set: a key set, and permission to reach the local
// receiver.
func (c *config) devDefaults(out io.Writer) (*receiver, string, error) {
	keyset, err := readOrMake(filepath.Join(c.Dev.Dir, "keyset.json"), secret.NewKeyset)
	if err != nil {
		return nil, "", err
	}
	if c.EncryptionKeyset == "" {
		c.EncryptionKeyset = keyset
	}
	if c.EgressAllow == "" {
		c.EgressAllow = "127.0.0.0/8,::1/128"
	}
	signing, err := readOrMake(filepath.Join(c.Dev.Dir, "receiver-secret"), secret.NewSigningSecret)
	if err != nil {
		return nil, "", err
	}
	verifier, err := standardwebhooks.NewWebhook(signing)
	if err != nil {
		return nil, "", err
	}
	return &receiver{secret: verifier, status: http.StatusOK, out: out}, signing, nil
}

// readOrMake returns the content of a file, which it makes on the first start.
func readOrMake(path string, generate func() (string, error)) (string, error) {
	content, err := os.ReadFile(path)
	if err == nil && len(content) > 0 {
		return strings.TrimSpace(string(content)), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	made, err := generate()
	if err != nil {
		return "", err
	}
	return made, os.WriteFile(path, []byte(made+"\n"), 0o600)
}

// devKey returns the owner's key. It makes the tenant and a key in an empty database, and a new key
// if the file does not fit the database.
func (s *service) devKey(ctx context.Context) (string, error) {
	path := filepath.Join(s.config.Dev.Dir, "api-key")
	if content, err := os.ReadFile(path); err == nil {
		key := strings.TrimSpace(string(content))
		if _, err := s.db.KeyByHash(ctx, secret.HashAPIKey(key), time.Now()); err == nil {
			return key, nil
		}
	}
	tenant, err := s.db.TenantByName(ctx, "dev")
	if forgehook.ErrorCode(err) == forgehook.CodeNotFound {
		tenant, err = s.db.CreateTenant(ctx, "dev")
	}
	if err != nil {
		return "", err
	}
	key, err := newKey(ctx, s.db, tenant.ID, forgehook.APIKey{Name: "make dev", Roles: []forgehook.Role{forgehook.Owner}})
	if err != nil {
		return "", err
	}
	return key, os.WriteFile(path, []byte(key+"\n"), 0o600)
}

// devSeed sets up the sample over the API, as an integrator would, and prints the banner.
type devSeed struct {
	client      *client.Client
	out         io.Writer
	config      config
	logPath     string
	receiverURL string
	secret      string
}

func (d *devSeed) run(ctx context.Context) error {
	if err := d.ready(ctx); err != nil {
		return err
	}
	var projects struct {
		Projects []forgehook.Project `json:"projects"`
	}
	if err := d.client.Do(ctx, http.MethodGet, "/v1/projects", nil, &projects); err != nil {
		return err
	}
	var lines []string
	if len(projects.Projects) == 0 {
		var err error
		if lines, err = d.seed(ctx); err != nil {
			return fmt.Errorf("making the sample project: %w", err)
		}
	}
	d.banner(lines)
	return nil
}

// ready waits until the API responds.
func (d *devSeed) ready(ctx context.Context) error {
	for {
		err := d.client.Do(ctx, http.MethodGet, "/readyz", nil, nil)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (d *devSeed) seed(ctx context.Context) ([]string, error) {
	steps := []struct {
		path string
		body any
	}{
		{"/v1/projects", map[string]any{"id": sampleProject, "name": "Sample project", "status": "Active"}},
		{fmt.Sprintf("/v1/projects/%d/services", sampleProject), map[string]any{"id": sampleService, "name": "Receipts and invoices"}},
		{fmt.Sprintf("/v1/services/%d/utilities", sampleService), map[string]any{
			"id": sampleWebHook, "type": forgehook.UtilityType, "name": "Send to the built-in receiver",
			"settings": map[string]any{"webHook": map[string]any{"url": d.receiverURL}, "signing": map[string]any{"secret": d.secret}},
		}},
	}
	for _, step := range steps {
		if err := d.client.Do(ctx, http.MethodPost, step.path, step.body, nil); err != nil {
			return nil, err
		}
	}
	files, err := fs.Glob(samples, "samples/*.json")
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, file := range files {
		line, err := d.callSample(ctx, file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		lines = append(lines, line)
	}
	return lines, nil
}

func (d *devSeed) callSample(ctx context.Context, file string) (string, error) {
	content, err := samples.ReadFile(file)
	if err != nil {
		return "", err
	}
	var document forgehook.Document
	if err := forgehook.Decode(content, &document); err != nil {
		return "", err
	}
	if err := d.client.Do(ctx, http.MethodPost, fmt.Sprintf("/v1/projects/%d/documents", sampleProject), json.RawMessage(content), nil); err != nil {
		return "", err
	}
	webhook := int32(sampleWebHook)
	accepted, err := d.client.CallWebhook(ctx, forgehook.CallRequest{WebHookServiceID: &webhook, DocumentID: &document.ID}, client.Options{Wait: 30 * time.Second})
	if err != nil {
		return "", err
	}
	call := accepted.Calls[0]
	outcome, reason := string(call.Status), ""
	if call.Outcome != nil {
		outcome, reason = string(*call.Outcome), why(&call)
	}
	return fmt.Sprintf("  %-22s %-10s %s", strings.TrimSuffix(filepath.Base(file), ".json"), outcome, reason), nil
}

func (d *devSeed) banner(lines []string) {
	if len(lines) > 0 {
		fmt.Fprintf(d.out, "\nThe sample webhook (%d) was called once for each sample document:\n%s\n", sampleWebHook, strings.Join(lines, "\n"))
	}
	fmt.Fprintf(d.out, `
Forgehook is ready.
  API          http://%s  (its documentation: /docs)
  Temporal UI  %s
  Receiver     %s
  API key      %s
  Log          %s
Ctrl-C stops everything; the data stays.

`, d.config.HTTPAddr, d.config.Dev.UIURL, d.receiverURL, filepath.Join(d.config.Dev.Dir, "api-key"), d.logPath)
}
