//! Whether a server of one image starts on the data of another.

use super::Server;
use crate::catalog;
use crate::identity::name::ProjectName;

/// Says what an image is called in every session: a session's own name for what it builds is left out.
pub fn common(image: &str, project: &ProjectName) -> String {
    let own = format!("-{}", project.suffix());
    if let Some(service) = image.strip_prefix(project.as_str()) {
        return format!("built{service}");
    }
    image.strip_suffix(&own).unwrap_or(image).to_owned()
}

/// Says whether data of `theirs` are no data for `own`.
///
/// Of a server that keeps data, another major version does not start; of everything else only another image is another thing.
pub fn differs(own: &Server, theirs: &Server) -> bool {
    // One whose name was given to a newer image: nothing tells what it was.
    if [own, theirs].iter().any(|server| server.image.starts_with("sha256:")) {
        return false;
    }
    let (name, major) = parts(&own.image);
    let (other_name, other_major) = parts(&theirs.image);
    let is_server = |server: &Server| {
        let kind = catalog::kind(server.kind.as_deref(), &server.image).ok().flatten();
        kind.is_some_and(|kind| !kind.data().is_empty())
    };
    let is_newer = || matches!((major, other_major), (Some(major), Some(other)) if major != other);
    name != other_name || (is_server(own) || is_server(theirs)) && is_newer()
}

/// Splits an image's name from the number with which its tag begins.
fn parts(image: &str) -> (&str, Option<u32>) {
    let whole = image.split('@').next().unwrap_or(image);
    let last = whole.rfind('/').map_or(0, |at| at + 1);
    let (name, tag) = match whole[last..].split_once(':') {
        Some((name, tag)) => (&whole[..last + name.len()], tag),
        None => (whole, ""),
    };
    let digits = tag.trim_start_matches('v');
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    (name, digits[..end].parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(image: &str) -> Server {
        Server { image: image.to_owned(), kind: None }
    }

    #[test]
    fn a_server_starts_on_data_of_its_own_image_and_major_version() {
        for (own, theirs) in [
            ("postgres:17", "postgres:17-alpine"),
            ("postgres:17.2", "postgres:17.5"),
            ("postgres:latest", "postgres:17"),
            ("postgres", "postgres@sha256:0123"),
            ("localhost:5000/postgres:16", "localhost:5000/postgres:16.1"),
            ("acme/web:1", "acme/web:2"),
            ("built-web", "built-web"),
            ("postgres:17", "sha256:0123"),
        ] {
            assert!(!differs(&server(own), &server(theirs)), "{own} {theirs}");
        }
        for (own, theirs) in [
            ("postgres:17", "postgres:16"),
            ("postgres:17-alpine", "postgres:18-alpine"),
            ("quay.io/coreos/etcd:v3.5", "quay.io/coreos/etcd:v4"),
            ("postgres:17", "postgis/postgis:17"),
            ("mariadb:11", "mysql:8"),
            ("acme/web:1", "acme/api:1"),
        ] {
            assert!(differs(&server(own), &server(theirs)), "{own} {theirs}");
        }
    }

    #[test]
    fn a_sessions_own_name_for_an_image_says_nothing() {
        let one = ProjectName::reported("shop-1a2b3c4d");
        let other = ProjectName::reported("shop-0123abcd");
        assert_eq!(common("shop-1a2b3c4d-web", &one), common("shop-0123abcd-web", &other));
        assert_eq!(common("acme/web:1-1a2b3c4d", &one), "acme/web:1");
        assert_eq!(common("postgres:17", &one), "postgres:17");
    }
}
