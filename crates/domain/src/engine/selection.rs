//! What a user chose to belong to a session: by flags, remembered in the session's note.

use serde::{Deserialize, Serialize};

use crate::identity::name::ServiceName;

/// What the user chose. Nothing chosen: every service without a profile, and those that have containers, but for what an
/// earlier choice left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Selection {
    /// Only these, and what they depend on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<ServiceName>,
    /// Those of these profiles as well.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<String>,
    /// Not these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<ServiceName>,
    /// All profiles, or none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
}

/// Where the apps of a project run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// In containers: the services of all profiles are started.
    Docker,
    /// On the host: those of no profile are.
    Native,
}

impl Selection {
    /// Says whether the user chose nothing.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Completes a choice by what `prism.yaml` selects where it says nothing itself.
    #[must_use]
    pub fn over(&self, usual: &Self) -> Self {
        let services = if self.services.is_empty() { &usual.services } else { &self.services };
        let without = usual.without.iter().filter(|service| !self.services.contains(service));
        let union = |own: &[String], others: &[String]| {
            let new = others.iter().filter(|other| !own.contains(other));
            own.iter().chain(new).cloned().collect()
        };
        Self {
            services: services.clone(),
            profiles: union(&self.profiles, &usual.profiles),
            without: self.without.iter().chain(without).cloned().collect(),
            mode: self.mode.or(usual.mode),
        }
    }
}
