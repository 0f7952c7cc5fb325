//! What files that were copied into a new worktree say of the session that they come from, and of the plain stack.

use std::path::PathBuf;

use domain::stack::dotenv_file;
use domain::stack::header::Header;
use domain::text::{block, dotenv, loopback};

use crate::docker::{self, Engine};
use crate::environment::guard::{self, Declared};
use crate::environment::{SessionVariables, child};
use crate::find::Session;
use crate::machine::{files, read};
use crate::notice::Notices;

/// Gives the copies of files in which `prism env --write` has a block one of this session, and names their lines that lead to
/// another one, or to the plain stack where nothing translates them.
///
/// # Errors
/// A file cannot be written, or the Engine does not answer.
pub fn refresh(
    session: &Session,
    sources: &[PathBuf],
    header: &Header,
    variables: &SessionVariables,
    engine: &mut Engine,
    notices: Notices,
) -> anyhow::Result<()> {
    let hostname = docker::hostname();
    let declared = guard::declared(header.in_scope());
    for name in &session.settings.env_files {
        let path = session.path().join(name);
        // A link would lead out of the worktree.
        let Some(text) = (!path.is_symlink()).then(|| read::text(&path).ok()).flatten() else { continue };
        let has_block =
            |source: &PathBuf| read::text(&source.join(name)).is_ok_and(|text| block::without(&text) != text);
        if sources.iter().any(has_block) {
            let all = variables.all();
            let lines = dotenv::write(all.iter().map(|(name, value)| (name.as_str(), value.as_str()))).text;
            let new = block::replace(text.as_bytes(), &lines)?;
            if new != text.as_bytes() {
                files::rewrite(&path, &new)?;
            }
        }
        let is_translated = |name: &str| variables.variables.iter().any(|it| it.name == name);
        let is_read = header.dotenv.files.contains_key(name);
        let lines = dotenv_file::lines(&block::blanked(&text), name);
        let leads = lines.iter().flat_map(|line| {
            loopback::ports(&line.value, &hostname).into_iter().map(move |port| (line, port))
        });
        let leads: Vec<_> = leads.collect();
        if leads.is_empty() {
            continue;
        }
        let others = child::held_by_others(session, engine)?;
        for (line, port) in leads {
            let whose = match (others.get(&port), declared.get(&port)) {
                (Some((service, directory)), _) => {
                    format!("service `{service}` of the session of `{directory}`")
                }
                (None, Some(Declared { service, .. })) if !(is_read && is_translated(&line.name)) => {
                    format!("the one that the Compose file gives `{service}`, and not this session's")
                }
                _ => continue,
            };
            notices.note(format!("{}: {} leads to port {port}, which is {whose}", line.place, line.name));
        }
    }
    Ok(())
}
