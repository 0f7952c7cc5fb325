//! Names on networks that sessions share.

use std::collections::HashMap;

use bollard::models::{EndpointSettings, NetworkConnectRequest, NetworkDisconnectRequest};

use super::Engine;
use crate::domain::container::Container;

impl Engine {
    /// Gives a container no other names on a network than `aliases`, if it answers to `name` there.
    ///
    /// Compose names every container after its service on each of its networks, which an override cannot take
    /// back; so the container is taken off the network and put on it again.
    pub fn rename_on_network(
        &self,
        container: &Container,
        network: &str,
        name: &str,
        aliases: Vec<String>,
    ) -> anyhow::Result<()> {
        let renamed = self.runtime.block_on(async {
            let seen = self.docker.inspect_container(&container.id, None).await?;
            let attached: HashMap<String, EndpointSettings> =
                seen.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
            let Some(endpoint) = attached.get(network) else { return Ok(()) };
            if !endpoint.aliases.iter().flatten().any(|alias| alias == name) {
                return Ok(());
            }
            let id = container.id.clone();
            let leave = NetworkDisconnectRequest { container: id.clone(), force: Some(false) };
            self.docker.disconnect_network(network, leave).await?;
            let endpoint_config = Some(EndpointSettings {
                aliases: Some(aliases),
                driver_opts: endpoint.driver_opts.clone(),
                ..EndpointSettings::default()
            });
            self.docker
                .connect_network(network, NetworkConnectRequest { container: id, endpoint_config })
                .await
        });
        renamed.map_err(|error| self.failure(error).into())
    }
}
