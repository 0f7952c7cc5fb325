//! Whose something in Docker is: what its labels claim, and whether that can be true.
//!
//! Labels are input: `docker commit` copies them into an image, and from there into a container of somebody else's;
//! anybody may write them by hand. What they say has to agree with itself, with what Compose says of the same thing, and
//! with the thing's own name. All else is foreign: it is never used, and never removed.

use std::collections::BTreeMap;

use crate::engine::mark;
use crate::engine::note::{CONFIG, Note};
use crate::identity::label::LABEL;
use crate::identity::name::{ProjectName, SessionId, Suffix};
use crate::text::hash::short_hash;
use crate::text::image_name::common_name;

/// Compose's label that names the project.
pub const PROJECT: &str = "com.docker.compose.project";

/// The label of a built image that names it as the session does.
pub const IMAGE: &str = "image";

/// What the labels of a thing say of its session: parts that agree with each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// The session's identity: its directory's, and for a session of one command a suffix.
    pub id: SessionId,
    /// Its directory: absolute, without `.` and `..`.
    pub directory: String,
    /// `<user id>@<machine id>`; `None` where another tool set the labels.
    pub owner: Option<String>,
    /// What tells it from the directory's own session, if it is for one command.
    pub ephemeral: Option<Command>,
}

/// The command that an ephemeral session is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Command {
    /// What follows the directory's identity, and names the scratch directory.
    pub suffix: Suffix,
    /// The process: `<process namespace>/<pid>/<start time>`.
    pub process: String,
}

/// Whose something is that names a session in its labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// Prism made it, for this session.
    Ours(Claim),
    /// Another tool with the same labels made it: it is shown, and no more.
    OtherTools(Claim),
    /// Somebody else's, though it carries labels of prism's: a clause that says why.
    Foreign(&'static str),
}

impl Claim {
    /// Reads what labels claim; `None` where they name no session.
    ///
    /// # Errors
    /// They name one that cannot be: a clause says why.
    pub fn read(labels: &BTreeMap<String, String>) -> Option<Result<Self, &'static str>> {
        let label = |key: &str| labels.get(&format!("{LABEL}{key}")).map(String::as_str);
        let id = label("session_id").or_else(|| label("working_dir"))?;
        Some(Self::parse(id, label("working_dir"), label("owner"), label("process")))
    }

    fn parse(
        id: &str,
        directory: Option<&str>,
        owner: Option<&str>,
        process: Option<&str>,
    ) -> Result<Self, &'static str> {
        let directory = directory.ok_or("it names no directory")?;
        if !is_normal(directory) {
            return Err("its directory is no path that a session can have");
        }
        let machine = owner.map(|owner| machine_of(owner).ok_or("its owner is nobody")).transpose()?;
        let rest = id.strip_prefix(directory).ok_or("its identity is not its directory's")?;
        // Of the directory's own name, a `+` says nothing.
        let (at, suffix) = match rest.rsplit_once('+') {
            Some((at, suffix)) => (at, Some(Suffix::parse(suffix).ok_or("its identity has a strange end")?)),
            None => (rest, None),
        };
        let is_of_machine = match at.strip_prefix('@') {
            Some(named) => machine.map_or_else(|| is_machine(named), |machine| machine == named),
            None => at.is_empty(),
        };
        if !is_of_machine {
            return Err("its identity is not its directory's");
        }
        let ephemeral = match (suffix, process) {
            (None, None) => None,
            (Some(suffix), Some(process)) if pid_of(process) == Some(suffix.pid()) => {
                Some(Command { suffix, process: process.to_owned() })
            }
            _ => return Err("its identity and its process do not belong together"),
        };
        Ok(Self {
            id: SessionId::claimed(id),
            directory: directory.to_owned(),
            owner: owner.map(str::to_owned),
            ephemeral,
        })
    }

    /// Says whether a Compose project's name is one of this session: it ends with the hash of the session's identity.
    pub fn owns(&self, project: &str) -> bool {
        project.rsplit_once('-').is_some_and(|(name, hash)| {
            let is_named = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
            !name.is_empty() && name.bytes().all(is_named) && hash == short_hash(self.id.as_str().as_bytes())
        })
    }

    fn judge(self, is_ours: bool, why: &'static str) -> Whose {
        if is_ours {
            Whose::Ours(self)
        } else if self.owner.is_none() {
            Whose::OtherTools(self)
        } else {
            Whose::Foreign(why)
        }
    }
}

/// Judges a container by its labels, its name and the id of its image.
///
/// Compose names a container after its project, service and number, and notes the image that it made it from. A container
/// of an image that was committed from it has all its labels, but another image, and another name.
pub fn container(labels: &BTreeMap<String, String>, name: &str, image: &str) -> Option<Whose> {
    let claim = match Claim::read(labels)? {
        Ok(claim) => claim,
        Err(why) => return Some(Whose::Foreign(why)),
    };
    if !claim.owns(labels.get(PROJECT).map_or("", String::as_str)) {
        return Some(claim.judge(false, "it is not of the session's Compose project"));
    }
    let is_its_own = is_of_compose(labels, name, image);
    Some(claim.judge(is_its_own, "it is of another image than the container that its labels are from"))
}

/// Says whether Compose made a container for a session's project, of which nothing says so any more: somebody called
/// `docker compose` by the project's name, and without the generated file.
pub fn is_lost(labels: &BTreeMap<String, String>, name: &str, image: &str, session: &SessionId) -> bool {
    let project = labels.get(PROJECT).map_or("", String::as_str);
    Claim::read(labels).is_none()
        && ProjectName::reported(project.to_owned()).is_of(session)
        && is_of_compose(labels, name, image)
}

/// Says whether Compose made this very container, and not one that its labels were copied from.
fn is_of_compose(labels: &BTreeMap<String, String>, name: &str, image: &str) -> bool {
    let compose = |key: &str| labels.get(&format!("com.docker.compose.{key}")).map_or("", String::as_str);
    let (project, service) = (compose("project"), compose("service"));
    is_name(name, project, service, compose("container-number"), compose("oneoff"))
        || !image.is_empty() && compose("image") == image
}

/// Judges a network by its labels and its name.
pub fn network(labels: &BTreeMap<String, String>, name: &str) -> Option<Whose> {
    thing(labels, name)
}

/// Judges a volume by its labels and its name.
pub fn volume(labels: &BTreeMap<String, String>, name: &str) -> Option<Whose> {
    let of_note = || Note::project(name).filter(|_| is_note(labels));
    if let Some(project) = mark::project(labels, name).or_else(of_note) {
        return Some(match Claim::read(labels)? {
            Ok(claim) => {
                let is_ours = claim.owns(project);
                claim.judge(is_ours, "it is not named after its session")
            }
            Err(why) => Whose::Foreign(why),
        });
    }
    thing(labels, name)
}

/// Says whether labels are those of a session's note.
pub fn is_note(labels: &BTreeMap<String, String>) -> bool {
    labels.contains_key(&format!("{LABEL}{CONFIG}"))
}

fn thing(labels: &BTreeMap<String, String>, name: &str) -> Option<Whose> {
    let claim = match Claim::read(labels)? {
        Ok(claim) => claim,
        Err(why) => return Some(Whose::Foreign(why)),
    };
    let project = labels.get(PROJECT).map_or("", String::as_str);
    let is_named = name.strip_prefix(project).is_some_and(|rest| rest.starts_with('_'));
    let is_ours = claim.owns(project) && is_named;
    Some(claim.judge(is_ours, "it is not of the session's Compose project"))
}

/// Picks of an image's tags those that were given to it for the session `id`: what prism noted in the image itself, or
/// what Compose calls the image of a service that names none. An image that was built from it has its labels, and another
/// tag; so has one that somebody tagged once more.
pub fn tags<'t>(labels: &BTreeMap<String, String>, id: &SessionId, tags: &'t [String]) -> Vec<&'t str> {
    let Some(Ok(claim)) = Claim::read(labels) else { return Vec::new() };
    let compose = |key: &str| labels.get(&format!("com.docker.compose.{key}")).map_or("", String::as_str);
    if claim.id != *id || claim.owner.is_none() || !claim.owns(compose("project")) {
        return Vec::new();
    }
    let (project, service) = (compose("project"), compose("service"));
    let given = match labels.get(&format!("{LABEL}{IMAGE}")) {
        Some(noted) => vec![common_name(noted)],
        None => ["-", "_"].map(|separator| format!("{project}{separator}{service}:latest")).to_vec(),
    };
    tags.iter().map(String::as_str).filter(|tag| given.contains(&common_name(tag))).collect()
}

/// Says whether Compose would call a container so, be it one that it has put aside to make it anew.
fn is_name(name: &str, project: &str, service: &str, number: &str, one_off: &str) -> bool {
    if service.is_empty() {
        return false;
    }
    let hex =
        |text: &str, length: usize| text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let aside = name.split_once('_').filter(|(id, _)| hex(id, 12)).map(|(_, rest)| rest);
    let is_plain = |name: &str| {
        ["-", "_"].iter().any(|separator| {
            let of_service = format!("{project}{separator}{service}{separator}");
            name.strip_prefix(&of_service).is_some_and(|rest| {
                if one_off.eq_ignore_ascii_case("true") {
                    rest.strip_prefix(&format!("run{separator}")).is_some_and(|slug| hex(slug, 12))
                } else {
                    !rest.is_empty() && rest == number
                }
            })
        })
    };
    is_plain(name) || aside.is_some_and(is_plain)
}

/// Says whether a text is an absolute path as a session's directory has it.
fn is_normal(path: &str) -> bool {
    path == "/"
        || path.strip_prefix('/').is_some_and(|rest| {
            rest.split('/').all(|part| !matches!(part, "" | "." | "..")) && !path.contains('\0')
        })
}

/// Returns the user of an owner, `<user id>@<machine id>`.
pub fn user_of(owner: &str) -> Option<u32> {
    owner.split_once('@')?.0.parse().ok()
}

/// Returns the machine of an owner, `<user id>@<machine id>`.
pub fn machine_of(owner: &str) -> Option<&str> {
    let (_, machine) = owner.split_once('@')?;
    user_of(owner)?;
    is_machine(machine).then_some(machine)
}

fn is_machine(text: &str) -> bool {
    !text.is_empty() && !text.contains(['/', '+', '@'])
}

/// Returns the number of a process, `<process namespace>/<pid>/<start time>`.
fn pid_of(process: &str) -> Option<&str> {
    let (rest, start) = process.rsplit_once('/')?;
    let (namespace, pid) = rest.rsplit_once('/')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_process = pid.parse::<i32>().is_ok_and(|pid| pid > 0) && (start.is_empty() || is_number(start));
    (is_process && !namespace.contains('/')).then_some(pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: &str = "sha256:0123";

    fn labels(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn project(id: &str) -> String {
        ProjectName::new("shop", &SessionId::claimed(id)).as_str().to_owned()
    }

    fn claim(id: &str, directory: &str, owner: &str, process: &str) -> Result<Claim, &'static str> {
        let given = |text| Some(text).filter(|text: &&str| !text.is_empty());
        Claim::parse(id, given(directory), given(owner), given(process))
    }

    #[test]
    fn parts_that_agree_are_a_claim_and_others_are_not() {
        for (id, directory, owner, process) in [
            ("/w/shop", "/w/shop", "1000@m", ""),
            ("/w/shop", "/w/shop", "", ""),
            ("/w/shop@m", "/w/shop", "1000@m", ""),
            ("/w/shop@m", "/w/shop", "", ""),
            ("/w/shop+12-aB3xyz", "/w/shop", "1000@m", "pid:[4026531836]/12/345"),
            ("/w/shop@m+12-aB3xyz", "/w/shop", "1000@m", "pid:[4026531836]/12/345"),
            ("/w/a+b", "/w/a+b", "0@m", ""),
            ("/w/a b\u{e9}@x", "/w/a b\u{e9}@x", "0@m", ""),
            ("/", "/", "0@m", ""),
        ] {
            assert!(claim(id, directory, owner, process).is_ok(), "{id} {directory} {owner} {process}");
        }
        for (id, directory, owner, process) in [
            ("/x+..", "/x", "0@m", "ns/1/1"),
            ("/x+..", "/x", "0@m", ""),
            ("/x+1-../../e", "/x", "0@m", "ns/1/1"),
            ("/x+1-abcdef", "/x", "0@m", ""),
            ("/x+1-abcdef", "/x", "0@m", "ns/2/1"),
            ("/x+1-abcdef", "/x", "0@m", "ns/-1/1"),
            ("/x", "/x", "0@m", "ns/1/1"),
            ("/x", "/gone", "0@m", ""),
            ("/x", "", "0@m", ""),
            ("/x/../y", "/x/../y", "0@m", ""),
            ("/x/", "/x/", "0@m", ""),
            ("x", "x", "0@m", ""),
            ("", "", "0@m", ""),
            ("/x@other", "/x", "0@m", ""),
            ("/x@", "/x", "", ""),
            ("/xy", "/x", "0@m", ""),
            ("/x", "/x", "root@m", ""),
            ("/x", "/x", "0@", ""),
            ("/x", "/x", "0@../m", ""),
        ] {
            assert!(claim(id, directory, owner, process).is_err(), "{id} {directory} {owner} {process}");
        }
    }

    fn container_labels(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        let mut all = labels(&[
            ("dev-prism.session_id", "/w/shop"),
            ("dev-prism.working_dir", "/w/shop"),
            ("dev-prism.owner", "1000@m"),
            ("com.docker.compose.project", &project("/w/shop")),
            ("com.docker.compose.service", "db"),
            ("com.docker.compose.container-number", "1"),
            ("com.docker.compose.oneoff", "False"),
            ("com.docker.compose.image", FROM),
        ]);
        all.extend(labels(entries));
        all.retain(|_, value| !value.is_empty());
        all
    }

    #[test]
    fn a_container_is_ours_by_its_project_and_its_name_or_image() {
        let project = project("/w/shop");
        let ours = |entries: &[(&str, &str)], name: &str, image: &str| {
            matches!(container(&container_labels(entries), name, image), Some(Whose::Ours(_)))
        };
        let name = format!("{project}-db-1");
        assert!(ours(&[], &name, FROM));
        assert!(ours(&[], &name, "an id of another kind"), "some Engines count images otherwise");
        assert!(ours(&[], "renamed", FROM));
        assert!(ours(&[], &format!("0123456789ab_{name}"), "x"));
        assert!(ours(&[], &format!("{project}_db_1"), "x"));
        let one_off = [("com.docker.compose.oneoff", "True")];
        assert!(ours(&one_off, &format!("{project}-db-run-0123456789ab"), "x"));
        assert!(!ours(&one_off, &name, "x"));
        assert!(!ours(&[], "mine", "sha256:4567"), "it was committed");
        assert!(!ours(&[], &format!("{project}-db-2"), "x"));
        assert!(!ours(&[], &format!("mine_{name}"), "x"));
        assert!(!ours(&[("com.docker.compose.project", "")], &name, FROM), "written by hand");
        assert!(!ours(&[("com.docker.compose.project", "shop-00000000")], &name, FROM));
        assert!(!ours(&[("dev-prism.working_dir", "/gone")], &name, FROM));
        let none = [("com.docker.compose.image", ""), ("com.docker.compose.service", "")];
        assert!(!ours(&none, "", ""));
    }

    #[test]
    fn a_container_of_the_sessions_project_that_says_nothing_is_lost() {
        let none = [("dev-prism.session_id", ""), ("dev-prism.working_dir", ""), ("dev-prism.owner", "")];
        let name = format!("{}-db-1", project("/w/shop"));
        let lost = |more: &[(&str, &str)], name: &str, image: &str| {
            let labels = container_labels(&[&none, more].concat());
            is_lost(&labels, name, image, &SessionId::claimed("/w/shop"))
        };
        assert!(lost(&[], &name, "x"));
        assert!(lost(&[], "a-name-of-its-own", FROM));
        assert!(!lost(&[], "mine", "sha256:4567"), "it was committed");
        assert!(lost(&[("dev-prism.range", "1-9")], &name, "x"), "it stands in the Compose file");
        assert!(!lost(&[("dev-prism.session_id", "/w/other")], &name, FROM), "it says something else");
        assert!(!lost(&[("com.docker.compose.project", &project("/w/other"))], &name, FROM));
    }

    #[test]
    fn what_names_no_owner_is_another_tools() {
        let other = container_labels(&[("dev-prism.owner", ""), ("com.docker.compose.project", "x")]);
        assert!(matches!(container(&other, "x", "y"), Some(Whose::OtherTools(_))));
        assert_eq!(container(&labels(&[("dev-prism.managed", "true")]), "x", "y"), None);
    }

    #[test]
    fn volumes_are_ours_by_their_project_and_name() {
        let project = project("/w/shop");
        let ours = |entries: &[(&str, &str)], name: &str| {
            matches!(volume(&container_labels(entries), name), Some(Whose::Ours(_)))
        };
        assert!(ours(&[], &format!("{project}_data")));
        assert!(!ours(&[], "data"));
        assert!(!ours(&[("com.docker.compose.project", "")], &format!("{project}_data")));
        let note = [("dev-prism.config", "x"), ("com.docker.compose.project", "")];
        assert!(ours(&note, &format!("{project}.note")));
        assert!(!ours(&note, "mine.note"));
        assert!(!ours(&[("com.docker.compose.project", "")], &format!("{project}.note")));
        let mark = [("dev-prism.frozen", "{}"), ("com.docker.compose.project", "")];
        assert!(ours(&mark, &format!("{project}.frozen")));
        assert!(!ours(&mark, "mine.frozen"));
        assert!(!ours(&mark, &format!("{project}.note")));
    }

    #[test]
    fn only_the_tag_that_was_given_goes() {
        let id = SessionId::claimed("/w/shop");
        let project = project("/w/shop");
        let all = [format!("{project}-db:latest"), "mine:1".to_owned(), "app:1-x".to_owned()];
        assert_eq!(tags(&container_labels(&[]), &id, &all), [&all[0]]);
        assert_eq!(tags(&container_labels(&[("dev-prism.image", "app:1-x")]), &id, &all), ["app:1-x"]);
        assert_eq!(tags(&container_labels(&[]), &id, &all[1..2]), [""; 0]);
        assert_eq!(tags(&container_labels(&[]), &SessionId::claimed("/w/other"), &all), [""; 0]);
    }
}
