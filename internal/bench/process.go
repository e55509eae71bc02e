package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/pprof"
	"os"
	"os/exec"
	"strconv"
	"strings"

	sdkworker "go.temporal.io/sdk/worker"
)

// Ready is the line that a process of the bench writes once it works. The process ends when its
// standard input does.
type Ready struct {
	API   string `json:"api"`   // host:port; "": none
	Debug string `json:"debug"` // host:port of [Debug]; "": none
}

// Say writes the line.
func (r Ready) Say(w io.Writer) error { return json.NewEncoder(w).Encode(r) }

// UntilEOF ends a context when in does: when a parent is killed, its children end too.
func UntilEOF(ctx context.Context, in io.Reader) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, in)
		cancel()
	}()
	return ctx, cancel
}

// Debug lets the bench look into a process of the product: Go's profiles, and a way to drop its
// cached workflows.
func Debug() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("POST /purge", func(http.ResponseWriter, *http.Request) { sdkworker.PurgeStickyWorkflowCache() })
	return mux
}

// process is one that the bench has started.
type process struct {
	Ready
	cmd   *exec.Cmd
	input io.Closer
}

// startProcess runs a program with more settings and waits until it is ready.
func startProcess(ctx context.Context, program string, env []string, args ...string) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, program, args...)} //nolint:gosec // this program, or one that the user names
	p.cmd.Env, p.cmd.Stderr = append(os.Environ(), env...), os.Stderr
	input, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	p.input = input
	output, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(output).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &p.Ready)
	}
	if err != nil {
		p.stop()
		return nil, fmt.Errorf("%s %s did not start: %w", program, strings.Join(args, " "), err)
	}
	return p, nil
}

func (p *process) stop() {
	_ = p.input.Close()
	_ = p.cmd.Wait()
}

// profile writes the CPU profile of the next seconds.
func (p *process) profile(ctx context.Context, path string, seconds int) error {
	content, err := fetch(ctx, http.MethodGet, fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", p.Debug, seconds))
	if err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o600)
}

// purge drops the workflows that the process has cached.
func (p *process) purge(ctx context.Context) error {
	_, err := fetch(ctx, http.MethodPost, "http://"+p.Debug+"/purge")
	return err
}

// memory is what a process of the product holds.
type memory struct {
	live       float64 // bytes of heap and stacks, after a collection
	goroutines float64
	waiting    float64 // HTTP requests that wait for a call
}

func (p *process) memory(ctx context.Context) (memory, error) {
	if _, err := fetch(ctx, http.MethodGet, "http://"+p.Debug+"/debug/pprof/heap?gc=1"); err != nil {
		return memory{}, err
	}
	text, err := fetch(ctx, http.MethodGet, "http://"+p.API+"/metrics")
	if err != nil {
		return memory{}, err
	}
	values := map[string]float64{}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			values[name], _ = strconv.ParseFloat(value, 64) // comments have none
		}
	}
	return memory{
		live:       values["go_memstats_heap_alloc_bytes"] + values["go_memstats_stack_inuse_bytes"],
		goroutines: values["go_goroutines"], waiting: values["forgehook_waiting_requests"],
	}, nil
}

func fetch(ctx context.Context, method, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK {
		err = errors.Join(err, fmt.Errorf("%s %s: %s", method, url, response.Status))
	}
	return content, errors.Join(err, response.Body.Close())
}
