//! Adapting: workers start while work waits, and leave when there is none for them.
//!
//! The trace shows it as it shows any worker that joins or retires.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use taskreel_model::{Nanos, WorkerId};
use tokio::sync::oneshot;

use super::crew::Crew;
use crate::scheduler::inbound::{Inbound, Inbox};
use crate::scheduler::load::Load;
use crate::wire::operate::Request;

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(200);

/// So many workers are wanted that what is there to do would take them so long.
const SPAN: Nanos = Nanos::from_millis(1_000);

/// Work that waits for so many looks in a row wants more workers, however short it was thought to be.
const PATIENT_LOOKS: u32 = 3;

/// A worker leaves when it had nothing to do for so long.
const IDLE: Duration = Duration::from_secs(2);

/// A worker that was started and has not joined for so long never will.
const JOIN_PATIENCE: Duration = Duration::from_secs(30);

/// Within which bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Adapting {
    /// The fewest workers.
    pub(super) min: usize,
    /// The most.
    pub(super) max: usize,
    /// Slots of each.
    pub(super) slots: u16,
}

/// What was seen so far.
#[derive(Debug, Default)]
struct Seen {
    /// How often in a row work waited.
    n_waited: u32,
    /// Since when workers have had nothing to do.
    idle: BTreeMap<WorkerId, Instant>,
    /// Names of workers that were started and have not joined.
    starting: BTreeMap<String, Instant>,
}

/// What is to be done.
#[derive(Debug, Default, PartialEq, Eq)]
struct Plan {
    /// Names of workers to be started.
    start: Vec<String>,
    /// Workers to be let go.
    retire: Vec<(WorkerId, String)>,
}

/// Adapts until the scheduler has stopped.
pub(super) async fn adapt(adapting: Adapting, crew: Crew, inbox: Inbox) {
    let mut seen = Seen::default();
    loop {
        tokio::time::sleep(LOOK).await;
        let (reply, answer) = oneshot::channel();
        if inbox.send(Inbound::Load { reply }).await.is_err() {
            return;
        }
        let Ok(load) = answer.await else { return };
        let Plan { start, retire } = plan(adapting, &load, &mut seen, Instant::now());
        for (worker, name) in retire {
            tracing::info!(name, "has nothing to do: it may go");
            crew.let_go(&name);
            let (reply, _) = oneshot::channel();
            let request = Request::Retire(worker.to_string());
            if inbox.send(Inbound::Operated { request, reply }).await.is_err() {
                return;
            }
        }
        for name in start {
            tracing::info!(name, "work waits: it starts");
            let theirs = crew.clone();
            // Starting one asks the thread that this runs on.
            let started = tokio::task::spawn_blocking(move || theirs.start_another(name)).await;
            if let Ok(Err(error)) = started {
                tracing::error!(%error, "a worker could not be started");
            }
        }
    }
}

fn plan(adapting: Adapting, load: &Load, seen: &mut Seen, now: Instant) -> Plan {
    let Adapting { min, max, slots } = adapting;
    for worker in &load.workers {
        seen.starting.remove(&worker.name);
    }
    seen.starting.retain(|_, since| now.duration_since(*since) < JOIN_PATIENCE);
    let n_here = load.workers.len() + seen.starting.len();
    let waits = load.n_ready > load.n_executing && seen.starting.is_empty();
    seen.n_waited = if waits { seen.n_waited + 1 } else { 0 };
    let n_wanted = wanted(load, slots, n_here, seen.n_waited).clamp(min, max);
    if n_wanted > n_here {
        seen.n_waited = 0;
        seen.idle.clear();
        let start = free_names(load, seen, n_wanted - n_here);
        seen.starting.extend(start.iter().map(|name| (name.clone(), now)));
        return Plan { start, retire: Vec::new() };
    }
    Plan { start: Vec::new(), retire: idle(load, seen, n_wanted.max(min), now) }
}

/// How many workers there should be, the bounds apart.
fn wanted(load: &Load, slots: u16, n_here: usize, n_waited: u32) -> usize {
    let slots = u64::from(slots.max(1));
    let for_each = load.n_ready.div_ceil(slots);
    let in_time = load.work.0.div_ceil(slots * SPAN.0);
    let patient = if n_waited >= PATIENT_LOOKS { n_here as u64 * 2 } else { 0 };
    let n_wanted = in_time.max(patient).max(u64::from(load.n_ready > 0)).min(for_each);
    usize::try_from(n_wanted).unwrap_or(usize::MAX)
}

/// Names that nobody has: `worker-` and the smallest numbers.
fn free_names(load: &Load, seen: &Seen, n: usize) -> Vec<String> {
    let here = load.workers.iter().map(|worker| &worker.name).chain(&load.leaving);
    let taken: BTreeSet<&String> = here.chain(seen.starting.keys()).collect();
    let names = (0_usize..).map(|number| format!("worker-{number}"));
    names.filter(|name| !taken.contains(name)).take(n).collect()
}

/// Those that may go: idle for long enough, the last to join first. The last one that there is stays
/// as long as there are results, for nobody could take them over.
fn idle(load: &Load, seen: &mut Seen, n_wanted: usize, now: Instant) -> Vec<(WorkerId, String)> {
    let is_idle = |id: &WorkerId| load.workers.iter().any(|w| w.id == *id && w.n_assigned == 0);
    seen.idle.retain(|id, _| is_idle(id));
    for worker in load.workers.iter().filter(|worker| worker.n_assigned == 0) {
        seen.idle.entry(worker.id).or_insert(now);
    }
    let n_held: usize = load.workers.iter().map(|worker| worker.n_held).sum();
    let n_stay = n_wanted.max(usize::from(n_held > 0));
    let n_go = load.workers.len().saturating_sub(n_stay);
    let mut may_go: Vec<_> = load
        .workers
        .iter()
        .filter(|w| seen.idle.get(&w.id).is_some_and(|since| now.duration_since(*since) >= IDLE))
        .collect();
    // Those first whose going moves least.
    may_go.sort_by_key(|worker| (worker.held_bytes, std::cmp::Reverse(worker.id)));
    may_go.into_iter().take(n_go).map(|worker| (worker.id, worker.name.clone())).collect()
}

#[cfg(test)]
mod tests;
