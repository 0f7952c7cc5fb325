//! What only Linux has, or has in its own way.
#![expect(unsafe_code, reason = "a section that the linker knows is named")]

use std::path::Path;

use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};

use super::process::inherited;

/// Runs before `main`, and before Rust's runtime.
#[used]
#[unsafe(link_section = ".init_array")]
static REMEMBER: extern "C" fn() = inherited::remember;

/// How an Engine of this machine is started.
pub const START_HINT: &str =
    "start it (`sudo systemctl start docker`), or point DOCKER_HOST at a running Engine";

/// What lets a file that [`is_fixed`] be deleted: a command, without the path.
pub const UNFIX: &str = "sudo chattr -i -a";

/// Says whether nobody may delete a file, or what is in a directory: as `chattr +i` and `+a` have it, also for root.
pub fn is_fixed(path: &Path) -> bool {
    let fixed = StatxAttributes::IMMUTABLE | StatxAttributes::APPEND;
    // What an old kernel does not say counts as nothing, and so does what is not there any more.
    statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::empty())
        .is_ok_and(|found| found.stx_attributes.intersects(fixed))
}
