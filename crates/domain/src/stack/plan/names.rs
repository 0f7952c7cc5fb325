//! The names in `prism.yaml` against those of the project.

use std::collections::BTreeMap;

use super::{Plan, ServicePlan};
use crate::catalog::{self, Kind};
use crate::failure::Failure;
use crate::identity::name::ServiceName;
use crate::identity::variable_name;
use crate::stack::model::Model;
use crate::stack::settings::Settings;
use crate::text::template::{self, Value, nearest};

/// Fails if `prism.yaml` names a service that the project does not have.
pub(super) fn check_services(model: &Model, settings: &Settings) -> Result<(), Failure> {
    let of_services = settings.services.keys().map(|service| (vec!["services", &service.0], service));
    let templates =
        settings.templates.iter().map(|(template, it)| (vec!["templates", template.as_str()], it));
    let selections = templates.chain([(vec!["select"], &settings.select)]).flat_map(|(path, selection)| {
        let named = |key, services| std::iter::repeat([&path[..], &[key]].concat()).zip(services);
        named("services", &selection.services).chain(named("without", &selection.without)).collect::<Vec<_>>()
    });
    let mut all = of_services.chain(selections);
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
                !plan.ports.is_empty() && variable_name::prefix(prefix) == variable_name::prefix(app)
            };
            if let Some((service, _)) = speaking().find(is_of_app) {
                let names = format!("variables that begin with `{}_`", variable_name::prefix(app));
                return Err(variable_name::collision(&settings.name(&["apps", app]), &service.0, &names));
            }
        }
        Ok(())
    }

    /// Fails if an entry of `env:`, or of the `env` of the `app` at hand, needs a variable that none of these services can
    /// give, as it would once they are up.
    ///
    /// # Errors
    /// One does, or cannot be resolved for another reason.
    pub fn check_templates(
        &self,
        settings: &Settings,
        scope: &[ServiceName],
        app: Option<&str>,
    ) -> Result<(), Failure> {
        let is_prisms =
            |name: &str| name == "SESSION_DIR" || name.starts_with("PRISM_") || name.starts_with("COMPOSE_");
        let is_of_app = |name: &str| settings.apps.keys().any(|app| gives(&variable_name::prefix(app), name));
        let given = |name: &str| is_prisms(name) || is_of_app(name) || self.may_give(scope, name);
        let check = |path: &[&str], templates: &BTreeMap<String, String>, given: &dyn Fn(&str) -> bool| {
            let value = Value { text: "given".to_owned(), secret: false };
            let known = template::names(templates).filter(|name| given(name));
            let known = known.map(|name| (name, value.clone())).collect();
            let shown = |name: &str| settings.name(&[path, &[name]].concat());
            template::resolve(&path.join("."), &shown, templates, &known).map(drop)
        };
        check(&["env"], &settings.env, &given)?;
        let Some((name, app)) = app.and_then(|app| settings.apps.get_key_value(app)) else { return Ok(()) };
        let given = |name: &str| given(name) || settings.env.contains_key(name) || *name == app.port;
        check(&["apps", name, "env"], &app.env, &given)
    }

    /// Says whether these services may give a variable of this name.
    fn may_give(&self, services: &[ServiceName], name: &str) -> bool {
        let plans = services.iter().filter_map(|name| Some((name, self.services.get(name)?)));
        let speaking = || plans.clone().filter(|(_, plan)| !plan.ignored);
        let givers = || speaking().map(|(_, plan)| plan).filter(|plan| plan.gives_global(name));
        // Of several, none gives it but the one that is called the primary one.
        let is_clear = givers().count() == 1 || givers().filter(|plan| plan.preferred).count() == 1;
        is_clear || speaking().any(|(service, plan)| plan.gives(service, name))
    }

    /// Says whether some service may give a variable of this name to a child.
    pub fn may_export(&self, name: &str) -> bool {
        self.services.iter().any(|(service, plan)| plan.exports(service, name) || plan.gives_global(name))
    }
}

impl ServicePlan {
    /// Says whether a name begins as those of this service's variables do.
    fn gives(&self, service: &ServiceName, name: &str) -> bool {
        gives(&variable_name::prefix(self.prefix.as_deref().unwrap_or(&service.0)), name)
    }

    /// Says whether a name is one that this service's variables can have.
    fn exports(&self, service: &ServiceName, name: &str) -> bool {
        let prefix = variable_name::prefix(self.prefix.as_deref().unwrap_or(&service.0));
        let suffix = name.strip_prefix(&prefix).and_then(|rest| rest.strip_prefix('_'));
        suffix.is_some_and(|suffix| catalog::is_suffix(self.known_kind(), suffix))
    }

    /// Returns its kind, unless it is none that prism knows: the project itself, for instance.
    pub fn known_kind(&self) -> Option<&'static Kind> {
        catalog::kind(self.kind.as_deref().or(Some(catalog::NO_KIND)), "").ok().flatten()
    }

    /// Says whether a name is one that programs look for by themselves, and of the service's kind.
    fn gives_global(&self, name: &str) -> bool {
        let kind = self.known_kind().filter(|_| !self.completes);
        let mut globals = kind.into_iter().flat_map(|kind| kind.globals);
        globals.any(|group| group.gives(name))
    }
}

fn gives(prefix: &str, name: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('_'))
}
