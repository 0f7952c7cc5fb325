#!/usr/bin/env bash
# Runs a command where another Docker Engine than this machine's is the only one.
#
#   on-engine.sh --list               prints the versions that can be had
#   on-engine.sh VERSION COMMAND…
#
# Engine and Compose are those of a Debian release, fetched as packages, unpacked below target/ and laid over /usr for
# the command alone: nothing is installed. As root; this machine's Engine has to have the tests' images. The new one has
# process, mount and network namespaces of its own, which end with the command, and its ports are bound in there.
set -euo pipefail

# VERSION RELEASE COMPOSE. Debian 12 has Compose 1.29, so its Engine gets that of the next release.
engines='20.10 bookworm trixie
26.1 trixie trixie
28.5 forky forky'
images=(postgres:17-alpine redis:8-alpine prism-test:1)
deadline=60 # seconds for dockerd to answer

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec </dev/null

say() { printf 'on-engine: %s\n' "$*" >&2; }
fail() {
    printf 'on-engine: error: %s\nhint: %s\n' "$1" "$2" >&2
    exit 1
}
if [[ ${1:-} == --list ]]; then
    cut -d ' ' -f 1 <<<"${engines}"
    exit
fi
version=${1:?a version of the Engine}
shift
read -r release compose_release < <(sed -n "s/^${version//./\\.} //p" <<<"${engines}") ||
    fail "no packages of Docker Engine ${version} are known" "one of $("${BASH_SOURCE[0]}" --list | paste -sd ' ')"
((EUID == 0)) || fail 'an Engine takes root' "sudo --preserve-env=PATH,HOME make test PRISM_TEST_ENGINE=${version}"

# ---- the programs

cache=${CARGO_TARGET_DIR:-${here}/../../target}/engine/${version}

fetch() {
    local file
    say "fetching Docker Engine ${version} of ${release}, Compose of ${compose_release}"
    rm -rf "${cache}"
    mkdir -p "${cache}/packages"
    cd "${cache}/packages"
    {
        if [[ ${release} == "${compose_release}" ]]; then
            "${here}/tools.sh" --download "${release}" docker.io docker-cli containerd runc tini docker-buildx docker-compose
        else
            # The CLI is in docker.io.
            "${here}/tools.sh" --download "${release}" docker.io containerd runc tini &&
                "${here}/tools.sh" --download "${compose_release}" docker-buildx docker-compose
        fi
    } >"${cache}/log" 2>&1 || {
        tail -n 20 "${cache}/log" >&2
        fail 'no packages; above is the end of the log' "see whether \`apt-get update\` works"
    }
    for file in *.deb; do
        dpkg -x "${file}" "${cache}/root"
    done
    # A release may be newer than this machine's C library. runc then is this machine's, which every Engine takes.
    if ! "${cache}/root/usr/sbin/runc" --version >/dev/null 2>&1; then
        say "runc is this machine's: the one of ${release} does not run here"
        rm "${cache}/root/usr/sbin/runc" "${cache}/root/usr/bin/runc"
    fi
    cd "${OLDPWD}"
    rm -r "${cache}/packages"
    touch "${cache}/complete"
}

mkdir -p "${cache}"
cache=$(cd "${cache}" && pwd)
exec 9>"${cache}.lock"
flock 9
[[ -e ${cache}/complete ]] || fetch
exec 9>&-

# ---- the Engine

scratch='' job=''
cleanup() {
    local status=$?
    trap - EXIT INT TERM
    if [[ -n ${job} ]]; then
        kill -KILL "${job}" 2>/dev/null || true
        wait "${job}" 2>/dev/null || true
    fi
    [[ -z ${scratch} ]] || rm -rf --one-file-system "${scratch}" || status=1
    exit "${status}"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
scratch=$(mktemp -d /var/tmp/prism-engine.XXXXXX)
docker save --output "${scratch}/images" "${images[@]}" || fail "this machine's Engine lacks images" 'make setup'
echo '{}' >"${scratch}/daemon.json"

# In namespaces of its own, where it is the first process: with it, all ends.
inside() {
    local version=$1 programs=$2 scratch=$3 deadline=$4 until found
    shift 4
    mount -t proc proc /proc
    # What belongs to this machine's Engine is not seen, so that every default is the other's.
    mount -t tmpfs -o mode=755 tmpfs /run
    mount -t overlay -o "lowerdir=${programs}/usr:/usr" overlay /usr
    # A machine may have another CLI in /usr/local.
    export PATH=${programs}/usr/bin:${programs}/usr/sbin:${PATH}
    hash -r
    ip link set lo up
    unset DOCKER_HOST DOCKER_CERT_PATH DOCKER_TLS DOCKER_TLS_VERIFY
    export DOCKER_CONTEXT=default
    dockerd --config-file "${scratch}/daemon.json" --data-root "${scratch}/data" >"${scratch}/log" 2>&1 &
    until=$((SECONDS + deadline))
    until docker version >/dev/null 2>&1; do
        if ! kill -0 "$!" 2>/dev/null || ((SECONDS >= until)); then
            tail -n 20 "${scratch}/log" >&2
            fail 'dockerd does not answer; above is the end of its log' 'see whether another release does'
        fi
        sleep 0.1
    done
    docker load --quiet --input "${scratch}/images" >/dev/null
    found=$(docker version --format 'Docker Engine {{.Server.Version}}, CLI {{.Client.Version}}')
    say "${found}, Compose $(docker compose version --short)"
    [[ ${found} == *"Engine ${version}."*"CLI ${version}."* ]] ||
        fail "that is not Docker Engine ${version}" "rm -r $(dirname "${programs}")"
    "$@"
}
export -f inside say fail
# shellcheck disable=SC2016 # for that shell to expand
unshare --mount --net --uts --ipc --pid --fork --kill-child bash -euo pipefail -c 'inside "$@"' bash \
    "${version}" "${cache}/root" "${scratch}" "${deadline}" "$@" &
job=$!
wait "${job}"
