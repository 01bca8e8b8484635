//! A run explained: its totals, where its time went, and what made it slow.

mod markdown;

use serde::Serialize;
use taskreel_model::Nanos;

use super::findings::{self, Finding, Run};
use super::{CriticalPath, Facts, Use, quantile};

/// What there is to say about a run.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The run's name.
    pub name: String,
    /// Counts and times.
    pub totals: Totals,
    /// What the slots did, in shares of the capacity: all of [`Use::ALL`] that occurred.
    pub uses: Vec<Share>,
    /// The longest chain of tasks that waited for each other.
    pub critical_path: Path,
    /// By prefix, the most time first.
    pub prefixes: Vec<PrefixTime>,
    /// What made it slow, most costly first. Empty: nothing did.
    pub findings: Vec<Finding>,
    /// What is missing of the trace.
    pub warnings: Vec<String>,
}

/// Counts and times of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Totals {
    /// Tasks submitted.
    pub tasks: u64,
    /// Tasks that finished, each counted once.
    pub finished: u64,
    /// Tasks that erred, with those that depended on them.
    pub erred: u64,
    /// Executions that began; a task that is tried again counts again.
    pub executions: u64,
    /// Executions that ended well.
    pub runs: u64,
    /// Time of those, in seconds.
    pub run_time_s: f64,
    /// Bytes of their results.
    pub result_bytes: u64,
    /// Transfers that arrived.
    pub transfers: u64,
    /// Bytes they moved.
    pub transfer_bytes: u64,
    /// Workers that joined.
    pub workers: u64,
    /// Workers that were lost.
    pub workers_lost: u64,
    /// Events in the log.
    pub events: u64,
    /// From the first submission to the last end, in seconds.
    pub makespan_s: f64,
}

/// A share of the capacity.
#[derive(Clone, Debug, Serialize)]
pub struct Share {
    /// What the slots did.
    pub what: &'static str,
    /// From 0 to 1.
    pub share: f64,
    /// In seconds of one slot.
    pub slot_s: f64,
}

/// The critical path in short.
#[derive(Clone, Debug, Serialize)]
pub struct Path {
    /// How many tasks are on it.
    pub tasks: u64,
    /// Time they took together, in seconds.
    pub executed_s: f64,
    /// That time as a share of the makespan.
    pub share: f64,
    /// Which prefixes make it up, most first: name and seconds.
    pub prefixes: Vec<(String, f64)>,
}

/// Executions of a prefix.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PrefixTime {
    /// Its name.
    pub name: String,
    /// Executions that ended well.
    pub runs: u64,
    /// Their time, in seconds.
    pub run_time_s: f64,
    /// The median of their durations, in seconds.
    pub median_s: f64,
    /// What 95 % of them stayed below, in seconds.
    pub p95_s: f64,
}

/// Explains a run.
pub fn explain(facts: &Facts) -> Explanation {
    let run = Run::new(facts);
    let makespan_s = facts.makespan().as_secs_f64();
    let uses = Use::ALL.into_iter().filter(|of| run.usage.total(*of) > Nanos::ZERO);
    let share = |of| Share {
        what: Use::name(of),
        share: run.usage.share(of),
        slot_s: run.usage.total(of).as_secs_f64(),
    };
    Explanation {
        name: facts.name.clone(),
        totals: totals(facts),
        uses: uses.map(share).collect(),
        critical_path: path(facts, &run.path, makespan_s),
        prefixes: prefix_times(facts),
        findings: findings::of(&run),
        warnings: facts.warnings.clone(),
    }
}

fn totals(facts: &Facts) -> Totals {
    let now = facts.window.to;
    let finished = facts.attempts.iter().filter(|attempt| attempt.finished());
    let arrived = facts.moves.iter().filter(|of| of.peer.is_some() && of.ok);
    let began = facts.attempts.iter().filter(|attempt| attempt.started_at.is_some());
    let lost = facts.workers.iter().filter(|worker| worker.lost_at().is_some());
    let run_ns: u64 = finished.clone().map(|attempt| attempt.duration(now).0).sum();
    Totals {
        tasks: facts.tasks.len() as u64,
        finished: facts.n_finished,
        erred: facts.n_erred,
        executions: began.count() as u64,
        runs: finished.count() as u64,
        run_time_s: Nanos(run_ns).as_secs_f64(),
        result_bytes: facts.result_bytes,
        transfers: arrived.clone().count() as u64,
        transfer_bytes: arrived.map(|of| of.bytes).sum(),
        workers: facts.workers.len() as u64,
        workers_lost: lost.count() as u64,
        events: facts.n_events,
        makespan_s: facts.makespan().as_secs_f64(),
    }
}

fn path(facts: &Facts, path: &CriticalPath, makespan_s: f64) -> Path {
    let executed_s = path.executed().as_secs_f64();
    let named = |(prefix, sum): (u32, Nanos)| (facts.prefix(prefix).to_owned(), sum.as_secs_f64());
    Path {
        tasks: path.n_tasks as u64,
        executed_s,
        share: if makespan_s > 0.0 { executed_s / makespan_s } else { 0.0 },
        prefixes: path.by_prefix().into_iter().map(named).collect(),
    }
}

/// Executions by prefix, the most time first.
pub(super) fn prefix_times(facts: &Facts) -> Vec<PrefixTime> {
    let mut durations = facts.durations();
    let mut rows: Vec<PrefixTime> = durations
        .iter_mut()
        .enumerate()
        .map(|(prefix, durations)| PrefixTime {
            name: facts.prefix(prefix as u32).to_owned(),
            runs: durations.len() as u64,
            run_time_s: Nanos(durations.iter().map(|d| d.0).sum()).as_secs_f64(),
            median_s: quantile(durations, 0.5).as_secs_f64(),
            p95_s: quantile(durations, 0.95).as_secs_f64(),
        })
        .collect();
    rows.sort_by(|a, b| b.run_time_s.total_cmp(&a.run_time_s));
    rows
}
