//! Which services belong to a session, by what was chosen and what is there.

use std::collections::BTreeSet;
use std::path::Path;

use crate::engine::container::{Container, State};
use crate::engine::selection::{Mode, Selection};
use crate::failure::{Code, Failure};
use crate::identity::name::ServiceName;
use crate::stack::model::Model;
use crate::stack::plan::Plan;
use crate::text::template::nearest;

impl Selection {
    /// Says whether a service is left out, whatever else speaks for it.
    fn excludes(&self, model: &Model, service: &ServiceName) -> bool {
        let has_profile = || model.services.get(service).is_some_and(|service| !service.profiles.is_empty());
        self.without.contains(service) || (self.mode == Some(Mode::Native) && has_profile())
    }

    fn includes(&self, model: &Model, plan: &Plan, service: &ServiceName) -> bool {
        let profiles = model.services.get(service).map_or(&[][..], |service| &service.profiles);
        if profiles.iter().any(|profile| self.profiles.contains(profile)) || self.mode == Some(Mode::Docker) {
            return true;
        }
        if self.services.is_empty() {
            plan.services.get(service).is_some_and(|plan| plan.by_default)
        } else {
            self.services.contains(service)
        }
    }
}

/// Decides which services belong to the session: what is chosen, what that depends on, and `present`, which is there though
/// nobody chose it. Sorted by name.
///
/// # Errors
/// The selection names a service or a profile that the project does not have.
pub fn scope(
    model: &Model,
    plan: &Plan,
    selection: &Selection,
    present: &BTreeSet<ServiceName>,
) -> Result<Vec<ServiceName>, Failure> {
    check(model, selection)?;
    let wanted =
        |service: &&ServiceName| present.contains(*service) || selection.includes(model, plan, service);
    let mut scope: BTreeSet<ServiceName> = BTreeSet::new();
    let mut open: Vec<&ServiceName> = model.services.keys().filter(wanted).collect();
    while let Some(service) = open.pop() {
        let excluded = selection.excludes(model, service);
        if !excluded
            && let Some(found) = model.services.get(service)
            && scope.insert(service.clone())
        {
            open.extend(found.depends_on.iter().filter(|(_, it)| it.required).map(|(name, _)| name));
        }
    }
    Ok(scope.into_iter().collect())
}

/// Says which services are the project itself, which most people run on the host while they work at it: those that are built
/// from the session's `directory`. `None` where nothing else is in the session.
pub fn built_here(model: &Model, scope: &[ServiceName], directory: &str) -> Option<String> {
    let is_built = |name: &&ServiceName| {
        let build = model.services.get(*name).and_then(|service| service.build.as_ref());
        build
            .and_then(|build| build.context.as_deref())
            .is_some_and(|context| Path::new(context).starts_with(directory))
    };
    let names: Vec<&str> = scope.iter().filter(is_built).map(|name| name.0.as_str()).collect();
    let (first, is_all) = (names.first()?, names.len() == scope.len());
    let list = names.join(", ");
    (!is_all).then(|| {
        format!(
            "built from this directory: {list}; `prism start --without {first}` leaves it out, `select: {{without: [{list}]}}` in prism.yaml for good"
        )
    })
}

/// Picks the services that are there for another reason than a choice, such as `docker compose up` in a child: those that
/// have containers, without what the last choice left out and nothing has started since. There are none where the choice is
/// being made: what is chosen is what runs.
pub fn present(
    containers: &[Container],
    left_out: &[ServiceName],
    is_chosen_now: bool,
) -> BTreeSet<ServiceName> {
    let counts = |container: &&Container| {
        let rests = matches!(container.state, State::Exited | State::Created | State::Gone);
        !(is_chosen_now || rests && left_out.contains(&container.service))
    };
    containers.iter().filter(counts).map(|container| container.service.clone()).collect()
}

/// Lists the services that have containers, or are known to be left out, and do not belong to `scope`.
pub fn left_out(containers: &[Container], before: &[ServiceName], scope: &[ServiceName]) -> Vec<ServiceName> {
    let there = containers.iter().map(|container| &container.service);
    let all: BTreeSet<&ServiceName> =
        there.chain(before).filter(|service| !scope.contains(service)).collect();
    all.into_iter().cloned().collect()
}

/// Lists the services that a choice leaves out: nothing may wait for them, or Compose would start them, be it only as a
/// dependency that is not required.
pub fn excluded(model: &Model, selection: &Selection, scope: &[ServiceName]) -> Vec<ServiceName> {
    let is_left_out = |service: &&ServiceName| !selection.is_default() && !scope.contains(service);
    model.services.keys().filter(is_left_out).cloned().collect()
}

/// Lists the profiles under which Compose finds every service of `scope`: those that were `chosen`, and the first one of a
/// service that belongs to the session for another reason. Sorted.
pub fn profiles(model: &Model, scope: &[ServiceName], chosen: &[String]) -> Vec<String> {
    let of_service = |service: &ServiceName| {
        let profiles = model.services.get(service).map_or(&[][..], |service| &service.profiles);
        let active: Vec<&String> = profiles.iter().filter(|profile| chosen.contains(profile)).collect();
        if active.is_empty() { profiles.first().into_iter().collect() } else { active }
    };
    let found: BTreeSet<&String> = scope.iter().flat_map(of_service).collect();
    found.into_iter().cloned().collect()
}

fn check(model: &Model, selection: &Selection) -> Result<(), Failure> {
    let services = || model.services.keys().map(|service| service.0.as_str());
    let profiles = || model.services.values().flat_map(|service| &service.profiles).map(String::as_str);
    for service in selection.services.iter().chain(&selection.without) {
        if !model.services.contains_key(service) {
            return Err(unknown("service", &service.0, services().collect()));
        }
    }
    for profile in &selection.profiles {
        if !profiles().any(|known| known == profile) {
            return Err(unknown(
                "profile",
                profile,
                profiles().collect::<BTreeSet<_>>().into_iter().collect(),
            ));
        }
    }
    Ok(())
}

fn unknown(what: &str, name: &str, known: Vec<&str>) -> Failure {
    let failure = Failure::new(format!("there is no {what} `{name}`")).code(Code::Usage);
    match nearest(name, known.iter().copied()) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None if known.is_empty() => failure.hint(format!("this project has no {what}s")),
        None => failure.hint(format!("the {what}s are: {}", known.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::container::tests::container;
    use crate::stack::plan::plan;
    use crate::stack::settings::Settings;

    /// `api` needs `db`; `debug` and `web` have a profile each.
    fn chosen(selection: &str, present: &[&str]) -> Result<String, String> {
        let model = Model::parse(
            br#"{"services":{"db":{},"cache":{},"api":{"depends_on":{"db":{}}},
                "web":{"profiles":["front"],"depends_on":{"api":{}}},"debug":{"profiles":["tools"]}}}"#,
        )
        .expect("model");
        let plan =
            plan(&model, &Settings::default(), std::net::Ipv4Addr::LOCALHOST.into(), &[]).expect("plan");
        let selection: Selection = serde_yaml::from_str(selection).expect("selection");
        let present = present.iter().map(|name| ServiceName::from(*name)).collect();
        let scope = scope(&model, &plan, &selection, &present).map_err(|failure| failure.to_string())?;
        Ok(scope.iter().map(|service| service.0.as_str()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn selections() {
        for (selection, present, expected) in [
            ("{}", &[][..], "api cache db"),
            ("{}", &["debug"], "api cache db debug"),
            ("{profiles: [front]}", &[], "api cache db web"),
            ("{services: [api]}", &[], "api db"),
            ("{services: [cache], profiles: [tools]}", &[], "cache debug"),
            ("{services: [web], without: [db]}", &[], "api web"),
            ("{without: [cache]}", &["cache"], "api db"),
            ("{mode: docker}", &[], "api cache db debug web"),
            ("{mode: native}", &["web"], "api cache db"),
        ] {
            assert_eq!(chosen(selection, present).expect(selection), expected, "{selection} {present:?}");
        }
    }

    #[test]
    fn what_prism_yaml_selects_completes_a_choice() {
        for (selection, usual, expected) in [
            ("{}", "{services: [db]}", "db"),
            ("{}", "{without: [api], profiles: [tools]}", "cache db debug"),
            ("{services: [api]}", "{services: [cache], without: [api]}", "api db"),
            ("{profiles: [front]}", "{services: [cache]}", "api cache db web"),
            ("{without: [cache]}", "{without: [db]}", "api"),
            ("{mode: native}", "{mode: docker}", "api cache db"),
        ] {
            let read = |text: &str| -> Selection { serde_yaml::from_str(text).expect("selection") };
            let selection = serde_yaml::to_string(&read(selection).over(&read(usual))).expect("text");
            assert_eq!(chosen(&selection, &[]).expect("scope"), expected, "{selection} {usual}");
        }
    }

    #[test]
    fn the_project_itself_is_told_of() {
        let model = Model::parse(
            br#"{"services":{"db":{"image":"postgres"},"app":{"build":{"context":"/w/shop/app"}},"lib":{"build":{"context":"/w/other"}}}}"#,
        )
        .expect("model");
        let said = |names: &[&str]| {
            let scope: Vec<ServiceName> = names.iter().map(|name| ServiceName::from(*name)).collect();
            built_here(&model, &scope, "/w/shop")
        };
        assert!(said(&["app", "db"]).expect("a note").starts_with("built from this directory: app;"));
        assert_eq!((said(&["app"]), said(&["db", "lib"])), (None, None));
    }

    #[test]
    fn what_is_there_counts_until_a_choice_leaves_it_out() {
        let mut rests = container("tool", "Exited (0) 2 minutes ago");
        rests.state = State::Exited;
        let runs = container("web", "Up 2 minutes");
        let names =
            |names: BTreeSet<ServiceName>| names.into_iter().map(|it| it.0).collect::<Vec<_>>().join(" ");
        let all = [rests, runs];
        let tool = [ServiceName::from("tool")];
        assert_eq!(names(present(&all, &[], false)), "tool web");
        assert_eq!(names(present(&all, &tool, false)), "web");
        assert_eq!(names(present(&all, &["web".into()], false)), "tool web", "somebody started it since");
        assert_eq!(names(present(&all, &[], true)), "");
        assert_eq!(left_out(&all, &["gone".into()], &["web".into()]), ["gone".into(), tool[0].clone()]);
    }

    #[test]
    fn profiles_of_what_belongs_to_the_session() {
        let model = Model::parse(
            br#"{"services":{"db":{},"web":{"profiles":["all","front"]},"debug":{"profiles":["tools","all"]}}}"#,
        )
        .expect("model");
        let active = |scope: &[&str], chosen: &[&str]| {
            let scope: Vec<ServiceName> = scope.iter().map(|name| ServiceName::from(*name)).collect();
            let chosen: Vec<String> = chosen.iter().map(|name| (*name).to_owned()).collect();
            profiles(&model, &scope, &chosen).join(" ")
        };
        assert_eq!(active(&["db"], &["front"]), "");
        assert_eq!(active(&["db", "web"], &["front", "other"]), "front");
        assert_eq!(active(&["web", "debug"], &["front"]), "front tools");
        assert_eq!(active(&["debug", "web"], &["all"]), "all");
    }

    #[test]
    fn unknown_names_are_errors() {
        assert_eq!(chosen("{services: [dv]}", &[]), Err("there is no service `dv`".into()));
        assert_eq!(chosen("{profiles: [frunt]}", &[]), Err("there is no profile `frunt`".into()));
    }
}
