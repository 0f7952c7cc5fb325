//! The host ports of a plan: what it wants, and what was reserved for it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::{Plan, ServicePlan};
use crate::failure::{Code, Failure};
use crate::identity::name::ServiceName;
use crate::port::ContainerPort;
use crate::port::allocation::{Policy, Want};
use crate::port::reservation::{Block, Reservations, Slot};

/// A container port and the address of the host at which it is published.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Publication {
    /// The port inside.
    pub container: ContainerPort,
    /// The address outside.
    pub host_ip: IpAddr,
    /// The reserved host port, of replicas the first; `None` where the Engine chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_port: Option<u16>,
    /// How that is chosen.
    #[serde(skip)]
    pub policy: Policy,
}

impl Publication {
    /// Says whether both mean the same port of the same address.
    pub(super) fn is_at(&self, other: &Self) -> bool {
        (self.container, self.host_ip) == (other.container, other.host_ip)
    }
}

impl ServicePlan {
    /// Returns what is reserved for one of its publications, a port for each replica.
    pub fn block(&self, port: &Publication) -> Option<Block> {
        Block::new(port.host_port?, self.count())
    }

    /// Returns the host ports of one of its publications.
    pub fn host_ports(&self, port: &Publication) -> Option<RangeInclusive<u16>> {
        self.block(port).map(Block::ports)
    }

    /// Counts its containers; one that is scaled to none keeps a port for later.
    fn count(&self) -> u16 {
        u16::try_from(self.replicas).unwrap_or(u16::MAX).max(1)
    }
}

impl Plan {
    /// Lists the host ports that these services want, without what only the Engine knows of them.
    pub fn wants(&self, services: &BTreeSet<ServiceName>) -> Vec<Want> {
        let mut wants: BTreeMap<Slot, Want> = BTreeMap::new();
        for (name, service) in self.services.iter().filter(|(name, _)| services.contains(*name)) {
            for port in service.ports.iter().filter(|port| port.policy != Policy::Random) {
                let slot = Slot::Service(name.clone(), port.container);
                let want = wants.entry(slot.clone()).or_insert_with(|| Want {
                    slot,
                    policy: port.policy,
                    count: service.count(),
                    hash: 0,
                    before: None,
                    held: BTreeSet::new(),
                    host_ips: Vec::new(),
                });
                want.host_ips.push(port.host_ip);
            }
        }
        wants.into_values().collect()
    }

    /// Lets prism choose in place of the user: a second stack of a directory cannot have the same pins as the first.
    pub fn unpin(&mut self) {
        for port in self.services.values_mut().flat_map(|service| &mut service.ports) {
            if let Policy::Pin(_) = port.policy {
                port.policy = Policy::Sticky;
            }
        }
    }

    /// Fails if one of the pins is among the ports that the user wants changed.
    ///
    /// # Errors
    /// Only the user changes a pin.
    pub fn check_pins(&self, unwanted: &BTreeSet<u16>) -> Result<(), Failure> {
        for (name, service) in &self.services {
            let pins = service.ports.iter().filter_map(|port| match port.policy {
                Policy::Pin(port) => Some(port),
                _ => None,
            });
            if let Some(pin) = pins.into_iter().find(|pin| unwanted.contains(pin)) {
                return Err(Failure::new(format!("service `{name}` is pinned to port {pin}"))
                    .code(Code::Usage)
                    .hint(format!(
                        "change `services: {{{name}: {{port: …}}}}` in prism.yaml, or the label `dev-prism.port`"
                    )));
            }
        }
        Ok(())
    }

    /// Enters what was reserved.
    pub fn reserve(&mut self, reserved: &Reservations) {
        for (name, service) in &mut self.services {
            for port in &mut service.ports {
                let block = reserved.get(&Slot::Service(name.clone(), port.container));
                port.host_port = block.map(|block| block.first);
            }
        }
    }

    /// Finds the service that publishes a port of `service`, its network's owner or itself.
    pub fn publisher(
        &self,
        service: &ServiceName,
        port: ContainerPort,
    ) -> Option<(&ServiceName, &Publication)> {
        let plan = self.services.get(service)?;
        let owner = plan.via.as_ref().unwrap_or(service);
        let (owner, plan) = self.services.get_key_value(owner)?;
        Some((owner, plan.ports.iter().find(|publication| publication.container == port)?))
    }
}
