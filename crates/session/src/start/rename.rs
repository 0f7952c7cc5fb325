//! Names on networks that sessions share: there, `api` must not be anybody's `api`.

use domain::engine::container::{Container, State};
use domain::stack::header::Header;

use crate::docker::Engine;

/// Says whether a running container has not been seen to have its own names yet: after `docker compose up` in a
/// child, for instance, it has Compose's again.
pub fn is_due(header: &Header, containers: &[Container]) -> bool {
    due(header, containers).next().is_some()
}

/// Only running ones: before its start, the Engine does not let a container leave a network.
fn due<'a>(header: &'a Header, containers: &'a [Container]) -> impl Iterator<Item = &'a Container> {
    let has_names =
        |container: &Container| header.shared_names.iter().any(|name| name.service == container.service);
    containers.iter().filter(move |container| {
        container.state == State::Running && has_names(container) && !header.renamed.contains(&container.id)
    })
}

/// Gives every container that is due its own names, and notes that down in the header. To be called under the
/// session's lock.
pub fn rename(engine: &Engine, header: &mut Header, containers: &[Container]) -> anyhow::Result<()> {
    let due: Vec<Container> = due(header, containers).cloned().collect();
    header.renamed.retain(|id| containers.iter().any(|container| container.id == *id));
    for container in &due {
        for name in header.shared_names.iter().filter(|name| name.service == container.service) {
            engine.rename_on_network(container, &name.network, &name.aliases)?;
        }
        header.renamed.push(container.id.clone());
    }
    Ok(())
}
