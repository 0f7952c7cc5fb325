//! Names of variables: what a service's begin with, and what a name says of its value.

use crate::failure::Failure;

/// Turns a service's name into the beginning of its variables' names.
pub fn prefix(name: &str) -> String {
    let upper: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    if upper.starts_with(|c: char| c.is_ascii_digit()) { format!("_{upper}") } else { upper }
}

/// Says whether people give such a name to what nobody is to see.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["PASS", "_PWD", "SECRET", "TOKEN", "API_KEY", "APP_KEY", "ACCESS_KEY", "PRIVATE_KEY", "CREDENTIAL"]
        .iter()
        .any(|word| name.contains(word))
}

/// Says whether programs take a cloud's credentials or address from a variable of this name.
pub fn is_cloud_credential(name: &str) -> bool {
    ["AWS_", "VAULT_", "AZURE_"].iter().any(|cloud| name.starts_with(cloud))
        || name.ends_with("_EMULATOR_HOST")
}

/// Says whether programs run what a variable of this name says, or are told by it how to run: no shell is to have it from a
/// session, whoever asks for it.
pub fn takes_code(name: &str) -> bool {
    const NAMES: [&str; 20] = [
        "BROWSER",
        "CXXFLAGS",
        "CFLAGS",
        "DISPLAY",
        "EXINIT",
        "GOPROXY",
        "GOSUMDB",
        "HISTFILE",
        "INPUTRC",
        "LDFLAGS",
        "LESS",
        "LESSKEY",
        "MAIL",
        "MAILPATH",
        "NVIMINIT",
        "PS0",
        "SUDO_ASKPASS",
        "VIMINIT",
        "VIMRUNTIME",
        "XAUTHORITY",
    ];
    const ENDS: [&str; 7] = ["_ASKPASS", "_BROWSER", "_COMMAND", "_EDITOR", "_OPTIONS", "_OPTS", "_PAGER"];
    NAMES.contains(&name) || ENDS.iter().any(|end| name.ends_with(end))
}

/// Names that no service may set: programs take code, identity or their own settings from them (docs/variables.md, "Never there").
pub fn is_reserved(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "PATH",
        "HOME",
        "SHELL",
        "USER",
        "TERM",
        "IFS",
        "ENV",
        "BASH_ENV",
        "ZDOTDIR",
        "PROMPT_COMMAND",
        "PROMPT",
        "RPROMPT",
        "SHELLOPTS",
        "BASHOPTS",
        "GLOBIGNORE",
        "CDPATH",
        "FPATH",
        "FIGNORE",
        "PWD",
        "OLDPWD",
        "LOGNAME",
        "TMPDIR",
        "GLIBC_TUNABLES",
        "GCONV_PATH",
        "LOCPATH",
        "HOSTALIASES",
        "LESSOPEN",
        "LESSCLOSE",
        "MANPAGER",
        "RUSTFLAGS",
        "MAKEFLAGS",
        "GOFLAGS",
        "JDK_JAVA_OPTIONS",
        "_JAVA_OPTIONS",
        "NODE_OPTIONS",
        "NODE_PATH",
        "RUBYOPT",
        "RUBYLIB",
        "JAVA_TOOL_OPTIONS",
        "EDITOR",
        "VISUAL",
        "PAGER",
        "BROWSER",
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "KUBECONFIG",
        "SESSION_DIR",
    ];
    const PREFIXES: &[&str] = &[
        "LD_",
        "DYLD_",
        "PYTHON",
        "PERL5",
        "RUSTC",
        "CARGO_",
        "GIT_",
        "SSH_",
        "GPG_",
        "DOCKER_",
        "PIP_",
        "npm_config_",
        "NPM_CONFIG_",
        "UV_",
        "PRISM_",
        "COMPOSE_",
        "__PRISM_",
    ];
    let numbered = name
        .strip_prefix("PS")
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()));
    NAMES.contains(&name)
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || name.ends_with("_PROXY")
        || name.ends_with("_proxy")
        || numbered
}

/// Says that an app, named as `shown`, and a service both give variables of this name, or that begin with an app's.
pub fn collision(shown: &str, service: &str, name: &str) -> Failure {
    Failure::new(format!("{shown} and service `{service}` both give {name}")).hint(format!(
        "call the app differently, or give the service another prefix: `services: {{{service}: {{prefix: …}}}}`"
    ))
}
