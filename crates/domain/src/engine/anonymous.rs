//! The anonymous volumes that the Engine made for containers of a session: they go with it, also where Compose has given
//! them to a later container, or to none. Nothing in the Engine says whose they are then but the session's note.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::identity::name::SessionId;
use crate::identity::seal::seal;

/// How many hexadecimal digits the name of one has.
const DIGITS: usize = 64;

/// What a note says of them. Labels are input: only a sealed list is believed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anonymous {
    names: BTreeSet<String>,
    seal: String,
}

impl Anonymous {
    /// Notes down the names of volumes of a session. Without a key nothing is noted: nobody could tell it from a forgery.
    pub fn sealed(names: BTreeSet<String>, session: &SessionId, key: Option<&str>) -> Self {
        match key.filter(|_| !names.is_empty()) {
            Some(key) => Self { seal: seal(&text(session, &names), key), names },
            None => Self::default(),
        }
    }

    /// Returns the names, if they are sealed.
    pub fn proven(&self, session: &SessionId, key: Option<&str>) -> BTreeSet<String> {
        let is_proven = key.is_some_and(|key| seal(&text(session, &self.names), key) == self.seal);
        if is_proven { self.names.clone() } else { BTreeSet::new() }
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

/// Says whether a volume is called as the Engine calls one that nobody named.
pub fn is_anonymous(name: &str) -> bool {
    name.len() == DIGITS && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn text(session: &SessionId, names: &BTreeSet<String>) -> String {
    let names = names.iter().map(String::as_str);
    std::iter::once(session.as_str()).chain(names).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_sealed_list_of_this_session_is_believed() {
        let names: BTreeSet<String> = ["0f".to_owned()].into();
        let [one, other] = ["/w/a", "/w/b"].map(|directory| SessionId::new(directory, None));
        let sealed = Anonymous::sealed(names.clone(), &one, Some("k"));
        assert_eq!(sealed.proven(&one, Some("k")), names);
        assert!(sealed.proven(&other, Some("k")).is_empty() && sealed.proven(&one, Some("l")).is_empty());
        assert!(sealed.proven(&one, None).is_empty());
        assert!(Anonymous::sealed(names, &one, None).is_empty());
        let forged = r#"{"names":["named"],"seal":""}"#;
        let forged: Anonymous = serde_json::from_str(forged).expect("a note");
        assert!(forged.proven(&one, Some("k")).is_empty());
    }

    #[test]
    fn names_of_the_engines_own() {
        assert!(is_anonymous(&"0f".repeat(32)));
        assert!(!is_anonymous("shop_data") && !is_anonymous(&"0g".repeat(32)));
    }
}
