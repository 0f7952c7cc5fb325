//! What a service says to other programs of the machine, in the override.

use crate::stack::reader::Own;
use crate::text::yaml::{Node, put};

/// States the variables and the command that differ.
pub(super) fn state(own: &Own, out: &mut Vec<(String, Node)>) {
    let entries = own.environment.iter().map(|(name, value)| (name.clone(), Node::text(value)));
    put(out, "environment", Node::Map(entries.collect()));
    if let Some(words) = &own.command {
        put(out, "command", Node::Override(Box::new(Node::Seq(words.iter().map(Node::text).collect()))));
    }
}
