//! What shells differ in: how they set, unset and quote, what their prompts expand, and their hook's file.

pub mod layer;
pub mod original;
mod quote;
#[cfg(test)]
mod tests;

use self::quote::{elvish, fish, json, powershell, tcsh, xonsh};
use crate::shell::layer::Operation;
use crate::text::word::posix;

/// One shell.
#[derive(Debug)]
pub struct Shell {
    /// The name by which prism is told.
    pub name: &'static str,
    /// Other names of the program, as the kernel or `$SHELL` may have them.
    aliases: &'static [&'static str],
    /// What stands around a value's name and the quoted value where it is set.
    set: [&'static str; 3],
    /// What stands around the name where it is unset.
    unset: [&'static str; 2],
    /// What stands around and between the operations.
    frame: [&'static str; 3],
    /// Makes one word of any text.
    quote: fn(&str) -> String,
    /// The characters that a prompt expands, doubled to stand for themselves; others are replaced.
    doubled: &'static [char],
    replaced: &'static [char],
    /// The file of its hook; `None` where there are no prompts to hook into.
    hook: Option<&'static str>,
}

/// Stands in a hook's file for the quoted path of prism.
const PROGRAM: &str = "'@PRISM@'";

const POSIX: Shell = Shell {
    name: "sh",
    aliases: &["dash", "ash", "ksh", "mksh", "busybox"],
    set: ["export ", "=", "\n"],
    unset: ["unset -v ", "\n"],
    frame: ["", "", ""],
    quote: posix,
    doubled: &[],
    replaced: &['$', '`', '!', '\\'],
    hook: None,
};

/// Every shell, the best known first.
pub static SHELLS: [Shell; 9] = [
    Shell {
        name: "bash",
        aliases: &["rbash"],
        doubled: &['\\'],
        replaced: &['$', '`', '!'],
        hook: Some(include_str!("../../../shell/prism.bash")),
        ..POSIX
    },
    Shell {
        name: "zsh",
        aliases: &[],
        // A variable that is read-only would end all that is evaluated, half-way.
        set: ["{ export ", "=", "; } always { TRY_BLOCK_ERROR=0; }\n"],
        unset: ["{ unset -v ", "; } always { TRY_BLOCK_ERROR=0; }\n"],
        doubled: &['%'],
        replaced: &['$', '`', '!'],
        hook: Some(include_str!("../../../shell/prism.zsh")),
        ..POSIX
    },
    Shell {
        name: "fish",
        aliases: &[],
        set: ["set -gx ", " ", "\n"],
        unset: ["set -eg ", "\n"],
        quote: fish,
        doubled: &[],
        replaced: &[],
        hook: Some(include_str!("../../../shell/prism.fish")),
        ..POSIX
    },
    Shell {
        name: "nushell",
        aliases: &["nu"],
        set: ["\"", "\": ", ""],
        unset: ["\"", "\": null"],
        frame: ["{", ",\n", "}\n"],
        quote: json,
        doubled: &[],
        replaced: &[],
        hook: Some(include_str!("../../../shell/prism.nu")),
    },
    Shell {
        name: "powershell",
        aliases: &["pwsh"],
        set: ["${Env:", "} = ", "\n"],
        unset: ["Remove-Item -ErrorAction Ignore -LiteralPath Env:", "\n"],
        quote: powershell,
        doubled: &[],
        replaced: &[],
        hook: Some(include_str!("../../../shell/prism.ps1")),
        ..POSIX
    },
    Shell {
        name: "elvish",
        aliases: &[],
        set: ["set-env ", " ", "\n"],
        unset: ["unset-env ", "\n"],
        quote: elvish,
        doubled: &[],
        replaced: &[],
        hook: Some(include_str!("../../../shell/prism.elv")),
        ..POSIX
    },
    Shell {
        name: "tcsh",
        aliases: &["csh"],
        set: ["setenv ", " ", ";\n"],
        unset: ["unsetenv ", ";\n"],
        quote: tcsh,
        doubled: &['%'],
        replaced: &['$', '`', '!', '\\'],
        hook: Some(include_str!("../../../shell/prism.tcsh")),
        ..POSIX
    },
    Shell {
        name: "xonsh",
        aliases: &[],
        set: ["${...}['", "'] = ", "\n"],
        unset: ["${...}.pop('", "', None)\n"],
        quote: xonsh,
        doubled: &['{', '}'],
        replaced: &[],
        hook: Some(include_str!("../../../shell/prism.xsh")),
        ..POSIX
    },
    POSIX,
];

/// Returns the code that defines `use prism` for direnv.
pub fn direnv(program: &str) -> String {
    include_str!("../../../shell/direnv.sh").replace(PROGRAM, &posix(program))
}

impl Shell {
    /// Finds a shell by its name or by a program's, which may have a path, and a `-` before it at log-in.
    pub fn named(program: &str) -> Option<&'static Self> {
        let name = program.rsplit('/').next().unwrap_or(program).trim_start_matches('-');
        SHELLS.iter().find(|shell| shell.name == name || shell.aliases.contains(&name))
    }

    /// Writes operations as code for this shell.
    pub fn render(&self, operations: &[Operation]) -> String {
        let [before, between, after] = self.frame;
        let code = operations.iter().map(|Operation { name, value }| match value {
            Some(value) => {
                format!("{}{name}{}{}{}", self.set[0], self.set[1], self.quote(value), self.set[2])
            }
            None => format!("{}{name}{}", self.unset[0], self.unset[1]),
        });
        format!("{before}{}{after}", code.collect::<Vec<_>>().join(between))
    }

    /// Makes one word of any text.
    pub fn quote(&self, text: &str) -> String {
        (self.quote)(text)
    }

    /// Says whether there is a hook for it.
    pub fn has_hook(&self) -> bool {
        self.hook.is_some()
    }

    /// Returns the code that installs its hook, which calls the prism at this path.
    pub fn hook(&self, program: &str) -> Option<String> {
        Some(self.hook?.replace(PROGRAM, &self.quote(program)))
    }

    /// Makes a text safe in a prompt: nothing in it is expanded, whichever way the prompt is put together.
    pub fn prompt(&self, text: &str) -> String {
        let mut safe = String::with_capacity(text.len());
        for c in text.chars() {
            if self.replaced.contains(&c) {
                safe.push('_');
                continue;
            }
            safe.push(c);
            if self.doubled.contains(&c) {
                safe.push(c);
            }
        }
        safe
    }
}
