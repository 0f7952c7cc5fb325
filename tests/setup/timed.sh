#!/usr/bin/env bash
# The steps of `make test`. At the end it says how long each took, also when one failed or was interrupted.
#
#   timed.sh [NAME…]     only tests whose names contain one of these
#
# PRISM_TEST_ENGINE=20.10 runs them on that Engine, see on-engine.sh; without a NAME, those that show whether prism can work
# with it.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# A background job ignores Ctrl-C, what `nohup` starts ignores SIGHUP, and so does all that these start; tests of signals
# are about something else.
catching=()
! env --default-signal true 2>/dev/null || catching=(env --default-signal)
engine=()
if [[ -n ${PRISM_TEST_ENGINE-} ]]; then
    engine=(tests/setup/on-engine.sh "${PRISM_TEST_ENGINE}")
    (($# > 0)) || set -- engine::exec engine::ready engine::isolation engine::ports
fi
if cargo nextest --version >/dev/null 2>&1; then
    run=(cargo nextest run --workspace --locked)
    filter=("$@")
else
    run=(cargo test --workspace --locked)
    filter=(-- "$@")
fi

name='' since=0 times=''
# step NAME COMMAND…: both a new step and the end of the one before
step() {
    finish
    name=$1 since=${SECONDS}
    shift
    printf '%s\n' "$*" >&2
    "$@"
}
finish() {
    [[ -z ${name} ]] || times+="${times:+, }${name} $((SECONDS - since)) s"
    name=''
}
report() {
    local status=$? failed=${name}
    finish
    ((status == 0)) || times+="; ${failed} failed"
    printf 'test: %s\n' "${times}" >&2
    exit "${status}"
}
trap report EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

step set-up "${MAKE:-make}" --no-print-directory setup
((${#engine[@]})) || step lint "${MAKE:-make}" --no-print-directory lint
step compile "${run[@]}" --no-run
step tests "${engine[@]}" "${catching[@]}" "${run[@]}" "${filter[@]}"
