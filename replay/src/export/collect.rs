//! Folds a trace into rows.

use std::collections::BTreeMap;

use taskreel_model::{
    Change, Event, Nanos, Outcome, Phase, Stamped, State, TaskId, WorkerId, WorkerStatus,
};
use taskreel_recorder::Source;

use super::rows::{Attempt, Mark, Move, Part, Rows, TaskRow};
use crate::timeline::{FoldError, Places, opening_changes, opening_events};

/// Counts of tasks by phase are thinned to at most this many instants.
const MOST_COUNTS: usize = 20_000;

impl Rows {
    /// Folds a source to its end; `name` is what errors call it. What is wrong on the way ends the
    /// fold, and is said in `cut`.
    pub fn collect(source: &mut dyn Source, name: &str) -> Self {
        let mut collector = Collector::new(source);
        match source.opening_state() {
            Ok(Some(opening)) => collector.open(opening),
            Ok(None) => {}
            Err(error) => collector.rows.cut = Some(error.to_string()),
        }
        let mut changes = Vec::new();
        loop {
            let batch = match source.next_batch() {
                Ok(Some(batch)) => batch,
                Ok(None) => break,
                Err(error) => {
                    collector.rows.cut = Some(error.to_string());
                    break;
                }
            };
            collector.rows.samples.extend(batch.samples);
            if let Some(error) = collector.events(name, &batch.events, &mut changes) {
                collector.rows.cut = Some(error.to_string());
                break;
            }
        }
        collector.finish()
    }
}

/// An attempt that goes on.
struct Open {
    /// Its place.
    attempt: u32,
    /// The place of its last part, if it has waited.
    part: Option<usize>,
}

struct Collector {
    rows: Rows,
    /// Attempts that go on.
    open: BTreeMap<TaskId, Open>,
    /// Counts closer together than this are left out.
    count_every: Nanos,
}

impl Collector {
    fn new(source: &dyn Source) -> Self {
        let rows = Rows {
            run: source.run_info().clone(),
            state: State::new(),
            end: Nanos::ZERO,
            tasks: Vec::new(),
            places: Places::default(),
            begins_at: None,
            attempts: Vec::new(),
            parts: Vec::new(),
            edges: Vec::new(),
            moves: Vec::new(),
            samples: Vec::new(),
            marks: Vec::new(),
            losses: Vec::new(),
            counts: Vec::new(),
            cut: None,
        };
        Self { rows, open: BTreeMap::new(), count_every: Nanos::from_millis(1) }
    }

    /// A part of a run begins with a state: what is alive there counts as come at that instant.
    fn open(&mut self, opening: State) {
        self.rows.begins_at = Some(opening.now());
        self.rows.places = Places::after(&opening);
        let (events, changes) = (opening_events(&opening), opening_changes(&opening));
        self.rows.state = opening;
        for event in &events {
            self.submitted(event);
        }
        for (at, change) in changes {
            if let Change::Task { task, to, .. } = change {
                self.phase(at, task, to);
            } else if let Change::Started { task, worker, slot } = change {
                self.started(at, task, (worker, slot));
            } else {
                self.part(at, &change);
            }
        }
    }

    fn events(
        &mut self,
        name: &str,
        events: &[Stamped<Event>],
        changes: &mut Vec<Change>,
    ) -> Option<FoldError> {
        for event in events {
            if let Err(illegal) = self.rows.state.apply(event, changes) {
                return Some(FoldError::illegal(name, event, illegal));
            }
            self.submitted(event);
            for change in changes.drain(..) {
                self.change(event, &change);
            }
            self.count(event.logged_at);
        }
        None
    }

    fn submitted(&mut self, event: &Stamped<Event>) {
        // Other events are told by their changes.
        if let Event::TaskSubmitted { task, graph, key, .. } = event.what
            && self.rows.places.row(task) == Some(self.rows.tasks.len())
        {
            self.rows.tasks.push(TaskRow {
                key,
                graph,
                submitted_at: event.at,
                ready_at: Nanos::ZERO,
                assigned_at: Nanos::ZERO,
                phase: Phase::Released,
                cancelled: false,
                n_runs: 0,
                made_by: None,
            });
        } else if let Event::TaskCancelled { task, .. } = event.what
            && let Some(row) = self.row(task)
        {
            row.cancelled = true;
        }
    }

    fn change(&mut self, event: &Stamped<Event>, change: &Change) {
        let at = event.at;
        match *change {
            Change::Task { task, to, .. } => self.phase(at, task, to),
            Change::Unchained { task, .. } => {
                if let Some(row) = self.row(task) {
                    row.ready_at = at;
                }
            }
            Change::Started { task, worker, slot } => self.started(at, task, (worker, slot)),
            Change::Seceded { .. } | Change::Rejoined { .. } => self.part(at, change),
            Change::Stopped { task, outcome, .. } => self.stopped(event, task, outcome),
            Change::Activity { task, dependent, worker, peer, activity, started_at, bytes, ok } => {
                let (from, stopped_at) = (peer, at);
                self.rows.moves.push(Move {
                    activity,
                    task,
                    dependent,
                    worker,
                    from,
                    started_at,
                    stopped_at,
                    bytes,
                    ok,
                });
            }
            Change::Mark { name, task, started_at } => {
                self.rows.marks.push(Mark { name, task, started_at, at });
            }
            // A worker that leaves when all is done, or after its retirement, is no loss.
            Change::Worker { worker, from, to: WorkerStatus::Lost }
                if from != Some(WorkerStatus::Retiring) && !self.rows.state.is_idle() =>
            {
                self.rows.losses.push((at, worker));
            }
            // What else changes has no row.
            _ => {}
        }
    }

    fn row(&mut self, task: TaskId) -> Option<&mut TaskRow> {
        self.rows.tasks.get_mut(self.rows.places.row(task)?)
    }

    fn phase(&mut self, at: Nanos, task: TaskId, to: Phase) {
        let Some(row) = self.row(task) else { return };
        row.phase = to;
        if to == Phase::Queued {
            row.ready_at = at;
        }
        if to == Phase::Processing {
            row.assigned_at = at;
        }
    }

    fn started(&mut self, at: Nanos, task: TaskId, (worker, slot): (WorkerId, u16)) {
        let Rows { state, tasks, places, attempts, edges, .. } = &mut self.rows;
        let Some(known) = state.task(task) else { return };
        let index = attempts.len() as u32;
        let makers = known.deps.iter().filter_map(|dep| tasks.get(places.row(*dep)?)?.made_by);
        edges.extend(makers.map(|maker| (maker, index)));
        let row = places.row(task).and_then(|row| tasks.get_mut(row));
        let Some(row) = row else { return };
        row.n_runs += 1;
        attempts.push(Attempt {
            task,
            attempt: known.attempt,
            worker,
            slot,
            ready_at: row.ready_at,
            assigned_at: row.assigned_at,
            started_at: at,
            left_at: None,
            waited: Nanos::ZERO,
            stopped_at: None,
            outcome: None,
            bytes: 0,
            error: None,
        });
        self.open.insert(task, Open { attempt: index, part: None });
    }

    /// An execution waits for tasks that it submitted, or goes on.
    fn part(&mut self, at: Nanos, change: &Change) {
        let (task, slot) = match *change {
            Change::Seceded { task, .. } => (task, None),
            Change::Rejoined { task, slot, .. } => (task, Some(slot)),
            _ => return,
        };
        self.end_part(at, task);
        let parts = &mut self.rows.parts;
        let Some(Open { attempt, part }) = self.open.get_mut(&task) else { return };
        *part = Some(parts.len());
        parts.push(Part { attempt: *attempt, slot, started_at: at, stopped_at: None });
    }

    /// What an execution did last has ended.
    fn end_part(&mut self, at: Nanos, task: TaskId) {
        let Some(open) = self.open.get(&task) else { return };
        let attempt = &mut self.rows.attempts[open.attempt as usize];
        let Some(part) = open.part else {
            attempt.left_at = Some(at.max(attempt.started_at));
            return;
        };
        let part = &mut self.rows.parts[part];
        part.stopped_at = Some(at.max(part.started_at));
        if part.slot.is_none() {
            attempt.waited = attempt.waited + at.since(part.started_at);
        }
    }

    fn stopped(&mut self, event: &Stamped<Event>, task: TaskId, outcome: Outcome) {
        if self.open.get(&task).is_some_and(|open| open.part.is_some()) {
            self.end_part(event.at, task);
        }
        let Some(Open { attempt: index, .. }) = self.open.remove(&task) else { return };
        let attempt = &mut self.rows.attempts[index as usize];
        attempt.stopped_at = Some(event.at.max(attempt.started_at));
        attempt.outcome = Some(outcome);
        // Of one that was lost or cancelled there is nothing more to tell.
        if let Event::TaskFinished { bytes, .. } = event.what {
            attempt.bytes = bytes;
        } else if let Event::TaskFailed { kind, error, .. } = event.what {
            attempt.error = Some((kind, error));
        }
        if outcome == Outcome::Finished
            && let Some(row) = self.row(task)
        {
            row.made_by = Some(index);
        }
    }

    fn count(&mut self, at: Nanos) {
        let counts = &mut self.rows.counts;
        let totals = self.rows.state.totals();
        let now = [Phase::Waiting, Phase::Queued, Phase::Processing, Phase::Memory]
            .map(|phase| totals.get(phase));
        match counts.last_mut() {
            Some((_, last)) if *last == now => {}
            Some((last_at, last)) if at.since(*last_at) < self.count_every => *last = now,
            _ => counts.push((at, now)),
        }
        if counts.len() > MOST_COUNTS {
            let mut index = 0;
            counts.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.count_every = Nanos(self.count_every.0 * 2);
        }
    }

    fn finish(mut self) -> Rows {
        let last_sample = self.rows.samples.iter().map(|sample| sample.at).max();
        self.rows.end = self.rows.state.now().max(last_sample.unwrap_or(Nanos::ZERO));
        self.rows
    }
}
