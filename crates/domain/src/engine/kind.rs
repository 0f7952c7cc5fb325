//! What kind of service a container is.

use crate::catalog::{self, Kind};
use crate::engine::container::Container;

/// Says whether the variables of this container need more than the Engine's list: credentials.
pub fn needs_inspection(container: &Container) -> bool {
    kind_of(container).is_some_and(|kind| {
        !kind.logins.is_empty() || !kind.database.variables.is_empty() || !kind.facts.is_empty()
    })
}

/// Returns the kind of a container, by its label or its image.
pub fn kind_of(container: &Container) -> Option<&'static Kind> {
    catalog::kind(container.label("kind"), &container.image).ok().flatten()
}
