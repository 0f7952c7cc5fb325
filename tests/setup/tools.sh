#!/usr/bin/env bash
# Makes sure that commands exist, by installing Debian packages for the missing ones.
#
#   tools.sh                             what `make test` needs, but for what PRISM_TEST_WITHOUT names
#   tools.sh --list                      prints that, a NAME a line, and installs nothing
#   tools.sh [-t RELEASE] NAME…          installs these where they are missing
#   tools.sh --debian-mirror             prints the address of the Debian mirror that this machine uses, or of Debian's own
#   tools.sh --download RELEASE NAME…    fetches packages of a Debian release into the working directory
#
# NAME is COMMAND, COMMAND=PACKAGE, LANGUAGE:MODULE=PACKAGE, node:OPTION=PACKAGE, or =PACKAGE (always asked of apt).
# After an installation all of them have to be there. The only place that knows apt. Needs root only when something is
# missing.
set -euo pipefail

next=trixie # the release that has what Debian 12 lacks

say() { printf 'setup: %s\n' "$*" >&2; }

# Another mirror than the machine's own may not be reachable from it. The security archive has the same origin, but
# another label.
debian_mirror() {
    # shellcheck disable=SC2016 # apt expands these, not the shell
    apt-get indextargets --format '$(COMPONENT) $(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' |
        awk '$1 == "main" && !found { print $2; found = 1 } END { exit !found }'
}
if [[ ${1:-} == --debian-mirror ]]; then
    # Before the first update apt does not know the origins; Ubuntu's knows none of Debian.
    debian_mirror || { apt-get -qq update >&2 && debian_mirror; } || echo http://deb.debian.org/debian
    exit
fi
if [[ ${1:-} == --download ]]; then
    release=$2
    shift 2
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    [[ -e ${keyring} ]] || "${BASH_SOURCE[0]}" "=debian-archive-keyring"
    mirror=$("${BASH_SOURCE[0]}" --debian-mirror)
    # An apt that knows nothing but this release, and nothing of what is installed.
    lists=$(mktemp -d)
    trap 'rm -rf "${lists}"' EXIT
    mkdir -p "${lists}"/{lists,archives}/partial
    printf 'deb [signed-by=%s] %s %s main\n' "${keyring}" "${mirror}" "${release}" >"${lists}/sources.list"
    options=(-q -o "Dir::Etc::SourceList=${lists}/sources.list" -o Dir::State::Status=/dev/null -o APT::Sandbox::User=root
        -o "Dir::State::Lists=${lists}/lists" -o "Dir::Cache=${lists}" -o "Dir::Cache::Archives=${lists}/archives")
    for part in SourceParts Preferences PreferencesParts; do
        options+=(-o "Dir::Etc::${part}=/dev/null")
    done
    apt-get "${options[@]}" update
    apt-get "${options[@]}" download "$@"
    exit
fi

# Says whether whoever runs the tests wants to do without a tool, by the name that tests/support/without.rs has for it.
without() { [[ -n $1 && ,${PRISM_TEST_WITHOUT-}, == *,$1,* ]]; }

# The Python that has python-dotenv: Debian's modules are of Debian's Python.
python=${PRISM_TEST_PYTHON:-/usr/bin/python3}

# Says whether what a NAME promises is there.
is_there() {
    local what=${1%%=*}
    case ${what} in
        '') [[ $(dpkg-query --show --showformat '${db:Status-Status}' "${1#=}" 2>/dev/null) == installed ]] ;;
        python3:*) "${python}" -c "import ${what#*:}" 2>/dev/null ;;
        ruby:*) ruby -r "${what#*:}" -e '' 2>/dev/null ;;
        node:*) node "${what#*:}=/dev/null" -e '' 2>/dev/null ;;
        *) command -v "${what}" >/dev/null ;;
    esac
}

release=() npm_commands=() cargo_commands=() is_list=
if [[ ${1:-} == -t ]]; then
    release=(-t "$2")
    shift 2
fi
if [[ ${1:-} == --list ]]; then
    is_list=yes
    shift
fi
if (($# == 0)); then
    [[ -z ${PRISM_TEST_WITHOUT-} ]] || say "left out, with their tests: ${PRISM_TEST_WITHOUT}"
    for name in shellcheck git less npm pgrep=procps pkill=procps ip=iproute2 pasta=passt chattr=e2fsprogs mkfs.ext4=e2fsprogs mkfs.btrfs=btrfs-progs mkfs.xfs=xfsprogs mount psql=postgresql-client redis-cli=redis-tools \
        mariadb=mariadb-client amqp-declare-queue=amqp-tools mosquitto_pub=mosquitto-clients etcdctl=etcd-client curl \
        node=nodejs node:--env-file=nodejs python3 python3:dotenv=python3-dotenv ruby ruby:dotenv=ruby-dotenv \
        man=man-db just zsh fish elvish tcsh xonsh direnv; do
        without "${name%%=*}" || set -- "$@" "${name}"
    done
    without nushell || npm_commands=(nu=nushell)
    without cargo-deb || cargo_commands=(cargo-deb)
fi
if [[ -n ${is_list} ]]; then
    printf '%s\n' "$@" "${npm_commands[@]}" "${cargo_commands[@]}"
    exit
fi

names=() packages=()
for name in "$@"; do
    if [[ ${name} == =* ]] || ! is_there "${name}"; then
        names+=("${name}")
        [[ " ${packages[*]} " == *" ${name#*=} "* ]] || packages+=("${name#*=}")
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
    for name in "${npm_commands[@]}" "${cargo_commands[@]}"; do
        is_there "${name}" || { say "installed, and not in PATH: ${name%%=*}"; return 1; }
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

# Prints those names whose promise the installation did not keep.
not_there() {
    local name
    hash -r
    for name in "${names[@]}"; do
        is_there "${name}" || printf '%s\n' "${name}"
    done
}

# Debian 12 has some of it too old. The next release's packages run there; priority 100 means that nothing is taken from
# it unless asked for by `-t`.
add_release() {
    local mirror
    [[ -z $(apt-get indextargets "Codename: $1") ]] || return 0
    mirror=$(debian_mirror) || { apt-get -qq update >&2 && mirror=$(debian_mirror); } || return
    say "adding the $1 release of the configured mirror, at priority 100"
    cat >/etc/apt/sources.list.d/prism-"$1".sources <<SOURCE
Types: deb
URIs: ${mirror}
Suites: $1
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
SOURCE
    printf 'Package: *\nPin: release n=%s\nPin-Priority: 100\n' "$1" >/etc/apt/preferences.d/prism-"$1"
}

# Looks at what is there now. What this release has too old, the next one may have.
finish() {
    local left
    mapfile -t left < <(not_there)
    if ((${#left[@]} && !${#release[@]})) && [[ -n $(apt-get indextargets 'Origin: Debian' 'Codename: bookworm') ]]; then
        "${BASH_SOURCE[0]}" -t "${next}" "${left[@]}" || return
        mapfile -t left < <(not_there)
    fi
    if ((${#left[@]})); then
        say "installed, and still not there: ${left[*]}"
        return 1
    fi
    install_the_rest
}

((!${#release[@]})) || add_release "${release[1]}" || say "apt knows no Debian mirror for ${release[1]}"
say "installing ${packages[*]}"
log=$(mktemp)
trap 'rm -f "${log}"' EXIT
for attempt in 1 2 3; do
    if install_packages >"${log}" 2>&1; then
        finish
        exit
    fi
    say "attempt ${attempt} of 3 failed"
    tail -n 15 "${log}" >&2
    ((attempt == 3)) || sleep "$((attempt * 3))" # mirrors and networks recover in seconds; there is nothing to poll
done
exit 1
