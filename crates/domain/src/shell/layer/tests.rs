use std::collections::BTreeMap;

use proptest::collection::btree_map;
use proptest::prelude::*;

use super::*;
use crate::catalog::Group;
use crate::environment::record;
use crate::identity::own::{AWAY, DIRENV, RECORD};
use crate::variable::Variable;

type Env = BTreeMap<String, String>;

static GROUP: Group =
    Group { name: "PG", variables: &[], rivals: &["RIVAL"], address: None, takes_any: false };

fn now(env: &Env) -> Now {
    Now::new(env.iter().map(|(name, value)| (name.into(), value.into())))
}

fn offer(session: &str, vars: &Env) -> Offer {
    let variable = |(name, value): (&String, &String)| Variable {
        name: name.clone(),
        value: value.clone(),
        service: None,
        key: None,
        file: None,
        port: None,
        rule: String::new(),
        secret: false,
        cloud_credential: name.starts_with("AWS_") || name.starts_with("VAULT_"),
        exec_only: name.starts_with("EXEC_"),
        group: (name == "A").then_some(&GROUP),
    };
    Offer {
        session: session.to_owned(),
        variables: vars.iter().map(variable).collect(),
        own: vec![("PRISM_SESSION".to_owned(), session.to_owned())],
    }
}

/// A shell that obeys, with its hook.
#[derive(Debug, Clone)]
struct Shell(Env);

impl Shell {
    fn prompt(&mut self, sight: &Sight) -> Vec<Operation> {
        let steps = Layer::read(self.0.get(DIFF).map(String::as_str)).step(&now(&self.0), sight, |_| {});
        for Operation { name, value } in &steps {
            match value {
                Some(value) => drop(self.0.insert(name.clone(), value.clone())),
                None => assert!(self.0.remove(name).is_some(), "unset {name}, which is not set"),
            }
        }
        assert_eq!(self.clone().0, self.0);
        steps
    }
}

/// Few names and values, so that they meet.
fn env() -> impl Strategy<Value = Env> {
    btree_map("[A-D]|RIVAL", "[xyz']{0,2}", 0..5)
}

fn sight() -> impl Strategy<Value = Sight> {
    prop_oneof![
        Just(Sight::Nothing),
        "[ab]".prop_map(Sight::Unknown),
        ("[ab]", env()).prop_map(|(session, vars)| Sight::Up(offer(&session, &vars))),
    ]
}

proptest! {
    #[test]
    fn leaving_brings_everything_back(env in env(), way in prop::collection::vec(sight(), 0..6)) {
        let mut shell = Shell(env.clone());
        for sight in &way {
            shell.prompt(sight);
        }
        shell.prompt(&Sight::Nothing);
        prop_assert_eq!(shell.0, env);
    }

    #[test]
    fn an_offer_is_taken_in_full_and_then_nothing_is_left_to_do(env in env(), vars in env(), before in sight()) {
        let mut shell = Shell(env);
        shell.prompt(&before);
        let up = Sight::Up(offer("a", &vars));
        shell.prompt(&up);
        for (name, value) in &vars {
            prop_assert_eq!(shell.0.get(name), Some(value));
        }
        prop_assert_eq!(shell.prompt(&up), vec![]);
        prop_assert_eq!(shell.prompt(&Sight::Unknown("a".to_owned())), vec![]);
    }

    #[test]
    fn what_the_user_changed_stays_the_users(
        env in env(),
        vars in env(),
        name in "[A-D]|RIVAL",
        change in prop::option::of("[uv]"),
        way in prop::collection::vec(env().prop_map(|vars| Sight::Up(offer("a", &vars))), 0..4),
    ) {
        let mut shell = Shell(env.clone());
        shell.prompt(&Sight::Up(offer("a", &vars)));
        let was_set = vars.contains_key(&name) || (name == "RIVAL" && vars.contains_key("A"));
        prop_assume!(was_set && shell.0.get(&name) != change.as_ref());
        match &change {
            Some(value) => drop(shell.0.insert(name.clone(), value.clone())),
            None => drop(shell.0.remove(&name)),
        }
        shell.prompt(&Sight::Up(offer("a", &vars)));
        prop_assert_eq!(shell.0.get(&name), change.as_ref());
        shell.prompt(&Sight::Nothing);
        prop_assert_eq!(shell.0.get(&name), change.as_ref());
        // All others are as before; and a later session takes the user's value for the base.
        let mut expected = env;
        match &change {
            Some(value) => drop(expected.insert(name.clone(), value.clone())),
            None => drop(expected.remove(&name)),
        }
        prop_assert_eq!(&shell.0, &expected);
        for sight in &way {
            shell.prompt(sight);
        }
        shell.prompt(&Sight::Nothing);
        prop_assert_eq!(&shell.0, &expected);
    }
}

fn shell(vars: &[(&str, &str)]) -> Shell {
    Shell(env_of(vars))
}

fn env_of(vars: &[(&str, &str)]) -> Env {
    vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_session_that_cannot_be_asked_keeps_its_variables_but_no_other_ones() {
    let mut shell = shell(&[("A", "mine")]);
    shell.prompt(&Sight::Up(offer("a", &env_of(&[("A", "1")]))));
    shell.prompt(&Sight::Unknown("a".to_owned()));
    assert_eq!(shell.0["A"], "1");
    shell.prompt(&Sight::Unknown("b".to_owned()));
    assert_eq!(shell.0["A"], "mine");
}

#[test]
fn what_exec_set_stays_in_its_session_and_goes_in_another() {
    let record = record([("COMPOSE_FILE", "c"), ("A", "1"), ("PRISM_SESSION", "a")].into_iter());
    let inside = [("COMPOSE_FILE", "c"), ("A", "1"), ("PRISM_SESSION", "a"), (RECORD, record.as_str())];
    let mut shell = shell(&inside);
    shell.prompt(&Sight::Up(offer("a", &env_of(&[("A", "2")]))));
    assert_eq!((shell.0["COMPOSE_FILE"].as_str(), shell.0["A"].as_str()), ("c", "2"));
    assert!(shell.0[RECORD].contains("COMPOSE_FILE="), "it is still known to be prism's");
    shell.prompt(&Sight::Up(offer("b", &env_of(&[("B", "3")]))));
    assert!(!shell.0.contains_key("COMPOSE_FILE") && !shell.0.contains_key("A"), "{shell:?}");
    shell.prompt(&Sight::Nothing);
    assert_eq!(shell.0, env_of(&inside), "the shell that exec started is as exec made it");
}

#[test]
fn names_that_are_left_to_exec() {
    let mut shell = shell(&[("PATH", "/bin")]);
    let vars = [("PATH", "/evil"), ("AWS_SECRET_ACCESS_KEY", "x"), ("VAULT_TOKEN", "x"), ("LD_PRELOAD", "x")];
    shell.prompt(&Sight::Up(offer("a", &env_of(&vars))));
    assert_eq!(shell.0["PATH"], "/bin");
    for name in ["AWS_SECRET_ACCESS_KEY", "VAULT_TOKEN", "LD_PRELOAD"] {
        assert!(!shell.0.contains_key(name), "{name}");
    }
}

#[test]
fn a_layer_never_gets_longer_than_its_limit() {
    let long = "x".repeat(20_000);
    let mut shell = shell(&[("A", &long), ("B", &long), ("C", "mine")]);
    let before = shell.0.clone();
    let huge = "y".repeat(LIMIT + 1);
    let up = Sight::Up(offer("a", &env_of(&[("A", "1"), ("B", "2"), ("C", "3"), ("D", &huge)])));
    shell.prompt(&up);
    assert!(shell.0[DIFF].len() <= LIMIT);
    assert_eq!(shell.0["C"], "3");
    let kept = ["A", "B"].into_iter().filter(|name| shell.0[*name] == long);
    assert_eq!(kept.count(), 1, "one of them is left to exec");
    assert!(!shell.0.contains_key("D"));
    assert_eq!(shell.prompt(&up), []);
    shell.prompt(&Sight::Nothing);
    assert_eq!(shell.0, before);
}

/// What leads plain `docker compose` to a session.
fn compose_offer() -> Sight {
    let mut offer = offer("a", &env_of(&[("A", "1")]));
    let own = [("COMPOSE_PROFILES", "web"), ("COMPOSE_FILE", "/w/a:/w/b")];
    offer.own.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
    Sight::Up(offer)
}

#[test]
fn profiles_and_files_of_compose_come_together_or_not_at_all() {
    let compose = |shell: &Shell| ["COMPOSE_PROFILES", "COMPOSE_FILE"].map(|name| shell.0.get(name).cloned());
    let before = [("COMPOSE_FILE", "mine"), ("COMPOSE_PROJECT_NAME", "mine")];
    let mut shell = shell(&before);
    shell.prompt(&compose_offer());
    // A name in the environment would hold for files that are none of the session's.
    assert_eq!(shell.0.get("COMPOSE_PROJECT_NAME"), None);
    assert_eq!(compose(&shell), [Some("web".to_owned()), Some("/w/a:/w/b".to_owned())]);
    // A choice of the user's leaves the rest to the user as well, for as long as it stands.
    for theirs in [Some("other"), None] {
        let mut shell = shell.clone();
        match theirs {
            Some(value) => drop(shell.0.insert("COMPOSE_FILE".to_owned(), value.to_owned())),
            None => drop(shell.0.remove("COMPOSE_FILE")),
        }
        for _ in 0..3 {
            shell.prompt(&compose_offer());
            assert_eq!(compose(&shell), [None, theirs.map(str::to_owned)]);
            assert_eq!(shell.0["A"], "1");
        }
        shell.prompt(&Sight::Nothing);
        assert_eq!(compose(&shell), [None, theirs.map(str::to_owned)]);
    }
    shell.prompt(&Sight::Nothing);
    assert_eq!(shell.0, env_of(&before));
    // One that is too long to be set aside.
    let long = "x".repeat(LIMIT);
    shell.0.insert("COMPOSE_FILE".to_owned(), long.clone());
    shell.prompt(&compose_offer());
    assert_eq!(compose(&shell), [None, Some(long)]);
    assert_eq!(shell.0["A"], "1");
}

proptest! {
    #[test]
    fn an_environment_without_the_hook(env in env(), way in prop::collection::vec(sight(), 0..4)) {
        let mut shell = Shell(env.clone());
        for sight in &way {
            shell.prompt(sight);
        }
        let lifted = lifted(shell.0.iter().map(|(name, value)| (name.into(), value.into())).collect());
        let lifted: Env =
            lifted.into_iter().map(|(n, v)| (n.into_string().expect("UTF-8"), v.into_string().expect("UTF-8"))).collect();
        prop_assert_eq!(lifted, env);
    }
}

#[test]
fn values_that_are_not_utf8_are_never_touched() {
    use std::os::unix::ffi::OsStringExt;
    let now = Now::new([("A".into(), OsString::from_vec(vec![0xff])), ("B".into(), "b".into())]);
    let steps =
        Layer::default().step(&now, &Sight::Up(offer("a", &env_of(&[("A", "1"), ("B", "2")]))), |_| {});
    assert!(steps.iter().any(|step| step.name == "B") && !steps.iter().any(|step| step.name == "A"));
}

#[test]
fn a_snippet_sets_everything_and_lifts_the_hooks_layer() {
    let mut shell = shell(&[("A", "mine"), ("B", "mine")]);
    let first = offer("a", &env_of(&[("A", "1"), ("B", "2")]));
    shell.prompt(&Sight::Up(first));
    let layer = Layer::read(shell.0.get(DIFF).map(String::as_str));
    let second = offer("b", &env_of(&[("A", "1")]));
    let steps = layer.settle(&now(&shell.0), &second);
    let step = |name: &str| steps.iter().find(|step| step.name == name).map(|step| step.value.as_deref());
    assert_eq!(step("A"), Some(Some("1")), "also where it has that value");
    assert_eq!(step("B"), Some(Some("mine")));
    assert_eq!(step(DIFF), Some(None));
}

#[test]
fn a_broken_layer_is_none() {
    for text in [None, Some(""), Some("{"), Some("[]")] {
        assert_eq!(Layer::read(text), Layer::default());
    }
    let layer = Layer { silent_until: Some(100), ..Layer::default() };
    assert!(layer.is_silent(80) && !layer.is_silent(101) && !layer.is_silent(10));
}

#[test]
fn what_no_layer_can_hold_changes_nothing() {
    let forged = r#"{"session":"a","vars":{"X;touch pwned;Y":{"was":"1"},"$(touch pwned)":{"was":"1"},"":{"was":"1"},
        "1A":{"was":"1"},"PATH":{"was":"/evil"},"LD_PRELOAD":{"was":"evil.so"},"PROMPT_COMMAND":{"was":"evil"},
        "FINE":{"was":"1"}}}"#;
    let mut shell = shell(&[(DIFF, forged), ("A", "1")]);
    shell.prompt(&Sight::Nothing);
    assert_eq!(shell.0, env_of(&[("A", "1"), ("FINE", "1")]));
    // Nor does the record make a shell lose its own.
    let names = [("PATH", "/bin"), ("X;touch pwned;Y", "1"), ("FINE", "1")];
    let record = record(names.into_iter());
    let mut shell = self::shell(&[&names[..], &[("PRISM_SESSION", "other"), (RECORD, &record)]].concat());
    shell.prompt(&Sight::Up(offer("a", &env_of(&[]))));
    assert_eq!(shell.0.get("PATH").map(String::as_str), Some("/bin"));
    assert_eq!(shell.0.get("FINE"), None);
    assert!(shell.0.contains_key("X;touch pwned;Y"));
}

/// What direnv sets for session `a`, and what was there before it: `OLD`, and a `B` of the user's.
const BEFORE: [(&str, &str); 2] = [("B", "mine"), ("OLD", "1")];

fn in_claimed() -> Shell {
    let set = [("A", "1"), ("B", "2"), ("PRISM_SESSION", "a"), (DIRENV, "/a")];
    let record = record(set[..3].iter().copied());
    shell(&[&[("OLD", "1"), (RECORD, record.as_str())], &set[..]].concat())
}

/// direnv takes back what it set, whatever stands there now.
fn unload(shell: &mut Shell) {
    for name in ["A", "PRISM_SESSION", RECORD, DIRENV] {
        shell.0.remove(name);
    }
    shell.0.insert("B".to_owned(), "mine".to_owned());
}

#[test]
fn what_direnv_set_goes_at_once_and_comes_back_with_its_directory() {
    let mut shell = in_claimed();
    shell.prompt(&Sight::Awaited);
    let names = ["A", "B", "PRISM_SESSION"].map(|name| shell.0.get(name));
    assert_eq!(names, [None; 3], "{shell:?}");
    assert_eq!((shell.0["OLD"].as_str(), shell.0[DIRENV].as_str()), ("1", "/a"));
    assert_eq!(shell.prompt(&Sight::Awaited), [], "from there to a third");
    let mut back = shell.clone();
    back.prompt(&Sight::HandedOver);
    assert_eq!(back.0, in_claimed().0);
    // Once direnv has seen it, nothing of it is left.
    unload(&mut shell);
    let mut outside = shell.clone();
    outside.prompt(&Sight::Nothing);
    assert_eq!(outside.0, env_of(&BEFORE));
    shell.prompt(&Sight::Up(offer("b", &env_of(&[("A", "3"), ("B", "4")]))));
    assert_eq!((shell.0["A"].as_str(), shell.0["B"].as_str()), ("3", "4"));
    shell.prompt(&Sight::Nothing);
    assert_eq!(shell.0, env_of(&BEFORE));
}

#[test]
fn what_direnv_took_away_with_its_own_is_laid_anew() {
    let mut shell = in_claimed();
    let there = Sight::Up(offer("b", &env_of(&[("A", "3"), ("B", "4"), ("C", "5")])));
    shell.prompt(&there);
    unload(&mut shell);
    shell.prompt(&there);
    let found = ["A", "B", "C"].map(|name| shell.0[name].as_str());
    assert_eq!(found, ["3", "4", "5"]);
    assert_eq!(shell.prompt(&there), []);
    // From now on it is the user who changes something.
    shell.0.remove("A");
    shell.prompt(&there);
    assert!(!shell.0.contains_key("A"));
    shell.prompt(&Sight::Nothing);
    assert_eq!(shell.0, env_of(&BEFORE));
}

/// The hook had set them before `direnv allow`: direnv's own change is the claim, and that the hook keeps nothing.
#[test]
fn what_direnv_found_set_by_the_hook_is_lifted_after_it() {
    let mut shell = shell(&[("A", "mine")]);
    shell.prompt(&Sight::Up(offer("a", &env_of(&[("A", "1"), ("B", "2")]))));
    let layer = shell.0.remove(DIFF).expect("a layer");
    shell.0.insert(DIRENV.to_owned(), "/a".to_owned());
    let inside = shell.clone();
    shell.prompt(&Sight::Awaited);
    assert_eq!((shell.0.get("A"), shell.0.get("B")), (None, None));
    let mut back = shell.clone();
    back.prompt(&Sight::HandedOver);
    assert_eq!(back.0, inside.0);
    shell.0.remove(DIRENV);
    shell.0.insert(DIFF.to_owned(), layer);
    shell.prompt(&Sight::Nothing);
    assert_eq!(shell.0, env_of(&[("A", "mine")]), "{AWAY} is gone");
}
