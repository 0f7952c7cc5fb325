use super::super::tests::{read, targets};
use super::super::{answers, apply};
use super::*;

/// Lists what a shell is given of a file with these lines, and what `exec` is given besides.
fn given(text: &str) -> (Vec<String>, Vec<String>) {
    let found = apply(Vec::new(), &read(text), &targets());
    let (exec_only, shells): (Vec<_>, Vec<_>) = found.into_iter().partition(|it| it.exec_only);
    let names = |list: Vec<crate::variable::Variable>| list.into_iter().map(|it| it.name).collect();
    (names(shells), names(exec_only))
}

/// The session has a `db` of PostgreSQL, a `cache` of Redis, an `api` of the project's own, `mail` and `search`, and app `web`.
const PLAUSIBLE: &[(&str, &str)] = &[
    // Called like the service, or its kind.
    ("CACHE_URL", "redis://localhost:6379/1"),
    ("REDIS_URL", "redis://u:p%40w@localhost:6379/0?timeout=1"),
    ("BULL_REDIS_PORT", "6379"),
    ("REDIS_HOST", "localhost"),
    ("SHOP_POSTGRES_DSN", "postgresql+psycopg://localhost:5433/shop"),
    ("TEST_DATABASE_URL", "postgres://localhost:5433,other:1/test"),
    ("MAIL_SERVER", "localhost:1025"),
    ("ELASTICSEARCH_HOSTS", "http://localhost:9200,http://other:9200"),
    ("REDIS_NODES", "localhost:6379,[::1]:6380"),
    // As projects call their parts, also for browsers.
    ("API_SERVER", "localhost:8080"),
    ("NEXT_PUBLIC_API_URL", "http://localhost:8080/v1"),
    ("VITE_BACKEND", "http://localhost:8080"),
    ("WEB_URL", "http://localhost:3000"),
    ("DATASOURCE_URL", "jdbc:postgresql://localhost:5433/x"),
    // In a protocol of the service's own.
    ("JOBS_URL", "redis://localhost:6379"),
];

/// Values that are more than an address, under names that would do.
const NO_ADDRESSES: &[&str] = &[
    "touch /x/pwn; cat - http://localhost:6379/x",
    "-javaagent:/repo/evil.jar -Dx=http://localhost:6379/x",
    "-javaagent:/repo/evil.jar=http://localhost:6379/x",
    "http://localhost:6379/x\ttouch",
    "http://localhost:6379/x\ny",
    "http://localhost:6379/`touch`",
    "http://localhost:6379/|touch",
    "http://localhost:6379/\u{202e}",
    "http://localhost:6379/\u{a0}x",
    "-x://localhost:6379",
    "HTTP://localhost:6379",
    "http://localhost:6379,-x://y",
    "http://localhost:6379,",
    "Host=localhost;Port=6379;Password=x",
    "host=localhost port=6379",
    "u:p@tcp(localhost:6379)/x",
];

/// Names by which others than the project's programs would be led, or run.
const SETTINGS: &[&str] = &[
    "PSQL_PAGER",
    "GRADLE_OPTS",
    "MAVEN_OPTS",
    "FZF_DEFAULT_COMMAND",
    "VIMINIT",
    "REDIS_OPTIONS",
    "CACHE_EDITOR",
    "CACHE_CONFIG",
    "CACHE_INIT",
    "CACHE_ARGS",
    "VAULT_ADDR",
    "AWS_ENDPOINT_URL",
    "AZURE_CACHE_URL",
    "CACHE_EMULATOR_HOST",
    "RUSTUP_DIST_SERVER",
    "GOPROXY",
    "GOSUMDB",
    "GO_CACHE_URL",
    "RUBYGEMS_HOST",
    "RUBYOPT_URL",
    "YARN_NPM_REGISTRY_SERVER",
    "COREPACK_NPM_REGISTRY",
    "CACHE_REGISTRY_URL",
    "BUNDLE_MIRROR__ALL",
    "HEX_MIRROR",
    "CACHE_MIRRORS",
    "CACHE_PROXY",
    "cache_proxy",
    "PUB_HOSTED_URL",
    "HF_ENDPOINT",
    "ANTHROPIC_BASE_URL",
    "OPENAI_BASE_URL",
    "CONSUL_HTTP_ADDR",
    "NOMAD_ADDR",
    "GH_HOST",
    "BUILDKIT_HOST",
    "KUBERNETES_MASTER",
    "KUBE_CACHE_URL",
    "DISPLAY",
    "MAIL",
    "XDG_CACHE_HOME",
    "PIP_INDEX_URL",
    "UV_CACHE_URL",
    "NPM_CONFIG_CACHE",
    "DOCKER_HOST",
    "GIT_CACHE",
    "OP_CONNECT_HOST",
    "ARGOCD_SERVER",
    "PULUMI_BACKEND_URL",
    "SENTRY_URL",
    "CI_SERVER_URL",
    "JAVA_CACHE",
    "NODE_CACHE_URL",
    "FLASK_CACHE_URL",
    "SPRING_REDIS_URL",
    "spring.redis.url",
    // An address of what nobody here is called.
    "SOMEBODYS_URL",
    "SOMEBODYS_HOST",
    "SOMEBODYS_ADDR",
    "SOMEBODYS_ENDPOINT",
    "SOMEBODYS",
];

#[test]
fn shells_have_the_addresses_of_services_and_apps() {
    for (name, value) in PLAUSIBLE {
        let (shells, exec_only) = given(&format!("{name}='{value}'"));
        assert!(
            shells.iter().any(|it| it == name) && exec_only.is_empty(),
            "{name}={value}: {shells:?}, {exec_only:?}"
        );
    }
}

#[test]
fn shells_have_nothing_that_is_more_than_an_address() {
    for value in NO_ADDRESSES {
        assert!(!is_address(value), "{value}");
        let (shells, _) = given(&format!("CACHE_URL=\"{value}\"\nREDIS='{value}'"));
        assert_eq!(shells, [""; 0], "{value}");
    }
    let (_, exec_only) = given(
        "CACHE_URL=\"touch /x/pwn; cat - http://localhost:6379/x\"\nREDIS_URL='host=localhost port=6379'",
    );
    assert_eq!(exec_only, ["CACHE_URL", "REDIS_URL"], "the file's reader would have it, too");
}

#[test]
fn shells_have_no_settings_of_other_programs() {
    for name in SETTINGS {
        for value in ["http://localhost:6379/x", "localhost:6379", "6379"] {
            let (shells, _) = given(&format!("{name}={value}"));
            assert_eq!(shells, [""; 0], "{name}={value}");
        }
    }
    let (_, exec_only) = given("MAVEN_OPTS=http://localhost:6379/x\nSOMEBODYS_URL=http://localhost:6379/x");
    assert_eq!(exec_only, ["MAVEN_OPTS", "SOMEBODYS_URL"], "the file's reader would have it, too");
}

/// What stands in place of a value that the session gives by itself has a name that is nobody's setting.
#[test]
fn in_place_of_the_sessions_own_stands_an_address() {
    use crate::variable::Variable;
    let own = |name: &str| Variable { name: name.into(), value: "own".into(), ..Variable::default() };
    for (line, expected) in
        [("SOMEBODYS_URL=http://localhost:6379", false), ("SOMEBODYS_URL=\"x; http://localhost:6379\"", true)]
    {
        let found = apply(vec![own("SOMEBODYS_URL")], &read(line), &targets());
        assert_eq!(found.iter().map(|it| it.exec_only).collect::<Vec<_>>(), [expected], "{line}");
    }
}

#[test]
fn what_shells_leave_out_of_services_is_left_out_here_too() {
    for (name, expected) in [("AWS_ENDPOINT_URL", true), ("VAULT_ADDR", true), ("CACHE_URL", false)] {
        let found = apply(Vec::new(), &read(&format!("{name}=http://localhost:6379")), &targets());
        assert_eq!(found.iter().map(|it| it.cloud_credential).collect::<Vec<_>>(), [expected], "{name}");
    }
}

#[test]
fn answers_are_decided_one_by_one() {
    let all = answers(&read("CACHE_URL=redis://localhost\nVAULT_ADDR=http://localhost:6379"), &targets());
    let decided: Vec<bool> = all.iter().map(|answer| is_for_shells(answer, &targets())).collect();
    assert_eq!(decided, [true, false]);
}
