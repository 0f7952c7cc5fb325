//! Names from which programs take code or their own settings, by their pattern.

use crate::identity::variable_name::{is_cloud_credential, is_reserved, takes_code};
use crate::text::env_file::is_name;
use crate::variable::reader;

/// What frameworks want names to begin with that go to browsers: programs take no settings of their own from these.
pub(super) const FOR_BROWSERS: [&str; 7] =
    ["EXPO_PUBLIC_", "NEXT_PUBLIC_", "NUXT_PUBLIC_", "PUBLIC_", "REACT_APP_", "VITE_", "VUE_APP_"];

/// Words that make a name a setting: of how a program runs, or from where it takes others.
const WORDS: [&str; 40] = [
    "ARGS",
    "ARGUMENTS",
    "ASKPASS",
    "BROWSER",
    "CA",
    "CMD",
    "COMMAND",
    "CONF",
    "CONFIG",
    "CONNECT",
    "DIST",
    "EDITOR",
    "EXEC",
    "FLAGS",
    "HOME",
    "HOOK",
    "HOOKS",
    "INDEX",
    "INIT",
    "LAUNCHER",
    "MIRROR",
    "MIRRORS",
    "OPT",
    "OPTIONS",
    "OPTS",
    "PAGER",
    "PATH",
    "PLUGIN",
    "PLUGINS",
    "PRELOAD",
    "PROGRAM",
    "PROXY",
    "RC",
    "REGISTRIES",
    "REGISTRY",
    "SCRIPT",
    "SHELL",
    "SUMDB",
    "TELEMETRY",
    "WRAPPER",
];

/// First words of the settings of programs that developers have, wherever they are.
const PROGRAMS: [&str; 72] = [
    "ANSIBLE",
    "ANTHROPIC",
    "ARGOCD",
    "ARM",
    "ATUIN",
    "AZURE",
    "BAZEL",
    "BUILDAH",
    "BUILDKIT",
    "BUILDX",
    "BUN",
    "BUNDLE",
    "BUNDLER",
    "CF",
    "CI",
    "CIRCLECI",
    "CLAUDE",
    "CLOUDFLARE",
    "CLOUDSDK",
    "COMPOSER",
    "CONAN",
    "CONDA",
    "CONSUL",
    "CONTAINER",
    "CONTAINERD",
    "COREPACK",
    "COURSIER",
    "CURL",
    "DAGGER",
    "DBUS",
    "DENO",
    "DIGITALOCEAN",
    "DISPLAY",
    "DOPPLER",
    "FLY",
    "FZF",
    "GCLOUD",
    "GEM",
    "GEMINI",
    "GH",
    "GITEA",
    "GITHUB",
    "GITLAB",
    "GL",
    "GOOGLE",
    "GRADLE",
    "HELM",
    "HEROKU",
    "HEX",
    "HF",
    "HOMEBREW",
    "HUGGINGFACE",
    "INFISICAL",
    "JAVA",
    "JFROG",
    "KUBERNETES",
    "MAVEN",
    "NODE",
    "NOMAD",
    "NPM",
    "OP",
    "OPENAI",
    "PNPM",
    "PODMAN",
    "PUB",
    "PULUMI",
    "SENTRY",
    "SNYK",
    "TERRAFORM",
    "TF",
    "VERCEL",
    "YARN",
];

/// Beginnings of such names whose first word goes on.
const BEGINNINGS: [&str; 7] = ["KUBE_", "MAILCHECK", "RUBY", "RUST", "XDG_", "VIM", "NVIM"];

/// Says whether programs take code or their own settings from a variable of this name.
pub(super) fn is_setting(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let is_for_browsers = FOR_BROWSERS.iter().any(|beginning| upper.starts_with(beginning));
    let mut words = upper.split('_').filter(|word| !word.is_empty());
    // GOPROXY, GOSUMDB: Go's are one word.
    let is_of_go = upper.starts_with("GO_") || (upper.starts_with("GO") && !upper.contains('_'));
    !is_name(name)
        || is_reserved(&upper)
        || is_cloud_credential(&upper)
        || takes_code(&upper)
        || is_of_go
        || (reader(&upper).is_some() && !is_for_browsers)
        || BEGINNINGS.iter().any(|beginning| upper.starts_with(beginning))
        || words.clone().next().is_some_and(|first| PROGRAMS.contains(&first))
        || words.any(|word| WORDS.contains(&word))
}
