//! Bringing a session up.

pub mod cold;
pub mod diagnosis;
pub mod options;
pub mod patience;
pub mod rename;
pub mod script;
pub mod up;
pub mod wait;
pub mod warm;
