//! Becoming the child, a network of its own for it, supervising it where something has to follow, and being interrupted before that.

pub mod exec;
pub mod identity;
pub(super) mod inherited;
pub mod interrupt;
pub mod network;
pub mod parent;
pub mod supervise;
mod terminal;
pub mod witness;
