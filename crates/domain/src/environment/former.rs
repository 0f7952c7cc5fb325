//! What Compose reads has to be the same inside and outside of what prism starts, or a `prism exec` in a child of another
//! one would recreate the containers that its parent uses.

use std::collections::BTreeMap;

use super::Environment;
use crate::identity::own::FORMER;

/// Lists those of the caller's variables that Compose reads, and that prism sets itself: what scrubbing would lose.
/// `read` are the names that Compose was seen to read, `set` those that prism sets. `None`: nothing would be lost.
pub fn former<'n>(
    caller: &Environment,
    read: impl Iterator<Item = &'n String>,
    set: impl Iterator<Item = &'n String>,
) -> Option<(String, String)> {
    let set: Vec<&String> = set.collect();
    let callers = |name: &String| caller.iter().find(|(found, _)| found == name.as_str())?.1.to_str();
    let former: BTreeMap<&String, &str> =
        read.filter(|name| set.contains(name)).filter_map(|name| Some((name, callers(name)?))).collect();
    let text = serde_json::to_string(&former).ok().filter(|_| !former.is_empty())?;
    Some((FORMER.to_owned(), text))
}
