# shellcheck shell=bash
# The hook of bash: `eval "$(prism hook bash)"` in ~/.bashrc. Harmless when evaluated twice, or in a script.

# A restricted shell may not start prism by its path. While it reads its start-up files, only this option tells.
if [[ $- == *i* ]] && ! shopt -q restricted_shell; then
    __prism_program='@PRISM@'

    # Asks prism what to change, and changes it. Gives back the status that it found, unless the shell would end of it.
    __prism_hook() {
        local __prism_status=$? __prism_change
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

    # What follows `cd` on the same line is to have the variables of where it runs. A function or an alias of the user's with
    # such a name stays as it is: then the next prompt sets them.
    for __prism_verb in cd pushd popd; do
        if [[ $(type -t "${__prism_verb}") == builtin ]]; then
            eval "${__prism_verb}() { builtin ${__prism_verb} \"\$@\" || return; __prism_hook --at-cd; }"
        fi
    done
    unset -v __prism_verb
fi
