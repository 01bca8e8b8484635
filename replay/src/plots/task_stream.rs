//! **Task stream**: one lane per slot, one rectangle per attempt, also while it runs.
//! Question: who ran what and when, and where are the gaps?
//!
//! | column   | unit, shape                                       | glyph                     |
//! |----------|---------------------------------------------------|---------------------------|
//! | start    | ns since the run began, one per attempt, by lane  | x of rects                |
//! | stop     | ns, `>= start`; open while it runs                | width of rects            |
//! | lane     | worker and slot, dense                            | y of rects                |
//! | key      | prefix and suffix                                 | colour, hover label       |
//! | outcome  | finished, failed, lost, cancelled or running      | colour, paleness          |
//! | waits    | span of an attempt that waited for tasks it had submitted, by the lane it left | very pale, behind all else |
//! | failed   | ns, one per failed attempt, by lane               | crosses, never left out   |
//! | moved    | span, bytes and peer per transfer, disk access and (de)serialization, by worker | thin bands below the worker's lanes |
//! | marks    | ns and name, the user's own markers and spans, the first 4,096 of each | triangles and bars above the lanes, lines across them |
//! | presence | ns and status, one per change of a worker         | lane background, lost line |

mod known;
mod picture;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use taskreel_model::{
    Activity, Change, Key, Nanos, Outcome, PrefixId, Sample, State, StrId, Stretch, Suffix, TaskId,
    WorkerId, WorkerStatus,
};

use super::marks::Marks;
use super::{About, Page, Plot};
use crate::attic::Attic;
use crate::figure::{Color, Figure, PrefixColors, View, clean};
use crate::spans::{Span, Spans, outcome_name};

const ABOUT: About = About {
    id: "task-stream",
    title: "Task stream",
    question: "Who ran what and when, and where are the gaps?",
    page: Page::Status,
};

/// Longest name kept, in characters.
const NAME_CHARS: usize = 120;

/// The columns of the task stream.
#[derive(Debug, Default)]
pub struct TaskStream {
    /// What is packed of all lanes.
    attic: Attic,
    /// By worker id.
    workers: Vec<WorkerColumns>,
    /// By prefix id.
    prefixes: Vec<PrefixColumns>,
    colors: PrefixColors,
    /// Suffixes that are names, as far as they occur.
    names: BTreeMap<StrId, Box<str>>,
    n_running: usize,
    /// How many wait for tasks that they submitted.
    n_waiting: usize,
    n_failed: usize,
    /// Whether an attempt was lost or cancelled.
    has_lost: bool,
    /// Whether one waited for tasks that it had submitted.
    has_waited: bool,
    /// The user's own markers and spans.
    marks: Marks,
    /// Work that moved data, by kind, to know what the legend must tell.
    has_moved: [bool; 3],
}

#[derive(Debug)]
struct WorkerColumns {
    name: String,
    n_slots: u16,
    /// By slot, as far as used.
    slots: Vec<SlotColumns>,
    transfers: Spans<Moved>,
    local: Spans<Moved>,
    /// Rising.
    presence: Vec<(Nanos, WorkerStatus)>,
    /// When it was lost though there was work to do.
    lost_at: Option<Nanos>,
}

#[derive(Debug)]
struct SlotColumns {
    /// What computed here: of an attempt that waited in between, each stretch.
    attempts: Spans<Attempt>,
    /// What left this slot to wait for tasks that it had submitted: many at a time.
    waits: Spans<Attempt>,
    /// Rising; with the attempt's key.
    failed: Vec<(Nanos, Key)>,
}

/// What is known of one attempt beyond its times.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    key: Key,
    /// `None` while it runs, and if it went on after it had waited for its tasks.
    outcome: Option<Outcome>,
}

/// What is known of data that moved beyond the times.
#[derive(Clone, Copy, Debug)]
struct Moved {
    activity: Activity,
    task: TaskId,
    /// Unless the task was forgotten by then.
    key: Option<Key>,
    peer: Option<WorkerId>,
    bytes: u64,
}

#[derive(Debug)]
struct PrefixColumns {
    name: String,
    color: Color,
    /// Time of all its attempts that have ended.
    busy: Nanos,
    /// Whether an attempt of it began.
    is_used: bool,
}

impl Plot for TaskStream {
    fn about(&self) -> About {
        ABOUT
    }

    fn fresh(&self) -> Box<dyn Plot> {
        Box::new(Self::with_colors(self.colors.clone()))
    }

    fn update(&mut self, at: Nanos, change: &Change, state: &State) {
        match *change {
            Change::Worker { worker, from, to } => self.worker_changed(at, worker, from, to, state),
            Change::Started { .. }
            | Change::Seceded { .. }
            | Change::Rejoined { .. }
            | Change::Stopped { .. } => self.executed(at, change, state),
            Change::TransferStarted { task, from, to } => {
                let key = self.key(task, state);
                let activity = Activity::Transfer;
                let moved = Moved { activity, task, key, peer: Some(from), bytes: 0 };
                if let Some(columns) = self.workers.get_mut(to.index()) {
                    columns.transfers.open(at, moved);
                }
            }
            Change::Activity { task, worker, peer, activity, started_at, bytes, .. } => {
                let key = self.key(task, state);
                self.moved(at, worker, started_at, Moved { activity, task, key, peer, bytes });
            }
            Change::Mark { .. } => self.marks.update(at, change, state),
            // What else changes is not drawn here.
            _ => {}
        }
    }

    fn sample(&mut self, _sample: &Sample, _state: &State) {}

    fn figure(&self, view: &View) -> Figure {
        picture::figure(self, view)
    }

    fn columns(&self) -> String {
        let mut table = String::from("lane\tstart_ns\tstop_ns\tkey\toutcome\n");
        for (w, worker) in self.workers.iter().enumerate() {
            for (at, status) in &worker.presence {
                let _ = writeln!(table, "w{w}\t{}\t-\t{}\t{}", at.0, worker.name, status.name());
            }
            for (s, slot) in worker.slots.iter().enumerate() {
                for i in 0..slot.attempts.len() {
                    let span = slot.attempts.get(i);
                    let (start, key) = (span.start, self.key_text(span.what.key));
                    let stop = stop_text(&span);
                    let outcome = attempt_name(&span);
                    let _ = writeln!(table, "w{w} {s}\t{}\t{stop}\t{key}\t{outcome}", start.0);
                }
                for i in 0..slot.waits.len() {
                    let span = slot.waits.get(i);
                    let (start, key) = (span.start, self.key_text(span.what.key));
                    let stop = stop_text(&span);
                    let _ = writeln!(table, "w{w} {s}\t{}\t{stop}\t{key}\twaits", start.0);
                }
            }
            for spans in [&worker.transfers, &worker.local] {
                for i in 0..spans.len() {
                    let span = spans.get(i);
                    let (moved, stop) = (span.what, stop_text(&span));
                    let (start, activity) = (span.start, moved.activity);
                    let _ = writeln!(
                        table,
                        "w{w}\t{}\t{stop}\t{}\t{activity:?} {}",
                        start.0, moved.task, moved.bytes
                    );
                }
            }
        }
        self.marks.columns(&mut table);
        table
    }
}

impl WorkerColumns {
    /// It is no more: what is left of it takes little room, for there may have been many.
    fn come_to_rest(&mut self) {
        for slot in &mut self.slots {
            slot.attempts.come_to_rest();
            slot.waits.come_to_rest();
        }
        self.transfers.come_to_rest();
        self.local.come_to_rest();
    }
}

impl SlotColumns {
    fn new(attic: &Attic) -> Self {
        Self { attempts: Spans::new(attic), waits: Spans::new(attic), failed: Vec::new() }
    }
}

impl TaskStream {
    /// A task stream whose prefixes have these colours as far as they are among them: for several
    /// runs beside each other.
    pub fn with_colors(colors: PrefixColors) -> Self {
        Self { colors, ..Self::default() }
    }

    fn worker_changed(
        &mut self,
        at: Nanos,
        worker: WorkerId,
        from: Option<WorkerStatus>,
        to: WorkerStatus,
        state: &State,
    ) {
        if worker.index() == self.workers.len() {
            let Some(joined) = state.worker(worker) else { return };
            self.workers.push(WorkerColumns {
                name: clean(&joined.info.name, NAME_CHARS),
                n_slots: joined.info.slots.max(1),
                slots: Vec::new(),
                transfers: Spans::new(&self.attic),
                local: Spans::new(&self.attic),
                presence: Vec::new(),
                lost_at: None,
            });
        }
        let Some(columns) = self.workers.get_mut(worker.index()) else { return };
        columns.presence.push((at, to));
        if to == WorkerStatus::Lost {
            columns.transfers.close_all(at);
            // A worker that leaves when all is done, or after its retirement, is no loss.
            let left = from == Some(WorkerStatus::Retiring) || state.is_idle();
            columns.lost_at = (!left).then_some(at);
            columns.come_to_rest();
        }
    }

    /// An execution began, waits, goes on or ended.
    fn executed(&mut self, at: Nanos, change: &Change, state: &State) {
        match change.stretch_ended() {
            Some(Stretch { worker, slot, since, seceded: true, task, .. }) => {
                let key = self.key(task, state);
                let columns = self.slot(worker, slot);
                let is_it = |of: &Attempt| key.is_none_or(|key| key == of.key);
                let close =
                    |columns: &mut SlotColumns| columns.waits.close(since, at, is_it, |_| ());
                if columns.and_then(close).is_some() {
                    self.n_waiting -= 1;
                }
            }
            Some(stretch) => self.stopped(at, &stretch),
            None => {}
        }
        if let Some((task, worker, slot)) = change.slot_taken() {
            self.started(at, task, (worker, slot), state);
        }
    }

    fn slot(&mut self, worker: WorkerId, slot: u16) -> Option<&mut SlotColumns> {
        self.workers.get_mut(worker.index())?.slots.get_mut(usize::from(slot))
    }

    fn started(&mut self, at: Nanos, task: TaskId, (worker, slot): (WorkerId, u16), state: &State) {
        let Some(key) = self.key(task, state) else { return };
        let Some(columns) = self.workers.get_mut(worker.index()) else { return };
        let n_used = usize::from(slot) + 1;
        if columns.slots.len() < n_used {
            columns.slots.resize_with(n_used, || SlotColumns::new(&self.attic));
        }
        columns.slots[usize::from(slot)].attempts.open(at, Attempt { key, outcome: None });
        self.prefixes[key.prefix.index()].is_used = true;
        self.n_running += 1;
    }

    /// An attempt computes no longer: it ended, or waits.
    fn stopped(&mut self, at: Nanos, stretch: &Stretch) {
        let Stretch { worker, slot, since, outcome, .. } = *stretch;
        let Some(columns) = self.slot(worker, slot) else { return };
        let end = |attempt: &mut Attempt| attempt.outcome = outcome;
        let Some(attempt) = columns.attempts.close(since, at, |_| true, end) else { return };
        let key = attempt.key;
        if outcome.is_none() {
            columns.waits.open(at, Attempt { key, outcome });
            self.n_waiting += 1;
            self.has_waited = true;
        }
        self.n_running -= 1;
        if let Some(prefix) = self.prefixes.get_mut(key.prefix.index()) {
            prefix.busy = prefix.busy + at.since(since);
        }
        self.has_lost |= matches!(outcome, Some(Outcome::Lost | Outcome::Cancelled));
        if outcome == Some(Outcome::Failed) {
            self.n_failed += 1;
            let Some(columns) = self.slot(worker, slot) else { return };
            let index = columns.failed.partition_point(|(failed_at, _)| *failed_at <= at);
            columns.failed.insert(index, (at, key));
        }
    }

    fn moved(&mut self, at: Nanos, worker: WorkerId, started_at: Nanos, moved: Moved) {
        let Some(columns) = self.workers.get_mut(worker.index()) else { return };
        self.has_moved[track(moved.activity)] = true;
        if moved.activity != Activity::Transfer {
            columns.local.push(started_at, at, moved);
            return;
        }
        let is_meant = |open: &Moved| open.task == moved.task;
        if columns.transfers.close(started_at, at, is_meant, |open| *open = moved).is_none() {
            columns.transfers.push(started_at, at, moved);
        }
    }

    /// The key of a live task, with its texts taken over from the state.
    fn key(&mut self, task: TaskId, state: &State) -> Option<Key> {
        let key = state.task(task)?.key;
        while self.prefixes.len() <= key.prefix.index() {
            let name = &state.prefix(PrefixId(self.prefixes.len() as u32)).name;
            let color = self.colors.color(name);
            let name = clean(name, NAME_CHARS);
            self.prefixes.push(PrefixColumns { name, color, busy: Nanos::ZERO, is_used: false });
        }
        if let Suffix::Name(id) = key.suffix {
            self.names.entry(id).or_insert_with(|| clean(state.text(id), NAME_CHARS).into());
        }
        Some(key)
    }

    fn key_text(&self, key: Key) -> String {
        let prefix = self.prefixes.get(key.prefix.index()).map_or("", |p| &p.name);
        match key.suffix {
            Suffix::None => prefix.to_owned(),
            Suffix::Index(index) => format!("{prefix}-{index}"),
            Suffix::Name(id) => format!("{prefix}-{}", self.names.get(&id).map_or("", |n| n)),
        }
    }
}

/// The legend's place of an activity.
fn track(activity: Activity) -> usize {
    match activity {
        Activity::Transfer => 0,
        Activity::DiskRead | Activity::DiskWrite => 1,
        Activity::Serialize | Activity::Deserialize => 2,
    }
}

/// How a stretch of an attempt ended: one that ended without an outcome went on later.
fn attempt_name(span: &Span<Attempt>) -> &'static str {
    let went_on = span.what.outcome.is_none() && !span.is_open();
    if went_on { "seceded" } else { outcome_name(span.what.outcome) }
}

fn stop_text<T>(span: &Span<T>) -> String {
    if span.is_open() { "-".to_owned() } else { span.stop(Nanos::ZERO).0.to_string() }
}
