//! What can be done with sessions: the one door for whoever calls, a command line, a server or an agent.
//!
//! Each takes what is asked as plain values, returns what became of it, or a failure, and tells the rest as notices. None
//! reads the working directory, the environment, or a terminal; [`Caller`](crate::find::Caller) and
//! [`Work`](crate::work::Work) have what they need.

pub mod command;
pub mod create;
pub mod destroy;
pub mod list;
pub mod orphan;
pub mod ports;
pub mod present;
pub mod prune;
pub mod start;
pub mod stop;
pub mod target;
