#!/usr/bin/env bash
# What a prompt costs: the hook outside a project and inside, next to direnv's hook and a warm `prism exec`.
#
#   benches/prompt.sh [PRISM]            default: target/release/prism
#
# Needs an Engine, the image of tests/setup/images.sh, direnv and hyperfine.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
prism=$(realpath "${1:-target/release/prism}")
directory=$(mktemp -d)
trap 'cd "${directory}/shop" && "${prism}" --quiet destroy --yes; rm -rf "${directory}"' EXIT

mkdir "${directory}/shop"
cat >"${directory}/shop/compose.yaml" <<'YAML'
services:
  web:
    image: prism-test:1
    stop_signal: SIGKILL
    command: [busybox, httpd, -f, -p, "80"]
    ports: ["80"]
YAML

measure() {
    hyperfine --shell=none --warmup 10 --runs 200 --style basic "$@" 2>/dev/null
}

echo '# outside a project'
cd "${directory}"
measure "${prism} hook bash --at-prompt" 'direnv export bash'

echo '# in a session that is up'
cd shop
"${prism}" --quiet start
# A shell that has its variables already, as at each prompt but the first.
eval "$("${prism}" hook bash --at-prompt)"
measure "${prism} hook bash --at-prompt" "${prism} prompt" "${prism} exec -- true"
