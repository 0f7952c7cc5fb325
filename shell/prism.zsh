# The hook of zsh: `eval "$(prism hook zsh)"` in ~/.zshrc. Harmless when evaluated twice, or in a script.

if [[ -o interactive ]]; then
    typeset -g __prism_program='@PRISM@'

    # Asks prism what to change, and changes it. zsh itself brings back the status that its hooks found.
    __prism_hook() {
        # A restricted shell may not start prism by its path; it is none yet while it reads its start-up files.
        [[ -o restricted ]] && return 0
        emulate -L zsh
        setopt noerrexit noerrreturn noxtrace
        local __prism_change
        if [[ -x $__prism_program ]]; then
            typeset -g __prism_missed=''
            __prism_change=$("$__prism_program" hook zsh ${1:---at-prompt}) && eval "$__prism_change"
        elif [[ -z ${__prism_missed-} ]]; then
            typeset -g __prism_missed=1
            print -ru2 -- "prism: $__prism_program is gone: the variables of this shell stay as they are"
        fi
        return 0
    }

    __prism_cd() { __prism_hook --at-cd }

    () {
        emulate -L zsh
        typeset -ga precmd_functions
        if (( ! ${precmd_functions[(Ie)__prism_hook]} )); then
            precmd_functions+=(__prism_hook)
        fi
        # What follows `cd` on the same line is to have the variables of where it runs.
        typeset -ga chpwd_functions
        if (( ! ${chpwd_functions[(Ie)__prism_cd]} )); then
            chpwd_functions+=(__prism_cd)
        fi
    }
fi
