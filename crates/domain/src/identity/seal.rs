//! A seal behind a text: only who has the user's key can make it. What a repository brings, or another user of the Engine
//! wrote by hand, has none that fits.

use crate::text::hash::content_hash;

/// Seals a text: hashes twice, so that nothing can be appended to what was hashed.
pub fn seal(text: &str, key: &str) -> String {
    let inner = content_hash(format!("{key}\n{text}").as_bytes());
    content_hash(format!("{key}\n{inner}").as_bytes())
}
