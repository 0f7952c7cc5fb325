//! What stands beside an application: to look at it, to test it, to talk to.

use super::{PLAIN, default_login, group, login};
use crate::catalog::{Kind, Login, Other, User};

#[rustfmt::skip] // a row reads better than a column
pub(super) const KINDS: &[Kind] = &[
    // https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#zipkin-exporter
    Kind {
        name: "zipkin", images: &["zipkin", "zipkin-slim"], ports: &[9411],
        urls: &["http://{address}"],
        globals: &[&group(
            "OTEL_EXPORTER_ZIPKIN_ENDPOINT", &[("OTEL_EXPORTER_ZIPKIN_ENDPOINT", "http://{address}/api/v2/spans")],
        )], ..PLAIN
    },
    // https://grafana.com/docs/grafana/latest/setup-grafana/configure-grafana/
    Kind {
        name: "grafana", images: &["grafana", "grafana-oss", "grafana-enterprise"], ports: &[3000],
        logins: &[default_login(
            User::FromOr(&["GF_SECURITY_ADMIN_USER"], "admin"), &["GF_SECURITY_ADMIN_PASSWORD"], "admin",
        )],
        urls: &["http://{address}"], ..PLAIN
    },
    // https://prometheus.io/docs/prometheus/latest/installation/
    Kind {
        name: "prometheus", images: &["prometheus"], ports: &[9090],
        urls: &["http://{address}"],
        servers: &["prometheus"], ..PLAIN
    },
    // https://grafana.com/docs/loki/latest/query/logcli/: LOKI_ADDR is that command's.
    Kind {
        name: "loki", images: &["loki"], ports: &[3100],
        urls: &["http://{address}"],
        globals: &[&group("LOKI_ADDR", &[("LOKI_ADDR", "{url}")])], ..PLAIN
    },
    // https://docs.ollama.com/faq: the command and the libraries read OLLAMA_HOST, host and port in one.
    Kind {
        name: "ollama", images: &["ollama"], ports: &[11434],
        urls: &["http://{address}"],
        servers: &["ollama serve", "serve"],
        globals: &[&group("OLLAMA_HOST", &[("OLLAMA_HOST", "{address}")])], ..PLAIN
    },
    // https://wiremock.org/docs/standalone/docker/
    Kind { name: "wiremock", images: &["wiremock"], ports: &[8080], urls: &["http://{address}"], ..PLAIN },
    // https://github.com/SeleniumHQ/docker-selenium: ports, and the names of user and password;
    // https://www.selenium.dev/selenium/docs/api/javascript/Builder.html: SELENIUM_REMOTE_URL.
    Kind {
        name: "selenium",
        images: &[
            "standalone-chrome", "standalone-chromium", "standalone-firefox", "standalone-edge",
            "standalone-all-browsers", "selenium/hub", "seleniarm/hub",
        ],
        ports: &[4444],
        logins: &[login(User::From(&["SE_ROUTER_USERNAME"]), &["SE_ROUTER_PASSWORD"])],
        urls: &["http://{auth}{address}"],
        others: &[Other { suffix: "VNC_URL", ports: &[7900], url: "http://{address}" }],
        globals: &[&group("SELENIUM_REMOTE_URL", &[("SELENIUM_REMOTE_URL", "{url}")])], ..PLAIN
    },
    // https://docs.browserless.io/enterprise/docker/config: what a client connects to has the token in it.
    Kind {
        name: "browserless",
        images: &[
            "browserless/chrome", "browserless/chromium", "browserless/firefox", "browserless/webkit",
            "browserless/edge", "browserless/multi",
        ],
        ports: &[3000],
        logins: &[login(User::Nobody, &["TOKEN"])],
        urls: &["ws://{address}?token={password}", "ws://{address}"], ..PLAIN
    },
    // https://github.com/atmoz/sftp: `user:password:…`, in SFTP_USERS or as the command.
    Kind {
        name: "sftp", images: &["sftp"], ports: &[22],
        logins: &[
            Login { ends: &[':', ' '], ..login(User::Joined { variable: "SFTP_USERS", separator: ':' }, &[]) },
            Login { ends: &[':', ' '], ..login(User::Joined { variable: "", separator: ':' }, &[]) },
        ],
        urls: &["sftp://{auth}{address}"], ..PLAIN
    },
    // https://github.com/osixia/docker-openldap, https://hub.docker.com/r/bitnami/openldap (1389): LDAP_ADMIN_PASSWORD;
    // ldap.conf(5): the OpenLDAP tools read LDAPURI.
    Kind {
        name: "ldap", images: &["openldap", "ldap"], ports: &[389, 1389],
        logins: &[login(User::Nobody, &["LDAP_ADMIN_PASSWORD"])],
        urls: &["ldap://{address}"],
        others: &[Other { suffix: "TLS_URL", ports: &[636, 1636], url: "ldaps://{address}" }],
        globals: &[&group("LDAPURI", &[("LDAPURI", "{url}")])], ..PLAIN
    },
];
