//! Names that a service could give, and that well-known programs take their own settings from.

/// Names, sorted; one with a `_` at its end stands for all that begin so. Each with the program that reads it, below the
/// page that says so. Only what a service's name and a suffix of prism's can make.
const SETTINGS: &[(&str, &str)] = &[
    // https://learn.microsoft.com/aspnet/core/fundamentals/configuration/.
    ("ASPNETCORE_", "ASP.NET Core"),
    // https://authjs.dev/reference/nextjs: the application's own URL.
    ("AUTH_URL", "Auth.js"),
    // https://www.better-auth.com/docs/reference/options: the application's own URL.
    ("BETTER_AUTH_URL", "Better Auth"),
    // https://github.com/moby/buildkit#readme: a URL.
    ("BUILDKIT_HOST", "BuildKit"),
    // https://bun.sh/docs/api/http: the port of `Bun.serve`.
    ("BUN_PORT", "Bun"),
    // https://github.com/Chainlit/chainlit, backend/chainlit/cli/__init__.py: where it listens.
    ("CHAINLIT_HOST", "Chainlit"),
    ("CHAINLIT_PORT", "Chainlit"),
    // https://github.com/chroma-core/chroma, chromadb/config.py: its server's, and of a client that is one.
    ("CHROMA_SERVER_", "Chroma"),
    // https://www.cockroachlabs.com/docs/stable/cockroach-sql: `postgresql://`.
    ("COCKROACH_URL", "CockroachDB"),
    // https://docs.podman.io/en/latest/markdown/podman.1.html: a URL.
    ("CONTAINER_HOST", "Podman"),
    // https://docs.cypress.io/app/references/configuration: what is called like an option replaces it, `port` too.
    ("CYPRESS_", "Cypress"),
    ("DOTNET_", "ASP.NET Core"),
    // https://docs.expo.dev/guides/environment-variables/: these go into what browsers get.
    ("EXPO_PUBLIC_", "Expo"),
    // https://github.com/fastify/fastify-cli#options.
    ("FASTIFY_", "Fastify"),
    // https://flask.palletsprojects.com/en/stable/config/ (`from_prefixed_env`) and …/cli/ (FLASK_RUN_PORT).
    ("FLASK_", "Flask"),
    // https://flower.readthedocs.io/en/latest/config.html: each option is one of FLOWER_….
    ("FLOWER_PORT", "Flower"),
    // https://cli.github.com/manual/gh_help_environment: a name without a port.
    ("GH_HOST", "the GitHub CLI"),
    // https://docs.gitlab.com/cli/: a URL.
    ("GITLAB_HOST", "the GitLab CLI"),
    ("GL_HOST", "the GitLab CLI"),
    // https://github.com/emmett-framework/granian#readme: each option is one of GRANIAN_….
    ("GRANIAN_", "Granian"),
    // https://docs.influxdata.com/influxdb/v2/reference/cli/influx/: a URL.
    ("INFLUX_HOST", "InfluxDB"),
    // https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/: they take themselves for a pod.
    ("KUBERNETES_SERVICE_", "Kubernetes clients"),
    // https://github.com/langfuse/langfuse-python, langfuse/_client/environment_variables.py: a URL.
    ("LANGFUSE_HOST", "Langfuse"),
    // https://docs.litestar.dev/latest/usage/cli.html: LITESTAR_HOST, LITESTAR_PORT.
    ("LITESTAR_", "Litestar"),
    // https://github.com/livekit/livekit-cli: `http://` or `ws://`.
    ("LIVEKIT_URL", "LiveKit"),
    // https://github.com/localstack/awscli-local#configurations: host and port in one.
    ("LOCALSTACK_HOST", "awslocal"),
    // https://docs.locust.io/en/stable/configuration.html: the host that is to be tested; where its own page is.
    ("LOCUST_HOST", "Locust"),
    ("LOCUST_WEB_HOST", "Locust"),
    ("LOCUST_WEB_PORT", "Locust"),
    // https://docs.spring.io/spring-boot/reference/features/external-config.html: `management.server.port`.
    ("MANAGEMENT_", "Spring Boot"),
    // https://github.com/laravel/scout, config/scout.php: a URL.
    ("MEILISEARCH_HOST", "Laravel Scout"),
    // https://symfony.com/doc/current/mercure.html: with a path.
    ("MERCURE_PUBLIC_URL", "Symfony's Mercure"),
    ("MERCURE_URL", "Symfony's Mercure"),
    // https://docs.micronaut.io/latest/guide/#propertySource: `micronaut.server.port`.
    ("MICRONAUT_", "Micronaut"),
    // https://next-auth.js.org/configuration/options.
    ("NEXTAUTH_URL", "Auth.js"),
    // https://nextjs.org/docs/app/guides/environment-variables: these go into what browsers get.
    ("NEXT_PUBLIC_", "Next.js"),
    // https://nitro.build/deploy/runtimes/node: NITRO_PORT.
    ("NITRO_", "Nuxt"),
    ("NODE_PORT", "Bun"),
    // https://nuxt.com/docs/guide/going-further/runtime-config.
    ("NUXT_", "Nuxt"),
    // https://github.com/laravel/octane, InteractsWithServers.php: where it listens.
    ("OCTANE_HOST", "Laravel Octane"),
    ("OCTANE_PORT", "Laravel Octane"),
    // https://docs.ollama.com/faq: host and port in one; a host alone is that host's usual port.
    ("OLLAMA_HOST", "Ollama"),
    // https://docs.astro.build/en/guides/environment-variables/, https://create-react-app.dev/docs/advanced-configuration/ (PUBLIC_URL).
    ("PUBLIC_", "Astro, SvelteKit or Create React App"),
    // https://quarkus.io/guides/config-reference: `quarkus.http.port`.
    ("QUARKUS_", "Quarkus"),
    // https://create-react-app.dev/docs/adding-custom-environment-variables/: these go into what browsers get.
    ("REACT_APP_", "Create React App"),
    // https://github.com/laravel/reverb, config/reverb.php: where it listens.
    ("REVERB_SERVER_", "Laravel Reverb"),
    // https://rocket.rs/guide/v0.5/configuration/.
    ("ROCKET_PORT", "Rocket"),
    // https://github.com/laravel/framework, ServeCommand.php: SERVER_PORT, too.
    ("SERVER_HOST", "Laravel"),
    // https://docs.spring.io/spring-boot/reference/features/external-config.html: `server.port`.
    ("SERVER_PORT", "Spring Boot"),
    ("SPRING_", "Spring Boot"),
    // https://storybook.js.org/docs/configure/environment-variables: these go into what browsers get.
    ("STORYBOOK_", "Storybook"),
    // https://www.uvicorn.org/settings/: each option is one of UVICORN_….
    ("UVICORN_", "Uvicorn"),
    // https://vite.dev/guide/env-and-mode: these go into what browsers get.
    ("VITE_", "Vite"),
    // https://docs.vllm.ai/en/stable/configuration/env_vars/: no service is to be called `vllm`.
    ("VLLM_PORT", "vLLM"),
    // https://cli.vuejs.org/guide/mode-and-env.html: these go into what browsers get.
    ("VUE_APP_", "Vue CLI"),
    // https://yarnpkg.com/configuration/yarnrc: each setting is one of YARN_….
    ("YARN_", "Yarn"),
];

/// How the names end from which Google's clients take host and port of an emulator.
const EMULATOR: &str = "_EMULATOR_HOST";

/// Names the program that takes a setting of its own from a variable of this name.
pub(crate) fn reader(name: &str) -> Option<&'static str> {
    if name.ends_with(EMULATOR) {
        return Some("Google's client");
    }
    // Whatever stands between a beginning and a name that begins so begins so, too.
    let after = SETTINGS.partition_point(|(setting, _)| *setting <= name);
    let (setting, program) = SETTINGS.get(after.checked_sub(1)?)?;
    (*setting == name || (setting.ends_with('_') && name.starts_with(setting))).then_some(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_sorted_and_none_is_part_of_another() {
        for pair in SETTINGS.windows(2) {
            let [(one, _), (next, _)] = pair else { continue };
            assert!(one < next, "{one}, {next}");
            assert!(!(one.ends_with('_') && next.starts_with(one)), "{one}, {next}");
        }
    }

    #[test]
    fn settings_of_frameworks_are_known() {
        for (name, expected) in [
            ("SERVER_PORT", Some("Spring Boot")),
            ("SERVER_HOST", Some("Laravel")),
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
            ("PUBLIC_URL", Some("Astro, SvelteKit or Create React App")),
            ("PUBLICATIONS_URL", None),
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
            ("LOCUST_WEB_PORT", Some("Locust")),
            ("REVERB_SERVER_PORT", Some("Laravel Reverb")),
            ("PUBSUB_EMULATOR_HOST", Some("Google's client")),
            ("PUBSUB_EMULATOR_URL", None),
            ("A_URL", None),
            ("ZOOKEEPER_URL", None),
            ("DB_URL", None),
        ] {
            assert_eq!(reader(name), expected, "{name}");
        }
    }
}
