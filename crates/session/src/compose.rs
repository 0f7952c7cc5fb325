//! Builds and runs `docker compose …`. Compose itself resolves Compose files.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use domain::environment::Environment;
use domain::failure::Failure;
use domain::identity::name::{ProjectName, ServiceName};
use domain::identity::variable_name::is_secret;
use domain::stack::complaint::redacted;
use domain::text::word::word;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

mod files;
mod flag;
mod limit;

pub use self::files::{ComposeFiles, anchored, elsewhere, first_named, has_project, read_dotenv};
pub use self::limit::blame;

/// The oldest version that understands `!override` and `!reset` in every place where prism writes them.
const MINIMUM: (u32, u32) = (2, 26);

/// How long a killed process may take to be gone.
const GONE: Duration = Duration::from_secs(2);

/// A project as it is handed to Compose.
#[derive(Debug, Clone)]
pub struct Compose {
    /// The session directory, where Compose runs.
    pub directory: PathBuf,
    /// The directory that relative paths follow; `None`: that of the first file.
    pub project_directory: Option<PathBuf>,
    /// The Compose files, in order.
    pub files: Vec<PathBuf>,
    /// Env files that Compose would not find by itself.
    pub env_files: Vec<PathBuf>,
    /// The profiles that are active.
    pub profiles: Vec<String>,
    /// The project name, always passed: files, `.env` and environment may name another.
    pub project: ProjectName,
    /// The environment, without anything of prism's.
    pub environment: Environment,
}

impl Compose {
    /// Resolves the project, every profile included. The result is JSON, or YAML where Compose cannot write it as JSON.
    ///
    /// The version is checked at the same time, as an old Compose fails in strange ways. `pause` lets a moment
    /// pass, and fails if the user does not want to wait any longer.
    pub fn config(&self, mut pause: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<Vec<u8>> {
        let mut version = self.plain();
        flag::fix(&mut version);
        let mut version = Captured::spawn(version.args(["version", "--short"]))?;
        let mut config = self.spawn_config("json")?;
        check_version(&version.wait(&mut pause)?)?;
        let mut output = config.wait(&mut pause)?;
        if String::from_utf8_lossy(&output.stderr).contains("MarshalJSON") {
            output = self.spawn_config("yaml")?.wait(&mut pause)?;
        }
        self.configured(output)
    }

    /// Does the same for a Compose whose version is known to be new enough, in both forms: YAML, and JSON where that can be
    /// had.
    pub fn resolve(
        &self,
        mut pause: impl FnMut() -> anyhow::Result<()>,
    ) -> anyhow::Result<(Vec<u8>, Option<Vec<u8>>)> {
        let mut json = self.spawn_config("json")?;
        let mut yaml = self.spawn_config("yaml")?;
        let yaml = self.configured(yaml.wait(&mut pause)?)?;
        let json = json.wait(&mut pause)?;
        Ok((yaml, Some(json.stdout).filter(|_| json.status.success())))
    }

    fn spawn_config(&self, format: &str) -> anyhow::Result<Captured> {
        let every = Self { profiles: vec!["*".to_owned()], ..self.clone() };
        Captured::spawn(every.fixed().args(["config", "--format", format]))
    }

    fn configured(&self, output: Output) -> anyhow::Result<Vec<u8>> {
        if output.status.success() {
            return Ok(output.stdout);
        }
        let failure = Failure::new("Docker Compose does not accept this project")
            .details(redacted(&lines(&output.stderr).join("\n"), &self.variables()))
            .hint_there(format!(
                "`cd {} && docker compose config` shows the whole message; correct the Compose file",
                word(self.directory.display())
            ))
            .hint("correct the Compose file, and commit that where the branch begins");
        Err(blame(failure).into())
    }

    /// Lists the variables that a message of Compose may quote the value of.
    fn variables(&self) -> Vec<(String, String)> {
        let given = self.environment.iter();
        let given =
            given.filter_map(|(name, value)| Some((name.to_str()?.to_owned(), value.to_str()?.to_owned())));
        let secret = given.filter(|(name, _)| is_secret(name));
        let dotenv = std::iter::once(self.directory.join(".env")).chain(self.env_files.iter().cloned());
        secret.chain(dotenv.flat_map(|file| read_dotenv(&file))).collect()
    }

    /// Returns `docker compose` for a call of prism's own, whatever the environment and the env files say of how Compose
    /// is to behave.
    fn fixed(&self) -> Command {
        let mut command = self.command();
        flag::fix(&mut command);
        command.args(flag::ARGUMENTS);
        command
    }

    /// Returns `docker compose` with the project's files: what the user asks for is done in the user's own way.
    pub fn command(&self) -> Command {
        let mut command = self.plain();
        command.arg("-p").arg(self.project.as_str());
        if let Some(directory) = &self.project_directory {
            command.arg("--project-directory").arg(directory);
        }
        for file in &self.env_files {
            command.arg("--env-file").arg(file);
        }
        for file in &self.files {
            command.arg("-f").arg(file);
        }
        for profile in &self.profiles {
            command.arg("--profile").arg(profile);
        }
        command
    }

    /// Starts a verb that changes something, `arguments`, for these services, its progress going to `log`.
    ///
    /// It runs in a process group of its own: prism alone decides when it is interrupted.
    pub fn change(&self, arguments: &[&str], services: &[ServiceName], log: &File) -> anyhow::Result<Child> {
        let mut command = self.fixed();
        command.args(arguments).arg("--").args(services.iter().map(|service| &service.0));
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log.try_clone()?).process_group(0);
        command.spawn().map_err(|error| missing(error).into())
    }

    fn plain(&self) -> Command {
        let mut command = Command::new("docker");
        command.arg("compose").current_dir(&self.directory);
        command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.env("PWD", &self.directory);
        command
    }
}

/// Returns the version of Docker Compose.
///
/// # Errors
/// It is missing, does not work, or is too old.
pub fn version(environment: &Environment) -> anyhow::Result<String> {
    let mut command = Command::new("docker");
    command.args(["compose", "version", "--short"]).env_clear();
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    flag::fix(&mut command);
    let output = command.stdin(Stdio::null()).output().map_err(missing)?;
    check_version(&output)?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A child whose output goes to files, so that it can be waited for without reading.
struct Captured {
    child: Child,
    stdout: File,
    stderr: File,
}

impl Captured {
    fn spawn(command: &mut Command) -> anyhow::Result<Self> {
        let (stdout, stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
        command.stdin(Stdio::null()).stdout(stdout.try_clone()?).stderr(stderr.try_clone()?).process_group(0);
        let child = command.spawn().map_err(missing)?;
        Ok(Self { child, stdout, stderr })
    }

    fn wait(&mut self, pause: &mut impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<Output> {
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            pause()?;
        };
        let read = |file: &mut File| -> io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            file.rewind()?;
            file.read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        Ok(Output { status, stdout: read(&mut self.stdout)?, stderr: read(&mut self.stderr)? })
    }
}

impl Drop for Captured {
    fn drop(&mut self) {
        // Only reads files, so that it may end at any time.
        if matches!(self.child.try_wait(), Ok(None)) {
            kill(&mut self.child);
        }
    }
}

/// Kills a Compose that was started here with all that it started, and waits until nobody of them runs: the plugin is a
/// process of its own, and goes on when `docker` alone is killed.
pub fn kill(child: &mut Child) {
    let Ok(group) = i32::try_from(child.id()).map(Pid::from_raw) else { return };
    let _ = killpg(group, Signal::SIGKILL);
    let _ = child.wait();
    // Somebody else's child by now, who may leave it a zombie.
    let deadline = Instant::now() + GONE;
    while killpg(group, None).is_ok() && Instant::now() < deadline {
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

fn missing(error: io::Error) -> Failure {
    if error.kind() == io::ErrorKind::NotFound {
        Failure::new("the `docker` command is not in PATH")
            .hint("install the Docker CLI with the Compose plugin")
    } else {
        blame(Failure::new("cannot run `docker compose`").caused_by(error))
    }
}

fn check_version(output: &Output) -> Result<(), Failure> {
    let text = String::from_utf8_lossy(&output.stdout);
    let install = "install Docker Compose 2.26 or newer (package docker-compose-plugin, or docker-compose on Debian 13)";
    if !output.status.success() {
        let failure = Failure::new("`docker compose` does not work").details(lines(&output.stderr));
        return Err(blame(failure.hint(install)));
    }
    match parse_version(&text) {
        Some(version) if version < MINIMUM => {
            Err(Failure::new(format!("Docker Compose {} is too old", text.trim())).hint(install))
        }
        // An unknown way to write a version is no reason to refuse it.
        _ => Ok(()),
    }
}

/// Reads `2.26.1-4`, `v2.40.3`, `2.29.0+ds1`.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().trim_start_matches('v').split(['.', '-', '+']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Splits what a program wrote into lines for an error.
pub fn lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    // Where the Docker CLI finds no Compose, its whole help follows.
    let said = text.lines().take_while(|line| !line.starts_with("Usage:"));
    let lines = said.map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty());
    without_dump(&lines.collect::<Vec<_>>()).to_vec()
}

/// Leaves out what nobody but an author of Compose can read: where its threads were when it crashed.
pub fn without_dump(lines: &[String]) -> &[String] {
    let is_dump = |line: &String| line.starts_with("goroutine ") || line.starts_with("PC=");
    &lines[..lines.iter().position(is_dump).unwrap_or(lines.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dump_of_a_crash_is_left_out() {
        let crash = b"runtime/cgo: pthread_create failed\nSIGABRT: abort\nPC=0x107e128 m=0\n\ngoroutine 0 gp=0x1\nrax 0\n";
        assert_eq!(lines(crash), ["runtime/cgo: pthread_create failed", "SIGABRT: abort"]);
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        for (text, enough) in [
            ("2.26.1-4\n", true),
            ("v2.40.3", true),
            ("2.9.0", false),
            ("2.25.9", false),
            ("1.29.2", false),
            ("3.0.0", true),
        ] {
            assert_eq!(parse_version(text).expect(text) >= MINIMUM, enough, "{text}");
        }
        assert_eq!(parse_version("dev"), None);
    }
}
