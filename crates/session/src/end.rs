//! Ending a session, and what was made for it.

pub mod ephemeral;
pub mod neighbour;
pub mod remove;
pub mod worktree;
