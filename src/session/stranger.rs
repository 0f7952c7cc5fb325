//! What `docker compose` made from the session's directory without prism: no variable leads there.

use super::Session;
use crate::docker::Engine;
use crate::domain::name::SessionId;

/// Names the running containers of each such project, in a sentence.
pub fn strangers(session: &Session, engine: &mut Engine) -> anyhow::Result<Vec<String>> {
    // The directory's own session and those of single commands know each other.
    let suffix = session.ephemeral.as_ref().map(|ephemeral| format!("+{}", ephemeral.suffix.as_str()));
    let own = suffix.and_then(|suffix| session.id.as_str().strip_suffix(&suffix));
    let own = own.map_or_else(|| session.id.clone(), |own| SessionId::new(own, None));
    let found = engine.strangers(&own, &session.directory)?;
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
