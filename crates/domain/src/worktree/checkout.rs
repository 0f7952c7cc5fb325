//! Worktrees and their branches, for whoever names a session by its branch.

use std::path::{Path, PathBuf};

use crate::failure::{Code, Failure};
use crate::text::template::nearest;
use crate::text::word::word;

/// A worktree as far as it can be named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// The directory of its session.
    pub session: PathBuf,
    /// The branch that is checked out there; `None` for a commit of no branch.
    pub branch: Option<String>,
    /// The branch for which `create` made it.
    pub made_for: Option<String>,
}

/// Finds the one worktree of a branch; `None` if there is none. `verb` is what was called with that name.
///
/// # Errors
/// It is checked out in several; or nowhere, and the worktree that `create` made for it has something else by now.
pub fn of_branch<'c>(
    checkouts: &'c [Checkout],
    name: &str,
    verb: &str,
) -> Result<Option<&'c Checkout>, Failure> {
    let found: Vec<&Checkout> = checkouts.iter().filter(|it| it.branch.as_deref() == Some(name)).collect();
    let call = |checkout: &Checkout| format!("`prism {verb} {}`", word(checkout.session.display()));
    match found[..] {
        [checkout] => return Ok(Some(checkout)),
        [first, ..] => {
            let shown: Vec<String> =
                found.iter().map(|checkout| format!("`{}`", checkout.session.display())).collect();
            return Err(Failure::new(format!(
                "several worktrees have the branch `{name}`: {}",
                shown.join(", ")
            ))
            .code(Code::Usage)
            .hint(format!("name one by its directory: {}", call(first))));
        }
        [] => {}
    }
    let Some(made) = checkouts.iter().find(|it| it.made_for.as_deref() == Some(name)) else {
        return Ok(None);
    };
    let now = made
        .branch
        .as_ref()
        .map_or_else(|| "a commit of no branch".to_owned(), |branch| format!("the branch `{branch}`"));
    Err(Failure::new(format!(
        "`{}`, which was made for the branch `{name}`, has {now} by now",
        made.session.display()
    ))
    .code(Code::Usage)
    .hint(format!("name it by its directory: {}", call(made))))
}

/// Says that a name is that of a session's directory and of another one's branch, where guessing would cost data.
pub fn ambiguous(name: &str, directory: &Path, of_branch: &Path) -> Failure {
    let [directory, of_branch] = [directory, of_branch].map(|path| word(path.display()));
    Failure::new(format!("`{name}` is a directory with a session, and the branch of another one"))
        .code(Code::Usage)
        .hint(format!(
            "`prism destroy {directory}` removes the former, `prism destroy {of_branch}` the latter"
        ))
}

/// Says that nothing is called so, and what nearly is.
pub fn unknown(checkouts: &[Checkout], name: &str) -> Failure {
    let failure =
        Failure::new(format!("no directory, no session and no worktree's branch is called `{name}`"));
    let branches = checkouts.iter().filter_map(|checkout| checkout.branch.as_deref());
    failure.hint(match nearest(name, branches) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            "`prism list` shows your sessions, `prism prune --dry-run` those whose directory is gone".into()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure;

    fn checkout(session: &str, branch: Option<&str>, made_for: Option<&str>) -> Checkout {
        Checkout {
            session: session.into(),
            branch: branch.map(str::to_owned),
            made_for: made_for.map(str::to_owned),
        }
    }

    #[test]
    fn a_branch_names_its_worktree_where_there_is_one() {
        let checkouts = [
            checkout("/shop", Some("main"), None),
            checkout("/s/b", Some("feature/b"), Some("feature/b")),
            checkout("/s/c", Some("d"), Some("c")),
            checkout("/s/e", None, Some("e")),
            checkout("/s/twice 1", Some("twice"), None),
            checkout("/s/twice2", Some("twice"), None),
        ];
        let found = |name| match of_branch(&checkouts, name, "destroy") {
            Ok(found) => format!("{:?}", found.map(|checkout| checkout.session.display().to_string())),
            Err(failure) => failure::render(&failure.into()),
        };
        for (name, expected) in [
            ("main", "Some(\"/shop\")"),
            ("feature/b", "Some(\"/s/b\")"),
            ("b", "None"),
            (
                "c",
                "prism: error: `/s/c`, which was made for the branch `c`, has the branch `d` by now\n\
                 hint: name it by its directory: `prism destroy /s/c`\n",
            ),
            (
                "e",
                "prism: error: `/s/e`, which was made for the branch `e`, has a commit of no branch by now\n\
                 hint: name it by its directory: `prism destroy /s/e`\n",
            ),
            (
                "twice",
                "prism: error: several worktrees have the branch `twice`: `/s/twice 1`, `/s/twice2`\n\
                 hint: name one by its directory: `prism destroy '/s/twice 1'`\n",
            ),
        ] {
            assert_eq!(found(name), expected, "{name}");
        }
    }

    #[test]
    fn a_name_that_is_nearly_one_is_offered() {
        let checkouts = [checkout("/s/b", Some("feature/b"), None)];
        let shown = |name| failure::render(&unknown(&checkouts, name).into());
        assert!(shown("feature-b").contains("did you mean `feature/b`?"));
        assert!(shown("other").contains("`prism list`"));
    }
}
