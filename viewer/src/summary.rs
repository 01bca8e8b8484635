//! The run in numbers: what the page's header, totals and tables say, and what `api/state` answers.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;
use taskreel_model::{Nanos, Phase, PhaseCounts, Sample, State, WorkerId, WorkerStatus};
use taskreel_recorder::RunInfo;

use crate::text::{visible, visible_message};

/// Most prefixes and workers listed; the page says how many more there are.
const ROWS_MAX: usize = 200;

/// The whole run at the instant up to which it is folded.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Summary {
    /// Heading of the page.
    pub title: String,
    /// What the trace's header says.
    pub run: About,
    /// Whether it goes on.
    pub status: Status,
    /// Damage and the like, in words; at most a handful.
    pub warnings: Vec<String>,
    /// Up to when the page shows the run, in ns since it began.
    pub now_ns: u64,
    /// Where the run ends for now: the same, unless the page looks back.
    pub end_ns: u64,
    /// Events folded.
    pub n_events: u64,
    /// Tasks by what became of them.
    pub totals: Totals,
    /// Groups of tasks, in order of appearance; at most `ROWS_MAX`.
    pub prefixes: Vec<PrefixRow>,
    /// How many prefixes are not listed.
    pub n_prefixes_more: usize,
    /// Workers in order of joining; at most `ROWS_MAX`, lost ones leave first.
    pub workers: Vec<WorkerRow>,
    /// How many workers are not listed.
    pub n_workers_more: usize,
}

/// What of a [`Summary`] does not depend on the instant that is shown.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub title: String,
    pub run: About,
    pub status: Status,
    pub warnings: Vec<String>,
    /// Where the run ends for now, in ns since it began.
    pub end_ns: u64,
}

/// What the trace's header says of the run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct About {
    pub id: String,
    pub name: String,
    pub started_unix_ns: u64,
    pub host: String,
    pub version: String,
    pub platform: String,
    pub command: String,
}

/// Whether the run goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Status {
    /// For the page's style and for programs.
    pub kind: StatusKind,
    /// For people: one sentence.
    pub text: String,
}

/// See [`Status`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StatusKind {
    /// What the trace already holds is being folded.
    Reading,
    /// The run goes on.
    Live,
    /// The trace was not closed, and nothing is being added to it.
    Incomplete,
    /// The run ended and all of it is shown.
    Finished,
    /// The trace could not be read or folded any further.
    Failed,
    /// An earlier instant is shown, whatever the run does meanwhile.
    Past,
}

impl StatusKind {
    /// The badge's text.
    pub(crate) fn badge(self) -> &'static str {
        match self {
            Self::Reading => "READING",
            Self::Live => "LIVE",
            Self::Incomplete => "INCOMPLETE",
            Self::Finished => "FINISHED",
            Self::Failed => "FAILED",
            Self::Past => "LOOKING BACK",
        }
    }

    /// The name in JSON and in the style sheet.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Live => "live",
            Self::Incomplete => "incomplete",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Past => "past",
        }
    }
}

/// Tasks of the whole run.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Totals {
    /// Submitted so far.
    pub tasks: u64,
    /// Finished at least once.
    pub done: u64,
    /// Erred for good, the blamed ones too.
    pub erred: u64,
    /// Executing in a slot at this moment.
    pub executing: u64,
    /// On their way to a result: waiting, queued, without a worker or processing.
    pub active: u64,
    /// Tasks done per second: lately while live, over the run when it has ended.
    pub tasks_per_s: f64,
    /// Tasks in each phase.
    pub phases: BTreeMap<&'static str, u64>,
    /// Slots of the workers that are here.
    pub slots: u64,
    /// Bytes of results held in memory.
    pub memory_bytes: u64,
}

/// One group of tasks.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PrefixRow {
    pub name: String,
    pub tasks: u64,
    pub done: u64,
    pub erred: u64,
    /// Mean time of an execution; 0 before the first ended.
    pub mean_ns: u64,
    pub phases: BTreeMap<&'static str, u64>,
}

/// One worker.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct WorkerRow {
    /// Its number, for addresses.
    pub id: u32,
    pub name: String,
    pub address: String,
    pub host: String,
    pub pid: u32,
    pub status: &'static str,
    pub slots: u16,
    /// Slots that execute a task.
    pub executing: usize,
    /// Tasks assigned that execute or are to.
    pub assigned: usize,
    /// Tasks assigned that wait for tasks that they submitted, without a slot.
    pub waiting: usize,
    /// Thousandths of a core, from the last sample.
    pub cpu_permille: Option<u32>,
    /// Memory of its process, from the last sample.
    pub rss_bytes: Option<u64>,
    /// Bytes per second received from and sent to other workers, from the last sample.
    pub network_per_s: Option<[u64; 2]>,
    /// Bytes per second read from and written to disk, from the last sample.
    pub disk_per_s: Option<[u64; 2]>,
    /// When it was heard of last: the instant of the last sample, in ns since the run began.
    pub seen_ns: Option<u64>,
    /// Results it holds in memory.
    pub memory_bytes: u64,
    /// What it may use; 0: no limit.
    pub memory_limit: u64,
    /// Results it holds on disk.
    pub disk_bytes: u64,
    pub done: u64,
    pub failed: u64,
}

impl Summary {
    /// The run as `state` and the last samples have it at `now`.
    pub(crate) fn new(
        head: Head,
        state: &State,
        samples: &BTreeMap<WorkerId, Sample>,
        (now, tasks_per_s): (Nanos, f64),
    ) -> Self {
        let (prefixes, n_prefixes_more) = prefix_rows(state);
        let (workers, n_workers_more) = worker_rows(state, samples);
        Self {
            title: head.title,
            run: head.run,
            status: head.status,
            warnings: head.warnings,
            now_ns: now.0,
            end_ns: head.end_ns.max(now.0),
            n_events: state.next_seq(),
            totals: Totals::new(state, tasks_per_s),
            prefixes,
            n_prefixes_more,
            workers,
            n_workers_more,
        }
    }
}

impl About {
    /// From a trace's header.
    pub(crate) fn new(info: &RunInfo) -> Self {
        Self {
            id: visible(&info.run_id),
            name: visible(&info.name),
            started_unix_ns: info.started_unix_ns,
            host: visible(&info.host),
            version: visible(&info.version),
            platform: visible(&info.platform),
            command: visible_message(&info.command.join(" ")),
        }
    }
}

impl Totals {
    /// From the state; the rate is the caller's, who knows the time.
    fn new(state: &State, tasks_per_s: f64) -> Self {
        let here = || state.workers().iter().filter(|w| w.status != WorkerStatus::Lost);
        Self {
            tasks: state.totals().total(),
            done: state.prefixes().iter().map(|p| p.n_finished).sum(),
            erred: state.prefixes().iter().map(|p| p.n_erred).sum(),
            executing: here().map(|w| w.n_executing() as u64).sum(),
            active: Phase::ALL
                .iter()
                .filter(|phase| phase.is_active())
                .map(|&phase| state.totals().get(phase))
                .sum(),
            tasks_per_s,
            phases: phases(state.totals()),
            slots: here().map(|w| u64::from(w.info.slots)).sum(),
            memory_bytes: here().map(|w| w.memory_bytes).sum(),
        }
    }
}

/// The first prefixes, and how many more there are.
fn prefix_rows(state: &State) -> (Vec<PrefixRow>, usize) {
    let rows = state.prefixes().iter().take(ROWS_MAX).map(|prefix| PrefixRow {
        name: visible(&prefix.name),
        tasks: prefix.counts.total(),
        done: prefix.n_finished,
        erred: prefix.n_erred,
        mean_ns: prefix.run_time.0.checked_div(prefix.n_runs).unwrap_or(0),
        phases: phases(&prefix.counts),
    });
    (rows.collect(), state.prefixes().len().saturating_sub(ROWS_MAX))
}

/// The workers, those that are here before those that were lost, and how many more there are.
fn worker_rows(state: &State, samples: &BTreeMap<WorkerId, Sample>) -> (Vec<WorkerRow>, usize) {
    let mut ids: Vec<usize> = (0..state.workers().len()).collect();
    ids.sort_by_key(|&i| (state.workers()[i].status == WorkerStatus::Lost, i));
    let rows = ids.iter().take(ROWS_MAX).map(|&i| {
        let worker = &state.workers()[i];
        let sample =
            samples.get(&WorkerId(i as u32)).filter(|_| worker.status != WorkerStatus::Lost);
        WorkerRow {
            id: i as u32,
            name: visible(&worker.info.name),
            address: visible(&worker.info.address),
            host: visible(&worker.info.host),
            pid: worker.info.pid,
            status: worker.status.name(),
            slots: worker.info.slots,
            executing: worker.n_executing(),
            assigned: worker.demand(),
            waiting: worker.n_seceded as usize,
            cpu_permille: sample.map(|s| s.cpu_permille),
            rss_bytes: sample.map(|s| s.rss_bytes),
            network_per_s: sample.map(|s| [s.received_per_s, s.sent_per_s]),
            disk_per_s: sample.map(|s| [s.read_per_s, s.written_per_s]),
            seen_ns: samples.get(&WorkerId(i as u32)).map(|s| s.at.0),
            memory_bytes: worker.memory_bytes,
            memory_limit: worker.info.memory_limit,
            disk_bytes: worker.disk_bytes,
            done: worker.n_finished,
            failed: worker.n_failed,
        }
    });
    (rows.collect(), ids.len().saturating_sub(ROWS_MAX))
}

fn phases(counts: &PhaseCounts) -> BTreeMap<&'static str, u64> {
    Phase::ALL.iter().map(|&phase| (phase.name(), counts.get(phase))).collect()
}

/// Tasks per second over the last moments of a run.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    /// (instant, tasks done by then), oldest first; spans about `Self::SPAN`.
    points: VecDeque<(Nanos, u64)>,
}

impl Rate {
    /// How far back it looks.
    const SPAN: Nanos = Nanos::from_millis(3_000);
    /// How close two points may be: bounds how many there are.
    const STEP: Nanos = Nanos::from_millis(100);

    /// Notes how many tasks are done by `now`.
    pub(crate) fn note(&mut self, now: Nanos, done: u64) {
        if self.points.back().is_some_and(|&(at, _)| now.since(at) < Self::STEP) {
            return;
        }
        self.points.push_back((now, done));
        while self.points.get(1).is_some_and(|&(at, _)| now.since(at) >= Self::SPAN) {
            self.points.pop_front();
        }
    }

    /// Tasks per second between the oldest point and now.
    pub(crate) fn per_second(&self, now: Nanos, done: u64) -> f64 {
        let Some(&(at, before)) = self.points.front() else { return 0.0 };
        mean_per_second(now.since(at), done.saturating_sub(before))
    }
}

/// `count` per second over `time`; 0 when no time passed.
pub(crate) fn mean_per_second(time: Nanos, count: u64) -> f64 {
    if time == Nanos::ZERO { 0.0 } else { count as f64 / time.as_secs_f64() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_forgets_what_is_long_ago() {
        let mut rate = Rate::default();
        for tenth in 0..1_000 {
            rate.note(Nanos::from_millis(tenth * 100), tenth);
        }
        assert!(rate.points.len() <= 32, "bounded: {}", rate.points.len());
        let now = Nanos::from_millis(99_900);
        assert!((rate.per_second(now, 999) - 10.0).abs() < 0.5);
        let later = Nanos::from_millis(110_000);
        rate.note(later, 999);
        assert!(rate.per_second(later, 999) < 1.0, "idle since ten seconds");
    }
}
