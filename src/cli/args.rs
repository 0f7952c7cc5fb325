//! Arguments that several verbs take.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use clap_complete::ArgValueCompleter;

use super::complete;
use session::use_case::target::Named;

#[derive(Debug, Args)]
pub(super) struct SelectArgs {
    /// Only these services, and what they depend on
    #[arg(long = "service", value_name = "SERVICE", add = ArgValueCompleter::new(complete::services))]
    pub(super) services: Vec<String>,
    /// The services of this profile as well
    #[arg(long = "profile", value_name = "PROFILE")]
    pub(super) profiles: Vec<String>,
    /// Everything but these services
    #[arg(long, value_name = "SERVICE,…", value_delimiter = ',', add = ArgValueCompleter::new(complete::services))]
    pub(super) without: Vec<String>,
    /// A template of prism.yaml
    #[arg(long, value_name = "TEMPLATE")]
    pub(super) template: Option<String>,
    /// Apps in containers (all profiles) or on the host (none)
    #[arg(long, value_name = "MODE")]
    pub(super) mode: Option<ModeArg>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ModeArg {
    /// The services of all profiles are started
    Docker,
    /// Those of no profile are
    Native,
}

/// How long is waited where nothing else is said.
pub(super) const WAIT_SECONDS: u64 = 120;

#[derive(Debug, Args)]
pub(super) struct WaitArgs {
    /// Give up after SECONDS, counted from the last pull or build
    #[arg(long = "wait-timeout", value_name = "SECONDS", default_value_t = WAIT_SECONDS, value_parser = clap::value_parser!(u64).range(..=86_400))]
    pub(super) seconds: u64,
}

impl Default for WaitArgs {
    fn default() -> Self {
        Self { seconds: WAIT_SECONDS }
    }
}

/// Stop a session's containers; their data stays
#[derive(Debug, Args)]
pub(super) struct DirectoryArgs {
    /// The session's directory, or the branch of its worktree [default: this one]
    #[arg(value_name = "DIR|BRANCH", add = ArgValueCompleter::new(complete::directories))]
    pub(super) directory: Option<PathBuf>,
}

impl DirectoryArgs {
    pub(super) fn named(&self, verb: &'static str) -> Option<Named<'_>> {
        self.directory.as_deref().map(|word| Named { word, verb })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ReportFormat {
    /// For people
    Text,
    /// For programs
    Json,
}
