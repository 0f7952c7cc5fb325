# `make help` lists the targets.
PREFIX ?= /usr/local
RELEASE := $(or $(CARGO_TARGET_DIR),target)/release/prism
BINARY ?= $(RELEASE)
COMPLETIONS := share/bash-completion/completions/prism share/zsh/site-functions/_prism \
	share/fish/vendor_completions.d/prism.fish
SHELL_FILES = $(wildcard tests/setup/*.sh tests/setup/*/*.sh examples/*.sh benches/run shell/*.sh shell/*.bash .ci/run)

comma := ,
# Puts `: without NAME` before a command if PRISM_TEST_WITHOUT names what it needs.
unless_without = $(if $(filter $(1),$(subst $(comma), ,$(PRISM_TEST_WITHOUT))),: without $(1):)

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## two worktrees of examples/shop test at the same time (KEEP=1 leaves them running)
	@examples/demo.sh

.PHONY: test
test: ## everything that CI checks; sets up an Engine, images and tools first (TESTS='name …', PRISM_TEST_ENGINE=20.10)
	+@tests/setup/timed.sh $(TESTS)

.PHONY: fresh
fresh: ## `make demo` and `make test` in a bare Debian 12 (as root; FRESH_TESTS='name …' bounds the tests)
	tests/setup/fresh.sh

.PHONY: setup
setup: ## what the tests need: a Docker Engine, images, command line tools
	tests/setup/engine.sh
	tests/setup/images.sh
	tests/setup/services.sh
	tests/setup/tools.sh

.PHONY: lint
lint: ## formatting, clippy, shellcheck
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	shellcheck $(SHELL_FILES)
	$(call unless_without,zsh) zsh -n shell/prism.zsh
	$(call unless_without,fish) fish --no-execute shell/prism.fish
	$(call unless_without,fish) fish_indent --check shell/prism.fish

.PHONY: fmt
fmt: ## format the code
	cargo fmt --all

.PHONY: audit
audit: ## advisories, licences and duplicates of the dependencies, with cargo-deny
	@command -v cargo-deny >/dev/null || { \
	    echo 'make audit: error: cargo-deny is not installed' >&2; \
	    echo 'hint: cargo install --locked cargo-deny' >&2; exit 1; }
	cargo deny --locked check

.PHONY: fuzz
fuzz: ## the readers of foreign text with cargo-fuzz and a nightly compiler (SECONDS=60 for each; `make test` has a second)
	@cargo fuzz --version >/dev/null || { \
	    echo 'make fuzz: error: cargo-fuzz is not installed' >&2; \
	    echo 'hint: cargo install --locked cargo-fuzz' >&2; exit 1; }
	for target in header diff vars dotenv settings walk labels model; do mkdir -p fuzz/corpus/$$target && \
	    cargo +nightly fuzz run $$target fuzz/corpus/$$target fuzz/seeds/$$target -- -max_total_time=$(or $(SECONDS),60) \
	    || exit 1; done

.PHONY: bench
bench: setup ## the figures of docs/performance.md, beside what prism is compared with
	tests/setup/tools.sh hyperfine jq valgrind =time
	benches/run

# Never with `--workspace`: features of others would come into it. What is started at every prompt stays small: 5 MiB.
define release
	cargo build --release --locked
	@size=$$(wc -c <$(RELEASE)); [ "$$(uname -sm)" != 'Linux x86_64' ] || [ "$$size" -le 5242880 ] || { \
	    echo "make: error: $(RELEASE) has $$size bytes, and 5242880 is the most" >&2; exit 1; }
	@program=$$(realpath $(RELEASE)); cd / && RUST_BACKTRACE=1 "$$program" get nothing >/dev/null 2>&1; [ $$? -lt 128 ] || { \
	    echo "make: error: $(RELEASE) ends by a signal where it should say what is wrong" >&2; exit 1; }
endef

.PHONY: build
build: ## the release binary
	$(release)

# Not by way of `build`: root, who installs, need not have cargo.
$(RELEASE): Cargo.toml Cargo.lock build.rs $(shell find src crates shell -type f 2>/dev/null)
	$(release)

.PHONY: install
install: $(BINARY) ## binary, completions and manual pages, into PREFIX (default /usr/local), below DESTDIR
	install -D -m 755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/prism
	install -d $(DESTDIR)$(PREFIX)/share/man/man1 $(addprefix $(DESTDIR)$(PREFIX)/,$(dir $(COMPLETIONS)))
	$(BINARY) man --output $(DESTDIR)$(PREFIX)/share/man/man1
	$(BINARY) completions bash >$(DESTDIR)$(PREFIX)/$(word 1,$(COMPLETIONS))
	$(BINARY) completions zsh >$(DESTDIR)$(PREFIX)/$(word 2,$(COMPLETIONS))
	$(BINARY) completions fish >$(DESTDIR)$(PREFIX)/$(word 3,$(COMPLETIONS))

.PHONY: uninstall
uninstall: ## what `install` put there
	rm -f $(DESTDIR)$(PREFIX)/bin/prism $(addprefix $(DESTDIR)$(PREFIX)/,$(COMPLETIONS))
	rm -f $(DESTDIR)$(PREFIX)/share/man/man1/prism.1 $(DESTDIR)$(PREFIX)/share/man/man1/prism-*.1

.PHONY: deb
deb: $(BINARY) ## a Debian package in target/debian, with cargo-deb
	@command -v cargo-deb >/dev/null || { \
	    echo 'make deb: error: cargo-deb is not installed' >&2; \
	    echo 'hint: cargo install --locked cargo-deb' >&2; exit 1; }
	rm -rf target/package
	$(MAKE) install PREFIX=/usr DESTDIR=target/package BINARY=$(BINARY)
	cargo deb --no-build --no-strip --output $(or $(DEB),target/debian/)
