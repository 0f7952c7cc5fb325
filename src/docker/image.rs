//! What the images of a session were built from.

use std::collections::{BTreeSet, HashMap};

use bollard::query_parameters::ListImagesOptionsBuilder;
use domain::identity::label::LABEL;
use domain::identity::name::{ServiceName, SessionId};

use super::Engine;
use super::answer::understood;

impl Engine {
    /// Lists what the images of a session were built from, by service, as their labels say.
    pub fn builds(&self, session: &SessionId) -> anyhow::Result<BTreeSet<(ServiceName, String)>> {
        let filters = HashMap::from([("label".to_owned(), vec![format!("{LABEL}session_id={session}")])]);
        let options = ListImagesOptionsBuilder::new().filters(&filters).build();
        let images = understood(self.ask(self.docker.list_images(Some(options)))?)
            .map_err(|error| self.failure(error))?;
        let built = images.iter().filter(|image| !image.repo_tags.is_empty()).filter_map(|image| {
            let service = image.labels.get("com.docker.compose.service")?.clone();
            let built = image.labels.get(&format!("{LABEL}built")).cloned();
            Some((ServiceName(service), built.unwrap_or_default()))
        });
        Ok(built.collect())
    }
}
