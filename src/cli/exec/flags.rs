//! The variables of a command line: `-e` and `--env-file`.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use domain::environment::Explicit;
use domain::failure::{Code, Failure};
use domain::identity::own::OWN;
use domain::text::env_file::{self, Entry};
use session::find::Session;

use crate::cli::context::Context;

/// Reads a `-e NAME[=VALUE]`.
pub(super) fn explicit(argument: &OsString) -> Result<Explicit, Failure> {
    let bytes = argument.as_bytes();
    let (name, value) = match bytes.iter().position(|byte| *byte == b'=') {
        Some(at) => (&bytes[..at], Some(OsString::from_vec(bytes[at + 1..].to_vec()))),
        None => (bytes, None),
    };
    let name = std::str::from_utf8(name).ok().filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| Failure::new("`-e` takes NAME or NAME=VALUE").code(Code::Usage))?;
    if !is_variable(name) {
        return Err(Failure::new(format!("`-e {name}`: this is not a name for a variable"))
            .code(Code::Usage)
            .hint("names consist of letters, digits and `_`, and do not begin with a digit"));
    }
    if is_prisms(name) {
        return Err(Failure::new(format!("`-e {name}`: this variable is always prism's"))
            .code(Code::Usage)
            .hint("run the command without prism, or set it inside: `prism exec -- env NAME=VALUE CMD`"));
    }
    Ok(Explicit { name: name.to_owned(), value })
}

/// Reads a `--expose PORT[:APP]`.
pub(super) fn exposed(argument: &str) -> Result<(u16, Option<String>), String> {
    let (port, app) = argument.split_once(':').map_or((argument, None), |(port, app)| (port, Some(app)));
    let port = port.parse().ok().filter(|port| *port > 0);
    match (port, app) {
        (Some(port), None) => Ok((port, None)),
        (Some(port), Some(app)) if !app.is_empty() => Ok((port, Some(app.to_owned()))),
        _ => Err("it is PORT or PORT:APP, as in `3000:web`".to_owned()),
    }
}

/// Says whether a variable is prism's, whatever anybody says. `COMPOSE_PROFILES` and the like are the user's.
fn is_prisms(name: &str) -> bool {
    OWN.contains(&name) || name.starts_with("PRISM_")
}

/// Says whether a name is one that shells and programs can use as a variable's.
fn is_variable(name: &str) -> bool {
    let is_allowed = |c: char| c == '_' || c.is_ascii_alphanumeric();
    !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(is_allowed)
}

/// Passes on the flags that mean the caller's value where there is one of the caller's own.
///
/// # Errors
/// What the environment has is another session's: it must neither be taken for the caller's nor silently be left out.
pub(super) fn callers(
    explicit: Vec<Explicit>,
    context: &Context,
    session: Option<&Session>,
) -> Result<Vec<Explicit>, Failure> {
    let mut kept = Vec::new();
    for flag in explicit {
        let name = &flag.name;
        let is_there =
            flag.value.is_some() || context.caller.own.iter().any(|(found, _)| found == name.as_str());
        if is_there {
            kept.push(flag);
        } else if std::env::var_os(name).is_none() {
            context.output.note(format!("`-e {name}`: your environment has no {name}"));
            kept.push(flag);
        } else {
            let set_for = context.caller.session.as_deref().unwrap_or_default();
            // In a command of this very session, the session's value is meant.
            if session.is_none_or(|session| session.id.as_str() != set_for) {
                return Err(Failure::new(format!(
                    "`-e {name}`: the value in your environment is one that prism set for the session of `{set_for}`"
                ))
                .code(Code::Usage)
                .hint(format!("write it out if it is meant: `-e {name}=VALUE`; without the flag this session's is set")));
            }
        }
    }
    Ok(kept)
}

/// Reads all `--env-file`.
pub(super) fn env_files(paths: &[PathBuf]) -> Result<Vec<Entry>, Failure> {
    let mut entries = Vec::new();
    for path in paths {
        let shown = path.display();
        let text = fs::read_to_string(path).map_err(|error| {
            Failure::new(format!("cannot read `{shown}`")).code(Code::Usage).caused_by(error)
        })?;
        entries.extend(env_file::parse(&text, &shown.to_string())?);
    }
    Ok(entries)
}
