# The hook of xonsh; docs/shells.md has the line for ~/.xonshrc. Harmless when executed twice, or in a script.

if __xonsh__.env.get('XONSH_INTERACTIVE'):
    def __prism_hook(**_):
        """Asks prism what to change, and changes it."""
        import os, subprocess, sys
        program = '@PRISM@'
        if os.access(program, os.X_OK):
            __prism_hook.missed = False
            asked = subprocess.run([program, 'hook', 'xonsh', '--at-prompt'], stdout=subprocess.PIPE,
                                   env=__xonsh__.env.detype())
            __xonsh__.builtins.execx(asked.stdout.decode(), 'exec', __xonsh__.ctx)
        elif not __prism_hook.missed:
            __prism_hook.missed = True
            print(f'prism: {program} is gone: the variables of this shell stay as they are', file=sys.stderr)

    __prism_hook.missed = False
    for handler in list(events.on_pre_prompt):
        if handler.__name__ == '__prism_hook':
            events.on_pre_prompt.discard(handler)
    events.on_pre_prompt(__prism_hook)
