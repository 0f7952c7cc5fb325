//! The names in `prism.yaml` against those of the project.

use super::{Plan, ServicePlan};
use crate::domain::catalog;
use crate::domain::model::Model;
use crate::domain::name::ServiceName;
use crate::domain::settings::Settings;
use crate::domain::template::{self, Value, nearest};
use crate::domain::variable;
use crate::error::Failure;

/// Fails if `prism.yaml` names a service that the project does not have.
pub(super) fn check_services(model: &Model, settings: &Settings) -> Result<(), Failure> {
    let of_services = settings.services.keys().map(|service| (vec!["services", &service.0], service));
    let of_templates = settings.templates.iter().flat_map(|(template, selection)| {
        let named = |key, services| std::iter::repeat(vec!["templates", template, key]).zip(services);
        named("services", &selection.services).chain(named("without", &selection.without))
    });
    let mut all = of_services.chain(of_templates);
    let Some((path, unknown)) = all.find(|(_, service)| !model.services.contains_key(*service)) else {
        return Ok(());
    };
    let known = || model.services.keys().map(|name| name.0.as_str());
    let failure = Failure::new(format!("{}: there is no service `{unknown}`", settings.name(&path)));
    Err(match nearest(&unknown.0, known()) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure.hint(format!("the services are: {}", known().collect::<Vec<_>>().join(", "))),
    })
}

impl Plan {
    /// Fails if an app and one of these services give the same variables. A service that is left out does not count: the
    /// app may stand in for it.
    ///
    /// # Errors
    /// They do.
    pub fn check_apps(&self, settings: &Settings, scope: &[ServiceName]) -> Result<(), Failure> {
        let speaking = || scope.iter().filter_map(|name| self.services.get_key_value(name));
        for app in settings.apps.keys() {
            let is_of_app = |(service, plan): &(&ServiceName, &ServicePlan)| {
                let prefix = plan.prefix.as_deref().unwrap_or(&service.0);
                !plan.ports.is_empty() && variable::prefix(prefix) == variable::prefix(app)
            };
            if let Some((service, _)) = speaking().find(is_of_app) {
                let names = format!("variables that begin with `{}_`", variable::prefix(app));
                return Err(variable::collision(&settings.name(&["apps", app]), &service.0, &names));
            }
        }
        Ok(())
    }

    /// Fails if an entry of `env:` needs a variable that none of these services can give, as it would once they are up.
    ///
    /// # Errors
    /// One does, or cannot be resolved for another reason.
    pub fn check_templates(&self, settings: &Settings, scope: &[ServiceName]) -> Result<(), Failure> {
        let is_prisms =
            |name: &str| name == "SESSION_DIR" || name.starts_with("PRISM_") || name.starts_with("COMPOSE_");
        let is_of_app = |name: &str| settings.apps.keys().any(|app| gives(&variable::prefix(app), name));
        let given = |name: &&str| is_prisms(name) || is_of_app(name) || self.may_give(scope.iter(), name);
        let value = Value { text: "given".to_owned(), secret: false };
        let known = template::names(&settings.env).filter(given).map(|name| (name, value.clone())).collect();
        template::resolve("env", &|name| settings.name(&["env", name]), &settings.env, &known).map(drop)
    }

    /// Says whether one of these services may give a variable of this name.
    fn may_give<'s>(&self, mut services: impl Iterator<Item = &'s ServiceName>, name: &str) -> bool {
        let is_of = |service: &ServiceName| {
            let prefix = self.services.get(service).and_then(|plan| plan.prefix.as_deref());
            gives(&variable::prefix(prefix.unwrap_or(&service.0)), name)
        };
        let mut globals = catalog::kinds().flat_map(|kind| kind.globals);
        services.any(is_of) || globals.any(|group| group.gives(name))
    }

    /// Says whether some service may give a variable of this name to a child.
    pub fn may_export(&self, name: &str) -> bool {
        self.may_give(self.services.keys(), name)
    }
}

fn gives(prefix: &str, name: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('_'))
}
