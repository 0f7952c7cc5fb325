//! This machine: its files, processes, ports and locks.

pub mod files;
pub mod listen;
pub mod lock;
#[cfg_attr(target_os = "macos", path = "machine/macos.rs")]
#[cfg_attr(not(target_os = "macos"), path = "machine/linux.rs")]
pub mod platform;
pub mod probe;
pub mod process;
pub mod read;
pub mod signal;
pub mod timing;
