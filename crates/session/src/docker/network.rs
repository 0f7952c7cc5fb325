//! Names on networks that sessions share.

use domain::engine::container::Container;
use serde_json::json;

use super::Engine;
use super::client::encoded;
use super::model::Attachment;

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
            let seen = self.client.inspection(&container.id).await?;
            let mut attached =
                seen.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
            let (id, path) = (&container.id, format!("/networks/{}", encoded(network)));
            // One that is missing was taken off, and a killed prism did not come to put it on again.
            let mut endpoint = Attachment::default();
            if let Some(found) = attached.remove(network) {
                // The Engine adds the container's short id.
                let is_wanted = |name: &String| aliases.contains(name) || id.starts_with(name);
                if found.aliases.iter().flatten().all(is_wanted) {
                    return Ok(());
                }
                let leave = json!({"Container": id, "Force": false});
                self.client.post(&format!("{path}/disconnect"), Some(leave)).await?;
                endpoint.driver_opts = found.driver_opts;
                endpoint.gw_priority = found.gw_priority;
            }
            endpoint.aliases = Some(aliases.to_vec());
            let join = json!({"Container": id, "EndpointConfig": endpoint});
            self.client.post(&format!("{path}/connect"), Some(join)).await
        });
        renamed.map_err(|error| self.failure(error).into())
    }
}
