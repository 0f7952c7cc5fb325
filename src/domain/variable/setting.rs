//! Names that a service could give, and that well-known programs take their own settings from.

/// A program that reads its settings from variables.
struct Program {
    name: &'static str,
    /// Whole names.
    names: &'static [&'static str],
    /// Beginnings of names, all of which it reads.
    prefixes: &'static [&'static str],
}

/// Each with the page of its documentation that says so.
#[rustfmt::skip] // a row reads better than a column
const PROGRAMS: &[Program] = &[
    // Spring Boot, "Externalized Configuration": `server.port` is SERVER_PORT.
    Program { name: "Spring Boot", names: &["SERVER_PORT"], prefixes: &["SPRING_", "MANAGEMENT_"] },
    // ASP.NET Core, "Configuration": both prefixes are the host's.
    Program { name: "ASP.NET Core", names: &[], prefixes: &["ASPNETCORE_", "DOTNET_"] },
    // Flask, "Configuration Handling" (`from_prefixed_env`) and "Command Line Interface" (FLASK_RUN_PORT).
    Program { name: "Flask", names: &[], prefixes: &["FLASK_"] },
    // Uvicorn, "Settings": each option is one of UVICORN_….
    Program { name: "Uvicorn", names: &[], prefixes: &["UVICORN_"] },
    // Vite, "Env Variables and Modes": these go into what browsers get.
    Program { name: "Vite", names: &[], prefixes: &["VITE_"] },
    // Next.js, "Environment Variables": likewise.
    Program { name: "Next.js", names: &[], prefixes: &["NEXT_PUBLIC_"] },
    // Nuxt, "Runtime Config", and Nitro, "Node.js runtime" (NITRO_PORT).
    Program { name: "Nuxt", names: &[], prefixes: &["NUXT_", "NITRO_"] },
    // Quarkus, "Configuration Reference Guide".
    Program { name: "Quarkus", names: &[], prefixes: &["QUARKUS_"] },
    // Kubernetes, "Accessing the API from within a Pod": with these, clients take themselves for a pod.
    Program { name: "Kubernetes clients", names: &[], prefixes: &["KUBERNETES_SERVICE_"] },
    // Ollama, "FAQ": host and port in one; a host alone is that host's usual port.
    Program { name: "Ollama", names: &["OLLAMA_HOST"], prefixes: &[] },
    // InfluxDB, "influx CLI": a URL.
    Program { name: "InfluxDB", names: &["INFLUX_HOST"], prefixes: &[] },
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
            ("ASPNETCORE_URL", Some("ASP.NET Core")),
            ("FLASK_RUN_PORT", Some("Flask")),
            ("VITE_PORT", Some("Vite")),
            ("NEXT_PORT", None),
            ("KUBERNETES_SERVICE_HOST", Some("Kubernetes clients")),
            ("OLLAMA_HOST", Some("Ollama")),
            ("DB_URL", None),
        ] {
            assert_eq!(reader(name), expected, "{name}");
        }
    }
}
