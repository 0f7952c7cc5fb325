//! What every face shows, as data, and as tables.

pub mod prompt;
pub mod session;
pub mod snapshot;
pub mod variable;
