use super::*;

static PG: Group = Group { prefix: "PG", rivals: &["PGHOSTADDR"] };

fn environment(entries: &[(&str, &str)]) -> Environment {
    entries.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

fn assignments(entries: &[(&str, &str)]) -> Vec<Assignment> {
    let group = |name: &str| name.starts_with("PG").then_some(&PG);
    entries
        .iter()
        .map(|(n, v)| Assignment { name: (*n).into(), value: (*v).into(), group: group(n) })
        .collect()
}

fn value(merged: &Merged, name: &str) -> Option<String> {
    merged.environment.iter().find(|(n, _)| n == name).map(|(_, v)| v.to_string_lossy().into_owned())
}

/// Merges a caller's environment with this session's `DATABASE_URL=new`.
fn merged(caller: &[(&str, &str)], override_environment: bool) -> Merged {
    merge(Sources {
        caller: scrubbed(environment(caller)),
        session: assignments(&[("DATABASE_URL", "new")]),
        override_environment,
        ..Sources::default()
    })
}

#[test]
fn precedence() {
    let old = record([("DATABASE_URL", "old")].into_iter());
    let other = record([("OTHER_URL", "x")].into_iter());
    // The caller's environment, the flag, the child's value, what is reported as kept.
    for (caller, flag, expected, kept) in [
        (&[][..], false, "new", &[][..]),
        (&[("DATABASE_URL", "mine")], false, "mine", &["DATABASE_URL"]),
        (&[("DATABASE_URL", "mine")], true, "new", &[]),
        (&[("DATABASE_URL", "new")], false, "new", &[]),
        (&[("DATABASE_URL", "old"), (RECORD, old.as_str())], false, "new", &[]),
        (&[("DATABASE_URL", "mine"), (RECORD, old.as_str())], false, "mine", &["DATABASE_URL"]),
        (&[("OTHER_URL", "x"), (RECORD, other.as_str())], false, "new", &[]),
    ] {
        let merged = merged(caller, flag);
        assert_eq!(value(&merged, "DATABASE_URL").as_deref(), Some(expected), "{caller:?} {flag}");
        assert_eq!(merged.kept, kept, "{caller:?} {flag}");
        assert_eq!(value(&merged, "OTHER_URL"), None, "another session's variables never reach the child");
    }
}

#[test]
fn a_nested_run_replaces_everything_of_the_outer_one() {
    let outer = merged(&[("HOME", "/h")], false);
    let inner = merge(Sources {
        caller: scrubbed(outer.environment),
        session: assignments(&[("REDIS_URL", "other session")]),
        ..Sources::default()
    });
    assert_eq!(value(&inner, "DATABASE_URL"), None);
    assert_eq!(value(&inner, "REDIS_URL").as_deref(), Some("other session"));
    assert_eq!(value(&inner, "HOME").as_deref(), Some("/h"));
}

#[test]
fn flags_are_stronger_than_the_caller() {
    let merged = merge(Sources {
        caller: environment(&[("A", "caller"), ("B", "caller"), ("C", "caller")]),
        session: assignments(&[("A", "s"), ("B", "s"), ("C", "s"), ("D", "s")]),
        env_files: vec![
            ("A".into(), "file 1".into()),
            ("A".into(), "file 2".into()),
            ("B".into(), "file".into()),
        ],
        explicit: vec![
            Explicit { name: "B".into(), value: Some("flag".into()) },
            Explicit { name: "C".into(), value: None },
        ],
        ..Sources::default()
    });
    let values: Vec<_> =
        ["A", "B", "C", "D"].iter().map(|name| value(&merged, name).unwrap_or_default()).collect();
    assert_eq!(values, ["file 2", "flag", "caller", "s"]);
    assert!(merged.kept.is_empty(), "what -e names is meant: {:?}", merged.kept);
    assert_eq!(
        value(&merged, RECORD),
        Some(record([("D", "s")].into_iter())),
        "only what prism chose is prism's"
    );
}

#[test]
fn explicit_names_the_callers_value_even_with_override() {
    let merged = merge(Sources {
        caller: environment(&[("A", "caller")]),
        session: assignments(&[("A", "s")]),
        explicit: vec![Explicit { name: "A".into(), value: None }],
        override_environment: true,
        ..Sources::default()
    });
    assert_eq!(value(&merged, "A").as_deref(), Some("caller"));
}

#[test]
fn a_group_is_kept_or_replaced_as_a_whole() {
    let session = assignments(&[("PGHOST", "127.0.0.1"), ("PGPORT", "7000"), ("DB_PORT", "7000")]);
    let with = |caller: &[(&str, &str)]| {
        merge(Sources { caller: environment(caller), session: session.clone(), ..Sources::default() })
    };
    let kept = with(&[("PGHOST", "prod")]);
    assert_eq!((value(&kept, "PGPORT"), value(&kept, "DB_PORT").as_deref()), (None, Some("7000")));
    assert_eq!(kept.kept, ["PGHOST"]);
    let replaced = with(&[("PGHOST", "127.0.0.1")]);
    assert_eq!(value(&replaced, "PGPORT").as_deref(), Some("7000"), "an equal value keeps nothing");
}

#[test]
fn prisms_own_names_are_always_prisms() {
    let merged = merge(Sources {
        caller: environment(&[("SESSION_DIR", "/mine")]),
        own: vec![("SESSION_DIR".into(), "/session".into())],
        explicit: vec![Explicit { name: "SESSION_DIR".into(), value: Some("/flag".into()) }],
        ..Sources::default()
    });
    assert_eq!(value(&merged, "SESSION_DIR").as_deref(), Some("/session"));
}

#[test]
fn order_and_foreign_bytes_survive() {
    let foreign = OsStr::from_bytes(b"\xff\xfe").to_owned();
    let caller = vec![
        ("Z".into(), foreign.clone()),
        ("A".into(), "1".into()),
        (foreign.clone(), "x".into()),
        ("A".into(), "2".into()),
    ];
    let merged = merge(Sources { caller, session: assignments(&[("B", "b")]), ..Sources::default() });
    let names: Vec<_> = merged.environment.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(names, ["Z".into(), "A".into(), foreign, "A".into(), OsString::from("B"), RECORD.into()]);
}

#[test]
fn kept_urls_to_this_machine_are_found() {
    let merged = merge(Sources {
        caller: environment(&[
            ("DATABASE_URL", "postgres://localhost/x"),
            ("REDIS_URL", "redis://cache.example:6379"),
        ]),
        session: assignments(&[("DATABASE_URL", "new"), ("REDIS_URL", "new")]),
        ..Sources::default()
    });
    assert_eq!(kept_loopback_ports(&merged), [("DATABASE_URL".to_owned(), 5432)]);
}

#[test]
fn a_rival_of_a_group_keeps_it_and_goes_when_the_session_wins() {
    let session = assignments(&[("PGHOST", "127.0.0.1"), ("PGPORT", "7000")]);
    let with = |override_environment| {
        let caller = environment(&[("PGHOSTADDR", "10.9.9.9")]);
        merge(Sources { caller, session: session.clone(), override_environment, ..Sources::default() })
    };
    let kept = with(false);
    assert_eq!((value(&kept, "PGPORT"), kept.kept), (None, vec!["PGHOSTADDR".to_owned()]));
    let taken = with(true);
    assert_eq!((value(&taken, "PGHOSTADDR"), value(&taken, "PGPORT").as_deref()), (None, Some("7000")));
}

#[test]
fn a_kept_port_of_this_machine_is_found() {
    let session = assignments(&[("PGHOST", "127.0.0.1"), ("PGPORT", "7000")]);
    let found = |caller: &[(&str, &str)]| {
        let merged =
            merge(Sources { caller: environment(caller), session: session.clone(), ..Sources::default() });
        kept_loopback_ports(&merged)
    };
    assert_eq!(found(&[("PGPORT", "5432")]), [("PGPORT".to_owned(), 5432)]);
    assert_eq!(found(&[("PGHOST", "prod.example"), ("PGPORT", "5432")]), []);
}

#[test]
fn an_override_among_the_compose_files_is_recognised_without_the_record() {
    let inherited = environment(&[
        ("COMPOSE_FILE", "/w/compose.yaml:/w/docker-compose.session.yml"),
        ("COMPOSE_PROJECT_NAME", "x"),
        ("COMPOSE_PROFILES", "mine"),
        ("SESSION_DIR", "/w"),
    ]);
    assert_eq!(scrubbed(inherited), environment(&[("COMPOSE_PROFILES", "mine")]));
}
