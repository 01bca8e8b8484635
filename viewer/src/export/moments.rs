//! The run as it was at instants: evenly spread, and at failures.

use std::collections::BTreeSet;

use taskreel_model::Nanos;
use taskreel_recorder::OpenError;
use taskreel_replay::Instant;
use taskreel_replay::figure::Window;

use super::{Index, Moment, Store, tiles};
use crate::fold::{PastRun, PlotRequest, Run, SharedReopen, Size};
use crate::words::Words;

/// Instants that are tried, evenly spread.
const EVEN_MAX: u64 = 120;
/// Failures and lost workers at which there is one, too.
const TROUBLES_MAX: usize = 40;

pub(super) fn keep(
    run: &Run,
    reopen: &SharedReopen,
    store: &mut Store,
    index: &mut Index,
) -> Result<(), OpenError> {
    let end = run.now();
    let all = instants(run, end);
    let ids: Vec<String> = tiles::ids(run, false);
    let requests: Vec<PlotRequest> = ids.iter().map(|id| request(id)).collect();
    let mut past = PastRun::open(reopen, &ids)?;
    // The end, as the run is shown when it is not looked back at.
    let mut parts = vec![store.keep(run.all_words())];
    let figures = requests.iter().filter_map(|request| run.figure(request, None));
    parts.extend(figures.map(|figure| store.keep(crate::wire::Packed::figure(figure))));
    let last = Moment { now_ns: end.0, seq: u64::MAX, parts };
    // Half of what is left is for the tiles.
    let room = store.room() / 2;
    let used = store.used;
    let mut step = 1;
    for (i, at) in all.iter().enumerate() {
        if i % step != 0 {
            continue;
        }
        index.moments.push(moment(run, &mut past, *at, &requests, store));
        // What the first instants take says how many there can be.
        let per_moment = (store.used - used) / index.moments.len();
        while per_moment * (all.len() / step).max(1) > room && step < all.len() {
            step *= 2;
        }
    }
    if step > 1 {
        store.left_out.push(format!(
            "most instants between those shown: there was room for {}",
            index.moments.len()
        ));
    }
    index.moments.push(last);
    Ok(())
}

/// What the page shows without scripts' help is small; the script fits it to its place.
pub(super) fn request(id: &str) -> PlotRequest {
    let size = match id {
        "workers" => Size::clamped(340, 480),
        "progress" => Size::clamped(865, 160),
        _ => Size::clamped(600, 300),
    };
    PlotRequest { id: id.to_owned(), size }
}

fn instants(run: &Run, end: Nanos) -> Vec<Nanos> {
    let even = (0..EVEN_MAX).map(|i| Nanos(end.0 / EVEN_MAX * i));
    let mut all: BTreeSet<Nanos> = even.collect();
    let ledger = run.ledger();
    let mut at = Nanos::ZERO;
    for _ in 0..TROUBLES_MAX {
        let Some(next) = ledger.jumps(at).trouble[1] else { break };
        at = Nanos(next);
        all.insert(at);
    }
    all.into_iter().filter(|at| *at < end).collect()
}

fn moment(
    run: &Run,
    past: &mut PastRun,
    at: Nanos,
    requests: &[PlotRequest],
    store: &mut Store,
) -> Moment {
    past.seek(Instant::At(at));
    let summary = past.summary(run.head());
    let words = Words::new(&summary, run.jumping(Some(at)));
    let mut parts = vec![store.keep(words.packed())];
    parts.extend(
        past.figures(requests, Window::until(past.now()))
            .into_iter()
            .map(|figure| store.keep(figure)),
    );
    Moment { now_ns: at.0, seq: summary.n_events, parts }
}
