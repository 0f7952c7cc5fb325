//! What is asked of the readers of prism's pure core, for cargo-fuzz.

pub mod target;
