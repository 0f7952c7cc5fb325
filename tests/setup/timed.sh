#!/usr/bin/env bash
# The steps of `make test`. At the end it says how long each took, also when one failed or was interrupted.
#
#   timed.sh [NAME…]     only tests whose names contain one of these
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# A background job ignores Ctrl-C, and all that it starts does; tests of signals are about something else.
catching=()
! env --default-signal=INT true 2>/dev/null || catching=(env --default-signal=INT --default-signal=QUIT)
if cargo nextest --version >/dev/null 2>&1; then
    run=(cargo nextest run --locked)
    filter=("$@")
else
    run=(cargo test --locked)
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
step lint "${MAKE:-make}" --no-print-directory lint
step compile "${run[@]}" --no-run
step tests "${catching[@]}" "${run[@]}" "${filter[@]}"
