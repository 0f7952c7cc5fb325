//! How a session is to be brought up.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::engine::selection::Selection;
use domain::failure::{Code, Failure};
use domain::identity::name::ServiceName;
use domain::stack::header::Header;
use domain::stack::plan::ServicePlan;
use domain::text::template::nearest;

use crate::data::Asked;

/// How a session is to be brought up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Start what does not run.
    pub start: bool,
    /// What belongs to the session from now on; `None`: as it was.
    pub selection: Option<Selection>,
    /// Profiles that belong to it as well.
    pub profiles: Vec<String>,
    /// The process of the `create` of whose setup the session waits, if it is made now.
    pub setup: Option<String>,
    /// The app of `prism.yaml` whose command is to run: its templates have to fit.
    pub app: Option<String>,
    /// Wait for these services only; for all if empty.
    pub services: Vec<ServiceName>,
    /// Give up after so long, counted from the last pull or build.
    pub wait_timeout: Duration,
    /// Whose data the session is to begin with; `None`: with none, or with its own.
    pub data: Option<Asked>,
}

impl Options {
    /// Combines what is chosen now with what was chosen before.
    pub fn selection(&self, before: &Selection) -> Selection {
        let mut selection = self.selection.clone().unwrap_or_else(|| before.clone());
        let new = self.profiles.iter().filter(|profile| !before.profiles.contains(profile));
        selection.profiles.extend(new.cloned());
        selection
    }

    /// Says whether the scope of `header` is known to be what is chosen.
    pub fn is_met(&self, header: &Header) -> bool {
        let in_scope = |profile: &String| {
            let mut services =
                header.services.iter().filter(|(_, plan)| plan.profiles.contains(profile)).peekable();
            services.peek().is_some() && services.all(|(name, _)| header.scope.contains(name))
        };
        self.selection.is_none() && self.data.is_none() && self.profiles.iter().all(in_scope)
    }
}

/// Fails on a service name that the project does not have.
pub fn check_services(
    services: &BTreeMap<ServiceName, ServicePlan>,
    wanted: &[ServiceName],
) -> Result<(), Failure> {
    let Some(unknown) = wanted.iter().find(|service| !services.contains_key(*service)) else {
        return Ok(());
    };
    let failure = Failure::new(format!("there is no service `{unknown}`")).code(Code::Usage);
    let names = || services.keys().map(|service| service.0.as_str());
    Err(match nearest(&unknown.0, names()) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure.hint(format!("the services are: {}", names().collect::<Vec<_>>().join(", "))),
    })
}
