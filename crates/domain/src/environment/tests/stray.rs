//! Variables that lead to somebody else's data, whoever gave them.

use super::*;

fn ports() -> PortHolders {
    PortHolders {
        own: [7000].into(),
        declared: [(5432, "db".into()), (7000, "db".into()), (8080, "web".into())].into(),
        of_servers: [5432, 7000].into(),
        held: [(8000, ("db".into(), "/w/other".to_owned()))].into(),
    }
}

fn session() -> Vec<Variable> {
    let of_service = |variable: Variable| Variable { service: Some("db".into()), ..variable };
    let all = [
        ("DATABASE_URL", "new"),
        ("KAFKA_BROKERS", "new"),
        ("DB_HOST", "127.0.0.1"),
        ("DB_PORT", "7000"),
        ("PGHOST", "127.0.0.1"),
        ("PGPORT", "7000"),
        ("PGUSER", "postgres"),
        ("PGDATABASE", "shop"),
    ];
    variables(&all).into_iter().map(of_service).collect()
}

fn found(sources: Sources) -> Vec<Stray> {
    let merged = merge(sources);
    strays(&leads(&merged, "box"), &ports(), &merged)
}

fn of(sources: Sources) -> Vec<String> {
    found(sources).iter().map(|it| format!("{} {}", it.lead.name, it.lead.port)).collect()
}

/// A value of the caller's, of a file's or of `prism.yaml`'s, under whatever name.
#[test]
fn what_is_refused() {
    for (given, expected) in [
        (&[("DATABASE_URL", "postgres://localhost/x")][..], &["DATABASE_URL 5432"][..]),
        (&[("DATABASE_URL", "postgres://127.0.0.1:8000/x")], &["DATABASE_URL 8000"]),
        (&[("DATABASE_URL", "postgres://127.0.0.1:7000/x")], &[]),
        (&[("DATABASE_URL", "postgres://prod.example:5432/x")], &[]),
        (&[("DATABASE_URL", "postgres://localhost:9/x")], &[]),
        (&[("DATABASE_URL", "host=localhost dbname=shop")], &["DATABASE_URL 5432"]),
        // A name that the session does not set.
        (&[("TEST_DATABASE_URL", "postgres://localhost:5432/x")], &["TEST_DATABASE_URL 5432"]),
        (&[("TEST_DATABASE_URL", "postgres://[::1]:8000/x")], &["TEST_DATABASE_URL 8000"]),
        (&[("CLUSTER", "mongodb://prod.example:1,localhost:8000/x")], &["CLUSTER 8000"]),
        (&[("ADDRESS", "localhost:5432")], &["ADDRESS 5432"]),
        (&[("ADDRESS", "box:5432")], &["ADDRESS 5432"]),
        // Settings of other programs are theirs.
        (&[("HTTP_PROXY", "http://127.0.0.1:8000"), ("DOCKER_HOST", "tcp://127.0.0.1:8000")], &[]),
        (&[("KAFKA_BROKERS", "prod.example:9092,localhost:8000")], &["KAFKA_BROKERS 8000"]),
        // Groups, with the port that their programs use where none is named.
        (&[("PGPORT", "8000")], &["PGPORT 8000"]),
        (&[("PGHOST", "prod.example"), ("PGPORT", "5432")], &[]),
        (&[("PGHOST", "localhost"), ("PGHOSTADDR", "10.9.9.9"), ("PGPORT", "5432")], &[]),
        (&[("PGHOST", "/var/run/postgresql"), ("PGPORT", "5432")], &["PGPORT 5432"]),
        (&[("PGHOST", "127.0.0.1")], &[]),
        // Host and port of a service, or of whatever it is.
        (&[("DB_PORT", "5432")], &["DB_PORT 5432"]),
        (&[("DB_HOST", "localhost"), ("DB_PORT", "5432")], &["DB_PORT 5432"]),
        (&[("DB_HOST", "prod.example"), ("DB_PORT", "5432")], &[]),
        (&[("REPLICA_HOST", "http://localhost/"), ("REPLICA_PORT", "8000")], &["REPLICA_PORT 8000"]),
        (&[("REPLICA_HOST", "0.0.0.0"), ("REPLICA_PORT", "8000")], &[]),
        (&[("REPLICA_PORT", "8000")], &[]),
        // A port alone is known by what the Compose file fixes.
        (&[("BULL_REDIS_PORT", "5432")], &["BULL_REDIS_PORT 5432"]),
        (&[("PORT", "5432"), ("_PORT", "5432"), ("API_PORT", "8080")], &[]),
        (&[("POSTGRES_SERVER", "localhost"), ("POSTGRES_PORT", "8000")], &["POSTGRES_PORT 8000"]),
        (&[("X_ADDRESS", "prod.example"), ("X_PORT", "5432")], &[]),
        (&[("redis_hostname", "localhost"), ("redis_port", "5432")], &["redis_port 5432"]),
        (&[("DBHOST", "localhost"), ("DBPORT", "5432")], &["DBPORT 5432"]),
        (&[("REDIS_NODES", "localhost:8000;prod.example:1")], &["REDIS_NODES 8000"]),
        (&[("DBPORT", "5432"), ("redis_port", "5432")], &[]),
        (&[("npm_package_config_host", "localhost"), ("npm_package_config_port", "5432")], &[]),
        (
            &[("X_ENDPOINT", "localhost:5432"), ("Y_DSN", "host=localhost")],
            &["X_ENDPOINT 5432", "Y_DSN 5432"],
        ),
        // Who may call is not called.
        (&[("CORS_ORIGINS", "http://localhost:5432"), ("ALLOWED_HOSTS", "localhost:8000")], &[]),
    ] {
        let of_caller = || Sources { caller: environment(given), session: session(), ..Sources::default() };
        assert_eq!(of(of_caller()), expected, "of the caller: {given:?}");
        let text: String = given.iter().map(|(name, value)| format!("{name}='{value}'\n")).collect();
        let of_file = Sources { env_files: entries(&text), session: session(), ..Sources::default() };
        assert_eq!(of(of_file), expected, "of a file: {given:?}");
        let mut configured = session();
        configured.retain(|variable| given.iter().all(|(name, _)| variable.name != *name));
        configured.extend(
            variables(given).into_iter().map(|it| Variable { key: Some(format!("env.{}", it.name)), ..it }),
        );
        assert_eq!(
            of(Sources { session: configured, ..Sources::default() }),
            expected,
            "of prism.yaml: {given:?}"
        );
        let explicit = given.iter().map(|(n, _)| Explicit { name: (*n).to_owned(), value: None }).collect();
        assert_eq!(of(Sources { explicit, ..of_caller() }), [""; 0], "what -e names is meant: {given:?}");
    }
}

/// The caller's groups are kept as a whole, so that half of one leads where the program goes by itself.
#[test]
fn half_a_group_leads_to_the_usual_port() {
    for (caller, expected) in [
        (&[("PGHOST", "localhost")][..], &["PGHOST 5432"][..]),
        (&[("PGHOST", "/var/run/postgresql")], &["PGHOST 5432"]),
        (&[("PGHOST", "localhost"), ("PGHOSTADDR", "10.9.9.9")], &[]),
        (&[("PGUSER", "me")], &["PGUSER 5432"]),
        (&[("PGUSER", "me"), ("PGHOST", "prod.example")], &[]),
    ] {
        let sources = Sources { caller: environment(caller), session: session(), ..Sources::default() };
        assert_eq!(of(sources), expected, "{caller:?}");
    }
}

#[test]
fn a_host_and_its_port_are_kept_as_a_whole() {
    let caller = environment(&[("DB_HOST", "prod.example")]);
    let merged = merge(Sources { caller, session: session(), ..Sources::default() });
    assert_eq!((value(&merged, "DB_PORT"), merged.withheld), (None, vec!["DB_PORT".to_owned()]));
    // This machine, without a port, means the session's.
    for (host, port) in
        [("localhost", Some("7000")), ("0.0.0.0", None), ("/run/db", None), ("prod.example", None)]
    {
        let caller = environment(&[("DB_HOST", host)]);
        let merged = merge(Sources { caller, session: session(), ..Sources::default() });
        assert_eq!(value(&merged, "DB_HOST").as_deref(), Some(host));
        assert_eq!(value(&merged, "DB_PORT").as_deref(), port, "{host}");
    }
    let flag = Explicit { name: "DB_HOST".into(), value: Some("127.1".into()) };
    let merged = merge(Sources { explicit: vec![flag], session: session(), ..Sources::default() });
    assert_eq!(value(&merged, "DB_PORT").as_deref(), Some("7000"));
}

#[test]
fn a_message_names_the_source_and_a_way_that_leads_out() {
    let url = "postgres://me:hunter2@localhost:8000/x";
    let of_caller = |given: &[(&str, &str)]| {
        found(Sources { caller: environment(given), session: session(), ..Sources::default() })
    };
    let text = format!("# mine\nTEST_URL={url}\n");
    let of_file = found(Sources { env_files: entries(&text), ..Sources::default() });
    let configured =
        Variable { key: Some("env.TEST_URL".into()), ..variables(&[("TEST_URL", url)]).remove(0) };
    let of_yaml = found(Sources { session: vec![configured], ..Sources::default() });
    let leads = "leads to port 8000 of this machine, which is service `db` of the session of `/w/other`";
    for (strays, message, way_out) in [
        (of_caller(&[("TEST_URL", url)]), format!("TEST_URL in your environment {leads}"), "`-e TEST_URL`"),
        (of_file, format!("`test.env`, line 2: TEST_URL {leads}"), "take the line out"),
        (of_yaml, format!("`env.TEST_URL` in prism.yaml {leads}"), "name the session's port there"),
    ] {
        let [stray] = strays.as_slice() else { panic!("{strays:?}") };
        assert_eq!(stray.message(), message);
        assert!(stray.ways_out().contains(way_out), "{}", stray.ways_out());
    }
    // Kept as it is, a user alone would lead to the socket.
    let user = of_caller(&[("PGUSER", "me")]);
    assert!(user[0].ways_out().starts_with("`-e PGUSER=\"$PGUSER\"` keeps it"), "{}", user[0].ways_out());
}

/// A file's `$NAME` is what the child gets of it.
#[test]
fn a_file_sees_the_childs_environment() {
    let former = [("PGPASSWORD", "other's"), ("OTHER_URL", "other's")];
    let mut caller = environment(&former);
    caller.push((RECORD.into(), record(former.into_iter()).into()));
    caller.extend(environment(&[("PGHOST", "prod.example"), ("PGHOSTADDR", "10.9.9.9"), ("HOME", "/h")]));
    let merged = |override_environment| {
        merge(Sources {
            caller: scrubbed(caller.clone()),
            session: session(),
            env_files: entries(
                "SESSION=$DATABASE_URL\nOTHER=x$OTHER_URL\nPASSWORD=x$PGPASSWORD\nHOST=$PGHOST:$PGPORT\n\
                 ADDR=x$PGHOSTADDR\nTWICE=$SESSION$HOME\nFLAG=$MINE\nOWN=$SESSION_DIR\n",
            ),
            explicit: vec![Explicit { name: "MINE".into(), value: Some("m".into()) }],
            own: vec![("SESSION_DIR".into(), "/w".into())],
            override_environment,
            ..Sources::default()
        })
    };
    let (kept, replaced) = (merged(false), merged(true));
    for (name, of_kept, of_replaced) in [
        ("SESSION", "new", "new"),
        ("OTHER", "x", "x"),
        ("PASSWORD", "x", "x"),
        ("HOST", "prod.example:", "127.0.0.1:7000"),
        ("ADDR", "x10.9.9.9", "x"),
        ("TWICE", "new/h", "new/h"),
        ("FLAG", "m", "m"),
        ("OWN", "/w", "/w"),
    ] {
        assert_eq!(value(&kept, name).as_deref(), Some(of_kept), "{name}");
        assert_eq!(value(&replaced, name).as_deref(), Some(of_replaced), "{name}");
    }
    let place = "`test.env`, line 2".to_owned();
    assert_eq!(kept.unset.first(), Some(&(place, "OTHER_URL".to_owned())));
}
