mod stray;

use super::*;

static PG: Group = Group {
    name: "PG*",
    variables: &[("PGHOST", "{host}"), ("PGPORT", "{port}"), ("PGUSER", "{user}")],
    rivals: &["PGHOSTADDR"],
    address: Some(crate::catalog::Address {
        hosts: &["PGHOSTADDR", "PGHOST"],
        port: "PGPORT",
        default: 5432,
    }),
    takes_any: false,
};

fn merge(sources: Sources) -> Merged {
    super::merge(&sources).expect("no variable is required")
}

fn entries(text: &str) -> Vec<Entry> {
    crate::text::env_file::parse(text, "test.env").expect("lines")
}

fn environment(entries: &[(&str, &str)]) -> Environment {
    entries.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

fn variables(entries: &[(&str, &str)]) -> Vec<Variable> {
    let group = |name: &str| name.starts_with("PG").then_some(&PG);
    entries
        .iter()
        .map(|(n, v)| Variable {
            name: (*n).into(),
            value: (*v).into(),
            group: group(n),
            ..Variable::default()
        })
        .collect()
}

fn value(merged: &Merged, name: &str) -> Option<String> {
    merged.environment.iter().find(|(n, _)| n == name).map(|(_, v)| v.to_string_lossy().into_owned())
}

/// Merges a caller's environment with this session's `DATABASE_URL=new`.
fn merged(caller: &[(&str, &str)]) -> Merged {
    merge(Sources {
        caller: scrubbed(environment(caller)),
        session: variables(&[("DATABASE_URL", "new")]),
        ..Sources::default()
    })
}

/// Whose value a child gets: the caller's, a former one of prism's, or the new one, alone and in a group.
#[test]
fn precedence() {
    const NEW: &[(&str, &str)] = &[("DATABASE_URL", "new")];
    const GROUP: &[(&str, &str)] = &[("PGHOST", "127.0.0.1"), ("PGPORT", "7000")];
    const OTHER: &[(&str, &str)] = &[("OTHER_URL", "x"), ("PGHOST", "127.0.0.1"), ("PGPORT", "8000")];
    type Pairs = &'static [(&'static str, &'static str)];
    // The caller's own values, those that a former prism set and recorded, the session's, `--override`; and what the
    // child finds, and what of the caller's is reported as kept.
    type Row = (Pairs, Pairs, Pairs, bool, Pairs, &'static [&'static str]);
    let rows: &[Row] = &[
        (&[], &[], NEW, false, NEW, &[]),
        (&[("DATABASE_URL", "mine")], &[], NEW, false, &[("DATABASE_URL", "mine")], &["DATABASE_URL"]),
        (&[("DATABASE_URL", "mine")], &[], NEW, true, NEW, &[]),
        (&[("DATABASE_URL", "new")], &[], NEW, false, NEW, &[]),
        (&[("DATABASE_URL", "")], &[], NEW, false, &[("DATABASE_URL", "")], &["DATABASE_URL"]),
        // Of the same session, whose port changed.
        (&[], &[("DATABASE_URL", "old")], NEW, false, NEW, &[]),
        (&[], &[("DATABASE_URL", "old")], NEW, true, NEW, &[]),
        // Of another session: replaced, or removed.
        (&[], &[("DATABASE_URL", "other"), ("OTHER_URL", "x")], NEW, false, NEW, &[]),
        (&[], OTHER, GROUP, false, GROUP, &[]),
        (&[], OTHER, NEW, false, NEW, &[]),
        // prism's once, and changed by the caller since.
        (
            &[("DATABASE_URL", "mine")],
            &[("DATABASE_URL", "old")],
            NEW,
            false,
            &[("DATABASE_URL", "mine")],
            &["DATABASE_URL"],
        ),
        (&[("DATABASE_URL", "mine")], &[("DATABASE_URL", "old")], NEW, true, NEW, &[]),
        // A group, as a whole.
        (&[("PGHOST", "prod")], &[], GROUP, false, &[("PGHOST", "prod")], &["PGHOST"]),
        (&[("PGHOST", "prod")], &[], GROUP, true, GROUP, &[]),
        (&[("PGHOST", "127.0.0.1")], &[], GROUP, false, GROUP, &[]),
        (
            &[("PGHOST", "prod"), ("PGUSER", "me")],
            OTHER,
            GROUP,
            false,
            &[("PGHOST", "prod"), ("PGUSER", "me")],
            &["PGHOST"],
        ),
        (&[("PGHOSTADDR", "10.9.9.9")], &[], GROUP, false, &[("PGHOSTADDR", "10.9.9.9")], &["PGHOSTADDR"]),
        (&[("PGHOSTADDR", "10.9.9.9")], &[], GROUP, true, GROUP, &[]),
        (&[], &[("PGPORT", "6999")], GROUP, false, GROUP, &[]),
    ];
    for (mine, former, session, override_environment, expected, kept) in rows {
        let mut caller = environment(former);
        // What the caller set after prism did.
        caller.retain(|(name, _)| mine.iter().all(|(n, _)| name != n));
        caller.extend(environment(mine));
        caller.push((RECORD.into(), record(former.iter().copied()).into()));
        let merged = merge(Sources {
            caller: scrubbed(caller),
            session: variables(session),
            override_environment: *override_environment,
            ..Sources::default()
        });
        let mut found = merged.environment.clone();
        found.retain(|(name, _)| name != RECORD);
        found.sort();
        let case = format!("{mine:?} {former:?} {session:?} {override_environment}");
        assert_eq!(found, environment(expected), "{case}");
        assert_eq!(merged.kept, *kept, "{case}");
    }
}

#[test]
fn a_nested_run_replaces_everything_of_the_outer_one() {
    let outer = merged(&[("HOME", "/h")]);
    let inner = merge(Sources {
        caller: scrubbed(outer.environment),
        session: variables(&[("REDIS_URL", "other session")]),
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
        session: variables(&[("A", "s"), ("B", "s"), ("C", "s"), ("D", "s")]),
        env_files: entries("A='file 1'\nA='file 2'\nB=file"),
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
fn a_flag_for_one_of_a_group_leaves_the_rest_to_the_session() {
    let session = variables(&[("PGHOST", "127.0.0.1"), ("PGDATABASE", "shop")]);
    let with = |explicit: Vec<Explicit>, env_files: Vec<Entry>| {
        let caller = environment(&[("PGDATABASE", "mine")]);
        let merged =
            merge(Sources { caller, session: session.clone(), explicit, env_files, ..Sources::default() });
        (value(&merged, "PGHOST"), value(&merged, "PGDATABASE"))
    };
    let flag =
        |value: Option<&str>| vec![Explicit { name: "PGDATABASE".into(), value: value.map(Into::into) }];
    let (ours, test, mine) = (Some("127.0.0.1".to_owned()), Some("test".to_owned()), Some("mine".to_owned()));
    assert_eq!(with(flag(Some("test")), Vec::new()), (ours.clone(), test.clone()));
    assert_eq!(with(Vec::new(), entries("PGDATABASE=test")), (ours, test));
    assert_eq!(with(flag(None), Vec::new()), (None, mine), "the caller's group is meant");
}

#[test]
fn explicit_names_the_callers_value_even_with_override() {
    let merged = merge(Sources {
        caller: environment(&[("A", "caller")]),
        session: variables(&[("A", "s")]),
        explicit: vec![Explicit { name: "A".into(), value: None }],
        override_environment: true,
        ..Sources::default()
    });
    assert_eq!(value(&merged, "A").as_deref(), Some("caller"));
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
    let merged = merge(Sources { caller, session: variables(&[("B", "b")]), ..Sources::default() });
    let names: Vec<_> = merged.environment.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(names, ["Z".into(), "A".into(), foreign, "A".into(), OsString::from("B"), RECORD.into()]);
}

#[test]
fn an_override_among_the_compose_files_is_recognised_without_the_record() {
    let inherited = environment(&[
        ("COMPOSE_FILE", "/w/compose.yaml:/w/docker-compose.session.yml"),
        ("COMPOSE_PROJECT_NAME", "x"),
        ("COMPOSE_ANSI", "mine"),
        ("SESSION_DIR", "/w"),
    ]);
    assert_eq!(scrubbed(inherited), environment(&[("COMPOSE_ANSI", "mine")]));
}

#[test]
fn a_trace_is_the_published_one() {
    // The test vectors of draft-eastlake-fnv.
    for (text, trace) in [("", "cbf29ce484222325"), ("a", "af63dc4c8601ec8c"), ("foobar", "85944171f73967e8")]
    {
        assert_eq!(super::trace(text), trace);
    }
}
