//! Services that use the network of another one.

use std::collections::BTreeMap;

use super::{Publication, ServicePlan};
use crate::identity::name::ServiceName;
use crate::stack::model::Model;

/// A service in another's network cannot publish: its ports go to the one that owns the network.
pub(super) fn publish_on_owners(services: &mut BTreeMap<ServiceName, ServicePlan>) {
    let guests: Vec<ServiceName> =
        services.iter().filter(|(_, plan)| plan.via.is_some()).map(|(name, _)| name.clone()).collect();
    for guest in guests {
        let owner = owner_of(services, &guest);
        let is_open = services.get(&owner).is_some_and(|owner| !owner.closed);
        let ports = services.get_mut(&guest).map(|plan| std::mem::take(&mut plan.ports)).unwrap_or_default();
        if let Some(plan) = services.get_mut(&guest) {
            plan.via = Some(owner.clone());
            plan.guest_ports = ports.iter().map(|port| port.container).collect();
        }
        if let Some(plan) = services.get_mut(&owner) {
            let is_new = |port: &Publication| !plan.ports.iter().any(|other| other.is_at(port));
            let new: Vec<_> = ports.into_iter().filter(|port| is_open && is_new(port)).collect();
            plan.ports.extend(new);
        }
    }
}

/// Follows `network_mode: service:x` to the service that has a network of its own.
fn owner_of(services: &BTreeMap<ServiceName, ServicePlan>, guest: &ServiceName) -> ServiceName {
    let mut owner = guest;
    // Compose refuses cycles; the bound only keeps this function total.
    for _ in 0..services.len() {
        match services.get(owner).and_then(|plan| plan.via.as_ref()) {
            Some(next) => owner = next,
            None => break,
        }
    }
    owner.clone()
}

/// Finds the service with this fixed container name.
pub fn service_of_container<'m>(model: &'m Model, container: &str) -> Option<&'m ServiceName> {
    model
        .services
        .iter()
        .find(|(_, service)| service.container_name.as_deref() == Some(container))
        .map(|(name, _)| name)
}
