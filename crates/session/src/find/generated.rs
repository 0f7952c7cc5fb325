//! The files that prism writes into a session directory, or into the scratch directory of an ephemeral session.

use std::path::{Path, PathBuf};

pub use domain::identity::own::{OVERRIDE, RESOLVED};
use domain::stack::header;
use domain::text::dotenv;
use domain::text::hash::content_hash;

use crate::find::{Session, key};
use crate::machine::files::{self, whole};
use crate::machine::read;

/// The session's variables, for editors and other readers of dotenv files.
pub const DOTENV: &str = ".env.session";

/// What environment secrets of the resolved project hold.
pub const SECRETS: &str = "docker-compose.session.env";

/// All of them.
pub const NAMES: [&str; 4] = [OVERRIDE, RESOLVED, SECRETS, DOTENV];

impl Session {
    /// Returns the path of a generated file that Compose reads.
    pub fn generated(&self, name: &str) -> PathBuf {
        let of_ephemeral = self.ephemeral.as_ref().map(|ephemeral| ephemeral.scratch.as_path());
        of_ephemeral.unwrap_or(self.path()).join(name)
    }

    /// Returns the path of the override.
    pub fn override_path(&self) -> PathBuf {
        self.generated(OVERRIDE)
    }

    /// Returns the hash of the resolved project and its secrets, as they are on disk; `None` without a project.
    pub fn resolved_hash(&self) -> Option<String> {
        let mut bytes = files::read(&self.generated(RESOLVED)).ok().flatten()?;
        bytes.extend(files::read(&self.generated(SECRETS)).ok().flatten().unwrap_or_default());
        Some(content_hash(&bytes))
    }

    /// Names the files of dev-prism 0.6 that prism's own take the place of.
    pub fn former_files(&self) -> Vec<&'static str> {
        let former = |name: &&&str| {
            let text = files::read(&self.path().join(name)).ok().flatten().unwrap_or_default();
            if **name == DOTENV { dotenv::is_former(&text) } else { header::is_former(&text) }
        };
        [DOTENV, OVERRIDE].iter().filter(former).copied().collect()
    }

    /// Returns the path of the dotenv file; an ephemeral session has none.
    pub fn dotenv_path(&self) -> Option<PathBuf> {
        self.ephemeral.is_none().then(|| self.path().join(DOTENV))
    }
}

/// Says whether a file is one of these, and prism wrote it: it is no work of anybody's. Nor is what a killed prism was about
/// to put in its place.
pub fn is_generated(path: &Path) -> bool {
    named(path).is_some() && files::read(path).is_ok_and(|text| text.is_some_and(|text| is_ours(path, &text)))
}

/// Writes one of them in one step, unless it says the same already. Says whether it wrote.
pub fn write(path: &Path, text: &str) -> anyhow::Result<bool> {
    files::write(path, text.as_bytes(), |present| is_ours(path, present))
}

/// Removes one of them. What somebody else wrote under its name stays.
pub fn remove(path: &Path) -> anyhow::Result<()> {
    for path in [path, &whole::beside(path)] {
        files::remove(path, |present| is_ours(path, present))?;
    }
    Ok(())
}

fn is_ours(path: &Path, text: &[u8]) -> bool {
    match named(path) {
        Some(DOTENV | SECRETS) => dotenv::is_generated(text),
        _ => header::is_generated(text),
    }
}

/// Names which of them a file is, or is about to be.
fn named(path: &Path) -> Option<&'static str> {
    NAMES.into_iter().find(|name| {
        let usual = path.with_file_name(name);
        path == usual || path == whole::beside(&usual)
    })
}

/// Replaces the header of the override, whose body stays.
pub fn write_header(session: &Session, header: &mut header::Header) -> anyhow::Result<()> {
    let path = session.override_path();
    let Some(body) = read::text(&path).ok().and_then(|text| header::Header::body(&text).map(str::to_owned))
    else {
        // It was deleted meanwhile, and comes back with the next cold start.
        return Ok(());
    };
    files::write(&path, header.prepend(&body, key::made().as_deref())?.as_bytes(), header::is_generated)
        .map(drop)
}
