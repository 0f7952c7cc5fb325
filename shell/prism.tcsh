# The hook of tcsh, in ~/.tcshrc: prism hook tcsh > ~/.prism.tcsh; source ~/.prism.tcsh
# Harmless when sourced twice, or in a script. An alias `precmd` that is there already is kept, and runs first.

if ($?prompt) then
    set __prism_program = '@PRISM@'

    # tcsh itself brings back the status. Only builtins follow a one-line `if`, so aliases go through `eval`.
    alias __prism_change 'unset __prism_missed; eval "`$__prism_program:q hook tcsh --at-prompt`"'
    alias __prism_miss 'set __prism_missed; echo "prism: $__prism_program:q is gone: the variables of this shell stay as they are"'
    alias __prism_hook 'if (-x $__prism_program:q) eval __prism_change; if (! -x $__prism_program:q && ! $?__prism_missed) eval __prism_miss'

    if ("`alias precmd`" == '') then
        alias precmd __prism_hook
    else if ("`alias precmd`" !~ *__prism_hook*) then
        alias precmd "`alias precmd`; __prism_hook"
    endif
endif
