//! Why the Engine cannot be reached, and what to do about it.

use domain::failure::Failure;

use super::client::Error;
use crate::machine::platform;

/// Explains why there is no answer. An Engine that does not answer is never "no session".
pub(super) fn unreachable(address: &str, error: Error) -> Failure {
    let cause = root_cause(&error);
    let kind = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    let failure = Failure::new(format!("cannot reach the Docker Engine at {address}"));
    let (failure, cause) = match (&error, kind) {
        (_, Some(std::io::ErrorKind::NotFound)) => {
            (failure.hint(start_hint(address)), "there is no such socket".to_owned())
        }
        (_, Some(std::io::ErrorKind::PermissionDenied)) => (
            failure.hint("add yourself to the `docker` group, or point DOCKER_HOST at an Engine you may use"),
            "permission denied".to_owned(),
        ),
        (_, Some(std::io::ErrorKind::ConnectionRefused)) => {
            (failure.hint(start_hint(address)), "nobody listens there".to_owned())
        }
        (Error::Late, _) => (
            failure.hint("`docker ps` shows whether it answers at all; restarting it may help"),
            "it did not answer in time".to_owned(),
        ),
        _ => (failure.hint("check DOCKER_HOST and `docker context ls`"), cause.to_string()),
    };
    failure.caused_by(anyhow::anyhow!(cause))
}

fn start_hint(address: &str) -> &'static str {
    match address.strip_prefix("unix://") {
        Some(_) => platform::START_HINT,
        None => "start it there, or correct DOCKER_HOST",
    }
}

fn root_cause<'e>(error: &'e (dyn std::error::Error + 'static)) -> &'e (dyn std::error::Error + 'static) {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause
}
