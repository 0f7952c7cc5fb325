//! A small YAML writer for the override: block style, every string in double quotes, Compose's tags.
//!
//! General emitters leave `2026-01-01` or `1_000` unquoted, which other parsers read as a date or a number.

mod depth;

use std::fmt::Write;

pub use self::depth::{documents, read};

/// A YAML value with the tags that Compose merges by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(u64),
    /// Text, in which `$` stands for itself (Compose's interpolation is escaped by the writer).
    Str(String),
    /// A sequence.
    Seq(Vec<Node>),
    /// A mapping, in the order given.
    Map(Vec<(String, Node)>),
    /// `!override`: this value replaces the one in the user's file.
    Override(Box<Node>),
    /// `!reset null`: the user's value is removed.
    Reset,
}

impl Node {
    /// Builds a string.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Str(text.into())
    }

    /// Says whether a mapping or a sequence has nothing in it.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Map(entries) => entries.is_empty(),
            Self::Seq(items) => items.is_empty(),
            _ => false,
        }
    }
}

impl Node {
    /// States `!reset null` at the end of a path, making the mappings on the way. What is stated there already stays.
    pub fn reset_at(&mut self, path: &[String]) {
        let (Self::Map(entries), Some((key, rest))) = (self, path.split_first()) else { return };
        let found = entries.iter().position(|(name, _)| name == key);
        match (found, rest) {
            (Some(at), rest) => entries[at].1.reset_at(rest),
            (None, []) => entries.push((key.clone(), Self::Reset)),
            (None, rest) => {
                let mut inner = Self::Map(Vec::new());
                inner.reset_at(rest);
                entries.push((key.clone(), inner));
            }
        }
    }
}

/// Adds `value` under `key`, unless it is an empty mapping or sequence, which would state nothing.
pub fn put(map: &mut Vec<(String, Node)>, key: &str, value: Node) {
    if !value.is_empty() {
        map.push((key.to_owned(), value));
    }
}

/// Writes `node` as a document.
pub fn write(node: &Node) -> String {
    let mut out = String::new();
    write_node(&mut out, node, 0);
    out.trim_start_matches('\n').to_owned()
}

/// A key that is longer than 1024 characters has to say that it is one (YAML 1.2, 7.4.2).
const SIMPLE_KEY: usize = 1000;

fn write_node(out: &mut String, node: &Node, indent: usize) {
    match node {
        Node::Bool(value) => {
            let _ = writeln!(out, " {value}");
        }
        Node::Int(value) => {
            let _ = writeln!(out, " {value}");
        }
        Node::Str(text) => {
            let _ = writeln!(out, " {}", quote(&text.replace('$', "$$")));
        }
        Node::Reset => out.push_str(" !reset null\n"),
        Node::Override(inner) => {
            out.push_str(" !override");
            write_node(out, inner, indent);
        }
        Node::Seq(items) if items.is_empty() => out.push_str(" []\n"),
        Node::Map(entries) if entries.is_empty() => out.push_str(" {}\n"),
        Node::Seq(items) => {
            out.push('\n');
            for item in items {
                let _ = write!(out, "{:indent$}-", "");
                write_node(out, item, indent + 2);
            }
        }
        Node::Map(entries) => {
            out.push('\n');
            for (key, value) in entries {
                let key = quote(key);
                let _ = if key.len() > SIMPLE_KEY {
                    write!(out, "{:indent$}? {key}\n{:indent$}:", "", "")
                } else {
                    write!(out, "{:indent$}{key}:", "")
                };
                write_node(out, value, indent + 2);
            }
        }
    }
}

/// Quotes text as a YAML double-quoted scalar on one line.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            // YAML's own line breaks, the byte order mark, and what its character set leaves out.
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => {
                let _ = write!(quoted, "\\x{:02x}", u32::from(c));
            }
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(&str, Node)]) -> Node {
        Node::Map(entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
    }

    #[test]
    fn writes_nested_blocks_and_tags() {
        let node = map(&[(
            "services",
            map(&[(
                "db",
                map(&[
                    ("container_name", Node::Reset),
                    ("ports", Node::Override(Box::new(Node::Seq(vec![map(&[("target", Node::Int(5432))])])))),
                    ("networks", Node::Override(Box::new(Node::Seq(vec![])))),
                ]),
            )]),
        )]);
        assert_eq!(
            write(&node),
            "\"services\":\n  \"db\":\n    \"container_name\": !reset null\n    \"ports\": !override\n      -\n        \"target\": 5432\n    \"networks\": !override []\n"
        );
    }

    #[test]
    fn a_key_may_be_of_any_length() {
        let long = "k".repeat(2000);
        let inner = map(&[("a", Node::text("x")), (&long, Node::Seq(vec![Node::Int(1)]))]);
        let yaml = write(&map(&[(&long, inner)]));
        let read: serde_yaml::Value = serde_yaml::from_str(&yaml).expect("valid");
        assert_eq!((read[&long]["a"].as_str(), read[&long][&long][0].as_u64()), (Some("x"), Some(1)));
    }

    #[test]
    fn every_string_comes_back_as_itself() {
        for text in [
            "",
            "2026-01-01",
            "1_000",
            "on",
            "~",
            "a: b",
            "#x",
            "'",
            "\"",
            "\\",
            "tab\t",
            "line\nbreak",
            "\r",
            "\u{7f}",
            "\u{85}",
            "\u{2028}",
            "\u{1f600}",
            "\u{feff}x",
            " lead",
            "trail ",
            "!x",
            "&a",
            "*a",
        ] {
            let yaml = write(&map(&[("k", Node::text(text))]));
            let read: std::collections::BTreeMap<String, String> =
                serde_yaml::from_str(&yaml).expect("valid");
            assert_eq!(read["k"], text, "{yaml}");
        }
    }

    #[test]
    fn a_reset_goes_where_nothing_is_stated() {
        let mut node = map(&[("a", map(&[("b", Node::Int(1))]))]);
        for path in [&["a", "b"][..], &["a", "c"], &["d", "e"]] {
            node.reset_at(&path.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>());
        }
        assert_eq!(write(&node), "\"a\":\n  \"b\": 1\n  \"c\": !reset null\n\"d\":\n  \"e\": !reset null\n");
    }

    #[test]
    fn a_dollar_is_escaped_in_values_and_kept_in_keys() {
        assert_eq!(write(&map(&[("a$b", Node::text("c$d"))])), "\"a$b\": \"c$$d\"\n");
    }
}
