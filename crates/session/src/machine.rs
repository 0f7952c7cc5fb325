//! This machine: its files, processes, ports and locks.

pub mod files;
pub mod listen;
pub mod lock;
pub mod probe;
pub mod process;
pub mod read;
pub mod signal;
pub mod timing;
