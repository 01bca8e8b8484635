//! The run that is played: a timeline, and what was worth keeping of its events.

use std::collections::VecDeque;
use std::path::Path;

use taskreel_model::{Event, Nanos, Stamped, State};
use taskreel_recorder::{ReadError, SeekTo, Source, Tailer, TraceReader};
use taskreel_replay::analysis::{Attempt, Facts, GrowingFacts};
use taskreel_replay::{Instant, Landmark, Timeline, Toward};

use crate::cli::table::printable;
use crate::cli::{Failure, failure::chain};
use taskreel_replay::fields::fields;

/// One line of the list of events.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) seq: u64,
    pub(super) logged_at: Nanos,
    pub(super) text: String,
    pub(super) kind: Option<Landmark>,
}

/// The run that is played.
pub(super) struct Film {
    pub(super) name: String,
    timeline: Timeline,
    /// Rows of the whole run, for lanes; they grow with the trace.
    growing: GrowingFacts,
    /// What they grow from.
    tail: Tailer,
    /// Positions in `facts.attempts` that executed, by worker and slot, in the order of time.
    pub(super) lanes: Vec<(u32, u16, Vec<u32>)>,
    /// Place of the event that would come next, and when the last one was logged.
    pub(super) n_events: u64,
    pub(super) end: Nanos,
    /// The events around the one last shown, so that stepping does not read the file again.
    around: VecDeque<Line>,
    /// Where they begin: nothing of the log lies between that place and the first of them.
    around_from: u64,
    path: std::path::PathBuf,
    trouble: Option<String>,
}

/// How many events around the cursor are kept, on either side.
const KEPT: u64 = 400;

/// How many of them there are at least on either side, before more are read.
const SPARE: u64 = 30;

impl Film {
    /// Reads the run once for its lanes, and stands at its begin.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let mut tail = Tailer::open(path).map_err(Failure::input)?;
        let mut growing = GrowingFacts::default();
        growing.grow(&mut tail);
        let owned = path.to_owned();
        let reopen = Box::new(move || Ok(Box::new(Tailer::open(&owned)?) as _));
        let timeline = Timeline::rewindable(reopen, Vec::new()).map_err(Failure::input)?;
        let trouble = growing.facts().warnings.first().cloned();
        let trouble = trouble.or_else(|| tail.warnings().first().map(ToString::to_string));
        let mut film = Self {
            name: printable(&tail.run_info().name),
            timeline: timeline.named(path.display().to_string()),
            lanes: lanes(growing.facts()),
            n_events: growing.next_seq(),
            end: growing.facts().end,
            trouble: trouble.map(|warning| format!("{}: {warning}", path.display())),
            growing,
            tail,
            around: VecDeque::new(),
            around_from: 0,
            path: path.to_owned(),
        };
        film.look_around();
        Ok(film)
    }

    /// Takes in by how much the trace has grown; `false`: it has not.
    pub(super) fn grow(&mut self) -> bool {
        if self.tail.is_finished() || !self.growing.grow(&mut self.tail) {
            return false;
        }
        self.lanes = lanes(self.facts());
        (self.n_events, self.end) = (self.growing.next_seq(), self.facts().end);
        self.look_around();
        true
    }

    /// Whether the trace was not closed: it goes on, or its recorder was killed.
    pub(super) fn is_open(&self) -> bool {
        !self.tail.is_finished()
    }

    /// Rows of the run.
    pub(super) fn facts(&self) -> &Facts {
        self.growing.facts()
    }

    /// The state at the instant shown.
    pub(super) fn state(&self) -> &State {
        self.timeline.state()
    }

    /// The instant shown.
    pub(super) fn now(&self) -> Nanos {
        self.timeline.now()
    }

    /// What is wrong with the trace.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Goes to an instant.
    pub(super) fn go_to(&mut self, instant: Instant) {
        let gone = self.timeline.seek(instant).map_err(|error| chain(&error));
        self.arrive(gone);
    }

    /// Goes some events on or back.
    pub(super) fn step(&mut self, n: i64) {
        let gone = self.timeline.step(n).map(|_| ()).map_err(|error| chain(&error));
        self.arrive(gone);
    }

    /// Goes some time on or back.
    pub(super) fn shift(&mut self, ahead: bool, by: Nanos) {
        let now = self.now();
        self.go_to(Instant::At(if ahead { (now + by).min(self.end) } else { now.since(by) }));
    }

    /// Plays for as long as the clock went on; `false`: it is at the end.
    pub(super) fn play(&mut self, elapsed: Nanos, speed: f64) {
        let gone = self.timeline.play(elapsed, speed).map_err(|error| chain(&error));
        self.arrive(gone);
    }

    /// Goes to the next place of a kind; `false`: there is none.
    pub(super) fn jump(&mut self, kind: Landmark, toward: Toward) -> bool {
        let (found, gone) = match self.timeline.jump(kind, toward) {
            Ok(found) => (found.is_some(), Ok(())),
            Err(error) => (false, Err(chain(&error))),
        };
        self.arrive(gone);
        found
    }

    /// Whether there is nothing behind the instant shown.
    pub(super) fn is_at_end(&self) -> bool {
        self.state().next_seq() >= self.n_events
    }

    /// Executions that touch a stretch of time, of one lane.
    pub(super) fn executions(
        &self,
        lane: &[u32],
        from: Nanos,
        to: Nanos,
    ) -> impl Iterator<Item = &Attempt> {
        let attempt = |row: &u32| &self.facts().attempts[*row as usize];
        // Of one slot, executions follow each other.
        let end = |row: &u32| attempt(row).executed(self.end).map_or(Nanos::ZERO, |w| w.to);
        let first = lane.partition_point(|row| end(row) < from);
        lane[first..]
            .iter()
            .map(move |row| &self.facts().attempts[*row as usize])
            .take_while(move |attempt| attempt.started_at.is_some_and(|at| at <= to))
    }

    /// Up to `n` events before the cursor, its own last, and as many behind it.
    pub(super) fn events(&self, before: usize, after: usize) -> (Vec<&Line>, Vec<&Line>) {
        let next = self.state().next_seq();
        let place = self.around.partition_point(|line| line.seq < next);
        let past = self.around.range(place.saturating_sub(before)..place).collect();
        let to = (place + after).min(self.around.len());
        (past, self.around.range(place..to).collect())
    }

    /// The first event from the cursor on whose line has a text; wraps at the end. `None`: none.
    pub(super) fn find(&mut self, text: &str) -> Option<u64> {
        let here = self.state().next_seq();
        let lower = text.to_lowercase();
        let search = |from, to| {
            let mut found = None;
            self.read(from, to, |line| {
                let is_it = line.text.to_lowercase().contains(&lower);
                found = is_it.then_some(line.seq);
                !is_it
            });
            found
        };
        let found = search(here, u64::MAX).or_else(|| search(0, here))?;
        self.go_to(Instant::Event(found));
        Some(found)
    }

    fn arrive(&mut self, gone: Result<(), String>) {
        if let Err(error) = gone {
            self.trouble = Some(error);
        }
        let next = self.state().next_seq();
        // A trace that grows may have grown since its rows were read.
        (self.n_events, self.end) = (self.n_events.max(next), self.end.max(self.state().now()));
        let begins = self.around_from == 0 || self.around_from + SPARE <= next;
        let ends = |line: &Line| line.seq + 1 >= self.n_events || line.seq >= next + SPARE;
        if !begins || !self.around.back().is_some_and(ends) {
            self.look_around();
        }
    }

    /// Reads the lines of the events around the cursor.
    fn look_around(&mut self) {
        let next = self.timeline.state().next_seq();
        let from = next.saturating_sub(KEPT);
        let mut around = VecDeque::new();
        self.read(from, next + KEPT, |line| {
            around.push_back(line);
            true
        });
        (self.around, self.around_from) = (around, from);
    }

    /// Reads the events from one place of the log to before another, as lines, as long as the
    /// visitor wants. What cannot be read is not shown: the timeline says why.
    fn read(&self, from: u64, to: u64, mut visit: impl FnMut(Line) -> bool) {
        let Ok(mut reader) = TraceReader::open(&self.path) else { return };
        let Ok(mut state) = state_before(&mut reader, from) else { return };
        let mut changes = Vec::new();
        while let Ok(Some(batch)) = reader.next_batch() {
            for event in &batch.events {
                let is_wanted = (from..to).contains(&event.seq);
                if event.seq >= to || (is_wanted && !visit(line(event, &state))) {
                    return;
                }
                if state.apply(event, &mut changes).is_err() {
                    return;
                }
                changes.clear();
            }
        }
    }
}

/// The state that is stored nearest before a place of the log: reading goes on behind it.
fn state_before(reader: &mut TraceReader, seq: u64) -> Result<State, ReadError> {
    if let Some(last) = seq.checked_sub(1)
        && let Some(state) = reader.seek(SeekTo::Event(last), 0)?
    {
        return Ok(state);
    }
    Ok(reader.opening_state()?.unwrap_or_default())
}

/// An event in one line.
fn line(event: &Stamped<Event>, before: &State) -> Line {
    let mut text = event.what.name().to_owned();
    for (name, value) in fields(&event.what, before) {
        match value {
            serde_json::Value::String(value) => text = format!("{text} {name}={value}"),
            serde_json::Value::Null | serde_json::Value::Array(_) => {}
            value => text = format!("{text} {name}={value}"),
        }
    }
    Line {
        seq: event.seq,
        logged_at: event.logged_at,
        text: printable(&text),
        kind: Landmark::of(&event.what),
    }
}

/// Executions by worker and slot.
fn lanes(facts: &Facts) -> Vec<(u32, u16, Vec<u32>)> {
    let mut lanes: Vec<(u32, u16, Vec<u32>)> = Vec::new();
    for (id, worker) in (0..).zip(&facts.workers) {
        lanes.extend((0..worker.slots.min(64)).map(|slot| (id, slot, Vec::new())));
    }
    let mut rows: Vec<u32> = (0..facts.attempts.len() as u32).collect();
    rows.retain(|row| facts.attempts[*row as usize].started_at.is_some());
    rows.sort_by_key(|row| facts.attempts[*row as usize].started_at);
    let first: Vec<usize> = facts
        .workers
        .iter()
        .scan(0, |next, worker| {
            let first = *next;
            *next += usize::from(worker.slots.min(64));
            Some(first)
        })
        .collect();
    for row in rows {
        let attempt = &facts.attempts[row as usize];
        if let Some(lane) =
            lanes.get_mut(first[attempt.worker.index()] + usize::from(attempt.slot.min(63)))
        {
            lane.2.push(row);
        }
    }
    lanes
}
