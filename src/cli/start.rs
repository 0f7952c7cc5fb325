//! `prism start`: the stack up and ready, and where it listens.

use super::StartArgs;
use super::context::{Context, enter, options};
use crate::domain::variable;
use crate::session::{self, up};

pub(super) fn run(context: Context, args: StartArgs) -> anyhow::Result<()> {
    if let Some(directory) = &args.directory.directory {
        enter(directory)?;
    }
    let (endpoint, mut engine) = context.engine()?;
    let session = context.session(&endpoint)?;
    let options = options(context.output, true, &[], args.wait.seconds);
    let up = up::up(&session, &mut engine, &endpoint, &options)?;
    let variables =
        session::environment::variables(&session, &engine, &endpoint, Some(&up.header), &up.containers)?;
    variables.write_dotenv(&session)?;
    for container in &up.containers {
        if let Some((host, port)) =
            variable::primary_endpoint(container, &up.containers, endpoint.host.as_deref())
        {
            context.output.note(format!(
                "{} is at {}",
                container.service,
                crate::domain::url::address(&host, port)
            ));
        }
    }
    let what = if up.started { "is up" } else { "was up already" };
    context.output.note(format!("`{}` {what}", session.directory));
    Ok(())
}
