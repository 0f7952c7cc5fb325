//! Where the time of a run goes, for `--timings`.

use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

/// What was measured, present only where it was asked for.
static SPANS: OnceLock<Mutex<Spans>> = OnceLock::new();

#[derive(Debug)]
struct Spans {
    last: Instant,
    ended: Vec<(&'static str, Duration)>,
}

/// Begins to measure.
pub fn enable() {
    let _ = SPANS.set(Mutex::new(Spans { last: Instant::now(), ended: Vec::new() }));
}

/// Ends the span called `name`, which began where the one before it ended. Costs nothing unless it was asked for.
pub fn mark(name: &'static str) {
    let Some(mut spans) = SPANS.get().and_then(|spans| spans.lock().ok()) else { return };
    let now = Instant::now();
    let span = now - spans.last;
    spans.last = now;
    spans.ended.push((name, span));
}

/// Returns the spans in their order, those of one name added up, in lines of microseconds; `None` unless it was asked
/// for.
pub fn report() -> Option<String> {
    let spans = SPANS.get()?.lock().ok()?;
    let mut sums: Vec<(&str, Duration)> = Vec::new();
    for (name, span) in &spans.ended {
        match sums.iter_mut().find(|(known, _)| known == name) {
            Some((_, sum)) => *sum += *span,
            None => sums.push((name, *span)),
        }
    }
    let total = sums.iter().map(|(_, span)| *span).sum();
    sums.push(("total", total));
    Some(sums.iter().map(|(name, span)| format!("{name:<8} {:>8} µs\n", span.as_micros())).collect())
}
