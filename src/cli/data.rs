//! `--data-from`: whose data a session begins with.

use clap::Args;
use domain::failure::{Code, Failure};
use session::data::{self, Asked, Present};
use session::find::Caller;
use session::work::Work;

#[derive(Debug, Default, Args)]
pub(super) struct DataArgs {
    /// Begin with a copy of the data of another directory's session, of the main worktree's, or of a snapshot
    #[arg(long, value_name = "DIR|main|NAME")]
    data_from: Option<String>,
    /// Take data of another image or major version, too
    #[arg(long, requires = "data_from")]
    force: bool,
}

impl DataArgs {
    /// Finds what is meant; `otherwise` where nothing is said.
    pub(super) fn asked(
        &self,
        otherwise: Option<&str>,
        present: Present,
        work: &Work,
        caller: &Caller,
    ) -> anyhow::Result<Option<Asked>> {
        let Some(said) = self.data_from.as_deref().or(otherwise) else { return Ok(None) };
        let from = data::find(said, &work.session, &work.engine, caller)?;
        if self.data_from.is_none() && !data::is_there(&from, &work.engine)? {
            return Ok(None);
        }
        Ok(Some(Asked { from, force: self.force, present }))
    }

    /// The same for a command, which begins with other data only in a session of its own.
    pub(super) fn asked_if(
        &self,
        is_ephemeral: bool,
        work: &Work,
        caller: &Caller,
    ) -> anyhow::Result<Option<Asked>> {
        if self.data_from.is_some() && !is_ephemeral {
            return Err(Failure::new(
                "`exec --data-from` needs `--ephemeral`: a directory's session keeps its data",
            )
            .code(Code::Usage)
            .hint("`prism start --data-from` begins a session with other data")
            .into());
        }
        self.asked(None, Present::Refuse, work, caller)
    }
}
