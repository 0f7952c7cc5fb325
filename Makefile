# `make help` lists the targets.
PREFIX ?= /usr/local
BINARY := $(or $(CARGO_TARGET_DIR),target)/release/prism
SHELL_FILES = $(wildcard tests/setup/*.sh tests/setup/stand-ins/*.sh examples/*.sh shell/*.sh shell/*.bash .ci/run)

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## two worktrees of examples/shop test at the same time (KEEP=1 leaves them running)
	@examples/demo.sh

.PHONY: test
test: setup lint ## everything that CI checks; sets up an Engine, images and tools first
	@if cargo nextest --version >/dev/null 2>&1; then set -x; cargo nextest run --locked; \
	else set -x; cargo test --locked; fi

.PHONY: setup
setup: ## what the tests need: a Docker Engine, images, command line tools
	tests/setup/engine.sh
	tests/setup/images.sh
	tests/setup/tools.sh

.PHONY: lint
lint: ## formatting, clippy, shellcheck
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings
	shellcheck $(SHELL_FILES)

.PHONY: fmt
fmt: ## format the code
	cargo fmt

.PHONY: audit
audit: ## advisories, licences and duplicates of the dependencies, with cargo-deny
	@command -v cargo-deny >/dev/null || { \
	    echo 'make audit: error: cargo-deny is not installed' >&2; \
	    echo 'hint: cargo install --locked cargo-deny' >&2; exit 1; }
	cargo deny --locked check

.PHONY: build
build: ## the release binary
	cargo build --release --locked

# Not by way of `build`: root, who installs, need not have cargo.
$(BINARY): Cargo.toml Cargo.lock $(shell find src -type f 2>/dev/null)
	cargo build --release --locked

.PHONY: install
install: $(BINARY) ## the binary, into PREFIX/bin (default /usr/local)
	install -D -m 755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/prism
