//! What a service says to other programs of the machine, in the override.

use crate::domain::reader::Own;
use crate::domain::yaml::{Node, put};

/// States the variables and the command that differ.
pub(super) fn state(own: &Own, out: &mut Vec<(String, Node)>) {
    let entries = own.environment.iter().map(|(name, value)| (name.clone(), Node::text(value)));
    put(out, "environment", Node::Map(entries.collect()));
    if let Some(words) = &own.command {
        put(out, "command", Node::Override(Box::new(Node::Seq(words.iter().map(Node::text).collect()))));
    }
}
