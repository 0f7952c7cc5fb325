#!/usr/bin/env bash
# Makes sure that the images of the services that tests/engine/services.rs connects to exist: MariaDB, Memcached, RabbitMQ,
# Mosquitto, etcd and nginx, all from Debian's packages, and all on one layer. Their names have a registry that does not
# exist, so that they stand in nobody's way and are never pulled. services/ says what is in them.
set -euo pipefail

release=trixie
packages=(mariadb-server memcached rabbitmq-server mosquitto etcd-server nginx-light)
layer=prism-services-base:1 # to be raised when what goes into it changes
images=(mariadb:11 memcached:1 rabbitmq:3 acme/eclipse-mosquitto:2 coreos/etcd:v3 nginx:1)

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec </dev/null

say() { printf 'services: %s\n' "$*" >&2; }
fail() {
    printf 'services: error: %s\nhint: %s\n' "$1" "$2" >&2
    exit 1
}

source=$({
    echo "${layer} ${images[*]}"
    cat "${here}"/services/*
} | sha256sum | cut -c 1-12)

all_current() {
    local image found
    for image in "${images[@]}"; do
        found=$(docker image inspect --format '{{index .Config.Labels "dev-prism.source"}}' "prism.test/${image}" 2>/dev/null) &&
            [[ ${found} == "${source}" ]] || return 1
    done
}
all_current && exit 0

exec 9>"${TMPDIR:-/tmp}/prism-services-${EUID}.lock"
flock 9
all_current && exit 0

umask 022
scratch=$(mktemp -d /var/tmp/prism-services.XXXXXX)
trap 'rm -rf --one-file-system "${scratch}"' EXIT
trap 'exit 130' INT TERM

# unpack ROOT PACKAGE…: installs into an unpacked image
unpack() {
    local root=$1
    shift
    # Nothing is to be started by its installation.
    printf '#!/bin/sh\nexit 101\n' >"${root}/usr/sbin/policy-rc.d"
    chmod 755 "${root}/usr/sbin/policy-rc.d"
    cp /etc/resolv.conf "${root}/etc/resolv.conf"
    # shellcheck disable=SC2016 # for the shell in there to expand
    DEBIAN_FRONTEND=noninteractive chroot "${root}" sh -c \
        'apt-get -qq update && apt-get -qq -y --no-install-recommends install "$@"' sh "$@"
    rm -rf "${root}"/var/lib/apt/lists/* "${root}"/var/cache/apt/* "${root}"/usr/share/{doc,man,locale,i18n}/* \
        "${root}"/etc/{resolv.conf,hostname}
}

make_layer() {
    local container root=${scratch}/root proxy=''
    if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
        fail "only root on Debian can make ${layer} without a registry" "see ${here}/images.sh"
    fi
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    [[ -z ${proxy} ]] || export http_proxy=${proxy}
    say "making ${layer} of Debian packages, which takes about a minute"
    mkdir "${root}"
    container=$(docker create prism-base:1 sh)
    docker export "${container}" | tar -C "${root}" -x
    docker rm "${container}" >/dev/null
    # `set -e` has no effect to the left of `||`; a new shell has its own.
    export -f unpack
    # shellcheck disable=SC2016 # for that shell to expand
    bash -euo pipefail -c 'unpack "$@"' bash "${root}" "${packages[@]}" >"${scratch}/log" 2>&1 || {
        tail -n 20 "${scratch}/log" >&2
        fail 'the packages cannot be unpacked; above is the end of the log' "see whether \`apt-get update\` works"
    }
    tar -C "${root}" --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' -c . |
        docker import --change 'LABEL dev-prism.stand-in=true' - "${layer}" >/dev/null
}

exists() { docker image inspect "$1" >/dev/null 2>&1; }

base=${layer}
if ! exists "${layer}"; then
    if exists prism-base:1; then
        make_layer
    else
        # Real images were pulled, so a registry answers.
        base=debian:${release}-slim
    fi
fi
say 'making the images'
for image in "${images[@]}"; do
    target=${image##*/}
    docker build --quiet --target "${target%%:*}" --build-arg "BASE=${base}" --build-arg "PACKAGES=${packages[*]}" \
        --tag "prism.test/${image}" --label dev-prism.stand-in=true --label "dev-prism.source=${source}" \
        "${here}/services" >"${scratch}/log" 2>&1 || {
        tail -n 20 "${scratch}/log" >&2
        fail "cannot make ${image}; above is the end of the log" "see whether \`docker build\` works"
    }
done
say 'ready'
