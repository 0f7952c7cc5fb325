#!/usr/bin/env bash
# `make demo`: two git worktrees of examples/shop run their tests at the same time, each with a stack of its own.
#
# Sets up what is missing, works in a temporary directory, and removes what it started. KEEP=1 leaves it running.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
setup=${root}/tests/setup
exec </dev/null

# A shell that lives in another session, or in a git hook, must not leak into this. Nor may a git configuration that
# signs commits or runs hooks.
unset DATABASE_URL REDIS_URL PGHOST PGPORT PGUSER PGPASSWORD PGDATABASE "${!PRISM_@}" "${!COMPOSE_@}"
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_PREFIX
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null npm_config_loglevel=error
git_identity=(-c user.name=demo -c user.email=demo@example.invalid)

bold='' plain=''
if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
    bold=$'\e[1m' plain=$'\e[0m'
fi
# Says what is run the way it would be typed.
step() { printf '\n%s$ %s%s\n' "${bold}" "$*" "${plain}"; }
indent() { sed 's/^/  /'; }
missing() {
    printf 'demo: error: %s\nhint: %s\n' "$1" "$2" >&2
    exit 1
}
# Microseconds; the character between seconds and fraction depends on the locale.
now() { echo "${EPOCHREALTIME//[!0-9]/}"; }

# ---- what it leaves behind: nothing, unless KEEP=1

work=''
jobs=()     # pids of runs that have not ended
sessions=() # directories in which a stack may have been started
resources() {
    docker ps --all --quiet --filter "label=dev-prism.session_id=$1" &&
        docker volume ls --quiet --filter "label=dev-prism.session_id=$1" &&
        docker network ls --quiet --filter "label=dev-prism.session_id=$1"
}
clean_up() {
    local status=$? directory left job
    trap - EXIT INT TERM
    for job in "${jobs[@]}"; do
        kill "${job}" 2>/dev/null || true
    done
    wait
    if [[ -n ${work} && ${KEEP:-} == 1 ]]; then
        printf '\nKEEP=1: everything is still there.\n'
        for directory in "${sessions[@]}"; do
            echo "look:    '${binary}' -C '${directory}' info"
            echo "remove:  '${binary}' -C '${directory}' destroy --yes"
        done
        echo "and then:  rm -r '${work}'"
        exit "${status}"
    fi
    for directory in "${sessions[@]}"; do
        left=$(resources "${directory}") || status=1
        [[ -n ${left} ]] || continue
        step "cd ${directory##*/} && prism destroy --yes"
        (cd "${directory}" && prism destroy --yes) || status=1
        left=$(resources "${directory}") || status=1
        if [[ -n ${left} ]]; then
            printf 'demo: error: left behind of %s:\n%s\n' "${directory}" "${left}" >&2
            status=1
        fi
    done
    [[ -z ${work} ]] || rm -rf "${work}"
    exit "${status}"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# ---- what it needs

((BASH_VERSINFO[0] >= 5)) || missing "bash ${BASH_VERSION} is too old" 'put bash 5 or newer into PATH'
step tests/setup/engine.sh
"${setup}/engine.sh"
step tests/setup/images.sh
"${setup}/images.sh"
"${setup}/tools.sh" git node=nodejs npm

command -v cargo >/dev/null || missing 'cargo is missing' 'install Rust, for example with rustup, and run this again'
step cargo build --release --locked
(cd "${root}" && cargo build --release --locked)
binary=$(cd "${root}" && realpath "${CARGO_TARGET_DIR:-target}")/release/prism
export PATH=${binary%/*}:${PATH}

# ---- two worktrees of one project

work=$(cd "$(mktemp -d "${TMPDIR:-/tmp}/prism-demo.XXXXXX")" && pwd -P)
first=${work}/shop
second=${work}/shop-feature

step "cp -r examples/shop ${work} && cd ${work}/shop"
mkdir "${first}"
# What git would take along, not what an earlier `npm ci` or prism left there.
tar -C "${root}/examples/shop" --exclude=./node_modules --exclude=./.env.session --exclude=./docker-compose.session.yml -c . |
    tar -C "${first}" -x
cd "${first}"
step 'git init && git add . && git commit -m "a shop"'
git init --quiet --initial-branch=main
git add .
git "${git_identity[@]}" commit --quiet --message 'a shop'
git log --oneline
step git worktree add ../shop-feature
git worktree add --quiet -b feature "${second}"
git worktree list
step npm ci
npm ci
cp -R node_modules "${second}/"

# ---- their tests, at the same time

step '(cd shop && prism exec -- npm test) & (cd shop-feature && prism exec -- npm test) & wait'
sessions=("${first}" "${second}")
start=$(now)
for directory in "${sessions[@]}"; do
    (cd "${directory}" && exec prism exec -- npm test) >"${directory}.log" 2>&1 &
    jobs+=($!)
done
failed=0
for index in 0 1; do
    wait "${jobs[index]}" || failed=1
done
jobs=()
took=$((($(now) - start) / 1000))
for directory in "${sessions[@]}"; do
    printf '\n%s%s:%s\n' "${bold}" "${directory##*/}" "${plain}"
    indent <"${directory}.log"
done
((failed == 0)) || missing 'a test run failed; its output is above' 'KEEP=1 make demo leaves everything in place'
echo
echo "Both passed: two stacks started and two test suites run in ${took} ms, from one Compose file with fixed ports."

for directory in "${sessions[@]}"; do
    step "cd ${directory##*/} && prism get db && prism get cache"
    (cd "${directory}" && prism get db && prism get cache)
done

# ---- and now that they run

# While a health check has no verdict yet, prism runs its command itself, which takes longer.
for ((tries = 0; tries < 100; tries++)); do
    [[ -n $(docker ps --quiet --filter health=starting --filter "label=dev-prism.session_id=${first}") ]] || break
    sleep 0.1
done
step 'cd shop && time prism exec -- true'
start=$(now)
prism exec -- true
took=$(($(now) - start))
printf 'warm: %d.%d ms\n' "$((took / 1000))" "$((took % 1000 / 100))"
