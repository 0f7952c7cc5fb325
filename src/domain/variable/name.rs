//! Names of variables: which are taken, and which no service may give.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::setting::reader;
use super::{Missing, Variable, Variables};
use crate::domain::name::ServiceName;
use crate::error::Failure;

/// Turns a service's name into the beginning of its variables' names.
pub fn prefix(name: &str) -> String {
    let upper: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    if upper.starts_with(|c: char| c.is_ascii_digit()) { format!("_{upper}") } else { upper }
}

/// Says whether every shell can name a variable so: letters, digits and `_`, no digit first (POSIX).
pub fn is_name(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
}

/// How much a name is a service's own; what only follows from a rule gives way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Claim {
    /// One that programs look for, whatever the service is called: `DATABASE_URL`.
    Global,
    /// One that follows from what the service is: a replica's, a credential, a user interface.
    Derived,
    /// What the service is called, with `_HOST`, `_PORT` or `_URL`.
    Called,
}

/// The names that are given so far.
#[derive(Default)]
pub(super) struct Names {
    found: BTreeMap<String, (Claim, Variable)>,
    /// Claimed by several services alike, and so given by none.
    contested: BTreeMap<String, Claim>,
    /// Why a name is not given to somebody who would give it.
    lost: BTreeMap<String, Vec<String>>,
    skipped: BTreeSet<String>,
    pub(super) missing: Vec<Missing>,
}

impl Names {
    /// Gives a name to a service, unless it may not be given, or another one has as good a claim to it.
    pub(super) fn add(&mut self, claim: Claim, variable: Variable) -> Result<(), Failure> {
        let Variable { name, value, .. } = &variable;
        let service = shown(&variable).to_owned();
        if is_reserved(name) {
            if self.skipped.insert(service.clone()) {
                self.missing.push(Missing {
                    names: vec![name.clone()],
                    why: format!(
                        "other programs take their settings from such names; give service `{service}` a prefix (label `dev-prism.prefix`)"
                    ),
                });
            }
            return Ok(());
        }
        if value.contains('\0') {
            return Err(Failure::new(format!("the value of {name} (service `{service}`) holds a NUL byte")));
        }
        if let Some(program) = reader(name) {
            let why = format!(
                "{program} takes its own settings from such names; give service `{service}` a prefix (label `dev-prism.prefix`)"
            );
            let reasons = self.lost.entry(name.clone()).or_default();
            if !reasons.contains(&why) {
                reasons.push(why);
            }
            return Ok(());
        }
        if self.contested.get(name).is_some_and(|other| *other >= claim) {
            return Ok(());
        }
        let Some((other_claim, found)) = self.found.get_mut(name) else {
            self.found.insert(name.clone(), (claim, variable));
            return Ok(());
        };
        // A service may be called like the name that its kind gives: `redis` and REDIS_URL.
        if found.service == variable.service {
            found.group = found.group.or(variable.group);
            return Ok(());
        }
        let other = shown(found).to_owned();
        let lost = self.lost.entry(name.clone()).or_default();
        match claim.cmp(other_claim) {
            Ordering::Less => lost.push(given_up(&service, &other)),
            Ordering::Greater => {
                lost.push(given_up(&other, &service));
                (*other_claim, *found) = (claim, variable);
            }
            Ordering::Equal => {
                lost.push(format!(
                    "services `{other}` and `{service}` both give it; give one of them another prefix: label `dev-prism.prefix`"
                ));
                self.contested.insert(name.clone(), claim);
                self.found.remove(name);
            }
        }
        Ok(())
    }

    /// Finds who else has one of these names, or would have it.
    pub(super) fn rival<'n>(
        &self,
        mut names: impl Iterator<Item = &'n str>,
        service: &ServiceName,
    ) -> Option<String> {
        names.find_map(|name| match self.found.get(name) {
            Some((_, found)) if found.service.as_ref() != Some(service) => Some(shown(found).to_owned()),
            _ => None,
        })
    }

    /// Takes the variables.
    pub(super) fn finish(mut self) -> Variables {
        let mut by_reason: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, reasons) in self.lost {
            for why in reasons {
                by_reason.entry(why).or_default().push(name.clone());
            }
        }
        self.missing.extend(by_reason.into_iter().map(|(why, names)| Missing { names, why }));
        let list = self.found.into_values().map(|(_, variable)| variable).collect();
        Variables { list, missing: self.missing }
    }
}

fn shown(variable: &Variable) -> &str {
    variable.service.as_ref().map_or("prism.yaml", |service| &service.0)
}

/// Says why `service` does not give a name that belongs to `owner`.
pub(super) fn given_up(service: &str, owner: &str) -> String {
    format!(
        "`{service}` would give it too, but it is `{owner}` that is called so; a prefix helps: label `dev-prism.prefix`"
    )
}

/// Says whether programs take a cloud's credentials or address from a variable of this name (SERVICES.md).
pub(super) fn is_cloud_credential(name: &str) -> bool {
    name.starts_with("AWS_") || name.starts_with("VAULT_")
}

/// Names that no service may set: programs take code, identity or their own settings from them (SERVICES.md).
pub fn is_reserved(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "PATH",
        "HOME",
        "SHELL",
        "USER",
        "TERM",
        "IFS",
        "ENV",
        "BASH_ENV",
        "ZDOTDIR",
        "PROMPT_COMMAND",
        "NODE_OPTIONS",
        "NODE_PATH",
        "RUBYOPT",
        "RUBYLIB",
        "JAVA_TOOL_OPTIONS",
        "EDITOR",
        "VISUAL",
        "PAGER",
        "BROWSER",
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "KUBECONFIG",
        "SESSION_DIR",
    ];
    const PREFIXES: &[&str] = &[
        "LD_",
        "DYLD_",
        "PYTHON",
        "PERL5",
        "RUSTC",
        "CARGO_",
        "GIT_",
        "SSH_",
        "GPG_",
        "DOCKER_",
        "PIP_",
        "npm_config_",
        "NPM_CONFIG_",
        "UV_",
        "PRISM_",
        "COMPOSE_",
        "__PRISM_",
    ];
    let numbered = name
        .strip_prefix("PS")
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()));
    NAMES.contains(&name)
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || name.ends_with("_PROXY")
        || name.ends_with("_proxy")
        || numbered
}
