//! What a session that is up consists of.

use domain::engine::container::Container;
use domain::stack::header::Header;

/// A session that is up.
#[derive(Debug)]
pub struct Up {
    /// What it was started from.
    pub header: Header,
    /// Its containers.
    pub containers: Vec<Container>,
    /// It did not run before.
    pub started: bool,
}
