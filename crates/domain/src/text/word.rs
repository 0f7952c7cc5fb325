//! Words of a POSIX shell.

use std::fmt::Display;

/// Makes one word of a POSIX shell of what stands in a command that is to be typed, and leaves it plain where it can be.
pub fn word(text: impl Display) -> String {
    let text = text.to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "_-./:@%+,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) { text } else { posix(&text) }
}

/// `sh`, `bash`, `zsh`: nothing is special between single quotes but their end.
pub fn posix(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
