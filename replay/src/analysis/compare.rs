//! Two runs of the same job side by side.

use serde::Serialize;

use super::explain::{PrefixTime, prefix_times};
use super::facts::WorkerRow;
use super::{Facts, Usage, Use};
use crate::figure::Window;

/// How run B differs from run A.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// Both runs on the whole, A first.
    pub runs: [Side; 2],
    /// Prefixes of either, where they differ most in time first.
    pub prefixes: Vec<PrefixDiff>,
    /// What the slots did, in seconds of one slot.
    pub uses: Vec<UseDiff>,
}

/// One of the runs.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    /// Its name.
    pub name: String,
    /// From the first submission to the last end, in seconds.
    pub makespan_s: f64,
    /// Tasks submitted.
    pub tasks: u64,
    /// Tasks that erred.
    pub erred: u64,
    /// Slots of all its workers.
    pub slots: u64,
    /// Its workers.
    pub workers: Vec<WorkerSide>,
}

/// One worker of a run.
#[derive(Clone, Debug, Serialize)]
pub struct WorkerSide {
    /// Its name.
    pub name: String,
    /// How many tasks it runs at once.
    pub slots: u16,
    /// Executions that ended well.
    pub runs: u64,
    /// The share of its capacity, from 0 to 1, that it executed.
    pub busy: f64,
    /// Whether it was lost.
    pub lost: bool,
}

/// A prefix in both runs; `None`: the run has no finished task of it.
#[derive(Clone, Debug, Serialize)]
pub struct PrefixDiff {
    /// Its name.
    pub name: String,
    /// In run A.
    pub a: Option<PrefixTime>,
    /// In run B.
    pub b: Option<PrefixTime>,
}

impl PrefixDiff {
    /// How much more time its executions took in B, in seconds.
    pub fn more_s(&self) -> f64 {
        let time = |of: &Option<PrefixTime>| of.as_ref().map_or(0.0, |of| of.run_time_s);
        time(&self.b) - time(&self.a)
    }
}

/// A use of the slots in both runs.
#[derive(Clone, Debug, Serialize)]
pub struct UseDiff {
    /// What the slots did.
    pub what: &'static str,
    /// Seconds of one slot in run A.
    pub a_s: f64,
    /// Seconds of one slot in run B.
    pub b_s: f64,
}

/// What a comparison asks of a run: so much less than its rows that two runs need the memory of one.
#[derive(Clone, Debug)]
pub struct Digest {
    side: Side,
    prefixes: Vec<PrefixTime>,
    uses: Vec<(Use, f64)>,
    /// From its first submission to its last end.
    pub window: Window,
}

impl Digest {
    /// Sums a run up.
    pub fn of(facts: &Facts) -> Self {
        let usage = Usage::new(facts);
        let prefixes = prefix_times(facts).into_iter().filter(|row| row.runs > 0);
        Self {
            side: side(facts),
            prefixes: prefixes.collect(),
            uses: Use::ALL.map(|of| (of, usage.total(of).as_secs_f64())).into(),
            window: facts.window,
        }
    }

    /// Names of the prefixes that ran.
    pub fn prefix_names(&self) -> impl Iterator<Item = &str> {
        self.prefixes.iter().map(|prefix| prefix.name.as_str())
    }
}

/// Sets two runs side by side.
pub fn compare(a: &Digest, b: &Digest) -> Comparison {
    let uses = a.uses.iter().zip(&b.uses);
    let of = |((of, a_s), (_, b_s)): (&(Use, f64), &(Use, f64))| UseDiff {
        what: of.name(),
        a_s: *a_s,
        b_s: *b_s,
    };
    let uses = uses.map(of).filter(|of| of.a_s > 0.0 || of.b_s > 0.0);
    Comparison {
        runs: [a.side.clone(), b.side.clone()],
        prefixes: prefixes(&a.prefixes, &b.prefixes),
        uses: uses.collect(),
    }
}

fn side(facts: &Facts) -> Side {
    Side {
        name: facts.name.clone(),
        makespan_s: facts.makespan().as_secs_f64(),
        tasks: facts.tasks.len() as u64,
        erred: facts.n_erred,
        slots: facts.n_slots(),
        workers: workers(facts),
    }
}

fn workers(facts: &Facts) -> Vec<WorkerSide> {
    let now = facts.window.to;
    // By worker: executions that ended well, and the time of all.
    let mut ran = vec![(0_u64, 0_u64); facts.workers.len()];
    for attempt in &facts.attempts {
        let (runs, busy) = &mut ran[attempt.worker.index()];
        *runs += u64::from(attempt.finished());
        *busy += attempt.duration(now).0;
    }
    let side = |(row, (runs, busy)): (&WorkerRow, (u64, u64))| {
        let to = row.left.map_or(now, |(at, _)| at).min(now);
        let length = to.since(row.joined_at.max(facts.window.from));
        let there = length.0 as f64 * f64::from(row.slots);
        WorkerSide {
            name: row.name.clone(),
            slots: row.slots,
            runs,
            busy: if there > 0.0 { busy as f64 / there } else { 0.0 },
            lost: row.lost_at().is_some(),
        }
    };
    facts.workers.iter().zip(ran).map(side).collect()
}

fn prefixes(a: &[PrefixTime], b: &[PrefixTime]) -> Vec<PrefixDiff> {
    let row = |row: &PrefixTime| (row.name.clone(), row.clone());
    let of_a = |(name, row)| PrefixDiff { name, a: Some(row), b: None };
    let mut diffs: Vec<PrefixDiff> = a.iter().map(row).map(of_a).collect();
    for (name, row) in b.iter().map(row) {
        match diffs.iter_mut().find(|diff| diff.name == name) {
            Some(diff) => diff.b = Some(row),
            None => diffs.push(PrefixDiff { name, a: None, b: Some(row) }),
        }
    }
    diffs.sort_by(|x, y| y.more_s().abs().total_cmp(&x.more_s().abs()));
    diffs
}
