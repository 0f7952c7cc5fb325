//! `prism get`: one variable, or where one service or app listens.

use clap::Args;
use clap_complete::ArgValueCompleter;
use domain::failure::Failure;
use domain::port::ContainerPort;
use domain::text::template::nearest;
use domain::text::url;
use domain::variable;
use session::find::reach;

use super::complete;
use session::use_case::present::Present;

use super::context::Context;

/// Print one variable, or where a service or an app listens
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  prism get db                127.0.0.1:32768
  prism get db:5432           the same, by container port
  prism get DATABASE_URL      postgresql://…
  prism get web               of `apps:` in prism.yaml, the same")]
pub(super) struct GetArgs {
    /// A variable's name, SERVICE, SERVICE:PORT, or APP
    #[arg(value_name = "NAME|SERVICE[:PORT]|APP", add = ArgValueCompleter::new(complete::services))]
    pub(super) what: String,
}

pub(super) fn run(context: Context, args: &GetArgs) -> anyhow::Result<()> {
    let output = context.output;
    let present = context.running()?;
    if let Some(address) = address(&present, &args.what)? {
        reach::check(&present.work.engine, present.header.as_ref(), &present.containers)?;
        return output.print(format!("{address}\n"));
    }
    let found = present.variables()?;
    if let Some(port) = found.apps.get(&args.what) {
        // Apps run here, wherever the Engine is.
        return output.print(format!("{}\n", url::address("127.0.0.1", *port)));
    }
    let variables = found.all();
    if let Some((_, value)) = variables.iter().find(|(name, _)| *name == args.what) {
        return output.print(format!("{value}\n"));
    }
    if let Some(missing) = found.missing.iter().find(|missing| missing.names.contains(&args.what)) {
        return Err(Failure::new(missing.to_string())
            .hint("`prism env --explain` lists what there is, and where it comes from")
            .into());
    }
    let names = variables
        .iter()
        .map(|(name, _)| name.as_str())
        .chain(present.containers.iter().map(|c| c.service.0.as_str()))
        .chain(found.apps.keys().map(String::as_str));
    let failure = Failure::new(format!("there is no variable, no service and no app `{}`", args.what));
    // Of `dbb:5432` the service is what may be mistyped.
    let typed = args.what.split(':').next().unwrap_or(&args.what);
    Err(match nearest(typed, names) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure.hint("`prism env` lists the variables, `prism info` the services"),
    }
    .into())
}

/// Finds `SERVICE` or `SERVICE:PORT`; `None` if the session has no such service.
fn address(present: &Present, what: &str) -> Result<Option<String>, Failure> {
    let (service, port) = what.rsplit_once(':').map_or((what, None), |(service, port)| (service, Some(port)));
    let host = present.work.engine.endpoint().host.as_deref();
    let Some(container) = present.containers.iter().find(|container| container.service.0 == service) else {
        return Ok(None);
    };
    let found = match port {
        None => variable::primary_endpoint(container, &present.containers, host),
        Some(port) => {
            let port: ContainerPort = port
                .parse()
                .map_err(|error: String| Failure::new(error).hint("write SERVICE:PORT, as in `db:5432`"))?;
            variable::endpoint(container, &present.containers, host, port)
        }
    };
    match found {
        Some(place) => Ok(Some(place.to_string())),
        None => Err(Failure::new(format!("service `{service}` publishes no such port now"))
            .hint("`prism info` shows what it publishes; `prism start` starts what is stopped")),
    }
}
