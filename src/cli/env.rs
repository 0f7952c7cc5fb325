//! `prism env`: the session's variables, for other programs to read.

use super::context::Context;
use super::{EnvArgs, EnvFormat};
use crate::domain::dotenv;

pub(super) fn run(context: Context, args: &EnvArgs) -> anyhow::Result<()> {
    let output = context.output;
    let present = context.running()?;
    let variables = present.variables()?;
    for note in &variables.derived.notes {
        output.detail(note);
    }
    let all = variables.all();
    let text = match args.format {
        EnvFormat::Dotenv => dotenv::write(all.iter().map(|(name, value)| (name.as_str(), value.as_str()))),
        EnvFormat::Json => {
            let object: serde_json::Map<String, serde_json::Value> =
                all.into_iter().map(|(name, value)| (name, value.into())).collect();
            format!("{}\n", serde_json::to_string_pretty(&object)?)
        }
    };
    output.print(text)
}
