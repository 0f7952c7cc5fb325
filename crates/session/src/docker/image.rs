//! What the images of a session were built from.

use std::collections::BTreeSet;

use domain::identity::label::LABEL;
use domain::identity::name::{ServiceName, SessionId};

use super::Engine;

impl Engine {
    /// Lists what the images of a session were built from, by service, as their labels say.
    pub fn builds(&self, session: &SessionId) -> anyhow::Result<BTreeSet<(ServiceName, String)>> {
        let label = format!("{LABEL}session_id={session}");
        let images = self.ask(self.client.images(&label))?.map_err(|error| self.failure(error))?;
        let tagged =
            images.iter().filter(|image| image.repo_tags.as_ref().is_some_and(|tags| !tags.is_empty()));
        let built = tagged.filter_map(|image| {
            let labels = image.labels.as_ref()?;
            let service = labels.get("com.docker.compose.service")?.clone();
            let built = labels.get(&format!("{LABEL}built")).cloned();
            Some((ServiceName(service), built.unwrap_or_default()))
        });
        Ok(built.collect())
    }
}
