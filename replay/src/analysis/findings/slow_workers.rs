//! **Slow workers**: a few take longer than the others for the same kinds of tasks.

use taskreel_model::{Nanos, WorkerId};

use super::{Finding, Run, listed, quoted, short};

/// A slow worker takes so many times what its peers take for the same work.
const TIMES_PEERS: f64 = 1.5;

/// Executions that a worker must have for its pace to mean something.
const USUAL_OF: usize = 8;

/// Workers that a prefix must have run on for its usual time to be known.
const PEERS: usize = 3;

/// How long a worker's executions took, against what its peers usually take for the same.
#[derive(Clone, Default)]
struct Pace {
    /// Of each execution how many times the usual time it took, rising.
    times: Vec<f64>,
    /// What they took beyond the usual, by their medians, in nanoseconds.
    excess: f64,
}

impl Pace {
    /// The median over its executions: tasks that vary much make no worker slow if others do not.
    fn ratio(&self) -> f64 {
        self.times[(self.times.len() - 1) / 2]
    }

    /// Whether three of four took longer than usual.
    fn is_mostly_longer(&self) -> bool {
        self.times[self.times.len() / 4] > 1.0
    }
}

pub(super) fn find(run: &Run<'_>) -> Option<Finding> {
    if run.facts.workers.len() < PEERS {
        return None;
    }
    let mut paces: Vec<(WorkerId, Pace)> = (0..).map(WorkerId).zip(paces(run)).collect();
    paces.retain(|(_, pace)| pace.times.len() >= USUAL_OF);
    let mut ratios: Vec<f64> = paces.iter().map(|(_, pace)| pace.ratio()).collect();
    ratios.sort_by(f64::total_cmp);
    if ratios.len() < PEERS {
        return None;
    }
    let peers = ratios[(ratios.len() - 1) / 2];
    let is_slow = |pace: &Pace| pace.ratio() >= peers * TIMES_PEERS && pace.is_mostly_longer();
    let slow: Vec<&(WorkerId, Pace)> = paces.iter().filter(|(_, pace)| is_slow(pace)).collect();
    if slow.is_empty() || slow.len() * 2 >= ratios.len() {
        return None;
    }
    let excess: f64 = slow.iter().map(|(_, pace)| pace.excess).sum();
    let excess = Nanos(excess.max(0.0) as u64);
    let mut finding = run.finding("slow-workers", run.usage.cost(excess), run.facts.window)?;
    finding.workers =
        slow.iter().take(super::LISTED).map(|(id, _)| run.facts.worker(*id).to_owned()).collect();
    finding.title = format!(
        "{} of {} workers were slower than the others: it cost their slots {}",
        slow.len(),
        ratios.len(),
        short(excess),
    );
    for (id, pace) in slow.iter().take(3) {
        finding.evidence.push(format!(
            "{} took {:.1} times what its peers took for the same tasks.",
            quoted(run.facts.worker(*id)),
            pace.ratio() / peers,
        ));
    }
    finding.advice = format!(
        "Look at what else runs on the machines of {}, at their clocks and disks; take them out, or \
         give them fewer slots.",
        listed(&finding.workers)
    );
    Some(finding)
}

/// The pace of each worker, by the prefixes that it has in common with its peers: of what ran on one
/// or two workers only, nobody knows how long it takes elsewhere.
fn paces(run: &Run<'_>) -> Vec<Pace> {
    let mut rows: Vec<(u32, WorkerId, Nanos)> = run
        .executions()
        .filter(|attempt| attempt.finished())
        .map(|attempt| (attempt.prefix, attempt.worker, attempt.duration(run.now())))
        .collect();
    rows.sort_unstable();
    let mut paces = vec![Pace::default(); run.facts.workers.len()];
    for of_prefix in rows.chunk_by(|a, b| a.0 == b.0) {
        let by_worker = || of_prefix.chunk_by(|a, b| a.1 == b.1);
        let mut medians: Vec<Nanos> = by_worker().map(median).collect();
        if medians.len() < PEERS {
            continue;
        }
        medians.sort_unstable();
        // A slow worker counts once in it, also when most of the prefix's tasks ran there.
        let usual = medians[(medians.len() - 1) / 2];
        for rows in by_worker() {
            let pace = &mut paces[rows[0].1.index()];
            let beyond = median(rows).0 as f64 - usual.0 as f64;
            pace.excess += beyond * rows.len() as f64;
            let times =
                |(_, _, took): &(u32, WorkerId, Nanos)| took.0 as f64 / usual.0.max(1) as f64;
            pace.times.extend(rows.iter().map(times));
        }
    }
    for pace in &mut paces {
        pace.times.sort_by(f64::total_cmp);
    }
    paces
}

/// The median of rows that are sorted by it. A mean would make the worker slow that happens to run
/// the few large tasks.
fn median(rows: &[(u32, WorkerId, Nanos)]) -> Nanos {
    rows[(rows.len() - 1) / 2].2
}
