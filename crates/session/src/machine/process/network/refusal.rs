//! Why there is no network, in words for whoever may change that.

use std::fs::{self, File};
use std::path::Path;

use domain::failure::Failure;
use nix::unistd::geteuid;
use serde::{Deserialize, Serialize};

/// What makes the device through which pasta connects a network.
pub(super) const TUN: &str = "/dev/net/tun";

/// What is left to do.
pub(super) const WITHOUT: &str =
    "`prism exec --localhost=never …` runs the command without a network of its own";

/// Why there is no network.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Refusal {
    /// The namespaces cannot be made: which step failed, and how.
    Namespace(String, String),
    /// pasta has ended: what it said.
    Pasta(String),
    /// A helper could not do its part.
    Helper(String),
}

impl Refusal {
    pub(super) fn helper(error: impl std::fmt::Display) -> Self {
        Self::Helper(error.to_string())
    }

    pub(super) fn into_failure(self) -> Failure {
        match self {
            Self::Namespace(step, error) => {
                let failure = Failure::new(format!("cannot make a network for the command: {step}: {error}"));
                failure.hint(of_namespaces())
            }
            Self::Pasta(said) => {
                let failure = Failure::new("`pasta` does not connect the command's network")
                    .details(said.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned));
                failure.hint(of_device().unwrap_or(WITHOUT))
            }
            Self::Helper(error) => {
                Failure::new(format!("the helper of the command's network has failed: {error}")).hint(WITHOUT)
            }
        }
    }
}

/// Says what opens [`TUN`], if it is closed.
pub(super) fn of_device() -> Option<&'static str> {
    if !Path::new(TUN).exists() {
        return Some("`sudo modprobe tun` brings /dev/net/tun; a container needs `--device /dev/net/tun`");
    }
    let is_open = File::options().read(true).write(true).open(TUN).is_ok();
    (!is_open).then_some("/dev/net/tun is closed to you: `sudo chmod 0666 /dev/net/tun`")
}

/// Says what lets a user make namespaces.
fn of_namespaces() -> &'static str {
    let is = |name: &str, value: &str| {
        fs::read_to_string(format!("/proc/sys/{name}")).is_ok_and(|text| text.trim() == value)
    };
    if geteuid().is_root() {
        "as root this takes CAP_SYS_ADMIN, which a container has with `--privileged`"
    } else if is("kernel/apparmor_restrict_unprivileged_userns", "1") {
        "AppArmor keeps prism from it: docs/localhost.md has the profile that allows it, `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0` allows it to all"
    } else if is("kernel/unprivileged_userns_clone", "0") {
        "`sudo sysctl kernel.unprivileged_userns_clone=1` allows it"
    } else if is("user/max_user_namespaces", "0") {
        "`sudo sysctl user.max_user_namespaces=10000` allows it"
    } else {
        "a container lets nobody make namespaces, unless it has `--privileged`"
    }
}
