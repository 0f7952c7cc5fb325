//! Names on networks that sessions share.

use std::collections::HashMap;

use bollard::models::{EndpointSettings, NetworkConnectRequest, NetworkDisconnectRequest};
use domain::engine::container::Container;

use super::Engine;
use super::answer::understood;

impl Engine {
    /// Gives a container no other names on a network than `aliases`.
    ///
    /// Compose names every container after its service on each of its networks, which an override cannot take
    /// back; so the container is taken off the network and put on it again.
    pub fn rename_on_network(
        &self,
        container: &Container,
        network: &str,
        aliases: &[String],
    ) -> anyhow::Result<()> {
        let renamed = self.runtime.block_on(async {
            let seen = understood(self.docker.inspect_container(&container.id, None).await)?;
            let mut attached: HashMap<String, EndpointSettings> =
                seen.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
            let id = container.id.clone();
            // One that is missing was taken off, and a killed prism did not come to put it on again.
            let mut endpoint = EndpointSettings::default();
            if let Some(found) = attached.remove(network) {
                // The Engine adds the container's short id.
                let is_wanted = |name: &String| aliases.contains(name) || id.starts_with(name);
                if found.aliases.iter().flatten().all(is_wanted) {
                    return Ok(());
                }
                let leave = NetworkDisconnectRequest { container: id.clone(), force: Some(false) };
                self.docker.disconnect_network(network, leave).await?;
                endpoint.driver_opts = found.driver_opts;
                endpoint.gw_priority = found.gw_priority;
            }
            endpoint.aliases = Some(aliases.to_vec());
            let join = NetworkConnectRequest { container: id, endpoint_config: Some(endpoint) };
            self.docker.connect_network(network, join).await
        });
        renamed.map_err(|error| self.failure(error).into())
    }
}
