//! Quoters: any text as one word of a shell, with nothing in it expanded. POSIX quoting fits three shells only.

use std::fmt::Write;

/// `fish`: between single quotes, a backslash escapes itself and the quote.
pub(super) fn fish(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}

/// JSON, for shells that read it.
pub(super) fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// `PowerShell`: a single quote is doubled, and it takes the typographic ones for the same.
pub(super) fn powershell(text: &str) -> String {
    let mut quoted = String::from("'");
    for c in text.chars() {
        quoted.push(c);
        if matches!(c, '\'' | '\u{2018}'..='\u{201b}') {
            quoted.push(c);
        }
    }
    quoted + "'"
}

/// `elvish`: a single quote is doubled.
pub(super) fn elvish(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// `tcsh`: an exclamation mark recalls history between any quotes, and a backquoted command loses its newlines. The
/// form with escapes, which is newer (6.24), is used only where there are control characters.
pub(super) fn tcsh(text: &str) -> String {
    if !text.contains(|c: char| c.is_ascii_control()) {
        return format!("'{}'", text.replace('\'', r"'\''").replace('!', r"\!"));
    }
    let mut quoted = String::from("$'");
    for c in text.chars() {
        match c {
            '\\' | '\'' | '!' | '$' | '`' => drop(write!(quoted, "\\{:03o}", u32::from(c))),
            c if c.is_ascii_control() => drop(write!(quoted, "\\{:03o}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted + "'"
}

/// `xonsh`: a literal of Python.
pub(super) fn xonsh(text: &str) -> String {
    let mut quoted = String::from("'");
    for c in text.chars() {
        match c {
            '\\' | '\'' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            c if c.is_control() => drop(write!(quoted, "\\x{:02x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted + "'"
}
