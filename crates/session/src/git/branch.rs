//! What a name means that is given for a branch.

use std::collections::BTreeMap;

use domain::failure::{Code, Failure};
use domain::text::word::word;
use domain::worktree::refspec;

use super::repository::{Repository, commit};
use super::{attempt, run};

/// Where the branch of a new worktree begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beginning {
    /// It is there.
    Present,
    /// A new one, at this revision.
    New(String),
    /// A new one that follows a remote's, which this reference keeps.
    Tracking(String),
}

impl Beginning {
    /// Returns the revision at which the branch is, or begins.
    pub fn revision(&self, branch: &str) -> String {
        match self {
            Self::Present => format!("refs/heads/{branch}"),
            Self::New(revision) | Self::Tracking(revision) => revision.clone(),
        }
    }
}

impl Repository {
    /// Decides what `branch` means, as `git worktree add` does: the branch of that name; else the one of that name that
    /// a remote has; else a new one, from `from` or HEAD.
    ///
    /// # Errors
    /// Several remotes have it, and `checkout.defaultRemote` names none of them; it is there, and `from` is given; or
    /// the name is that of something else.
    pub fn beginning(&self, branch: &str, from: Option<&str>) -> anyhow::Result<Beginning> {
        let is_present = self.has_branch(branch)?;
        if let Some(from) = from {
            if is_present {
                return Err(Failure::new(format!("the branch `{branch}` exists already"))
                    .code(Code::Usage)
                    .hint("leave `--from` away, or name another branch")
                    .into());
            }
            return Ok(Beginning::New(from.to_owned()));
        }
        if is_present {
            return Ok(Beginning::Present);
        }
        if let Some(reference) = self.tracking(branch)? {
            return Ok(Beginning::Tracking(reference));
        }
        self.check_no_revision(branch)?;
        Ok(Beginning::New("HEAD".to_owned()))
    }

    /// Finds the one reference that keeps a remote's branch of this name.
    fn tracking(&self, branch: &str) -> anyhow::Result<Option<String>> {
        let mut found = BTreeMap::new();
        for (remote, refspecs) in self.refspecs()? {
            let Some(reference) = refspec::tracking(refspecs.iter().map(String::as_str), branch) else {
                continue;
            };
            if attempt(&self.common, &["show-ref", "--verify", "--quiet", &reference])?.status.success() {
                found.insert(remote, reference);
            }
        }
        if found.len() < 2 {
            return Ok(found.into_values().next());
        }
        let preferred = attempt(&self.common, &["config", "--get", "checkout.defaultRemote"])?;
        let preferred = String::from_utf8_lossy(&preferred.stdout).trim().to_owned();
        if let Some(reference) = found.remove(&preferred) {
            return Ok(Some(reference));
        }
        let shown: Vec<_> = found.values().map(|reference| format!("`{}`", short(reference))).collect();
        let (remote, first) =
            found.iter().next().map_or(("", ""), |(remote, reference)| (remote.as_str(), short(reference)));
        Err(Failure::new(format!("several remotes have the branch `{branch}`: {}", shown.join(", ")))
            .code(Code::Usage)
            .hint(format!(
                "choose one: `git -C {} branch --track {} {}`, then the same again; or one for every branch: `git -C {0} config checkout.defaultRemote {}`",
                word(self.common.display()),
                word(branch),
                word(first),
                word(remote)
            ))
            .into())
    }

    /// Lists the refspecs with which each remote is fetched.
    fn refspecs(&self) -> anyhow::Result<BTreeMap<String, Vec<String>>> {
        // Fails where there is none.
        let listed = attempt(&self.common, &["config", "-z", "--get-regexp", r"^remote\..*\.fetch$"])?;
        let listed = String::from_utf8_lossy(&listed.stdout);
        let mut remotes = BTreeMap::<_, Vec<_>>::new();
        for entry in listed.split('\0') {
            let Some((key, refspec)) = entry.split_once('\n') else { continue };
            let remote = key.strip_prefix("remote.").and_then(|key| key.strip_suffix(".fetch"));
            remotes.entry(remote.unwrap_or(key).to_owned()).or_default().push(refspec.to_owned());
        }
        Ok(remotes)
    }

    /// Fails if a name that is no branch means a commit: a tag, or a branch with its remote's name before it. A new
    /// branch of that name from HEAD is not what was meant, and would make the name ambiguous.
    fn check_no_revision(&self, name: &str) -> anyhow::Result<()> {
        if commit(&self.here, name).is_err() {
            return Ok(());
        }
        let full = run(&self.here, &["rev-parse", "--symbolic-full-name", "--end-of-options", name])?;
        let full = full.lines().find(|line| line.starts_with("refs/")).unwrap_or_default().to_owned();
        let remotes = self.refspecs()?;
        let of_remote = remotes.iter().find_map(|(remote, refspecs)| {
            let branch = name.strip_prefix(remote.as_str())?.strip_prefix('/')?;
            let kept = refspec::tracking(refspecs.iter().map(String::as_str), branch)?;
            (kept == full).then(|| format!("`prism create {}` makes a branch that follows it", word(branch)))
        });
        let new = name.rsplit('/').next().unwrap_or(name);
        Err(Failure::new(format!("`{name}` is no branch, and means a commit already"))
            .code(Code::Usage)
            .hint(of_remote.unwrap_or_else(|| {
                format!(
                    "name the new branch, too: `prism create {} --from {}`",
                    word(format_args!("from-{new}")),
                    word(name)
                )
            }))
            .into())
    }
}

/// Shortens a reference as git shows it.
pub fn short(reference: &str) -> &str {
    let prefixes = ["refs/heads/", "refs/remotes/", "refs/"];
    prefixes.iter().find_map(|prefix| reference.strip_prefix(prefix)).unwrap_or(reference)
}
