//! Worktrees and what would be lost with them.

pub mod checkout;
pub mod git_config;
pub mod loss;
pub mod mount;
pub mod refspec;
pub mod reftable;
