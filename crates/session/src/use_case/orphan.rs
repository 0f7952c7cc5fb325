//! Sessions that nobody needs any more.

use std::path::Path;

use domain::engine::claim::{Claim, Command};
use domain::engine::ledger::Noted;
use domain::engine::origin::{Origin, Presence, Why};
use domain::identity::name::{SessionId, Suffix};

use crate::docker::Claims;
use crate::find::owner;
use crate::machine::files::disk;
use crate::machine::process::identity;

/// Sessions of a user that nobody needs any more, by identity and directory.
#[derive(Debug, Default)]
pub struct Orphans {
    /// Their directory is gone.
    pub gone: Vec<(SessionId, String, Option<Origin>)>,
    /// They were for one command, and its process has ended.
    pub ended: Vec<(SessionId, String, Suffix)>,
    /// Their directory is not there, and may come back.
    pub away: Vec<(String, Why)>,
}

impl Orphans {
    /// Looks for the directories of an owner's sessions.
    pub fn find(owner: &str, claims: &Claims, notes: &[Noted]) -> Self {
        let mut orphans = Self::default();
        let claims = claims.ours.iter().cloned();
        for claim in claims.filter(|claim| claim.owner.as_deref() == Some(owner)) {
            let Claim { id, directory, ephemeral, .. } = claim;
            let path = Path::new(&directory);
            if let Some(Command { suffix, process }) = ephemeral {
                if identity::has_ended(&process) {
                    orphans.ended.push((id, directory, suffix));
                }
                continue;
            }
            let note = notes.iter().find(|noted| noted.session_id == id);
            let origin = note.and_then(|noted| noted.note.origin.clone());
            if let Some(machine) = note.and_then(owner::former_machine) {
                orphans.away.push((directory, Why::OtherMachine(machine.to_owned())));
                continue;
            }
            match disk::presence(path, origin.as_ref()) {
                Presence::There => {}
                Presence::Gone => orphans.gone.push((id, directory, origin)),
                Presence::Away(why) => orphans.away.push((directory, why)),
            }
        }
        orphans
    }
}
