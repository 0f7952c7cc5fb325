//! Names of images, as Docker means them.

/// Writes an image's name as Docker means it: without the default registry, with a tag.
pub fn common_name(image: &str) -> String {
    let (repository, tag) = split_tag(image);
    let prefixes = ["docker.io/", "index.docker.io/", "library/"];
    let repository =
        prefixes.iter().fold(repository, |name, prefix| name.strip_prefix(prefix).unwrap_or(name));
    format!("{repository}:{}", tag.unwrap_or("latest"))
}

/// Divides a name from its tag.
pub fn split_tag(image: &str) -> (&str, Option<&str>) {
    match image.rsplit_once(':') {
        // A colon before a slash belongs to a registry's port.
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (image, None),
    }
}
