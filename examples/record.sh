#!/usr/bin/env bash
# Records two worktrees of examples/shop that test at the same time: writes docs/two-worktrees.svg, from a real run.
#
# Left out is what npm and Compose write of themselves, and milliseconds, so that a second run draws the same: ports are a
# hash of the directory. Needs Docker with Compose, git, npm, and prism in PATH.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=/tmp/prism-recording
panes=(shop shop-feature)
exec </dev/null

missing() {
    printf 'record: error: %s\nhint: %s\n' "$1" "$2" >&2
    exit 1
}
command -v prism >/dev/null || missing 'prism is not in PATH' 'make install'
mkdir "${work}" || missing "${work} is there already" "remove it, with the sessions in it: prism list"
clean_up() {
    for pane in "${panes[@]}"; do
        prism -C "${work}/${pane}" destroy --yes 2>/dev/null || true
    done
    rm -rf "${work}"
}
trap clean_up EXIT

export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null npm_config_loglevel=error
unset "${!PRISM_@}" "${!COMPOSE_@}" DATABASE_URL REDIS_URL "${!PG@}"
mkdir "${work}/shop"
tar -C "${root}/examples/shop" --exclude=./node_modules --exclude=./.env.session --exclude=./docker-compose.session.yml -c . |
    tar -C "${work}/shop" -x
cd "${work}/shop"
git init --quiet --initial-branch=main
git add .
git -c user.name=demo -c user.email=demo@example.invalid commit --quiet --message 'a shop'
git worktree add --quiet -b feature ../shop-feature
npm ci >/dev/null
cp -R node_modules ../shop-feature/

# ---- the run: both at the same time

commands=('prism exec -- npm test' 'prism get db')
for pane in "${panes[@]}"; do
    (
        cd "${work}/${pane}"
        for command in "${commands[@]}"; do
            echo "$ ${command}"
            ${command} 2>"${work}/${pane}.err" || echo "status $?"
        done
    ) >"${work}/${pane}.out" &
done
wait

# ---- the drawing

is_told='^(\$ |status |127\.|✔|✖|ℹ (PostgreSQL|tests|pass|fail))'
for pane in "${panes[@]}"; do
    sed -E 's/ \([0-9.]+ms\)$//; s/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g' "${work}/${pane}.out" |
        grep -E "${is_told}" >"${work}/${pane}.told"
    grep -q '^ℹ fail 0$' "${work}/${pane}.told" || missing "the tests of ${pane} failed" "cat ${work}/${pane}.out"
done

# One pane: its title, then a line each 0.4 s; the second pane's lines come between those of the first.
pane() {
    awk -v left="$1" -v title="$2" -v late="$3" '
        function line(at, text, class, delay) {
            printf "<text x=\"%d\" y=\"%d\" class=\"%s\"", left + 12, 30 + 20 * at, class
            if (delay != "") printf " style=\"animation-delay:%.1fs\"", delay
            printf ">%s</text>\n", text
        }
        BEGIN { line(0, title, "title", "") }
        { line(NR + 0.4, $0, /^\$/ ? "line typed" : "line", 0.5 + 0.4 * NR + late) }
    ' "$4"
}
height=$((60 + 20 * $(wc -l <"${work}/shop.told")))
{
    cat <<SVG
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1040 ${height}" width="1040" height="${height}" role="img">
<title>Two worktrees of one project run their tests at the same time, each with its own PostgreSQL and Redis</title>
<style>
text { font: 13px ui-monospace, Menlo, Consolas, monospace; fill: #d0d7de; white-space: pre; }
.title { fill: #8b949e; }
.typed { fill: #7ee787; }
.line { opacity: 0; animation: come 0.01s forwards; }
@keyframes come { to { opacity: 1; } }
@media (prefers-reduced-motion: reduce) { .line { opacity: 1; animation: none; } }
</style>
<rect width="515" height="${height}" rx="8" fill="#0d1117"/>
<rect x="525" width="515" height="${height}" rx="8" fill="#0d1117"/>
SVG
    pane 0 'shop, on main' 0 "${work}/shop.told"
    pane 525 'shop-feature, on feature' 0.2 "${work}/shop-feature.told"
    echo '</svg>'
} >"${root}/docs/two-worktrees.svg"
echo "wrote docs/two-worktrees.svg"
