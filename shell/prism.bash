# shellcheck shell=bash
# The hook of bash: `eval "$(prism hook bash)"` in ~/.bashrc. Harmless when evaluated twice, or in a script.

# A restricted shell may not start prism by its path. While it reads its start-up files, only this option tells.
if [[ $- == *i* ]] && ! shopt -q restricted_shell; then
    __prism_program='@PRISM@'

    # Asks prism what to change, and changes it. Gives back the status that it found, unless the shell would end of it.
    __prism_hook() {
        local __prism_status=$? __prism_change
        __prism_place=${PWD}
        if [[ -x ${__prism_program} ]]; then
            __prism_missed=''
            __prism_change=$("${__prism_program}" hook bash "${1:---at-prompt}") || __prism_change=''
            eval "${__prism_change}" || :
        elif [[ -z ${__prism_missed-} ]]; then
            __prism_missed=1
            printf 'prism: %s is gone: the variables of this shell stay as they are\n' "${__prism_program}" >&2
        fi
        [[ $- == *e* ]] || return "${__prism_status}"
    }

    if [[ ${PROMPT_COMMAND[*]-} != *__prism_hook* ]]; then
        # Each element of the array finds the user's `$?` and PIPESTATUS. In a string, a newline follows anything.
        if ((BASH_VERSINFO[0] > 5 || (BASH_VERSINFO[0] == 5 && BASH_VERSINFO[1] > 0))); then
            PROMPT_COMMAND+=(__prism_hook)
        else
            # shellcheck disable=SC2128,SC2178 # in these versions it is a string
            PROMPT_COMMAND="${PROMPT_COMMAND:+${PROMPT_COMMAND}$'\n'}__prism_hook"
        fi
    fi

    # What follows `cd` on the same line is to have the variables of where it runs, also in functions and subshells. A function of
    # the user's with such a name stays as it is; an alias comes to this one, if it comes to `cd` at all.
    for __prism_verb in cd pushd popd; do
        if ! declare -F "${__prism_verb}" >/dev/null; then
            eval "function ${__prism_verb} { builtin ${__prism_verb} \"\$@\" || return; __prism_hook --at-cd; }"
        fi
    done
    unset -v __prism_verb

    # Whatever else changed the directory is seen before the next command. Neither the trap that is there already nor the ERR trap
    # nor `set -e` notices: the other one has `$?` and `$_` as they were, and its status is the last word.
    # shellcheck disable=SC2016 # it is expanded when the trap runs
    __prism_look='[[ ${PWD} == "${__prism_place-}" ]] || __prism_hook --at-cd || true'
    __prism_place=${PWD}
    __prism_trap=$(trap -p DEBUG)
    eval "__prism_trap=(${__prism_trap})"
    if [[ ${__prism_trap[2]-} != *__prism_place* ]]; then
        if [[ -n ${__prism_trap[2]-} ]]; then
            __prism_look="${__prism_trap[2]}"$'\n'"__prism_ran=\$?; ${__prism_look}; ! ((__prism_ran))"
        fi
        # shellcheck disable=SC2064 # it is this very text
        trap -- "${__prism_look}" DEBUG
    fi
    unset -v __prism_look __prism_trap
fi
