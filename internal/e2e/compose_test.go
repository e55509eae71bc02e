//go:build e2e

package e2e

import (
	"bytes"
	"debug/elf"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/client"
	"github.com/forgehook/forgehook/internal/postgres/pgtest"
)

// composed runs docker-compose.yml without containers: our services as it says, built as the
// Dockerfile says, as its user. PostgreSQL and Temporal are those of the tests. Only addresses, the
// database's login and the path of the key set differ.
type composed struct {
	*installation
	file       composeFile
	image      dockerfile
	binary     string
	keyset     string
	database   *url.URL
	containers map[string][]*container // by service
}

// container is one process of a service, with the environment for its other commands.
type container struct {
	*process
	env []string
}

// TestCompose follows the head of docker-compose.yml, calls a webhook and takes everything down.
func TestCompose(t *testing.T) {
	t.Parallel()
	c := compose(t)
	for _, step := range c.file.steps {
		c.do(step)
	}
	if c.client == nil {
		t.Fatal("docker-compose.yml: no step makes a tenant")
	}
	c.configure(map[string]any{})
	call := c.call()
	c.next().respond <- 200
	if ended := c.ended(call.ID); *ended.Outcome != forgehook.Delivered {
		t.Errorf("outcome %s", *ended.Outcome)
	}
	c.down()
}

func compose(t *testing.T) *composed {
	t.Helper()
	c := &composed{
		installation: &installation{t: t, endpoint: newGate(t)},
		file:         readCompose(t, map[string]string{"POSTGRES_PASSWORD": "p", "EGRESS_ALLOW": "127.0.0.0/8"}),
		image:        readDockerfile(t),
		containers:   map[string][]*container{},
	}
	var err error
	c.database, err = url.Parse(pgtest.EmptyURL(t))
	check(t, err)
	dir := t.TempDir()
	check(t, os.Chmod(filepath.Dir(dir), 0o755)) // the image's user reads its files
	c.binary, c.keyset = filepath.Join(dir, "forgehook"), filepath.Join(dir, "keyset.json")
	return c
}

// do runs one command of the file's head.
func (c *composed) do(step string) {
	c.t.Helper()
	command, output, _ := strings.Cut(step, " > ")
	args := strings.Fields(command)
	is := func(start string) bool { return strings.HasPrefix(step, start) }
	switch {
	case is(`echo "POSTGRES_PASSWORD=`) && output == ".env", is("sudo chown " + strings.Split(c.image.user, ":")[0] + " keyset.json && sudo chmod 400 keyset.json"):
	case is("docker compose build"):
		c.build()
	case is("docker run --rm "+c.file.Services["api"].Image+" ") && output == "keyset.json":
		keyset := c.finish(c.command(c.image.env, append(c.image.entrypoint, args[4:]...)))
		check(c.t, os.WriteFile(c.keyset, []byte(keyset), 0o400))
		if os.Getuid() == 0 {
			check(c.t, os.Chown(c.keyset, c.uid(), -1))
		}
	case is("docker compose up -d"):
		c.up()
	case is("docker compose exec api "):
		key := c.finish(c.command(c.containers["api"][0].env, args[4:]))
		c.client, c.key = client.New("http://127.0.0.1"+c.port("api", "FORGEHOOK_HTTP_ADDR"), key), key
	default:
		c.t.Fatalf("docker-compose.yml: the test does not know the step %q", step)
	}
}

// build runs the Dockerfile's build line on what .dockerignore lets in.
func (c *composed) build() {
	c.t.Helper()
	line := strings.Replace(c.image.build, "-o /forgehook ", "-o "+c.binary+" ", 1)
	cmd := exec.CommandContext(c.t.Context(), "sh", "-euc", line)
	cmd.Dir, cmd.Env = buildContext(c.t), append(os.Environ(), "VERSION=composed", "GOTOOLCHAIN=local")
	if out, err := cmd.CombinedOutput(); err != nil {
		c.t.Fatalf("%s: %v\n%s", line, err, out)
	}
	binary, err := elf.Open(c.binary)
	check(c.t, err)
	defer binary.Close() //nolint:errcheck // it was only read
	for _, p := range binary.Progs {
		if p.Type == elf.PT_INTERP {
			c.t.Error("the binary is not static: an image from scratch has no loader")
		}
	}
	if got := c.finish(c.command(nil, append(c.image.entrypoint, "version"))); !strings.HasPrefix(got, "forgehook composed\n") {
		c.t.Errorf("version says %q, want the build's argument", got)
	}
}

// up starts the services in order, after their dependencies are healthy or have completed.
func (c *composed) up() {
	c.t.Helper()
	for _, name := range c.file.order(c.t) {
		s := c.file.Services[name]
		if s.Build == nil {
			continue // the stack of the tests
		}
		for needed, d := range s.DependsOn {
			if d.Condition == "service_healthy" {
				c.healthy(needed)
			}
		}
		args := append(append([]string{}, c.image.entrypoint...), s.Command...)
		if c.file.awaitedEnd(name) {
			c.finish(c.command(c.environment(s), args))
			continue
		}
		for range max(s.Deploy.Replicas, 1) {
			c.containers[name] = append(c.containers[name], c.run(name, args, c.environment(s)))
		}
	}
	for name := range c.containers {
		c.healthy(name)
	}
}

// run starts a server, whose health check must fail before.
func (c *composed) run(name string, args, env []string) *container {
	c.t.Helper()
	if err := c.command(env, c.file.Services[name].Healthcheck.Test[1:]).Run(); err == nil {
		c.t.Errorf("%s is healthy before it runs", name)
	}
	p := &process{Cmd: c.command(env, args), log: &lockedBuffer{}, done: make(chan struct{})}
	p.Stdout, p.Stderr = p.log, p.log
	check(c.t, p.Start())
	go func() { _ = p.Wait(); close(p.done) }()
	c.t.Cleanup(func() {
		p.kill()
		if c.t.Failed() {
			c.t.Logf("%s said:\n%s", name, p.log)
		}
	})
	return &container{p, env}
}

// healthy waits until the file's health check succeeds in every container of the service.
func (c *composed) healthy(name string) {
	c.t.Helper()
	for _, running := range c.containers[name] {
		c.eventually(name+" is healthy", func() bool {
			select {
			case <-running.done:
				c.t.Fatalf("%s has ended", name)
			default:
			}
			return c.command(running.env, c.file.Services[name].Healthcheck.Test[1:]).Run() == nil
		})
	}
}

// down stops as docker does: SIGTERM, dependents first.
func (c *composed) down() {
	c.t.Helper()
	for name, containers := range c.containers {
		grace, err := time.ParseDuration(c.file.Services[name].StopGracePeriod)
		check(c.t, err)
		for _, running := range containers {
			running.signal(syscall.SIGTERM)
			select {
			case <-running.done:
			case <-time.After(grace):
				c.t.Fatalf("%s has not ended within its grace period of %s", name, grace)
			}
			equal(c.t, "exit code of "+name, running.ProcessState.ExitCode(), 0)
		}
	}
}

// command is a process as in a container: the container's environment only, the image's user, no
// folder of its own.
func (c *composed) command(env, args []string) *exec.Cmd {
	path := args[0]
	if path == c.image.entrypoint[0] {
		path = c.binary
	}
	cmd := exec.CommandContext(c.t.Context(), path, args[1:]...)
	cmd.Env, cmd.Dir = append([]string{"PATH=/nowhere"}, env...), "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() == 0 {
		id := uint32(c.uid())
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: id, Gid: id}
	}
	return cmd
}

// finish runs a command to its end and returns what it printed.
func (c *composed) finish(cmd *exec.Cmd) string {
	c.t.Helper()
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		c.t.Fatalf("%v: %v\n%s", cmd.Args, err, &errs)
	}
	return strings.TrimSpace(string(out))
}

// environment is a service's own, with this machine's addresses instead of the compose network's.
func (c *composed) environment(s composeService) []string {
	c.t.Helper()
	env := append([]string{}, c.image.env...)
	for name, value := range s.Environment {
		switch {
		case name == "FORGEHOOK_DATABASE_URL":
			u, err := url.Parse(value)
			check(c.t, err)
			equal(c.t, "database host", u.Host, "postgres:5432")
			u.User, u.Host, u.Path = c.database.User, c.database.Host, c.database.Path
			value = u.String()
		case value == "temporal:7233":
			value = os.Getenv("TEMPORAL_ADDRESS")
		case strings.HasPrefix(value, ":"):
			_, port, err := net.SplitHostPort(freeAddr(c.t))
			check(c.t, err)
			value = ":" + port
		case strings.HasPrefix(value, "@/run/secrets/"):
			if secret := c.file.Secrets[strings.TrimPrefix(value, "@/run/secrets/")]; secret.File != "./keyset.json" {
				c.t.Fatalf("docker-compose.yml: %s=%s: no such secret", name, value)
			}
			value = "@" + c.keyset
		}
		env = append(env, name+"="+value)
	}
	return env
}

// port is the port that a service's first container listens on, with its colon.
func (c *composed) port(service, setting string) (port string) {
	for _, entry := range c.containers[service][0].env {
		if value, ok := strings.CutPrefix(entry, setting+"="); ok {
			port = value // the last one counts, as for the process
		}
	}
	return port
}

func (c *composed) uid() (id int) {
	_, err := fmt.Sscanf(c.image.user, "%d:", &id)
	check(c.t, err)
	return id
}
