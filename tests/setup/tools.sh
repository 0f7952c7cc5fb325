#!/usr/bin/env bash
# Makes sure that commands exist, by installing Debian packages for the missing ones.
#
#   tools.sh                             what `make test` needs, but for what PRISM_TEST_WITHOUT names
#   tools.sh [-t RELEASE] NAME…          NAME is COMMAND, COMMAND=PACKAGE, or =PACKAGE (always asked of apt)
#   tools.sh --debian-mirror             prints the address of the Debian mirror that this machine uses
#
# The only place that knows apt. Needs root only when something is missing.
set -euo pipefail

say() { printf 'setup: %s\n' "$*" >&2; }

# Another mirror than the machine's own may not be reachable from it. The security archive has the same origin, but
# another label.
debian_mirror() {
    # shellcheck disable=SC2016 # apt expands these, not the shell
    apt-get indextargets --format '$(COMPONENT) $(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' |
        awk '$1 == "main" && !found { print $2; found = 1 } END { exit !found }'
}
if [[ ${1:-} == --debian-mirror ]]; then
    # Before the first update apt does not know the origins.
    debian_mirror || { apt-get -qq update >&2 && debian_mirror; }
    exit
fi

# Says whether whoever runs the tests wants to do without a tool, by the name that tests/support/without.rs has for it.
without() { [[ ,${PRISM_TEST_WITHOUT-}, == *,$1,* ]]; }

release=() npm_commands=() cargo_commands=()
if [[ ${1:-} == -t ]]; then
    release=(-t "$2")
    shift 2
fi
if (($# == 0)); then
    [[ -z ${PRISM_TEST_WITHOUT-} ]] || say "left out, with their tests: ${PRISM_TEST_WITHOUT}"
    set -- shellcheck git npm pgrep=procps psql=postgresql-client redis-cli=redis-tools \
        mariadb=mariadb-client amqp-publish=amqp-tools mosquitto_pub=mosquitto-clients etcdctl=etcd-client curl node=nodejs \
        man=man-db just zsh fish elvish tcsh xonsh direnv
    # What has no command of its own.
    /usr/bin/python3 -c 'from dotenv import dotenv_values' 2>/dev/null || set -- "$@" =python3-dotenv
    ruby -e 'require "dotenv"' 2>/dev/null || set -- "$@" ruby =ruby-dotenv
    for name in "$@"; do
        shift
        without "${name%%=*}" || set -- "$@" "${name}"
    done
    without nushell || npm_commands=(nu=nushell)
    without cargo-deb || cargo_commands=(cargo-deb)
fi

packages=()
for name in "$@"; do
    command=${name%%=*}
    if [[ -z ${command} ]] || ! command -v "${command}" >/dev/null; then
        packages+=("${name#*=}")
    fi
done

# What Debian does not have, npm or crates.io may.
install_the_rest() {
    local name
    for name in "${npm_commands[@]}"; do
        command -v "${name%%=*}" >/dev/null && continue
        say "installing ${name#*=} with npm"
        npm install --global --silent --no-fund --no-audit "${name#*=}" || {
            say "npm cannot install ${name#*=}: as root it may; PRISM_TEST_WITHOUT=${name#*=} tests without it"
            return 1
        }
    done
    for name in "${cargo_commands[@]}"; do
        command -v "${name}" >/dev/null && continue
        say "installing ${name} with cargo, which takes a minute or two"
        cargo install --quiet --locked "${name}" || return
    done
}

if ((${#packages[@]} == 0)); then
    install_the_rest
    exit
fi

if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
    say "missing: ${packages[*]} (Debian package names)"
    say 'install them and run this again; as root on Debian or Ubuntu that happens by itself'
    exit 1
fi

# A package must not ask a question, nor wait for one to be answered.
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a
exec </dev/null

install_packages() {
    # An installation that was killed half-way makes apt refuse every other one until this has ended it.
    dpkg --force-confold --configure -a || return
    # Package lists go stale within days, and then every download is a 404: so always update first.
    apt-get -qq -o DPkg::Lock::Timeout=120 update &&
        apt-get -qq -y --no-install-recommends -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 \
            -o Dpkg::Options::=--force-confold "${release[@]}" install "${packages[@]}"
}

say "installing ${packages[*]}"
log=$(mktemp)
trap 'rm -f "${log}"' EXIT
for attempt in 1 2 3; do
    if install_packages >"${log}" 2>&1; then
        install_the_rest
        exit
    fi
    say "attempt ${attempt} of 3 failed"
    tail -n 15 "${log}" >&2
    ((attempt == 3)) || sleep "$((attempt * 3))" # mirrors and networks recover in seconds; there is nothing to poll
done
exit 1
