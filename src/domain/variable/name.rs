//! Names of variables: which are taken, and which no service may give.

use std::collections::{BTreeMap, BTreeSet};

use super::{Missing, Variable, Variables};
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

/// The names that are given so far.
#[derive(Default)]
pub(super) struct Names {
    found: BTreeMap<String, Variable>,
    skipped: BTreeSet<String>,
    pub(super) missing: Vec<Missing>,
}

impl Names {
    /// Gives a name to a service, unless it may not be given.
    pub(super) fn add(&mut self, variable: Variable) -> Result<(), Failure> {
        let Variable { name, value, service, .. } = &variable;
        let service = service.as_ref().map_or("prism.yaml", |service| &service.0);
        if is_reserved(name) {
            if self.skipped.insert(service.to_owned()) {
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
        let Some(found) = self.found.get_mut(name) else {
            self.found.insert(name.clone(), variable);
            return Ok(());
        };
        // A service may be called like the name that its kind gives: `redis` and REDIS_URL.
        if found.service == variable.service {
            found.group = found.group.or(variable.group);
            return Ok(());
        }
        let other = found.service.as_ref().map_or("prism.yaml", |other| &other.0);
        Err(Failure::new(format!("services `{other}` and `{service}` both give {name}"))
            .hint("give one of them another prefix: label `dev-prism.prefix`"))
    }

    /// Takes the variables.
    pub(super) fn finish(self) -> Variables {
        Variables { list: self.found.into_values().collect(), missing: self.missing }
    }
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
