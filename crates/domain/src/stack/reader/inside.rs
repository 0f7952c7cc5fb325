//! Readers that are services of the project itself: they see the containers of every session, unless they are told not to.

use super::caddy::PREFIX;
use super::{Own, Project};
use crate::identity::name::ServiceName;
use crate::stack::model::Service;

/// Images that act on the labels of all containers, by the last part of their names.
const IMAGES: &[&str] = &[
    "acme-companion",
    "autoheal",
    "caddy-docker-proxy",
    "diun",
    "dnsdock",
    "docker-gen",
    "docker-volume-backup",
    "dozzle",
    "homepage",
    "letsencrypt-nginx-proxy-companion",
    "nginx-proxy",
    "ofelia",
    "registrator",
    "sablier",
    "traefik",
    "tsdproxy",
    "watchtower",
];

const LABEL_PREFIX: &str = "CADDY_DOCKER_LABEL_PREFIX";
const PROVIDER: &str = "--providers.docker";
const CONSTRAINTS: &str = "--providers.docker.constraints=";
const VARIABLE: &str = "TRAEFIK_PROVIDERS_DOCKER";
const CONSTRAINTS_VARIABLE: &str = "TRAEFIK_PROVIDERS_DOCKER_CONSTRAINTS";

/// Says whether it is a Traefik that can be told which containers to see.
pub(super) fn can_be_constrained(service: &Service) -> bool {
    image_of(service) == "traefik" && (has_words(service) || has_variables(service))
}

/// Says whether it is a caddy-docker-proxy of which the user has not chosen the prefix of labels.
pub(super) fn can_have_prefix(service: &Service) -> bool {
    image_of(service) == "caddy-docker-proxy"
        && !service.environment.contains_key(LABEL_PREFIX)
        && !service.command.iter().flatten().any(|word| word.contains("label-prefix"))
}

fn image_of(service: &Service) -> &str {
    let image = service.image.as_deref().unwrap_or_default();
    let image = image.split('@').next().unwrap_or(image);
    let image = image.rsplit('/').next().unwrap_or(image);
    image.split(':').next().unwrap_or(image)
}

fn starts(word: &str, start: &str) -> bool {
    word.get(..start.len()).is_some_and(|it| it.eq_ignore_ascii_case(start))
}

fn has_words(service: &Service) -> bool {
    service.command.iter().flatten().any(|word| starts(word, PROVIDER))
}

/// Words count, and variables only where there are none.
fn has_variables(service: &Service) -> bool {
    service.environment.keys().any(|name| name.starts_with(VARIABLE))
        && !service.command.iter().flatten().any(|word| word.starts_with("--"))
}

impl Project<'_> {
    /// Restricts a reader inside the project to the session, or says that it sees every one.
    pub(super) fn inside(
        &self,
        name: &ServiceName,
        service: &Service,
        own: &mut Own,
        said: &mut Vec<String>,
    ) {
        let image = image_of(service);
        let is_restricted = match image {
            "traefik" => self.constrain(service, own),
            "caddy-docker-proxy" if can_have_prefix(service) => {
                own.environment.insert(LABEL_PREFIX.to_owned(), self.names.own(PREFIX));
                true
            }
            "watchtower" => self.scope(service, own),
            _ => false,
        };
        let has_socket = service.volumes.iter().any(|mount| {
            mount.kind == "bind"
                && mount.source.as_deref().is_some_and(|source| source.ends_with("docker.sock"))
        });
        if !is_restricted && has_socket && IMAGES.contains(&image) {
            said.push(format!(
                "service `{name}` reads the labels of all containers of the Docker Engine: it sees those of every session"
            ));
        }
    }

    /// Lets Traefik see containers of the session only, and use the names that they have now.
    fn constrain(&self, service: &Service, own: &mut Own) -> bool {
        let constraint = format!("Label(`com.docker.compose.project`,`{}`)", self.session);
        let both = |before: &str| format!("({before}) && {constraint}");
        let words = service.command.as_deref().unwrap_or_default();
        if has_words(service) {
            let mut changed: Vec<String> =
                words.iter().map(|word| self.traefik_word(service, word)).collect();
            match changed.iter_mut().find(|word| starts(word, CONSTRAINTS)) {
                Some(word) => *word = format!("{CONSTRAINTS}{}", both(&word[CONSTRAINTS.len()..])),
                None => changed.push(format!("{CONSTRAINTS}{constraint}")),
            }
            own.command = Some(changed);
            return true;
        }
        if has_variables(service) {
            let before = service.environment.get(CONSTRAINTS_VARIABLE).and_then(Option::as_deref);
            let before = before.filter(|before| !before.is_empty());
            let value = before.map_or_else(|| constraint.clone(), both);
            own.environment.insert(CONSTRAINTS_VARIABLE.to_owned(), value);
            return true;
        }
        false
    }

    /// Follows networks and middlewares into an option of Traefik's command line.
    fn traefik_word(&self, service: &Service, word: &str) -> String {
        let Some((option, value)) = word.split_once('=') else { return word.to_owned() };
        let own = match option.to_ascii_lowercase() {
            option if option == "--providers.docker.network" => self.network(service, value),
            option if option.ends_with(".http.middlewares") => self.references("http", "middlewares", value),
            _ => return word.to_owned(),
        };
        format!("{option}={own}")
    }

    /// Follows a scope of Watchtower into its command line. Says whether it has one.
    fn scope(&self, service: &Service, own: &mut Own) -> bool {
        let words = service.command.as_deref().unwrap_or_default();
        let mut changed = words.to_vec();
        for at in 0..changed.len() {
            if let Some(scope) = changed[at].strip_prefix("--scope=") {
                changed[at] = format!("--scope={}", self.names.own(scope));
            } else if at > 0 && changed[at - 1] == "--scope" {
                changed[at] = self.names.own(&changed[at]);
            }
        }
        let has_word = changed != words;
        if has_word {
            own.command = Some(changed);
        }
        has_word || own.environment.contains_key("WATCHTOWER_SCOPE")
    }
}
