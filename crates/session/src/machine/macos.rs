//! What only macOS has, or has in its own way.
#![expect(unsafe_code, reason = "a section that the linker knows is named")]

use std::os::macos::fs::MetadataExt;
use std::path::Path;

use nix::libc::{SF_APPEND, SF_IMMUTABLE, UF_APPEND, UF_IMMUTABLE};

use super::process::inherited;

/// Runs before `main`, and before Rust's runtime.
#[used]
#[unsafe(link_section = "__DATA,__mod_init_func")]
static REMEMBER: extern "C" fn() = inherited::remember;

/// How an Engine of this machine is started.
pub const START_HINT: &str =
    "start Docker Desktop (or colima, OrbStack), or point DOCKER_HOST at a running Engine";

/// What lets a file that [`is_fixed`] be deleted: a command, without the path.
pub const UNFIX: &str = "sudo chflags noschg,nosappnd,nouchg,nouappnd";

/// Says whether nobody may delete a file, or what is in a directory, as `chflags` has it.
pub fn is_fixed(path: &Path) -> bool {
    let fixed = UF_IMMUTABLE | UF_APPEND | SF_IMMUTABLE | SF_APPEND;
    path.symlink_metadata().is_ok_and(|found| found.st_flags() & fixed != 0)
}
