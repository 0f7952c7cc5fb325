//! Who started prism.

/// Returns the name of the program that started prism, where the system tells it.
pub fn name() -> Option<String> {
    let comm = std::fs::read_to_string(format!("/proc/{}/comm", nix::unistd::getppid())).ok()?;
    Some(comm.trim_end().to_owned())
}
