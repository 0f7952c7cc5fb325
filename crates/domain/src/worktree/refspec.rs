//! Where a remote's branches are kept: git's refspecs, as far as they map branches.

/// Returns the reference under which a fetch with these refspecs of one remote keeps its branch `branch`; `None` if it
/// keeps none. As in git-fetch(1): the first match counts, and a negative refspec (`^…`) takes a branch out.
pub fn tracking<'s>(refspecs: impl Iterator<Item = &'s str> + Clone, branch: &str) -> Option<String> {
    let source = format!("refs/heads/{branch}");
    let is_excluded = refspecs
        .clone()
        .filter_map(|refspec| refspec.strip_prefix('^'))
        .any(|pattern| matched(pattern, &source).is_some());
    if is_excluded {
        return None;
    }
    refspecs.into_iter().find_map(|refspec| {
        let (pattern, target) = refspec.strip_prefix('+').unwrap_or(refspec).split_once(':')?;
        let part = matched(pattern, &source)?;
        (!target.is_empty()).then(|| target.replacen('*', part, 1))
    })
}

/// Returns what the star of `pattern` stands for in `name`; nothing if there is no star, and they are equal.
fn matched<'n>(pattern: &str, name: &'n str) -> Option<&'n str> {
    match pattern.split_once('*') {
        Some((before, after)) => name.strip_prefix(before)?.strip_suffix(after),
        None => (pattern == name).then_some(""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_are_kept_where_refspecs_say() {
        for (refspecs, expected) in [
            (&["+refs/heads/*:refs/remotes/origin/*"][..], Some("refs/remotes/origin/fix/a")),
            (&["refs/heads/fix/*:refs/remotes/o/f-*"], Some("refs/remotes/o/f-a")),
            (&["+refs/heads/main:refs/remotes/origin/main"], None),
            (&["+refs/heads/fix/a:refs/x"], Some("refs/x")),
            (&["+refs/heads/*:refs/remotes/origin/*", "^refs/heads/fix/*"], None),
            (&["+refs/heads/*:refs/a/*", "+refs/heads/fix/*:refs/b/*"], Some("refs/a/fix/a")),
            (&["refs/heads/fix/a"], None),
            (&[], None),
        ] {
            assert_eq!(tracking(refspecs.iter().copied(), "fix/a").as_deref(), expected, "{refspecs:?}");
        }
    }
}
