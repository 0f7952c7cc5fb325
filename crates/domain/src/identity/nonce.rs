//! What tells one making of a thing from every other, also of one of the same name at the same place.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Sixteen hexadecimal digits. It becomes part of file names, and so cannot be anything else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Nonce(String);

impl Nonce {
    /// Makes one of a random number.
    pub fn new(random: u64) -> Self {
        Self(format!("{random:016x}"))
    }
}

impl TryFrom<String> for Nonce {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == 16 && text.bytes().all(is_digit) { Ok(Self(text)) } else { Err("it is no nonce") }
    }
}

impl From<Nonce> for String {
    fn from(nonce: Nonce) -> Self {
        nonce.0
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits() {
        let nonce = Nonce::new(255);
        assert_eq!(nonce.to_string(), "00000000000000ff");
        assert_eq!(Nonce::try_from(nonce.to_string()), Ok(nonce));
        for text in ["", "ff", "../../../../../.", "00000000000000fF", "00000000000000ff0"] {
            assert!(Nonce::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
