//! Containers that a Compose which failed, or was ended, left half made.

use domain::engine::container::{half_made as unsure, replacements};
use domain::identity::name::ServiceName;

use crate::work::Work;

/// Removes the containers that were to replace others which are still there, and lists the services that have another
/// one which Compose would start as it is.
pub(super) fn half_made(work: &mut Work) -> anyhow::Result<Vec<ServiceName>> {
    let Work { session, engine, .. } = work;
    let mut containers = engine.every_container(&session.id)?;
    let replacements = replacements(&containers);
    if !replacements.is_empty() {
        engine.remove_containers(&replacements, &containers)?;
        containers.retain(|container| !replacements.contains(container));
    }
    Ok(unsure(&containers))
}
