//! **Tasks too small**: handing them out takes longer than running them.

use taskreel_model::Nanos;

use super::{Finding, Run, names, percent, quoted, short};
use crate::analysis::Use;
use crate::figure::count_text;

/// Tasks shorter than this are small: handing one out and hearing back takes about as long.
pub(super) const SMALL: Nanos = Nanos::from_millis(1);

/// Tasks as long as this hide what handing them out costs.
const GOOD: Nanos = Nanos::from_millis(10);

/// How many small tasks it takes to matter.
const MANY: usize = 100;

/// Whether the run's tasks are mostly small.
pub(super) fn are_small(run: &Run<'_>) -> bool {
    run.median < SMALL && run.executions().take(MANY).count() == MANY
}

pub(super) fn find(run: &Run<'_>) -> Option<Finding> {
    if !are_small(run) {
        return None;
    }
    let uses = [Use::Overhead, Use::Scheduler];
    let idle = run.usage.total(Use::Overhead) + run.usage.total(Use::Scheduler);
    let mut finding = run.finding("small-tasks", run.usage.cost(idle), run.usage.worst(&uses))?;
    let is_small = |d: Nanos| d < SMALL;
    let small = || run.executions().filter(|attempt| is_small(attempt.duration(run.now())));
    let by_prefix = run.by_prefix(small().map(|attempt| (attempt.prefix, 1)));
    let executing = run.usage.share(Use::Executing);
    finding.title = format!(
        "Tasks are too small: slots executed only {} of the time and waited {} for the next task",
        percent(executing),
        percent(run.usage.share_of(idle)),
    );
    let each = Nanos(idle.0 / run.executions().count().max(1) as u64);
    finding.evidence.push(format!(
        "{} of the executions took less than {}, half of all at most {}.",
        count_text(small().count() as u64),
        short(SMALL),
        short(run.median.max(Nanos(1_000))),
    ));
    finding.evidence.push(format!("Each cost {} of waiting beside it.", short(each)));
    finding.prefixes = names(&by_prefix);
    finding.advice = advice(run, &by_prefix);
    Some(finding)
}

/// How many tasks to make one of: enough to hide what handing them out costs, and not so many that
/// slots go empty.
fn advice(run: &Run<'_>, by_prefix: &[(String, u64)]) -> String {
    let Some((name, n_tasks)) = by_prefix.first() else { return String::new() };
    let prefix = run.facts.prefixes.iter().position(|known| known == name).unwrap_or(0);
    let median = run.medians.get(prefix).copied().unwrap_or_default();
    let most = n_tasks / run.facts.n_slots().max(1);
    let n = (GOOD.0 / median.0.max(1_000)).min(most).max(2);
    format!(
        "Let one task of {} do the work of about {}: the longer tasks are, up to some {}, the less \
         handing them out costs.",
        quoted(name),
        count_text(n),
        short(GOOD),
    )
}
