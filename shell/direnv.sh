# shellcheck shell=bash
# `use prism [--start]` for direnv: prism hook direnv > ~/.config/direnv/lib/prism.sh

# Sets the variables of this directory's session. The first thing that prism names are the files to watch, also where
# the rest fails, so that direnv evaluates again when the cause is mended.
use_prism() {
    local prism_change
    prism_change=$('@PRISM@' hook direnv --at-prompt "$@") || :
    eval "${prism_change}"
}
