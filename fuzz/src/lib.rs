//! prism's pure core, which links lead to, and what is asked of its readers.
#![allow(dead_code, reason = "the core is there as a whole, and the readers need a part of it")]

mod domain;
mod error;
pub mod target;
mod text;
