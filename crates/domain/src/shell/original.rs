//! A caller's environment as it was before any prism.

use std::collections::BTreeMap;

use crate::environment::{Environment, scrubbed};
use crate::identity::own::FORMER;
use crate::shell::layer::lifted;

/// Returns the environment as it was before any prism: without what an outer one set, and with what it or a shell's
/// hook had set aside. What was set or unset since then stays so.
pub fn original(environment: Environment) -> Environment {
    let lifted = lifted(environment);
    let of = |environment: &Environment, name: &str| environment.iter().any(|(found, _)| found == name);
    let text = lifted.iter().find(|(name, _)| name == FORMER).and_then(|(_, value)| value.to_str());
    let former: BTreeMap<String, String> =
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    if former.is_empty() {
        return scrubbed(lifted);
    }
    let mut original = scrubbed(lifted.clone());
    for (name, value) in former {
        if of(&lifted, &name) && !of(&original, &name) {
            original.push((name.into(), value.into()));
        }
    }
    original
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::{Sources, former, merge};
    use crate::identity::own::RECORD;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    }

    #[test]
    fn a_child_of_a_child_finds_what_compose_read_of_the_first_caller() {
        let user = environment(&[("COMPOSE_FILE", "dev.yaml"), ("HOME", "/home/me"), ("PASSWORD", "x")]);
        let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let files = own("COMPOSE_FILE", "/w/dev.yaml:/w/docker-compose.session.yml");
        let read = ["COMPOSE_FILE", "COMPOSE_PROFILES", "HOME"].map(str::to_owned);
        let mut inside = user.clone();
        for _ in 0..3 {
            let mut found = original(inside.clone());
            found.sort();
            assert_eq!(found, user);
            let set = [files.0.clone()];
            let former = former(&found, read.iter(), set.iter()).expect("a file list");
            assert_eq!(former.1, r#"{"COMPOSE_FILE":"dev.yaml"}"#);
            let sources =
                Sources { caller: scrubbed(inside), own: vec![files.clone(), former], ..Sources::default() };
            inside = merge(&sources).expect("an environment").environment;
            assert!(inside.iter().any(|(name, _)| name == RECORD));
        }
        // What is set or unset in the child is meant.
        let unset: Environment = inside.iter().filter(|(name, _)| name != "COMPOSE_FILE").cloned().collect();
        assert_eq!(original(unset), environment(&[("HOME", "/home/me"), ("PASSWORD", "x")]));
        let set = inside.iter().map(|(name, value)| match name.to_str() {
            Some("COMPOSE_FILE") => (name.clone(), "other.yaml".into()),
            _ => (name.clone(), value.clone()),
        });
        let set = original(set.collect());
        assert!(set.contains(&("COMPOSE_FILE".into(), "other.yaml".into())), "{set:?}");
        assert_eq!(former(&user, read.iter(), std::iter::empty()), None);
    }
}
