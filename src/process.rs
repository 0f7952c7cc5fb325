//! Becoming the child, and being interrupted before that.

pub mod exec;
pub mod interrupt;
pub mod sigpipe;
