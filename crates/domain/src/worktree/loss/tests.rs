use super::*;

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn losses_are_named() {
    let ignored = |files, bytes| Loss::Ignored(Ignored { names: names(&[".env"]), files, bytes }).to_string();
    assert_eq!(ignored(1, 1), "1 file that git ignores (1 byte): .env");
    assert_eq!(ignored(12, 999), "12 files that git ignores (999 bytes): .env");
    assert_eq!(ignored(2, 1_250_000), "2 files that git ignores (1.2 MB): .env");
    assert_eq!(Loss::Uncommitted(names(&["a"])).to_string(), "uncommitted work: a");
    assert_eq!(
        Loss::Untracked(names(&["a", "b", "c", "d", "e"])).to_string(),
        "uncommitted work, which git does not track: a, b, c and 2 more"
    );
    assert_eq!(Loss::Operation(OPERATIONS[0].1).to_string(), "a rebase that is not over");
}

#[test]
fn caches_are_known_wherever_they_are() {
    for (path, is_directory) in [
        ("node_modules/", true),
        ("web/node_modules/", true),
        ("target/debug/x", false),
        ("a/__pycache__/x.pyc", false),
        ("x.pyc", false),
        ("a/.coverage", false),
        ("shop.egg-info/", true),
        ("shop.egg-info/PKG-INFO", false),
    ] {
        assert!(is_cache(path, is_directory), "{path}");
    }
    for (path, is_directory) in [
        (".env", false),
        ("data/", true),
        ("notes/targets", false),
        ("my_node_modules/x", false),
        ("pyc", false),
        ("coverage.md", false),
        ("out", false),
        ("a/build", false),
        ("parts.o/", true),
        ("parts.o/x", false),
        (".coverage/x", false),
    ] {
        assert!(!is_cache(path, is_directory), "{path}");
    }
    let documented = include_str!("../../../../../docs/safety.md");
    for name in CACHES.iter().chain(&CACHE_FILES) {
        assert!(documented.contains(&format!("`{name}`")), "docs/safety.md does not name `{name}`");
    }
}

#[test]
fn gits_words_are_read() {
    let status = b" M a b\0?? new\0D  gone\0 D away\0UU both\0";
    let (changed, untracked) = changes(status, false);
    assert_eq!(changed, [&b"a b"[..], b"gone", b"away", b"both"]);
    assert_eq!(untracked, [b"new"]);
    let (changed, _) = changes(status, true);
    assert_eq!(changed, [&b"a b"[..], b"gone", b"both"], "what is staged is somebody's");
    assert_eq!(unwatched(b"H a\0S b\0h c d\0s e\0"), [&b"b"[..], b"c d", b"e"]);
    let references = "refs/heads/b refs/heads/alias\n refs/heads/b\nHEAD refs/tags/t\n";
    assert_eq!(symbolic(references, "refs/heads/"), ["--exclude=alias"]);
    let configured = b"filter.lfs.clean\ngit-lfs clean -- %f\0filter.a.b.process\nx\0filter.off.clean\n\0";
    let drivers = hiding(configured);
    assert_eq!(drivers, BTreeSet::from(["a.b".to_owned()]));
    let attributes = b"one\0filter\0lfs\0the other\0filter\0a.b\0";
    assert_eq!(filtered(attributes, &drivers), [b"the other"]);
    let own = ["MYSAVE", "MY_HEAD", "ORIG_HEAD", "HEAD", "index", "MERGE_AUTOSTASH"];
    assert_eq!(own.map(is_own_reference), [true, true, false, false, false, true]);
    assert_eq!(branch_of_stash("WIP on b: 0123abc x"), Some("b"));
    assert_eq!(branch_of_stash("On feature/b: mine: all"), Some("feature/b"));
    assert_eq!(branch_of_stash("WIP on (no branch): 0123abc x"), None);
}
