//! `prism stop-all`: every session of this user stopped.

use session::machine::process::interrupt::Interrupt;
use session::use_case::stop::stop_all;

use super::context::Context;

pub(super) fn run(context: Context) -> anyhow::Result<()> {
    let mut engine = context.engine()?;
    if stop_all(&context.caller, &mut engine, &Interrupt::default(), context.notices)? == 0 {
        context.output.note("nothing was running");
    }
    Ok(())
}
