//! Sessions that live in a worktree which goes with another one's.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use domain::engine::claim::{Claim, machine_of};
use domain::failure::Failure;
use domain::text::word::word;

use crate::docker::{Engine, machine_at};

/// Fails if other sessions than the one that `is_own` live in the worktree which is or was at these places.
///
/// # Errors
/// One does, or the Engine does not answer.
pub fn check(engine: &mut Engine, is_own: impl Fn(&Claim) -> bool, places: &[&Path]) -> anyhow::Result<()> {
    // On a remote Engine, other machines have sessions of the same path.
    let Some(here) = places.first().map(|place| machine_at(place)) else { return Ok(()) };
    let claims = engine.claims()?;
    let claims = claims.ours.into_iter().chain(claims.others).filter(|claim| !is_own(claim));
    let claims =
        claims.filter(|claim| claim.owner.as_deref().is_none_or(|owner| machine_of(owner) == Some(&here)));
    let directories: BTreeSet<PathBuf> = claims.map(|claim| PathBuf::from(claim.directory)).collect();
    let inside =
        |place: &&Path| Some((place.to_path_buf(), directories.iter().find(|it| it.starts_with(place))?));
    let Some((top, inside)) = places.iter().find_map(inside) else { return Ok(()) };
    Err(Failure::new(format!(
        "the worktree `{}` holds another session: `{}`",
        top.display(),
        inside.display()
    ))
    .hint(format!("remove that first: `prism destroy {}`", word(inside.display())))
    .into())
}
