# Ostiary's tasks. `make` or `make help` lists them.

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
FUZZTIME ?= 10s
BENCH    ?= .

# Packages (below the module's root) that are tested without the race detector, because they only compute, are slowed down
# too much by it, or start the whole binary. All others are tested with it.
NORACE ?= cmd/ostiary policies core core/config core/decision core/keys core/keys/jose core/metadata core/oauth core/strictjson

# Packages that are tested both ways: some of their tests leave out what the race detector would make too slow to mean anything.
BOTH ?= core/sandbox plugins storage/badger

MODULES := sdk/go $(patsubst %/go.mod,%,$(wildcard examples/*/go.mod))
CLIENTS := cmd/ostiary/testdata/clients
PLUGINS := bin/plugins/contacts.wasm
SDK     := $(wildcard sdk/go/*.go sdk/go/abi/*.go)
KITS    := bin/bench/go.wasm $(if $(wildcard bin/rust/rustc),bin/bench/rust.wasm) $(if $(wildcard bin/assemblyscript/node_modules),bin/bench/assemblyscript.wasm)

.PHONY: help build run test lint bench fuzz tools clients guests clean
.DEFAULT_GOAL := help

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' Makefile

build: $(PLUGINS) ## Build bin/ostiary and the example plugin beside it
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION)' -o bin/ostiary ./cmd/ostiary

.SECONDEXPANSION:
bin/plugins/%.wasm: examples/plugin-%/go.mod $$(wildcard examples/plugin-$$*/*.go examples/plugin-$$*/*.yaml examples/plugin-$$*/cases/*/*.yaml) $(SDK)
	@mkdir -p bin/plugins
	cd examples/plugin-$* && GOOS=wasip1 GOARCH=wasm CGO_ENABLED=0 \
		go build -trimpath -buildvcs=false -buildmode=c-shared -ldflags=-s -o ../../$@ .
	cp -r examples/plugin-$*/*.yaml examples/plugin-$*/cases bin/plugins/

run: build ## Build, then run the whole server on this machine
	bin/ostiary dev

test: ## Test every module and print the ten slowest packages
	NORACE='$(NORACE)' BOTH='$(BOTH)' .ci/test . $(MODULES)

lint: bin/tools/staticcheck ## Check formatting, go vet and staticcheck of every module, and the form of the Rego
	.ci/lint . $(MODULES) cmd/ostiary/testdata/goclient
	go test ./policies -run 'Format|Check'

bench: $(KITS) ## Run the benchmarks (BENCH=pattern chooses)
	go test -p 1 -run '^$$' -bench '$(BENCH)' -benchmem $$(grep -rl --include='*_test.go' '^func Benchmark' cmd core plugins policies storage | xargs -n 1 dirname | sort -u | sed 's,^,./,')
	@cd .ci/bench/extism && if go mod download; then go test -run '^$$' -bench '$(BENCH)' -benchmem .; else echo 'Extism is left out: its modules cannot be fetched'; fi

# The kits that metering is measured with; those of Rust and AssemblyScript need `make guests`.
KIT_SOURCES := $(SDK) $(wildcard sdk/go/internal/kit/*.go sdk/rust/src/*.rs sdk/rust/kit/src/*.rs sdk/assemblyscript/assembly/*.ts sdk/assemblyscript/kit/assembly/*.ts)

bin/bench/go.wasm: $(KIT_SOURCES)
	@mkdir -p bin/bench
	cd sdk/go/internal/kit && GOOS=wasip1 GOARCH=wasm CGO_ENABLED=0 go build -trimpath -buildvcs=false -buildmode=c-shared -ldflags=-s -o $(CURDIR)/$@ .

bin/bench/rust.wasm: $(KIT_SOURCES)
	cd sdk/rust/kit && RUSTC=$(CURDIR)/bin/rust/rustc CARGO_TARGET_DIR=$(CURDIR)/bin/rust/target \
		cargo build --quiet --offline --locked --release --target wasm32-unknown-unknown
	@mkdir -p bin/bench
	cp bin/rust/target/wasm32-unknown-unknown/release/kit.wasm $@

bin/bench/assemblyscript.wasm: $(KIT_SOURCES)
	@mkdir -p bin/bench
	cd sdk/assemblyscript/kit && node $(CURDIR)/bin/assemblyscript/node_modules/assemblyscript/bin/asc.js --config asconfig.json --target release -o $(CURDIR)/$@

fuzz: ## Run every fuzz target for FUZZTIME (10s), then 5,000 random modules
	.ci/fuzz '$(FUZZTIME)'

tools: bin/tools/staticcheck $(if $(filter true,$(CI)),bin/tools/opa clients guests) ## Install what lint and test need
	.ci/install

clients: bin/clients/node_modules/.package-lock.json ## Install what the tests with Chromium and other clients need
	.ci/install clients

# The packages lie in bin, apart from the scripts, so that no tool takes them for our sources.
bin/clients/node_modules/.package-lock.json: $(CLIENTS)/package.json $(CLIENTS)/package-lock.json
	.ci/install clients
	@mkdir -p bin/clients
	cp $(CLIENTS)/package.json $(CLIENTS)/package-lock.json $(CLIENTS)/.npmrc bin/clients/
	cd bin/clients && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

guests: bin/rust/rustc bin/assemblyscript/node_modules/.package-lock.json ## Install what building plugins in Rust and AssemblyScript needs

bin/rust/rustc: .ci/rust
	.ci/install guests
	.ci/rust bin/rust

bin/assemblyscript/node_modules/.package-lock.json: sdk/assemblyscript/package.json sdk/assemblyscript/package-lock.json
	.ci/install guests
	@mkdir -p bin/assemblyscript
	cp sdk/assemblyscript/package.json sdk/assemblyscript/package-lock.json sdk/assemblyscript/.npmrc bin/assemblyscript/
	cd bin/assemblyscript && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

bin/tools/staticcheck: .ci/tools/go.mod .ci/tools/go.sum
	cd .ci/tools && go build -trimpath -buildvcs=false -o ../../bin/tools/staticcheck honnef.co/go/tools/cmd/staticcheck

# The tool of others that the published contract is tried with: go test ./policies -run StockOPA. Registries of containers are left out,
# which nothing here asks.
bin/tools/opa: .ci/tools/go.mod .ci/tools/go.sum
	cd .ci/tools && CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags opa_no_oci -ldflags '-s -w' -o ../../bin/tools/opa github.com/open-policy-agent/opa

clean: ## Remove what was built
	rm -rf bin
