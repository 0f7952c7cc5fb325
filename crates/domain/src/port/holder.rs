//! Who has a port.

use std::fmt;

/// Somebody who has a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The session directory; `None` for a container that is of no session.
    pub directory: Option<String>,
    /// The service, app or container, as in ``service `db` ``.
    pub what: String,
    /// The port is in use, not only reserved.
    pub running: bool,
}

/// `/home/me/billing` (service `iris`)
impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.directory {
            Some(directory) => write!(f, "`{directory}` ({})", self.what),
            None => f.write_str(&self.what),
        }
    }
}
