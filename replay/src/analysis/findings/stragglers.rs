//! **Stragglers**: at the end, a few tasks much longer than others of their kind keep everyone
//! waiting.

use taskreel_model::{Nanos, TaskId};

use super::{Finding, Run, listed, quoted, short};
use crate::analysis::Attempt;

/// A straggler takes at least so many times what is usual for it.
const TIMES_USUAL: u64 = 2;

/// How many tasks of its prefix there must be to know what is usual.
const USUAL_OF: usize = 5;

/// What it took beyond the usual is at least so much of the tail, in percent: shorter delays are
/// not what the end waited for.
const OF_TAIL: u64 = 10;

/// The straggling executions of the run's tail, the last to end first; empty: none.
pub(super) fn of<'a>(run: &Run<'a>) -> Vec<&'a Attempt> {
    let tail = run.usage.tail();
    let end = |attempt: &Attempt| attempt.ended_at.unwrap_or_else(|| run.now());
    let mut n_finished = vec![0_usize; run.facts.prefixes.len()];
    for attempt in run.executions().filter(|attempt| attempt.finished()) {
        n_finished[attempt.prefix as usize] += 1;
    }
    let mut found: Vec<&Attempt> = run
        .executions()
        .filter(|attempt| {
            let usual = usual(run, attempt);
            let took = attempt.duration(run.now());
            end(attempt) > tail.from
                && n_finished[attempt.prefix as usize] >= USUAL_OF
                && took.0 >= usual.0.saturating_mul(TIMES_USUAL)
                && took.since(usual).0 >= tail.length().0 / 100 * OF_TAIL
        })
        .collect();
    found.sort_by_key(|attempt| std::cmp::Reverse(end(attempt)));
    // They must be what the end waited for.
    let last = found.first().map(|attempt| end(attempt));
    let waited_for = last.is_some_and(|last| last.since(tail.from).0 * 2 > tail.length().0);
    if waited_for { found } else { Vec::new() }
}

/// What an execution was to be expected to take: the median of its prefix. What combines results
/// of its own kind, as in a tree of merges, has as much to do as those had together.
fn usual(run: &Run<'_>, attempt: &Attempt) -> Nanos {
    let of_dep = |dep: &TaskId| run.facts.task(*dep).map_or(u32::MAX, |row| row.finished_attempt);
    let inputs =
        run.facts.deps(attempt.task).iter().filter_map(|dep| run.facts.attempt(of_dep(dep)));
    let own = inputs.filter(|input| input.prefix == attempt.prefix);
    let together = Nanos(own.map(|input| input.duration(run.now()).0).sum());
    run.medians[attempt.prefix as usize].max(together)
}

/// What slots idled in the tail because of these: no longer than what they took beyond the usual.
pub(super) fn idle(run: &Run<'_>, late: &[&Attempt]) -> Nanos {
    let beyond = |of: &&Attempt| of.duration(run.now()).since(usual(run, of)).0;
    let beyond: u64 = late.iter().map(beyond).sum();
    run.usage.tail_idle().min(Nanos(beyond.saturating_mul(run.facts.n_slots())))
}

pub(super) fn find(run: &Run<'_>) -> Option<Finding> {
    let late = of(run);
    let idle = idle(run, &late);
    let mut finding = run.finding("stragglers", run.usage.cost(idle), run.usage.tail())?;
    let last = late.first()?;
    finding.title = format!(
        "{} kept everyone waiting at the end: slots idled {} in all",
        if late.len() == 1 { "One task".to_owned() } else { format!("{} tasks", late.len()) },
        short(idle),
    );
    for attempt in late.iter().take(3) {
        let usual = usual(run, attempt);
        let took = attempt.duration(run.now());
        finding.evidence.push(format!(
            "{} of {} ran {} on {}: {:.1} times what is usual for it, {}.",
            attempt.task,
            quoted(run.facts.prefix(attempt.prefix)),
            short(took),
            quoted(run.facts.worker(attempt.worker)),
            took.0 as f64 / usual.0.max(1) as f64,
            short(usual),
        ));
    }
    finding.prefixes = distinct(late.iter().map(|a| run.facts.prefix(a.prefix)));
    finding.workers = distinct(late.iter().map(|a| run.facts.worker(a.worker)));
    finding.window.from = last.started_at.unwrap_or(finding.window.from).min(finding.window.from);
    finding.advice = format!(
        "Split the largest inputs of {}, or submit the longest tasks first (a higher priority), so \
         that short ones fill the end.",
        listed(&finding.prefixes)
    );
    Some(finding)
}

fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for name in names {
        if !out.iter().any(|known| known == name) && out.len() < super::LISTED {
            out.push(name.to_owned());
        }
    }
    out
}
