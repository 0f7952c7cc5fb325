#!/usr/bin/env bash
# Makes sure that a Docker Engine answers and that `docker compose` is new enough for prism.
#
# Where an Engine answers already (DOCKER_HOST and the current context count), it is used. Otherwise, as root on
# Debian or Ubuntu, one is installed from the distribution and started in the background.
set -euo pipefail

minimum=2.26 # of Compose: the first one whose `ports: !override` works
pid_file=/run/prism-dockerd.pid
log_file=/var/log/prism-dockerd.log
next=trixie  # the release that has what Debian 12 lacks
deadline=60  # seconds for dockerd to answer; it takes 2 on an idle machine

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec </dev/null

say() { printf 'engine: %s\n' "$*" >&2; }
fail() {
    printf 'engine: error: %s\n' "$1" >&2
    shift
    (($# == 0)) || printf 'hint: %s\n' "$@" >&2
    exit 1
}

have() { command -v "$1" >/dev/null; }
engine_answers() { have docker && timeout 15 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }
# at_least 2.40.3 2.26
at_least() { [[ -n $1 && $(printf '%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]; }
# A plugin that is missing makes `docker compose version` print Docker's help, so the text is checked as well.
compose_version() { docker compose version --short 2>/dev/null | grep -oE '[0-9]+(\.[0-9]+)+' | head -n 1; }
compose_suffices() {
    local version
    version=$(compose_version) && at_least "${version}" "${minimum}"
}
# is_process PID NAME: a recycled pid is not the process that wrote the pid file
is_process() { [[ -n $1 && -r /proc/$1/comm && $(</proc/"$1"/comm) == "$2" ]]; }

ready() { engine_answers && compose_suffices; }

# ---- installation

can_install() { ((EUID == 0)) && have apt-get && [[ -e /etc/debian_version ]]; }
# The version that apt would install, without its epoch; empty if there is none.
candidate() { apt-cache policy "$1" | sed -n 's/^  Candidate: \([0-9]*:\)\{0,1\}\([0-9]\)/\2/p'; }

install_packages() {
    local compose='' name release=() packages=()

    apt-get -qq update || true # an answer from old lists is still an answer; tools.sh retries
    # Ubuntu calls it docker-compose-v2; its docker-compose is the old one in Python.
    for name in docker-compose-v2 docker-compose; do
        if at_least "$(candidate "${name}")" "${minimum}"; then
            compose=${name}
            break
        fi
    done
    if [[ -z ${compose} ]]; then
        # /etc/os-release does not tell: the packages of the next release that come along name that one.
        [[ -n $(apt-get indextargets 'Origin: Debian' 'Codename: bookworm') ]] ||
            fail "no package of this release has Compose ${minimum} or newer" "${install_hint}"
        # Debian 12 has Compose 1.29.
        compose=docker-compose
        release=(-t "${next}")
    fi

    packages=("=${compose}")
    # An Engine that answers, perhaps on another machine, is not replaced.
    engine_answers || packages+=('=docker.io')
    # Not every release has these as packages of their own.
    for name in docker-cli docker-buildx; do
        if ((${#release[@]})) || [[ -n $(candidate "${name}") ]]; then
            packages+=("=${name}")
        fi
    done
    "${here}/tools.sh" "${release[@]}" "${packages[@]}"
}

# ---- starting

start_dockerd() {
    local pid until file
    if [[ -d /run/systemd/system ]]; then
        say 'starting docker.service'
        systemctl start docker.service || fail 'docker.service does not start' "see \`journalctl -u docker.service\`"
        pid=$(systemctl show --property MainPID --value docker.service)
    elif pid=$(cat /run/docker.pid 2>/dev/null) && is_process "${pid}" dockerd; then
        say "waiting for dockerd (pid ${pid}), which is starting"
    else
        # One of ours that does not answer is shutting down, or hangs: another one cannot start beside it.
        pid=$(cat "${pid_file}" 2>/dev/null || true)
        until=$((SECONDS + deadline))
        while is_process "${pid}" dockerd && ! engine_answers; do
            ((SECONDS < until)) || fail "dockerd (pid ${pid}) does not answer" "end it, and run this again"
            sleep 0.1
        done
        ! engine_answers || return 0
        # Files that a killed machine left behind: where their pid now belongs to another program, dockerd would wait
        # for that one.
        for file in "${pid_file}" /run/docker/containerd/containerd.pid; do
            pid=$(cat "${file}" 2>/dev/null || true)
            is_process "${pid}" dockerd || is_process "${pid}" containerd || rm -f "${file}"
        done
        say "starting dockerd, log in ${log_file}"
        # A session of its own and none of our descriptors, neither the lock nor a pipe of whoever called us: it has
        # to outlive us, and nobody who waits for our end may wait for its.
        (
            for file in /proc/"${BASHPID}"/fd/*; do
                ((${file##*/} <= 2)) || eval "exec ${file##*/}>&-"
            done
            exec setsid nohup dockerd --pidfile "${pid_file}"
        ) </dev/null >"${log_file}" 2>&1 &
        pid=$!
    fi

    until=$((SECONDS + deadline))
    until engine_answers; do
        if ! kill -0 "${pid}" 2>/dev/null; then
            tail -n 20 "${log_file}" >&2 || true
            fail 'dockerd ended instead of starting; above is the end of its log'
        fi
        if ((SECONDS >= until)); then
            tail -n 20 "${log_file}" >&2 || true
            fail "dockerd did not answer within ${deadline} s; above is the end of its log"
        fi
        sleep 0.1
    done
}

# ---- what is there, what is missing

ready && exit 0

install_hint="install Docker Engine and the Compose plugin, ${minimum} or newer, and start the Engine"
if ! engine_answers && have docker; then
    endpoint=$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null || true)
    case ${endpoint} in
        '' | unix:///var/run/docker.sock | unix:///run/docker.sock) ;;
        *) fail "no Docker Engine answers at ${endpoint}" \
            'start it, or unset DOCKER_HOST and select the default context to use one on this machine' ;;
    esac
    if ((EUID != 0)) && [[ -S /var/run/docker.sock && ! -w /var/run/docker.sock ]]; then
        fail 'no permission to use the Docker Engine of this machine' \
            "add yourself to the \`docker\` group and log in again"
    fi
fi
can_install || fail "no Docker Engine answers, or \`docker compose\` is missing or older than ${minimum}" \
    "${install_hint}; as root on Debian or Ubuntu this script does it"

# Two of us at once would start two of them.
exec 9>/run/prism-engine.lock
flock 9
ready && exit 0

if ! have dockerd && ! engine_answers || ! compose_suffices; then
    install_packages
    hash -r
fi
engine_answers || start_dockerd
ready || fail "\`docker compose version\` says $(compose_version || echo nothing), and prism needs ${minimum} or newer" \
    "$(command -v docker) may not look for plugins where the package puts them"
say "Docker Engine $(docker version --format '{{.Server.Version}}'), Compose $(compose_version)"
