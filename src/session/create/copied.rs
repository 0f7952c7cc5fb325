//! What files that were copied into a new worktree say of the session that they come from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::docker::{self, Engine};
use crate::domain::variable::host_ports;
use crate::domain::{block, dotenv, loopback, translation};
use crate::output::Output;
use crate::session::Session;
use crate::session::environment::SessionVariables;
use crate::{files, read};

/// Gives the copies of files in which `prism env --write` has a block one of this session, and names their lines that lead to
/// another one.
///
/// # Errors
/// A file cannot be written, or the Engine does not answer.
pub fn refresh(
    session: &Session,
    sources: &[PathBuf],
    variables: &SessionVariables,
    engine: &mut Engine,
    output: Output,
) -> anyhow::Result<()> {
    let mut others: Option<BTreeMap<u16, String>> = None;
    for name in &session.settings.env_files {
        let path = session.path().join(name);
        // A link would lead out of the worktree.
        let Some(text) = (!path.is_symlink()).then(|| read::text(&path).ok()).flatten() else { continue };
        let has_block = |path: &Path| read::text(path).is_ok_and(|text| block::without(&text) != text);
        if sources.iter().any(|source| has_block(&source.join(name))) {
            let all = variables.all();
            let lines = dotenv::write(all.iter().map(|(name, value)| (name.as_str(), value.as_str()))).text;
            let new = block::replace(text.as_bytes(), &lines)?;
            if new != text.as_bytes() {
                files::rewrite(&path, &new)?;
            }
        }
        let hostname = docker::hostname();
        for line in translation::lines(&block::without(&text), name) {
            for port in loopback::ports(&line.value, &hostname) {
                let others = match &mut others {
                    Some(others) => others,
                    None => others.insert(ports_of_others(session, engine)?),
                };
                if let Some(whose) = others.get(&port) {
                    output.note(format!(
                        "{}: {} leads to port {port}, which is {whose}",
                        line.place, line.name
                    ));
                }
            }
        }
    }
    Ok(())
}

/// Lists the host ports of other sessions, each with whose it is.
fn ports_of_others(session: &Session, engine: &mut Engine) -> anyhow::Result<BTreeMap<u16, String>> {
    let all = engine.all_sessions()?;
    let others = all.iter().filter(|container| container.session_id != session.id);
    let ports = others.flat_map(|container| {
        let directory = container.label("working_dir").unwrap_or(container.session_id.as_str());
        let whose = format!("service `{}` of the session of `{directory}`", container.service);
        host_ports(std::slice::from_ref(container)).into_iter().map(move |port| (port, whose.clone()))
    });
    Ok(ports.collect())
}
