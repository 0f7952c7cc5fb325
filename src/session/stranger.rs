//! What `docker compose` made from the session's directory without prism: no variable leads there.

use super::Session;
use crate::docker::Engine;

/// Names the running containers of each such project, in a sentence.
pub fn strangers(session: &Session, engine: &mut Engine) -> anyhow::Result<Vec<String>> {
    let found = engine.strangers(&session.directory)?;
    Ok(found.into_iter().map(|(project, names)| sentence(&project, &names)).collect())
}

fn sentence(project: &str, names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let (was, is) = if names.len() == 1 { ("was", "is") } else { ("were", "are") };
    format!(
        "{} of the Compose project `{project}` {was} started here without prism, and {is} not this session's",
        names.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_or_several() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            sentence("shop", &names(&["shop-db-1"])),
            "`shop-db-1` of the Compose project `shop` was started here without prism, and is not this session's"
        );
        assert!(
            sentence("shop", &names(&["a", "b"])).starts_with("`a`, `b` of the Compose project `shop` were ")
        );
    }
}
