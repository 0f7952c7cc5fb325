//! What completion offers, as it may stand on a command line: some shells insert it as it is.

use std::ffi::OsString;
use std::io::{Result, Write};
use std::path::Path;

use clap_complete::env::{Bash, Elvish, EnvCompleter, Fish, Powershell, Shells, Zsh};
use domain::printable::clean;

/// The shells of clap, each with what it inserts made harmless.
pub(super) const SHELLS: Shells<'static> = Shells(&[
    &Careful { shell: &Bash, space: Some(escaped) },
    &Careful { shell: &Elvish, space: None },
    &Careful { shell: &Fish, space: None },
    &Careful { shell: &Powershell, space: Some(quoted) },
    &Careful { shell: &Zsh, space: None },
]);

struct Careful {
    shell: &'static dyn EnvCompleter,
    /// How a word with a space is written where the shell does not quote; what it would obey is not offered then.
    space: Option<fn(&str) -> String>,
}

impl Careful {
    /// Returns a candidate as the shell may take it; `None` if it may not.
    fn checked(&self, candidate: &str) -> Option<String> {
        let Some(space) = self.space else {
            return (clean(candidate) == candidate.replace('\t', "\u{fffd}")).then(|| candidate.to_owned());
        };
        let (value, description) = candidate.find('\t').map_or((candidate, ""), |at| candidate.split_at(at));
        let is_plain = |c: char| c.is_alphanumeric() || "/._-+,:=@%~ ".contains(c);
        let value = value
            .chars()
            .all(is_plain)
            .then(|| if value.contains(' ') { space(value) } else { value.to_owned() })?;
        Some(value + description)
    }
}

impl EnvCompleter for Careful {
    fn name(&self) -> &'static str {
        self.shell.name()
    }

    fn is(&self, name: &str) -> bool {
        self.shell.is(name)
    }

    fn write_registration(
        &self,
        var: &str,
        name: &str,
        bin: &str,
        completer: &str,
        buf: &mut dyn Write,
    ) -> Result<()> {
        self.shell.write_registration(var, name, bin, completer, buf)
    }

    fn write_complete(
        &self,
        cmd: &mut clap::Command,
        args: Vec<OsString>,
        current_dir: Option<&Path>,
        buf: &mut dyn Write,
    ) -> Result<()> {
        let mut offered = Vec::new();
        self.shell.write_complete(cmd, args, current_dir, &mut offered)?;
        let offered = String::from_utf8_lossy(&offered);
        // As clap divides them, which the shell's script told it.
        let separator = std::env::var("_CLAP_IFS").ok().filter(|separator| !separator.is_empty());
        let separator = separator.as_deref().unwrap_or("\n");
        let checked: Vec<String> =
            offered.split(separator).filter_map(|candidate| self.checked(candidate)).collect();
        buf.write_all(checked.join(separator).as_bytes())
    }
}

fn escaped(word: &str) -> String {
    word.replace(' ', "\\ ")
}

fn quoted(word: &str) -> String {
    format!("'{word}'")
}
