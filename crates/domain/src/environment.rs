//! Whose variables win: the caller's environment, prism's variables of this or another session, and the flags.

mod anchor;
mod former;
pub mod forward;
mod lead;
mod merge;
mod said;
#[cfg(test)]
mod tests;
pub mod translation;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;

pub use self::anchor::anchored;
pub use self::former::former;
pub use self::lead::{Lead, PortHolders, Stray, leads, strays};
pub use self::merge::merge;
use crate::catalog::Group;
use crate::environment::translation::Targets;
use crate::identity::own::{AWAY, DIFF, FORMER, OVERRIDE, OWN, RECORD, RESOLVED, UNSET};
use crate::text::env_file::Entry;
use crate::variable::Variable;

/// An environment, in the order in which the process got it.
pub type Environment = Vec<(OsString, OsString)>;

/// A `-e NAME[=VALUE]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explicit {
    /// The name.
    pub name: String,
    /// The value; `None` means: the caller's, and it is meant.
    pub value: Option<OsString>,
}

/// All that goes into a child's environment.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The caller's environment, [`scrubbed`].
    pub caller: Environment,
    /// The session's variables, those of `prism.yaml` among them.
    pub session: Vec<Variable>,
    /// Always prism's, whatever anybody says: `PRISM_*`, `SESSION_DIR`, `COMPOSE_*`.
    pub own: Vec<(String, String)>,
    /// The entries of all `--env-file`, in order.
    pub env_files: Vec<Entry>,
    /// `-e`, in order.
    pub explicit: Vec<Explicit>,
    /// The caller's environment comes last.
    pub override_environment: bool,
    /// Where lines of `--env-file` find the services.
    pub targets: Targets,
}

/// A child's environment, and what of the caller's stayed in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The environment.
    pub environment: Environment,
    /// Names whose value is the caller's though the session has another, sorted.
    pub kept: Vec<String>,
    /// Groups that are the caller's though the session has them too.
    pub kept_groups: Vec<&'static Group>,
    /// Names of the session that are not set, as others that belong to them are the caller's, sorted.
    pub withheld: Vec<String>,
    /// Who gave what nobody named for this command alone.
    pub origins: BTreeMap<String, Origin>,
    /// Where an `--env-file` names a variable that is not set: the place and the name.
    pub unset: Vec<(String, String)>,
}

/// Who gave a variable that neither a service gives nor `-e` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The caller's environment.
    Caller,
    /// An `--env-file`: its path and the line's number.
    File(String),
    /// `prism.yaml`: the path of the key.
    Configuration(String),
}

impl Merged {
    /// Takes a variable out.
    pub fn remove(&mut self, name: &str) {
        self.environment.retain(|(found, _)| found != name);
    }
}

/// Removes what an outer prism set: every variable whose value still is the one on record.
pub fn scrubbed(environment: Environment) -> Environment {
    let record = environment.iter().find(|(name, _)| name == RECORD);
    let record: BTreeMap<String, String> =
        record.and_then(|(_, value)| value.to_str()).map(parse_record).unwrap_or_default();
    let is_on_record = |name: &OsStr, value: &OsStr| {
        let noted = name.to_str().and_then(|name| record.get(name));
        noted.is_some_and(|noted| *noted == trace(value.as_bytes()))
    };
    // Tools that pass on only known names drop the record: an override among the Compose files tells, too.
    let has_lost_record = environment.iter().any(|(name, value)| {
        let value_text = value.to_string_lossy();
        name == "COMPOSE_FILE"
            && [OVERRIDE, RESOLVED].iter().any(|file| value_text.contains(file))
            && !is_on_record(name, value)
    });
    let is_prisms = |name: &OsStr, value: &OsStr| {
        name == RECORD
            || name == DIFF
            || name == AWAY
            || name == FORMER
            || is_on_record(name, value)
            || (has_lost_record && name.to_str().is_some_and(|name| OWN.contains(&name) || name == UNSET))
    };
    environment.into_iter().filter(|(name, value)| !is_prisms(name, value)).collect()
}

/// Builds the record of `assignments`.
pub fn record<'a>(assignments: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let entries: BTreeMap<&str, &str> = assignments.collect();
    let mut record = String::new();
    for (name, value) in entries {
        if !record.is_empty() {
            record.push(' ');
        }
        // Text takes whatever is written.
        let _ = write!(record, "{name}={:016x}", number_of(value.as_bytes()));
    }
    record
}

/// Returns 16 hexadecimal digits by which a changed value is noticed, FNV-1a of 64 bits. They stand beside the value itself,
/// so that they need not hide it, and whoever could forge them could set the variable.
pub fn trace(value: impl AsRef<[u8]>) -> String {
    format!("{:016x}", number_of(value.as_ref()))
}

fn number_of(value: &[u8]) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325_u64;
    value.iter().fold(start, |number, byte| (number ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Reads a record.
pub fn parse_record(text: &str) -> BTreeMap<String, String> {
    text.split(' ')
        .filter_map(|entry| entry.split_once('='))
        .map(|(n, h)| (n.to_owned(), h.to_owned()))
        .collect()
}
