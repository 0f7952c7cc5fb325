//! The identity of a session, and the Compose project name derived from it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::text::hash::short_hash;

/// The name of a Compose service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct ServiceName(pub String);

/// The name of a Compose project: `[a-z0-9][a-z0-9_-]*`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProjectName(String);

/// What tells one session from all others: its directory, and where two machines share an Engine, the machine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(String);

/// What an ephemeral session's identity ends with: `<pid>-<six letters or digits>`. It is one file name, and no other
/// directory's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Suffix(String);

impl SessionId {
    /// Builds the identity of a session directory. `machine` is given where the directory's path alone
    /// does not tell two sessions of one Engine apart: in a container, or with a remote Engine.
    pub fn new(directory: &str, machine: Option<&str>) -> Self {
        match machine {
            None => Self(directory.to_owned()),
            Some(machine) => Self(format!("{directory}@{machine}")),
        }
    }

    /// Builds the identity of a session for one command beside this one, the directory's own.
    #[must_use]
    pub fn ephemeral(&self, suffix: &Suffix) -> Self {
        Self(format!("{self}+{}", suffix.as_str()))
    }

    /// Takes an identity that a [`Claim`](crate::engine::claim::Claim) has looked at.
    pub(crate) fn claimed(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Returns it as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Suffix {
    /// How many letters follow the process.
    pub const RANDOM: usize = 6;

    /// Reads a suffix of the form that prism makes.
    pub fn parse(text: &str) -> Option<Self> {
        let (pid, random) = text.split_once('-')?;
        let is_pid = matches!(pid.len(), 1..=10) && pid.bytes().all(|byte| byte.is_ascii_digit());
        let is_random =
            random.len() == Self::RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (is_pid && is_random).then(|| Self(text.to_owned()))
    }

    /// Returns it as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn pid(&self) -> &str {
        self.0.split('-').next().unwrap_or_default()
    }
}

impl ProjectName {
    /// Derives `<slug>-<8 hex digits of SHA-256 of the identity>`.
    pub fn new(project: &str, session: &SessionId) -> Self {
        Self(format!("{}-{}", slug(project), short_hash(session.0.as_bytes())))
    }

    /// Takes a project name that Docker reported.
    pub fn reported(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Says whether the name is one that prism gives to this session.
    pub fn is_of(&self, session: &SessionId) -> bool {
        self.0.strip_suffix(&short_hash(session.0.as_bytes())).is_some_and(|rest| rest.ends_with('-'))
    }

    /// Returns the part that is unique to the session: what follows the last `-`.
    pub fn suffix(&self) -> &str {
        self.0.rsplit('-').next().unwrap_or(&self.0)
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for ServiceName {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

/// Turns any text into what Compose accepts at the start of a project name, at most 40 bytes.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            'a'..='z' | '0'..='9' => slug.push(c),
            '_' if !slug.is_empty() => slug.push('_'),
            _ if slug.is_empty() || slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
    }
    slug.truncate(40);
    let slug = slug.trim_end_matches(['-', '_']);
    if slug.is_empty() { "app".to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_what_compose_accepts() {
        for (text, expected) in [
            ("shop", "shop"),
            ("Feature/ABC", "feature-abc"),
            ("_x", "x"),
            ("a.b", "a-b"),
            ("my_app", "my_app"),
            ("--", "app"),
            ("", "app"),
            ("Größe ✓ x", "gr-e-x"),
            ("trailing/", "trailing"),
            ("a  b\n", "a-b"),
            ("0day", "0day"),
        ] {
            assert_eq!(slug(text), expected, "{text:?}");
        }
        assert!(slug(&"x".repeat(300)).len() <= 40);
    }

    #[test]
    fn equal_directories_on_two_machines_are_two_sessions() {
        let name = |machine| ProjectName::new("app", &SessionId::new("/workspaces/app", machine));
        assert_eq!(name(None), name(None));
        assert_ne!(name(Some("a")), name(Some("b")));
        assert_ne!(name(None), name(Some("a")));
    }

    #[test]
    fn the_suffix_is_the_hash_of_the_identity() {
        let name = ProjectName::new("my-shop", &SessionId::new("/w/shop", None));
        assert_eq!(name.as_str(), format!("my-shop-{}", short_hash(b"/w/shop")));
        assert_eq!(name.suffix(), short_hash(b"/w/shop"));
        assert!(name.is_of(&SessionId::new("/w/shop", None)));
        assert!(!name.is_of(&SessionId::new("/w/other", None)));
        assert!(!ProjectName::reported(name.suffix()).is_of(&SessionId::new("/w/shop", None)));
    }
}
