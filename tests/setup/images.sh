#!/usr/bin/env bash
# Makes sure that the images of the tests and the demo exist: postgres:17-alpine, redis:8-alpine and prism-test:1.
#
# Where a registry answers, the first two are pulled. Where none does, stand-ins of the same name are made of Debian's
# packages (that needs root), with real servers inside and the label dev-prism.stand-in. stand-ins/ says what is in them.
set -euo pipefail

release=trixie # has PostgreSQL 17 and Redis 8, as the tags promise
packages=(postgresql-17 redis-server)
base=prism-base:1 # to be raised when what goes into it changes

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec </dev/null

say() { printf 'images: %s\n' "$*" >&2; }
fail() {
    printf 'images: error: %s\nhint: %s\n' "$1" "$2" >&2
    exit 1
}

# What stand-ins are made from: one that was made from something else is made again.
source=$({
    echo "${base}"
    cat "${here}"/stand-ins/*
} | sha256sum | cut -c 1-12)

exists() { docker image inspect "$1" >/dev/null 2>&1; }
# exists, and is either the real thing or a stand-in from these sources
current() {
    local labels
    labels=$(docker image inspect --format \
        '{{index .Config.Labels "dev-prism.stand-in"}} {{index .Config.Labels "dev-prism.source"}}' "$1" 2>/dev/null) &&
        [[ ${labels} == ' ' || ${labels} == "true ${source}" ]]
}

# ---- from a registry

registry=unknown
job=''
# pull IMAGE. A registry that cannot be reached may take minutes to fail, a slow one minutes to succeed. The first
# line of output, which comes with the manifest, tells them apart.
pull() {
    local log until
    [[ ${registry} != none ]] || return 1
    log=${scratch}/pull
    : >"${log}"
    say "pulling $1"
    timeout 600 docker pull "$1" >"${log}" 2>&1 &
    job=$!
    until=$((SECONDS + 15))
    until grep -q 'Pulling from' "${log}" || ! kill -0 "${job}" 2>/dev/null || ((SECONDS >= until)); do
        sleep 0.1
    done
    grep -q 'Pulling from' "${log}" || kill "${job}" 2>/dev/null || true
    if wait "${job}"; then
        job=''
        return 0
    fi
    job=''
    registry=none
    [[ -s ${log} ]] || echo 'no answer within 15 s' >"${log}"
    say "cannot pull: $(tail -n 1 "${log}")"
    return 1
}

# ---- from Debian's packages

# unpack ROOT MIRROR RELEASE PACKAGE…
unpack() {
    local root=$1 mirror=$2 release=$3
    shift 3
    debootstrap --variant=minbase --include=busybox,python3-minimal \
        --keyring=/usr/share/keyrings/debian-archive-keyring.gpg "${release}" "${root}" "${mirror}"
    # No cluster at installation; each container makes its own. And fsync is wasted on files that become a layer.
    mkdir -p "${root}/etc/postgresql-common"
    echo 'create_main_cluster = false' >"${root}/etc/postgresql-common/createcluster.conf"
    echo force-unsafe-io >"${root}/etc/dpkg/dpkg.cfg.d/prism"
    # shellcheck disable=SC2016 # for the shell in there to expand
    DEBIAN_FRONTEND=noninteractive chroot "${root}" sh -c \
        'apt-get -qq update && apt-get -qq -y --no-install-recommends install "$@"' sh "$@"
    # The compiler for queries is a third of it all; without the module PostgreSQL does without.
    rm -f "${root}"/usr/lib/*/libLLVM* "${root}"/usr/lib/postgresql/*/lib/llvmjit.so
    # What belongs to this machine, or to nobody.
    rm -rf "${root}"/var/lib/apt/lists/* "${root}"/var/cache/apt/* "${root}"/usr/share/{doc,man,locale,i18n}/* \
        "${root}"/etc/{resolv.conf,hostname}
}

make_base() {
    local mirror root=${scratch}/root proxy=''
    if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
        fail 'no registry answers, and only root on Debian can make stand-ins' \
            "\`docker pull\` postgres:17-alpine, redis:8-alpine and debian:trixie-slim, and run this again"
    fi
    "${here}/tools.sh" debootstrap
    mirror=$("${here}/tools.sh" --debian-mirror)
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    [[ -z ${proxy} ]] || export http_proxy=${proxy}

    say "making ${base} of Debian packages, which takes about a minute"
    # `set -e` has no effect to the left of `||`; a new shell has its own.
    export -f unpack
    # shellcheck disable=SC2016 # for that shell to expand
    bash -euo pipefail -c 'unpack "$@"' bash "${root}" "${mirror}" "${release}" "${packages[@]}" >"${scratch}/log" 2>&1 || {
        tail -n 20 "${scratch}/log" >&2
        fail 'the packages cannot be unpacked; above is the end of the log' "see whether \`apt-get update\` works"
    }
    tar -C "${root}" --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' -c . |
        docker import --change 'LABEL dev-prism.stand-in=true' - "${base}" >/dev/null
}

# make IMAGE TARGET BASE
make() {
    say "making $1"
    docker build --quiet --target "$2" --build-arg "BASE=$3" --tag "$1" \
        --label dev-prism.stand-in=true --label "dev-prism.source=${source}" "${here}/stand-ins" \
        >"${scratch}/log" 2>&1 || {
        tail -n 20 "${scratch}/log" >&2
        fail "cannot make $1; above is the end of the log" "see whether \`docker build\` works"
    }
}

# ---- what is missing

all_current() { current postgres:17-alpine && current redis:8-alpine && current prism-test:1; }
all_current && exit 0

timeout 15 docker version >/dev/null 2>&1 || fail 'no Docker Engine answers' "run ${here}/engine.sh first"

# Two of us at once would do everything twice.
exec 9>"${TMPDIR:-/tmp}/prism-images-${EUID}.lock"
flock 9
all_current && exit 0

umask 022                                      # the modes of the unpacked files are the image's
scratch=$(mktemp -d /var/tmp/prism-images.XXXXXX) # not TMPDIR, where device files may be forbidden
cleanup() {
    [[ -z ${job} ]] || kill "${job}" 2>/dev/null || true
    # An interrupted debootstrap leaves them mounted.
    umount -q "${scratch}"/root/{proc,sys} 2>/dev/null || true
    rm -rf --one-file-system "${scratch}"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

for image in postgres:17-alpine redis:8-alpine; do
    current "${image}" || exists "${base}" || pull "${image}" || true
done
if ! all_current; then
    if current postgres:17-alpine && current redis:8-alpine && ! exists "${base}" && pull debian:trixie-slim; then
        make prism-test:1 test debian:trixie-slim
    else
        exists "${base}" || make_base
        current postgres:17-alpine || make postgres:17-alpine postgres "${base}"
        current redis:8-alpine || make redis:8-alpine redis "${base}"
        current prism-test:1 || make prism-test:1 test "${base}"
    fi
fi
say 'ready'
