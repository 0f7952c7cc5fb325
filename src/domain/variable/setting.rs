//! Names that a service could give, and that well-known programs take their own settings from.

/// A program that reads its settings from variables.
struct Program {
    name: &'static str,
    /// Whole names.
    names: &'static [&'static str],
    /// Beginnings of names, all of which it reads.
    prefixes: &'static [&'static str],
}

/// Each with the page of its documentation that says so. Only what a service's name and a suffix of prism's can make.
#[rustfmt::skip] // a row reads better than a column
const PROGRAMS: &[Program] = &[
    // https://docs.spring.io/spring-boot/reference/features/external-config.html: `server.port` is SERVER_PORT. Helidon's is, too.
    Program { name: "Spring Boot", names: &["SERVER_PORT"], prefixes: &["SPRING_", "MANAGEMENT_"] },
    // https://docs.micronaut.io/latest/guide/#propertySource: `micronaut.server.port`.
    Program { name: "Micronaut", names: &[], prefixes: &["MICRONAUT_"] },
    // https://quarkus.io/guides/config-reference: `quarkus.http.port`.
    Program { name: "Quarkus", names: &[], prefixes: &["QUARKUS_"] },
    // https://learn.microsoft.com/aspnet/core/fundamentals/configuration/: both prefixes are the host's.
    Program { name: "ASP.NET Core", names: &[], prefixes: &["ASPNETCORE_", "DOTNET_"] },
    // https://flask.palletsprojects.com/en/stable/config/ (`from_prefixed_env`) and …/cli/ (FLASK_RUN_PORT).
    Program { name: "Flask", names: &[], prefixes: &["FLASK_"] },
    // https://www.uvicorn.org/settings/: each option is one of UVICORN_….
    Program { name: "Uvicorn", names: &[], prefixes: &["UVICORN_"] },
    // https://flower.readthedocs.io/en/latest/config.html: each option is one of FLOWER_….
    Program { name: "Flower", names: &["FLOWER_PORT"], prefixes: &[] },
    // https://docs.locust.io/en/stable/configuration.html: the host that is to be tested.
    Program { name: "Locust", names: &["LOCUST_HOST"], prefixes: &[] },
    // https://docs.cypress.io/app/references/configuration: what is called like an option replaces it, `port` too.
    Program { name: "Cypress", names: &[], prefixes: &["CYPRESS_"] },
    // https://vite.dev/guide/env-and-mode: these go into what browsers get.
    Program { name: "Vite", names: &[], prefixes: &["VITE_"] },
    // https://nextjs.org/docs/app/guides/environment-variables: likewise.
    Program { name: "Next.js", names: &[], prefixes: &["NEXT_PUBLIC_"] },
    // https://create-react-app.dev/docs/adding-custom-environment-variables/: likewise; and PUBLIC_URL, where its files are.
    Program { name: "Create React App", names: &["PUBLIC_URL"], prefixes: &["REACT_APP_"] },
    // https://docs.expo.dev/guides/environment-variables/: likewise.
    Program { name: "Expo", names: &[], prefixes: &["EXPO_PUBLIC_"] },
    // https://next-auth.js.org/configuration/options, https://authjs.dev/reference/core/errors: the application's own URL.
    Program { name: "Auth.js", names: &["NEXTAUTH_URL", "AUTH_URL"], prefixes: &[] },
    // https://nuxt.com/docs/guide/going-further/runtime-config, https://nitro.build/deploy/runtimes/node (NITRO_PORT).
    Program { name: "Nuxt", names: &[], prefixes: &["NUXT_", "NITRO_"] },
    // https://bun.sh/docs/api/http: the port of `Bun.serve`.
    Program { name: "Bun", names: &["BUN_PORT", "NODE_PORT"], prefixes: &[] },
    // https://yarnpkg.com/configuration/yarnrc: each setting is one of YARN_…, and an unknown one an error.
    Program { name: "Yarn", names: &[], prefixes: &["YARN_"] },
    // https://api.rocket.rs/v0.5/rocket/config/: ROCKET_PORT.
    Program { name: "Rocket", names: &["ROCKET_PORT"], prefixes: &[] },
    // https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/: with these, clients take themselves for a pod.
    Program { name: "Kubernetes clients", names: &[], prefixes: &["KUBERNETES_SERVICE_"] },
    // https://docs.podman.io/en/latest/markdown/podman.1.html, https://github.com/moby/buildkit#readme: a URL.
    Program { name: "Podman", names: &["CONTAINER_HOST"], prefixes: &[] },
    Program { name: "BuildKit", names: &["BUILDKIT_HOST"], prefixes: &[] },
    // https://cli.github.com/manual/gh_help_environment, https://docs.gitlab.com/cli/: a name without a port.
    Program { name: "the GitHub CLI", names: &["GH_HOST"], prefixes: &[] },
    Program { name: "the GitLab CLI", names: &["GITLAB_HOST"], prefixes: &[] },
    // https://docs.ollama.com/faq: host and port in one; a host alone is that host's usual port.
    Program { name: "Ollama", names: &["OLLAMA_HOST"], prefixes: &[] },
    // https://docs.influxdata.com/influxdb/v2/reference/cli/influx/: a URL.
    Program { name: "InfluxDB", names: &["INFLUX_HOST"], prefixes: &[] },
    // https://docs.trychroma.com/guides/deploy/docker: its server's, and of a client that is one.
    Program { name: "Chroma", names: &[], prefixes: &["CHROMA_SERVER_"] },
];

/// Names the program that takes a setting of its own from a variable of this name.
pub(super) fn reader(name: &str) -> Option<&'static str> {
    let reads = |program: &&Program| {
        program.names.contains(&name) || program.prefixes.iter().any(|prefix| name.starts_with(prefix))
    };
    PROGRAMS.iter().find(reads).map(|program| program.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_frameworks_are_known() {
        for (name, expected) in [
            ("SERVER_PORT", Some("Spring Boot")),
            ("SERVER_HOST", None),
            ("SERVER_PORT_8080", None),
            ("SPRING_URL", Some("Spring Boot")),
            ("MICRONAUT_SERVER_PORT", Some("Micronaut")),
            ("ASPNETCORE_URL", Some("ASP.NET Core")),
            ("FLASK_RUN_PORT", Some("Flask")),
            ("FLOWER_PORT", Some("Flower")),
            ("FLOWER_URL", None),
            ("LOCUST_HOST", Some("Locust")),
            ("CYPRESS_PORT", Some("Cypress")),
            ("VITE_PORT", Some("Vite")),
            ("NEXT_PORT", None),
            ("PUBLIC_URL", Some("Create React App")),
            ("AUTH_URL", Some("Auth.js")),
            ("AUTH_PORT", None),
            ("NODE_PORT", Some("Bun")),
            ("NODE_URL", None),
            ("YARN_HOST", Some("Yarn")),
            ("ROCKET_PORT", Some("Rocket")),
            ("KUBERNETES_SERVICE_HOST", Some("Kubernetes clients")),
            ("KUBERNETES_PORT", None),
            ("BUILDKIT_HOST", Some("BuildKit")),
            ("CONTAINER_HOST", Some("Podman")),
            ("GITLAB_HOST", Some("the GitLab CLI")),
            ("GITLAB_URL", None),
            ("OLLAMA_HOST", Some("Ollama")),
            ("INFLUX_HOST", Some("InfluxDB")),
            ("CHROMA_SERVER_HOST", Some("Chroma")),
            ("CHROMA_HOST", None),
            ("DB_URL", None),
        ] {
            assert_eq!(reader(name), expected, "{name}");
        }
    }
}
