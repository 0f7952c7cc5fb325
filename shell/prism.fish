# The hook of fish: `prism hook fish | source` in config.fish. Harmless when evaluated twice, or in a script.

if status is-interactive
    set -g __prism_program '@PRISM@'

    # Asks prism what to change, and changes it. fish itself brings back the status that its events found.
    function __prism_hook
        if test -x $__prism_program
            set -ge __prism_missed
            $__prism_program hook fish $argv | source
        else if not set -q __prism_missed
            set -g __prism_missed 1
            echo "prism: $__prism_program is gone: the variables of this shell stay as they are" >&2
        end
    end

    # At prompts; and what follows `cd` on the same line is to have the variables of where it runs.
    function __prism_cd --on-variable PWD
        __prism_hook --at-cd
    end
    # direnv, which may stand below this in config.fish, is to have its say first: fish goes by when a function was defined.
    function __prism_first --on-event fish_prompt
        functions -e __prism_first
        function __prism_prompt --on-event fish_prompt
            __prism_hook --at-prompt
        end
        __prism_hook --at-prompt
    end
end
