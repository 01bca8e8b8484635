//! Opening and folding a trace for the commands that look into one.

use std::ops::ControlFlow;
use std::path::Path;

use taskreel_model::{Event, Nanos, Stamped, State};
use taskreel_recorder::{Source, TraceInfo, TraceReader, Warning, read_info};
use taskreel_replay::plots::Plot;
use taskreel_replay::{Instant, Timeline, part_of_a_run};

use super::Failure;
use super::failure::{chain, say};

/// A trace's timeline with these plots attached, at its begin.
pub(crate) fn timeline(path: &Path, plots: Vec<Box<dyn Plot>>) -> Result<Timeline, Failure> {
    let owned = path.to_owned();
    let reopen = Box::new(move || Ok(Box::new(TraceReader::open(&owned)?) as _));
    let timeline = Timeline::rewindable(reopen, plots).map_err(Failure::input)?;
    Ok(timeline.named(path.display().to_string()))
}

/// Goes to an instant. A trace that is damaged further on is shown up to there, and this says so.
pub(crate) fn seek(timeline: &mut Timeline, instant: Instant) {
    if let Err(error) = timeline.seek(instant) {
        say(format_args!("{}", chain(&error)));
    }
}

/// Folds a trace, showing each event with the state before it until `visit` breaks off. Returns
/// the state, and what was skipped or cut the fold short: kinds that are unknown, damage, or an
/// event that contradicts those before it.
pub(crate) fn fold(
    path: &Path,
    mut visit: impl FnMut(&Stamped<Event>, &State) -> ControlFlow<Result<(), Failure>>,
) -> Result<(State, Vec<String>), Failure> {
    let mut reader = TraceReader::open(path).map_err(Failure::input)?;
    let mut state = reader.opening_state().map_err(Failure::input)?.unwrap_or_default();
    let mut changes = Vec::new();
    loop {
        let batch = match reader.next_batch() {
            Ok(Some(batch)) => batch,
            Ok(None) => return Ok((state, warnings(&reader, None))),
            Err(error) => return Ok((state, warnings(&reader, Some(chain(&error))))),
        };
        for event in &batch.events {
            if let ControlFlow::Break(result) = visit(event, &state) {
                return result.map(|()| (state, warnings(&reader, None)));
            }
            if let Err(illegal) = state.apply(event, &mut changes) {
                let cut = format!("{illegal}; shown is the run up to there");
                return Ok((state, warnings(&reader, Some(cut))));
            }
            changes.clear();
        }
    }
}

/// A trace that is to be asked how tasks came to be. Of a part of a run this says that it is one.
pub(crate) fn reader(path: &Path) -> Result<TraceReader, Failure> {
    let mut reader = TraceReader::open(path).map_err(Failure::input)?;
    if let Some(opening) = reader.opening_state().map_err(Failure::input)? {
        say(format_args!("{}: {}", path.display(), part_of_a_run(opening.now())));
    }
    Ok(reader)
}

fn warnings(reader: &TraceReader, cut: Option<String>) -> Vec<String> {
    reader.warnings().iter().map(ToString::to_string).chain(cut).collect()
}

/// What a trace holds.
pub(crate) fn info(path: &Path) -> Result<TraceInfo, Failure> {
    read_info(path).map_err(Failure::input)
}

/// An instant as time since the run began, given when its last event was logged. Instants that
/// are an event's place in the log have none.
pub(crate) fn at(instant: Instant, end: Nanos) -> Option<Nanos> {
    match instant {
        Instant::At(at) => Some(at),
        Instant::Percent(percent) => Some(Nanos((end.0 as f64 * percent / 100.0) as u64)),
        Instant::End => Some(end),
        Instant::Event(_) => None,
    }
}

/// Says what was skipped or cut.
pub(crate) fn say_warnings(path: &Path, warnings: &[Warning]) {
    for warning in warnings {
        say(format_args!("{}: {warning}", path.display()));
    }
}
