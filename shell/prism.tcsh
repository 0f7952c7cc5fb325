# The hook of tcsh, in ~/.tcshrc: prism hook tcsh > ~/.prism.tcsh; source ~/.prism.tcsh
# Harmless when sourced twice, or in a script. An alias `precmd` or `cwdcmd` that is there already is kept, and runs first.

if ($?prompt) then
    set __prism_program = '@PRISM@'

    # tcsh itself brings back the status. Only builtins follow a one-line `if`, so aliases go through `eval`.
    alias __prism_change 'unset __prism_missed; eval "`$__prism_program:q hook tcsh $__prism_when`"'
    alias __prism_miss 'set __prism_missed; echo "prism: $__prism_program:q is gone: the variables of this shell stay as they are"'
    alias __prism_ask 'if (-x $__prism_program:q) eval __prism_change; if (! -x $__prism_program:q && ! $?__prism_missed) eval __prism_miss'
    alias __prism_hook 'set __prism_when = --at-prompt; __prism_ask'
    alias __prism_cd 'set __prism_when = --at-cd; __prism_ask'

    if ("`alias precmd`" == '') then
        alias precmd __prism_hook
    else if ("`alias precmd`" !~ *__prism_hook*) then
        alias precmd "`alias precmd`; __prism_hook"
    endif
    # What follows `cd` on the same line is to have the variables of where it runs.
    if ("`alias cwdcmd`" == '') then
        alias cwdcmd __prism_cd
    else if ("`alias cwdcmd`" !~ *__prism_cd*) then
        alias cwdcmd "`alias cwdcmd`; __prism_cd"
    endif
endif
