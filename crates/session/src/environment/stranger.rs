//! What `docker compose` made from the session's directory without prism: no variable leads there.

use std::collections::BTreeMap;

use domain::engine::container::Container;
use domain::identity::name::SessionId;
use domain::text::word::word;

use crate::docker::Engine;
use crate::find::Session;

/// Names the running containers of each such project, in a sentence.
pub fn strangers(session: &Session, engine: &mut Engine) -> anyhow::Result<Vec<String>> {
    let found = engine.strangers(&session.directory)?;
    Ok(found.into_iter().map(|(project, names)| sentence(&project, &names)).collect())
}

/// Names the containers of sessions' Compose projects that have none of prism's labels, in a sentence each. `sessions` are
/// those to ask for, with their directories.
pub fn lost(engine: &mut Engine, sessions: &BTreeMap<SessionId, String>) -> anyhow::Result<Vec<String>> {
    let mut found = engine.lost(&sessions.keys().cloned().collect())?;
    found.sort_by(|a, b| a.name.cmp(&b.name));
    let sentence = |it: Container| Some(lost_sentence(&it.name, sessions.get(&it.session_id)?));
    Ok(found.into_iter().filter_map(sentence).collect())
}

fn lost_sentence(name: &str, directory: &str) -> String {
    let shown = word(directory);
    format!(
        "container `{name}` of the session of `{directory}` has lost prism's labels: `prism -C {shown} start` makes it anew, `prism destroy {shown}` removes it as well"
    )
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
