//! Images that the project builds: a session's copy must not be another session's.

use std::collections::BTreeMap;

use crate::identity::name::ProjectName;
use crate::stack::model::Model;
use crate::text::image_name::{common_name, split_tag};
use crate::text::yaml::Node;

/// The longest tag that Docker takes.
const TAG_LIMIT: usize = 128;

/// The images that some service builds, by the one name under which every spelling is found.
pub struct Built {
    /// Common name → the session's name.
    names: BTreeMap<String, String>,
}

impl Built {
    /// Collects the named images that services build.
    pub fn of(model: &Model, project: &ProjectName) -> Self {
        let builders = model.services.values().filter(|service| service.build.is_some());
        let images = builders.filter_map(|service| service.image.as_deref());
        Self { names: images.map(|image| (common_name(image), session_tag(image, project))).collect() }
    }

    /// Returns the session's name of an image that the project builds, whoever uses it.
    pub fn session_name(&self, image: &str) -> Option<&str> {
        self.names.get(&common_name(image)).map(String::as_str)
    }

    /// Lets `FROM` and `COPY --from` of one build find the session's copy of another one's image.
    pub fn contexts(&self, own: Option<&str>) -> Node {
        let own = own.map(common_name);
        let others = self.names.iter().filter(|(name, _)| Some(*name) != own.as_ref());
        let context = |(name, session): (&String, &String)| {
            // Without its tag, `latest` is found under both spellings.
            let name = name.strip_suffix(":latest").unwrap_or(name);
            (name.to_owned(), Node::text(format!("docker-image://{session}")))
        };
        Node::Map(others.map(context).collect())
    }
}

/// Appends the session to an image's tag; the name stays, so that its kind is still recognised.
pub fn session_tag(image: &str, project: &ProjectName) -> String {
    let (repository, tag) = split_tag(image);
    let suffix = project.suffix();
    let tag = tag.unwrap_or("latest");
    let kept = tag.get(..TAG_LIMIT.saturating_sub(suffix.len() + 1)).unwrap_or(tag);
    format!("{repository}:{kept}-{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_keep_the_name_of_the_image() {
        let project = ProjectName::reported("shop-1a2b3c4d");
        for (image, expected) in [
            ("localhost:5000/acme/postgres", "localhost:5000/acme/postgres:latest-1a2b3c4d"),
            ("app:1", "app:1-1a2b3c4d"),
        ] {
            assert_eq!(session_tag(image, &project), expected);
        }
        let long = session_tag(&format!("app:{}", "x".repeat(128)), &project);
        assert_eq!(long.len(), "app:".len() + TAG_LIMIT);
    }

    #[test]
    fn every_spelling_means_the_same_image() {
        for spelling in ["shop/app", "shop/app:latest", "docker.io/shop/app"] {
            assert_eq!(common_name(spelling), "shop/app:latest");
        }
        assert_eq!(common_name("docker.io/library/redis:7"), "redis:7");
    }
}
