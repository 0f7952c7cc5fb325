//! How a refused allocation is told.

use super::{Refusal, Use};
use crate::failure::Failure;
use crate::port::reservation::Slot;
use crate::text::word::word;

impl Refusal {
    /// Explains it. `process` names whoever has what is wanted for a slot at a port of this machine, where the system
    /// tells.
    pub fn failure(&self, process: impl Fn(&Slot, u16) -> Option<String>) -> Failure {
        match self {
            Self::NoSuchPort { slot, first } => Failure::new(format!(
                "{slot} wants ports from {first} upward, which end at 65535 before all of its replicas have one"
            ))
            .hint(format!("pin a lower one: `services: {{{}: {{port: …}}}}` in prism.yaml", slot.owner())),
            Self::PinnedTwice { port, slots: [one, two] } => {
                Failure::new(format!("{one} and {two} both want port {port}"))
                    .hint("pin another port for one of them, in prism.yaml or by the label `dev-prism.port`")
            }
            Self::PinTaken { slot, port, holder } => {
                let by = holder.as_ref().map(ToString::to_string).or_else(|| process(slot, *port));
                let by = by.unwrap_or_else(|| "another program".to_owned());
                let failure = Failure::new(format!("{slot} wants port {port}, which {by} has"));
                let stop = match holder.as_ref().and_then(|holder| holder.directory.as_ref()) {
                    Some(directory) => format!("stop it with `prism stop {}`", word(directory)),
                    None => "stop it".to_owned(),
                };
                failure.hint(format!("{stop}, or pin another port in prism.yaml"))
            }
            Self::TooSmall { range, wanted } => {
                let wanted = wanted.iter().map(|(slot, count)| match count {
                    1 => slot.to_string(),
                    _ => format!("{slot} ({count} replicas)"),
                });
                let wanted = wanted.collect::<Vec<_>>().join(", ");
                let size = range.count();
                let s = if size == 1 { "" } else { "s" };
                Failure::new(format!("the range {range} has {size} port{s}, too few for {wanted}"))
                    .hint("widen `range:` in prism.yaml")
            }
            Self::Exhausted { slot, count, range, uses } => {
                let needed =
                    if *count == 1 { "no port".to_owned() } else { format!("no {count} ports side by side") };
                let free = uses.iter().filter(|(_, it)| *it == Use::Free);
                let free: Vec<String> = free.map(|(port, _)| port.to_string()).collect();
                let free =
                    if free.is_empty() { String::new() } else { format!("free: {}", free.join(", ")) };
                let lines = uses.iter().filter_map(|(port, it)| line(*port, it, |port| process(slot, port)));
                Failure::new(format!("{needed} of the range {range} can be had for {slot}"))
                    .details(lines)
                    .details(Some(free).filter(|free| !free.is_empty()))
                    .hint("release a stopped session's with `prism ports clear DIR` or `prism destroy DIR`, or widen `range:` in prism.yaml")
            }
        }
    }
}

fn line(port: u16, use_of: &Use, process: impl Fn(u16) -> Option<String>) -> Option<String> {
    let holder = match use_of {
        Use::Free => return None,
        Use::Own(slot) => format!("this session ({slot})"),
        Use::Other(holder) if holder.running => format!("{holder}, running"),
        Use::Other(holder) => format!("{holder}, stopped"),
        Use::Unbindable => process(port).unwrap_or_else(|| "another program".to_owned()),
    };
    Some(format!("{port}  {holder}"))
}
