//! Environment variables that are flags of Compose: one that is left to the user's shell or `.env` may make each of
//! prism's own calls fail, or print what prism does not expect.

use std::process::Command;

/// Arguments of Compose's that go before its verb. An argument beats its variable, be that nonsense.
pub(super) const ARGUMENTS: [&str; 4] = ["--ansi", "never", "--progress", "plain"];

/// Where a variable has no argument, or is read before the arguments are. One that is set beats that of an env file.
///
/// From `cmd/compose`, `pkg/compose` and `internal` of docker/compose, 2.26 to 5.5. The others are the user's to decide:
/// those that say what the files mean (`COMPOSE_FILE`, `COMPOSE_PROFILES`, `COMPOSE_CONVERT_WINDOWS_PATHS`,
/// `COMPOSE_COMPATIBILITY`, `DOCKER_DEFAULT_PLATFORM`, …), or how to build and how much at once (`COMPOSE_BAKE`,
/// `BUILDX_BUILDER`, `COMPOSE_PARALLEL_LIMIT`, `COMPOSE_EXPERIMENTAL…`).
const VARIABLES: [(&str, &str); 7] = [
    ("COMPOSE_ANSI", "never"),
    // What is not in the files of this branch is stopped, and stays for those that have it.
    ("COMPOSE_IGNORE_ORPHANS", "true"),
    ("COMPOSE_MENU", "false"),
    ("COMPOSE_PROGRESS", "plain"),
    ("COMPOSE_REMOVE_ORPHANS", "false"),
    ("COMPOSE_STATUS_STDOUT", "false"),
    ("BUILDKIT_PROGRESS", "plain"),
];

/// Fixes the flags for a call of prism's own.
pub(super) fn fix(command: &mut Command) {
    command.envs(VARIABLES);
}
