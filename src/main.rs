//! prism runs a command against its own copy of a Compose stack.
mod domain;
mod error;
mod output;
fn main() {}
