#!/usr/bin/env bash
# `make demo` and `make test` in a bare Debian 12: what they need and do not install would be missing there.
#
#   fresh.sh [REVISION]              of this repository; HEAD unless said
#   FRESH_TESTS='name …' fresh.sh    only tests whose names contain one of these; `none` ends after the demo
#
# As root. The system is a minimal debootstrap with make and a C compiler, and has process, mount and network namespaces of
# its own, so its Engine, which `make setup` installs and starts, never meets this machine's. The Rust toolchain is this
# machine's, mounted read-only: Debian's is too old, and rustup's servers are not always within reach.
set -euo pipefail

release=bookworm
name=prism-fresh-$$
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "${here}/../.." && pwd)
exec </dev/null

say() { printf 'fresh: %s\n' "$*" >&2; }
fail() {
    printf 'fresh: error: %s\nhint: %s\n' "$1" "$2" >&2
    exit 1
}
((EUID == 0)) || fail 'only root can make a bare system' "run \`sudo make fresh\`"

# ---- what is left behind: nothing

scratch='' job='' rules=()
cleanup() {
    local status=$? rule
    trap - EXIT INT TERM
    # With the first process of its namespace everything in the bare system ends, and with the last its mounts.
    if [[ -n ${job} ]]; then
        kill -KILL "${job}" 2>/dev/null || true
        wait "${job}" 2>/dev/null || true
    fi
    for rule in "${rules[@]}"; do
        # shellcheck disable=SC2086 # words of a rule
        iptables -w ${rule/ -I / -D } || status=1
    done
    ip netns delete "${name}" 2>/dev/null || true
    if [[ -n ${scratch} ]]; then
        umount -q "${root}"/{proc,sys} 2>/dev/null || true # an interrupted debootstrap's
        rm -rf --one-file-system "${scratch}" || status=1
    fi
    exit "${status}"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
scratch=$(mktemp -d "/var/tmp/${name}.XXXXXX")
root=${scratch}/root

# ---- the system

toolchain=$(rustc --print sysroot) || fail 'no Rust toolchain' 'install one with rustup'
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
"${here}/tools.sh" debootstrap iptables ip=iproute2 git
[[ -e ${keyring} ]] || "${here}/tools.sh" "=debian-archive-keyring"
mirror=$("${here}/tools.sh" --debian-mirror)
eval "$(apt-config shell proxy Acquire::http::Proxy)"

since=${SECONDS}
say "making a bare ${release} from ${mirror}"
${proxy:+env "http_proxy=${proxy}"} debootstrap --variant=minbase --include=make,gcc,libc6-dev,ca-certificates \
    --keyring="${keyring}" "${release}" "${root}" "${mirror}" >"${scratch}/log" 2>&1 || {
    tail -n 20 "${scratch}/log" >&2
    fail 'no system; above is the end of the log' "see whether \`apt-get update\` works"
}
# How this machine reaches its registries.
apt-config dump | grep -E '^Acquire::(https?::Proxy|Check-)' >"${root}/etc/apt/apt.conf.d/90machine" || true
for file in /etc/apt/auth.conf /etc/apt/auth.conf.d/*; do
    [[ ! -f ${file} ]] || cp -p "${file}" "${root}${file}"
done
if [[ -d /usr/local/share/ca-certificates ]]; then
    cp -r /usr/local/share/ca-certificates "${root}/usr/local/share/"
    chroot "${root}" update-ca-certificates >>"${scratch}/log" 2>&1
fi
# A resolver on this machine's loopback is out of reach; systemd knows where that one asks.
resolver=/etc/resolv.conf
if grep -q '^nameserver 127\.' "${resolver}" && [[ -e /run/systemd/resolve/resolv.conf ]]; then
    resolver=/run/systemd/resolve/resolv.conf
fi
rm -f "${root}/etc/resolv.conf"
cp "${resolver}" "${root}/etc/resolv.conf"
printf '127.0.0.1 localhost %s\n' "${name}" >"${root}/etc/hosts"
git clone --quiet --no-hardlinks "${repository}" "${root}/root/prism"
git -C "${root}/root/prism" checkout --quiet --detach \
    "$(git -C "${repository}" rev-parse --verify "${1:-HEAD}^{commit}")"
mkdir "${root}/opt/rust"

# ---- its network

net=10.213.$(($$ % 256))
link=fresh$(($$ % 100000))
ip netns add "${name}"
ip link add "${link}" type veth peer name eth0 netns "${name}"
ip addr add "${net}.1/24" dev "${link}"
ip link set "${link}" up
ip -n "${name}" link set lo up
ip -n "${name}" addr add "${net}.2/24" dev eth0
ip -n "${name}" link set eth0 up
ip -n "${name}" route add default via "${net}.1"
[[ $(</proc/sys/net/ipv4/ip_forward) == 1 ]] || fail 'this machine forwards nothing' 'sysctl -w net.ipv4.ip_forward=1'
allow() {
    iptables -w "$@"
    rules+=(" $*")
}
allow -t nat -I POSTROUTING -s "${net}.0/24" ! -o "${link}" -j MASQUERADE
allow -t filter -I FORWARD -i "${link}" -j ACCEPT
allow -t filter -I FORWARD -o "${link}" -j ACCEPT

# ---- what is run in there

# inside COMMAND…: in namespaces of its own that end with it
inside() {
    # Not by `ip netns exec`, whose new /sys has no cgroups.
    # shellcheck disable=SC2016 # for that shell to expand
    exec nsenter "--net=/run/netns/${name}" unshare --mount --uts --ipc --pid --fork --kill-child bash -euc '
        root=$1 toolchain=$2 name=$3
        shift 3
        hostname "${name}"
        mount --bind "${root}" "${root}"
        mount -t proc proc "${root}/proc"
        mount -t sysfs sysfs "${root}/sys"
        mount --rbind /sys/fs/cgroup "${root}/sys/fs/cgroup"
        mount --rbind /dev "${root}/dev"
        mount -t tmpfs tmpfs "${root}/dev/shm"
        mount --bind "${toolchain}" "${root}/opt/rust"
        mount -o remount,bind,ro "${root}/opt/rust"
        cd "${root}"
        pivot_root . mnt
        exec chroot . sh -c "umount -l /mnt; cd /root/prism; exec \"\$@\"" sh "$@"
    ' bash "${root}" "${toolchain}" "${name}" "$@"
}
environment=(HOME=/root LANG=C.UTF-8
    PATH=/root/.cargo/bin:/opt/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
for variable in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY PRISM_TEST_WITHOUT; do
    [[ -z ${!variable-} ]] || environment+=("${variable}=${!variable}")
done

say "system $((SECONDS - since)) s; now \`make demo\` and \`make test\` of $(git -C "${root}/root/prism" log --oneline -1)"
# shellcheck disable=SC2016 # for the shell in there to expand
(inside env -i "${environment[@]}" bash -euc '
    # Its times are said also when it fails.
    timed() {
        local since=${SECONDS} status=0
        "$@" || status=$?
        printf "fresh: %s: %s s, status %s\n" "$*" "$((SECONDS - since))" "${status}" >&2
        return "${status}"
    }
    timed make demo
    [[ $1 == none ]] || timed make test TESTS="$1"
' bash "${FRESH_TESTS-}") &
job=$!
wait "${job}"
