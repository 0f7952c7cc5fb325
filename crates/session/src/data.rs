//! Data that come along: a session that begins with a copy of another one's, or of a snapshot; and snapshots themselves.
//!
//! Nothing of it is kept anywhere but in labels of volumes. What is half copied has a mark from before its first byte to after
//! its last, and what is paused for a copy has one from before the pause to after its end: whoever comes next, mends.

mod begin;
mod fill;
mod freeze;
mod site;
pub mod snapshot;
mod source;

pub use self::begin::{Asked, Due, Present, due};
pub use self::freeze::{mend, mend_locked};
pub use self::source::{find, is_there, project};
