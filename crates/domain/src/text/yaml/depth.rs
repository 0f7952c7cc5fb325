//! Reading YAML of others: what is nested without end is not read.

use serde::de::{DeserializeOwned, Error};
use serde_yaml::Deserializer;

/// The parser takes time by the square of this.
const DEPTH: usize = 200;

/// However brackets in quotes hide how deep the others are, so many of them do no harm.
const OPENED: usize = 50_000;

/// Reads a document.
///
/// # Errors
/// It is no YAML of the wanted shape, or nested too deeply.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, serde_yaml::Error> {
    if is_deep(text) {
        return Err(serde_yaml::Error::custom("it is nested too deeply"));
    }
    serde_yaml::from_str(text)
}

/// Divides a text into its documents; `None` if it is nested too deeply.
pub fn documents(text: &str) -> Option<Deserializer<'_>> {
    (!is_deep(text)).then(|| Deserializer::from_str(text))
}

/// Says whether a text may be nested deeply, without reading it: more than enough for any that is meant to be read.
fn is_deep(text: &str) -> bool {
    let (mut depth, mut opened) = (0_usize, 0_usize);
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                opened += 1;
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH || opened > OPENED {
            return true;
        }
    }
    false
}
