//! What is not prism's: looked at before, during and after.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Project, docker};

/// Something of somebody who works meanwhile.
#[derive(Debug, Clone)]
pub enum Thing {
    /// A file, byte for byte.
    File(PathBuf, Vec<u8>),
    /// A file in a worktree that prism made: `--force` may take it.
    Work(PathBuf, Vec<u8>),
    /// A branch at a commit.
    Branch(String, String),
    /// A worktree that git knows.
    Worktree(PathBuf),
    /// A container, by its id.
    Container(String),
    /// A volume, and when it was made.
    Volume(String, String),
    /// A tag of an image, and the image.
    Image(String, String),
}

/// A repository with a Compose project, in which somebody works.
#[derive(Debug)]
pub struct World {
    /// The project.
    pub project: Project,
    /// Where prism makes the worktree of the branch `b`.
    pub place: PathBuf,
    /// A worktree that somebody made by hand.
    pub mine: PathBuf,
}

const COMPOSE: &str = r#"
services:
  once:
    build: {dockerfile_inline: "FROM prism-test:1"}
    image: campaign:dev
    command: "true"
    volumes: ["data:/data", /anonymous]
volumes: {data: {name: shared}}
"#;

impl World {
    /// Makes one, with things in it.
    pub fn new() -> (Self, Vec<Thing>) {
        let project = Project::new(COMPOSE);
        let work = project.sandbox.work();
        let world = Self { place: work.join("shop-sessions/b"), mine: work.join("mine"), project };
        let main = &world.project.directory;
        world.project.write(".gitignore", "/secret.env\n/.env\n");
        world.git(main, &["init", "-q", "-b", "main"]);
        world.git(main, &["add", "."]);
        world.git(main, &["commit", "-qm", "x"]);
        world.git(main, &["worktree", "add", "-q", "-b", "mine", &shown(&world.mine)]);
        world.git(&world.mine, &["commit", "-q", "--allow-empty", "-m", "mine"]);
        let name = world.name("kept");
        docker(&["create", "--name", &name, "--volume", &format!("{name}:/x"), "prism-test:1", "true"]);
        docker(&["tag", "prism-test:1", &format!("{name}:1")]);
        let mut things = vec![
            world.wrote(main.join("secret.env"), false),
            world.wrote(main.join("untracked"), false),
            world.wrote(world.mine.join("untracked"), false),
            Thing::Worktree(world.mine.clone()),
            Self::volume(&name),
            Self::container(&name),
            Self::image(&format!("{name}:1")),
        ];
        things.extend(["main", "mine"].map(|name| world.branch(name)).into_iter().flatten());
        (world, things)
    }

    /// A name that no other test uses.
    pub fn name(&self, what: &str) -> String {
        let root = self.project.sandbox.root();
        let root = root.file_name().expect("a name").to_string_lossy().to_lowercase();
        format!("campaign{}-{what}", root.trim_start_matches('.'))
    }

    /// Runs git and expects success.
    pub fn git(&self, directory: &Path, arguments: &[&str]) -> String {
        self.project.sandbox.git(directory, arguments)
    }

    /// Runs git, which may refuse. Returns whether it did it.
    pub fn tries(&self, directory: &Path, arguments: &[&str]) -> bool {
        self.project.sandbox.command("git", directory, arguments).run().status == 0
    }

    /// Says whether git takes the place for a worktree.
    pub fn is_worktree(&self) -> bool {
        self.place.join(".git").exists() && self.tries(&self.place, &["rev-parse", "--verify", "HEAD"])
    }

    /// Writes a file.
    pub fn wrote(&self, path: PathBuf, may_go_by_force: bool) -> Thing {
        let bytes = self.name("bytes\0\n").into_bytes();
        fs::create_dir_all(path.parent().expect("a parent")).expect("directory");
        fs::write(&path, &bytes).expect("file");
        if may_go_by_force { Thing::Work(path, bytes) } else { Thing::File(path, bytes) }
    }

    /// Looks at a branch, if it is there.
    pub fn branch(&self, name: &str) -> Option<Thing> {
        let found = self.commit_of(name)?;
        Some(Thing::Branch(name.to_owned(), found))
    }

    fn commit_of(&self, branch: &str) -> Option<String> {
        let reference = format!("refs/heads/{branch}");
        let directory = &self.project.directory;
        let asked =
            self.project.sandbox.command("git", directory, &["rev-parse", "--verify", &reference]).run();
        (asked.status == 0).then(|| asked.line().to_owned())
    }

    /// Looks at a container.
    pub fn container(name: &str) -> Thing {
        Thing::Container(inspected(&["container"], name, "{{.Id}}").expect("a container"))
    }

    /// Looks at a volume.
    pub fn volume(name: &str) -> Thing {
        let made = inspected(&["volume"], name, "{{.CreatedAt}}").expect("a volume");
        Thing::Volume(name.to_owned(), made)
    }

    /// Looks at a tag.
    pub fn image(tag: &str) -> Thing {
        Thing::Image(tag.to_owned(), inspected(&["image"], tag, "{{.Id}}").expect("an image"))
    }

    /// Says what is lost of this.
    pub fn lost<'a>(&self, things: &'a [Thing]) -> Vec<&'a Thing> {
        things.iter().filter(|thing| !self.has(thing)).collect()
    }

    fn has(&self, thing: &Thing) -> bool {
        match thing {
            Thing::File(path, bytes) | Thing::Work(path, bytes) => {
                fs::read(path).is_ok_and(|found| found == *bytes)
            }
            Thing::Branch(name, commit) => self.commit_of(name).as_ref() == Some(commit),
            Thing::Worktree(path) => self
                .git(&self.project.directory, &["worktree", "list", "--porcelain"])
                .lines()
                .any(|line| line == format!("worktree {}", path.display())),
            Thing::Container(id) => inspected(&["container"], id, "{{.Id}}").as_ref() == Some(id),
            Thing::Volume(name, made) => {
                inspected(&["volume"], name, "{{.CreatedAt}}").as_ref() == Some(made)
            }
            Thing::Image(tag, id) => inspected(&["image"], tag, "{{.Id}}").as_ref() == Some(id),
        }
    }

    /// Says what is left of what prism made for a directory, but for `theirs`.
    pub fn left_of(directory: &Path, theirs: &[Thing]) -> Vec<String> {
        let is_theirs = |name: &str| {
            theirs.iter().any(|thing| match thing {
                Thing::Container(own) | Thing::Volume(own, _) | Thing::Image(own, _) => own == name,
                _ => false,
            })
        };
        let label = format!("label=dev-prism.working_dir={}", directory.display());
        let mut left = Vec::new();
        for list in [
            &["ps", "--all", "--no-trunc", "--format", "{{.ID}}"][..],
            &["network", "ls", "--format", "{{.Name}}"],
            &["volume", "ls", "--format", "{{.Name}}"],
            &["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"],
        ] {
            let listed = docker(&[list, &["--filter", &label]].concat());
            left.extend(
                listed.lines().filter(|name| !is_theirs(name)).map(|name| format!("{list:?} {name}")),
            );
        }
        for name in ["docker-compose.session.yml", ".env.session", "docker-compose.session.resolved.yml"] {
            let path = directory.join(name);
            left.extend(path.exists().then(|| path.display().to_string()));
        }
        left
    }

    /// Says what prism left of its work on the worktree: siblings, marks, half of a worktree.
    pub fn marks(&self) -> Vec<String> {
        let names = |directory: &Path| -> Vec<PathBuf> {
            let entries = fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok);
            entries.map(|entry| entry.path()).collect()
        };
        let sessions = self.place.parent().expect("a parent");
        let siblings =
            names(sessions).into_iter().filter(|path| *path != self.place && !path.ends_with("moved"));
        let marks = names(&self.project.directory.join(".git/prism")).into_iter();
        let marks = marks.filter(|path| path.extension().is_some_and(|it| it == "json"));
        siblings.chain(marks).map(|path| path.display().to_string()).collect()
    }

    /// The anonymous volumes of what there is of the directory's session.
    pub fn anonymous_volumes(directory: &Path) -> Vec<String> {
        let label = format!("label=dev-prism.working_dir={}", directory.display());
        let ids = docker(&["ps", "--all", "--quiet", "--filter", &label]);
        let format = "{{range .Mounts}}{{if eq .Destination \"/anonymous\"}}{{.Name}}{{end}}{{end}}";
        ids.lines().filter_map(|id| inspected(&["container"], id, format)).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let prefix = self.name("");
        let listed = docker(&["ps", "--all", "--format", "{{.Names}}"]);
        for name in listed.lines().filter(|name| name.starts_with(&prefix)) {
            docker(&["rm", "--force", "--volumes", name]);
        }
        let listed = docker(&["volume", "ls", "--format", "{{.Name}}"]);
        for name in listed.lines().filter(|name| name.starts_with(&prefix)) {
            docker(&["volume", "rm", name]);
        }
        let listed = docker(&["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]);
        for name in listed.lines().filter(|name| name.starts_with(&prefix)) {
            docker(&["rmi", name]);
        }
    }
}

/// Asks Docker about one thing; `None` if there is none.
pub fn inspected(kind: &[&str], name: &str, format: &str) -> Option<String> {
    let output = std::process::Command::new("docker")
        .args(kind)
        .args(["inspect", "--format", format, name])
        .output()
        .expect("the docker CLI");
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

pub fn shown(path: &Path) -> String {
    path.to_str().expect("UTF-8").to_owned()
}
