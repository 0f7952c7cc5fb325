//! What a hook changes in a shell, and how it takes that back: `(former, recorded, now) → operations`.
//!
//! The hook lays a session's variables over the shell's own, the **base**. What it needs to lift them off again is
//! the [`Layer`], which lives in the shell itself, as one exported variable. A variable that no longer has the
//! value which the layer gave it was changed by the user, and stays.

mod offer;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use serde::{Deserialize, Serialize};

pub use self::offer::Offer;
use self::offer::is_compose;
use crate::environment::{Environment, parse_record, trace};
use crate::identity::own::{AWAY, DIFF, DIRENV, RECORD, is_own};
use crate::identity::variable_name::{is_reserved, takes_code};
use crate::text::env_file::is_name;

/// The longest layer, and the longest value, in bytes. Larger ones are left to `exec`: a shell whose environment
/// gets too long cannot start anything.
pub const LIMIT: usize = 32 * 1024;

/// How long the Engine is left alone after it did not answer in time, in seconds.
pub const SILENCE: u64 = 30;

/// What a layer may still have to remember besides its variables.
const MARGIN: usize = 256;

/// A variable that is to have a value, or to be absent.
pub type Wanted = BTreeMap<String, Option<String>>;

/// One step: set a variable, or unset it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// The variable.
    pub name: String,
    /// Its new value; `None` unsets it.
    pub value: Option<String>,
}

/// What the hook did to a shell, and what it is to remember between two prompts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Whose variables these are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    vars: BTreeMap<String, Replaced>,
    /// The directory whose variables direnv had set when this was laid: they are below it until direnv takes them back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    claim: Option<String>,
    /// The Engine is not asked before this second of 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_until: Option<u64>,
    /// The hash of what the user was told last: it is said once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<String>,
}

/// One variable of a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Replaced {
    /// The hash of what was set; `None` where the variable was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    set: Option<String>,
    /// What it was before; `None` if it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    was: Option<String>,
}

/// The variables of a shell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Now {
    values: BTreeMap<String, String>,
    /// Those that no layer touches, as their values are not UTF-8.
    opaque: BTreeSet<String>,
}

impl Now {
    /// Reads an environment.
    pub fn new(environment: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut now = Self::default();
        for (name, value) in environment {
            match (name.into_string(), value.into_string()) {
                (Ok(name), Ok(value)) => drop(now.values.insert(name, value)),
                (Ok(name), Err(_)) => drop(now.opaque.insert(name)),
                _ => {}
            }
        }
        now
    }

    /// Returns a variable's value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Lists what stands on prism's own record and still has the value recorded there.
    fn on_record(&self) -> impl Iterator<Item = (&str, &str)> {
        let record = self.get(RECORD).map(parse_record).unwrap_or_default();
        self.values.iter().filter_map(move |(name, value)| {
            let is_prisms = record.get(name).is_some_and(|noted| *noted == trace(value)) && is_changed(name);
            is_prisms.then_some((name.as_str(), value.as_str()))
        })
    }

    /// Lists the steps that lead from here to `target`.
    fn steps_to(&self, target: &Self) -> Vec<Operation> {
        let gone = self.values.keys().filter(|name| !target.values.contains_key(*name));
        let gone = gone.map(|name| Operation { name: name.clone(), value: None });
        let new = target.values.iter().filter(|(name, value)| self.values.get(*name) != Some(value));
        gone.chain(new.map(|(name, value)| Operation { name: name.clone(), value: Some(value.clone()) }))
            .collect()
    }
}

/// Says whether a hook may change a variable of this name: one that a shell can name, and no program's settings.
fn is_changed(name: &str) -> bool {
    is_name(name) && (is_own(name) || !(is_reserved(name) || takes_code(name)))
}

/// Takes what a shell's hook changed out of an environment: what a command would have found without the hook.
pub fn lifted(environment: Environment) -> Environment {
    let now = Now::new(environment.iter().cloned());
    let layer = Layer::read(now.get(DIFF));
    let base = layer.base(&layer.whole(&now));
    let mut former = base.values.clone();
    let mut lifted = Environment::with_capacity(environment.len());
    for (name, value) in environment {
        match name.to_str().filter(|name| now.values.contains_key(*name)) {
            None => lifted.push((name, value)),
            Some(text) => lifted.extend(former.remove(text).map(|value| (name, value.into()))),
        }
    }
    lifted.extend(former.into_iter().map(|(name, value)| (name.into(), value.into())));
    lifted
}

/// What is known of the place that a shell is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// No session that is up.
    Nothing,
    /// The Engine could not say. The identity of the session that would be here.
    Unknown(String),
    /// A session that is up.
    Up(Offer),
    /// Another tool, which took the present variables for the base of its own.
    HandedOver,
    /// A place that the other tool has not seen yet. What it set for where the shell was before goes at once; what belongs
    /// here would be taken back together with that, and comes when it has had its say.
    Awaited,
}

impl Layer {
    /// Reads a layer. One that cannot be read is none; what no layer can hold, it does not, whoever wrote it.
    pub fn read(text: Option<&str>) -> Self {
        let mut layer: Self = text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        layer.vars.retain(|name, _| is_changed(name));
        layer
    }

    /// Writes it; `None` if there is nothing to remember.
    pub fn write(&self) -> Option<String> {
        (*self != Self::default()).then(|| serde_json::to_string(self).unwrap_or_default())
    }

    /// Says whether the Engine is to be left alone. A clock that was set back must not prolong that.
    pub fn is_silent(&self, time: u64) -> bool {
        self.silent_until.is_some_and(|end| (time..=time + SILENCE).contains(&end))
    }

    /// Lists the steps that give a shell an offer for good: this layer lifted off, everything set in full.
    pub fn settle(&self, now: &Now, offer: &Offer) -> Vec<Operation> {
        let mut target = self.base(&self.whole(now));
        let mut seen = now.clone();
        for (name, value) in offer.wanted(&target) {
            match value {
                Some(value) => {
                    seen.values.remove(&name);
                    target.values.insert(name, value);
                }
                None => drop(target.values.remove(&name)),
            }
        }
        seen.steps_to(&target)
    }

    /// Says whether the user changed a variable since it was set.
    fn was_changed(&self, name: &str, now: &Now) -> bool {
        self.vars.get(name).is_some_and(|entry| now.get(name).map(trace) != entry.set)
    }

    /// Says whether direnv has taken back since what was below this layer. What it changed with that is no user's choice.
    fn is_undermined(&self, now: &Now) -> bool {
        self.claim.is_some() && self.claim.as_deref() != now.get(DIRENV)
    }

    /// Returns the shell's variables without this layer.
    fn base(&self, now: &Now) -> Now {
        let mut base = now.clone();
        base.values.remove(DIFF);
        let is_undermined = self.is_undermined(now);
        for (name, entry) in self.vars.iter().filter(|(name, _)| !self.was_changed(name, now)) {
            // What was taken away was direnv's, and is so no more.
            if is_undermined && entry.set.is_none() {
                continue;
            }
            match &entry.was {
                Some(value) => drop(base.values.insert(name.clone(), value.clone())),
                None => drop(base.values.remove(name)),
            }
        }
        base
    }

    /// Moves on from this layer to the one for `sight`, and says which steps lead there. What is to be remembered
    /// besides the variables is `remember`ed by the caller on the way.
    pub fn step(&self, now: &Now, sight: &Sight, remember: impl FnOnce(&mut Self)) -> Vec<Operation> {
        let shown = now;
        let now = &self.whole(now);
        let (mut target, mut next) = match sight {
            Sight::Unknown(here) if self.session.as_ref() == Some(here) => (now.clone(), self.clone()),
            Sight::HandedOver => (now.clone(), Self::default()),
            Sight::Awaited => self.without_claimed(now),
            Sight::Nothing | Sight::Unknown(_) => (self.base(now), Self::default()),
            Sight::Up(offer) => self.over(now, offer),
        };
        (next.silent_until, next.told) = (self.silent_until, self.told.clone());
        remember(&mut next);
        match next.write() {
            Some(text) => drop(target.values.insert(DIFF.to_owned(), text)),
            None => drop(target.values.remove(DIFF)),
        }
        shown.steps_to(&target)
    }

    /// Returns the shell's variables with what was taken away for the time being: all of it where direnv still claims them;
    /// once it has put back what it found, what this layer, which it found too, says that it had set.
    fn whole(&self, now: &Now) -> Now {
        let mut whole = now.clone();
        let Some(away) = whole.values.remove(AWAY) else { return whole };
        let away = Self::read(Some(&away));
        let is_undermined = away.is_undermined(now);
        for (name, Replaced { was, .. }) in away.vars {
            let Some(value) = was.filter(|_| !whole.values.contains_key(&name)) else { continue };
            let is_mine = || self.vars.get(&name).is_some_and(|entry| entry.set == Some(trace(&value)));
            if !is_undermined || is_mine() {
                whole.values.insert(name, value);
            }
        }
        whole
    }

    /// Takes away what direnv set of a session, and keeps it beside this layer.
    fn without_claimed(&self, now: &Now) -> (Now, Self) {
        let claim = now.get(DIRENV).map(str::to_owned);
        let mut away = Self { claim, ..Self::default() };
        let mut target = now.clone();
        // The claim itself is what tells when direnv has put back what it found.
        for (name, value) in now.on_record().filter(|(name, _)| *name != DIRENV) {
            away.vars.insert(name.to_owned(), Replaced { set: None, was: Some(value.to_owned()) });
            target.values.remove(name);
        }
        away.fit(now, &mut target);
        target.values.extend(away.write().map(|text| (AWAY.to_owned(), text)));
        (target, self.clone())
    }

    /// Lays an offer over the base.
    fn over(&self, now: &Now, offer: &Offer) -> (Now, Self) {
        let base = self.base(now);
        let claim = now.get(DIRENV).map(str::to_owned);
        let mut next = Self { session: Some(offer.session.clone()), claim, ..Self::default() };
        let mut target = base.clone();
        let wanted = offer.wanted(&base);
        let is_same = self.session.as_ref() == Some(&offer.session) && !self.is_undermined(now);
        let is_users = |name: &str| is_same && self.was_changed(name, now);
        let compose_is_users = wanted.keys().any(|name| is_compose(name) && is_users(name));
        for (name, value) in wanted {
            if let Some(entry) = self.vars.get(&name).filter(|_| is_users(&name)) {
                next.vars.insert(name, entry.clone());
                continue;
            }
            if compose_is_users && is_compose(&name) {
                continue;
            }
            let was = base.values.get(&name).cloned();
            next.vars.insert(name.clone(), Replaced { set: value.as_deref().map(trace), was });
            match value {
                Some(value) => drop(target.values.insert(name, value)),
                None => drop(target.values.remove(&name)),
            }
        }
        next.fit(&base, &mut target);
        (target, next)
    }

    /// Leaves variables as they are, those with the longest former values first, until the layer is short enough.
    fn fit(&mut self, base: &Now, target: &mut Now) {
        while self.write().is_some_and(|text| text.len() > LIMIT - MARGIN) {
            let longest = self.vars.iter().max_by_key(|(_, entry)| entry.was.as_ref().map_or(0, String::len));
            let Some(longest) = longest.map(|(name, _)| name.clone()) else { return };
            let is_left = |name: &String| *name == longest || (is_compose(&longest) && is_compose(name));
            let left: Vec<String> = self.vars.keys().filter(|name| is_left(name)).cloned().collect();
            for name in left {
                self.vars.remove(&name);
                match base.values.get(&name) {
                    Some(value) => drop(target.values.insert(name, value.clone())),
                    None => drop(target.values.remove(&name)),
                }
            }
        }
    }
}
