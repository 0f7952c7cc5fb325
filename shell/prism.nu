# The hook of nushell, in an autoload directory: prism hook nushell | save --force ($nu.default-config-dir | path join autoload prism.nu)
# Harmless when it is there twice.

const __prism_program = '@PRISM@'

# Asks prism what to change, and changes it.
def --env __prism_hook [] {
    if ($__prism_program | path exists) {
        hide-env --ignore-errors __PRISM_MISSED
        for step in (^$__prism_program hook nushell --at-prompt | from json | default {} | transpose name value) {
            if $step.value == null {
                hide-env --ignore-errors $step.name
            } else {
                load-env { ($step.name): $step.value }
            }
        }
    } else if not ('__PRISM_MISSED' in $env) {
        $env.__PRISM_MISSED = '1'
        print --stderr $'prism: ($__prism_program) is gone: the variables of this shell stay as they are'
    }
}

$env.config.hooks.pre_prompt = (
    $env.config.hooks.pre_prompt?
    | default []
    | where {|hook| $hook != { code: '__prism_hook' } }
    | append { code: '__prism_hook' }
)
