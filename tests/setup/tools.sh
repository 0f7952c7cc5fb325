#!/usr/bin/env bash
# Makes sure that commands exist, by installing Debian packages for the missing ones.
#
#   tools.sh                             what `make test` needs
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

release=()
if [[ ${1:-} == -t ]]; then
    release=(-t "$2")
    shift 2
fi
if (($# == 0)); then
    set -- shellcheck git npm pgrep=procps psql=postgresql-client redis-cli=redis-tools
fi

packages=()
for name in "$@"; do
    command=${name%%=*}
    if [[ -z ${command} ]] || ! command -v "${command}" >/dev/null; then
        packages+=("${name#*=}")
    fi
done
((${#packages[@]})) || exit 0

if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
    say "missing: ${packages[*]} (Debian package names)"
    say 'install them and run this again; as root on Debian or Ubuntu that happens by itself'
    exit 1
fi

# A package must not ask a question, nor wait for one to be answered.
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a
exec </dev/null

install_packages() {
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
        exit 0
    fi
    say "attempt ${attempt} of 3 failed"
    tail -n 15 "${log}" >&2
    ((attempt == 3)) || sleep "$((attempt * 3))" # mirrors and networks recover in seconds; there is nothing to poll
done
exit 1
