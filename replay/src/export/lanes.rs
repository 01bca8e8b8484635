//! Lanes of spans that do not overlap: what Perfetto and Chrome ask of a track.
//!
//! A slot runs one attempt at a time, so it is one lane. Transfers, disk accesses and spans of the
//! user's overlap: they are spread over as many lanes as it takes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use taskreel_model::{Activity, Nanos, WorkerId};

use super::Rows;

/// A row of spans, each beginning no earlier than the one before it ends.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// `None`: the scheduler.
    pub(super) worker: Option<WorkerId>,
    pub(super) name: String,
    pub(super) spans: Vec<Span>,
}

/// A piece of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub(super) start: Nanos,
    pub(super) stop: Nanos,
    pub(super) what: What,
}

/// Which row a span is of, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    Attempt(u32),
    /// A later stretch of an attempt that waited for its tasks.
    Part(u32),
    /// The wait of an attempt for its tasks.
    Wait(u32),
    Move(u32),
    Mark(u32),
}

/// Kinds of lanes, in the order in which they stand below each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Slot(u16),
    Waits,
    Transfers,
    Local,
    Spans,
}

/// All lanes: worker by worker, slots first; the scheduler's before them.
pub(super) fn lanes(rows: &Rows) -> Vec<Lane> {
    let mut spans: BTreeMap<(Option<WorkerId>, Kind), Vec<Span>> = BTreeMap::new();
    for (index, attempt) in (0..).zip(&rows.attempts) {
        let lane = (Some(attempt.worker), Kind::Slot(attempt.slot));
        let stop = attempt.left_at.or(attempt.stopped_at).unwrap_or(rows.end);
        let stop = stop.max(attempt.started_at);
        let span = Span { start: attempt.started_at, stop, what: What::Attempt(index) };
        spans.entry(lane).or_default().push(span);
    }
    for part in &rows.parts {
        let worker = rows.attempts[part.attempt as usize].worker;
        let (kind, what) = match part.slot {
            Some(slot) => (Kind::Slot(slot), What::Part(part.attempt)),
            None => (Kind::Waits, What::Wait(part.attempt)),
        };
        let stop = part.stopped_at.unwrap_or(rows.end).max(part.started_at);
        let span = Span { start: part.started_at, stop, what };
        spans.entry((Some(worker), kind)).or_default().push(span);
    }
    for (index, moved) in (0..).zip(&rows.moves) {
        let kind = match moved.activity {
            Activity::Transfer => Kind::Transfers,
            Activity::DiskRead
            | Activity::DiskWrite
            | Activity::Serialize
            | Activity::Deserialize => Kind::Local,
        };
        let (start, stop) = (moved.started_at, moved.stopped_at.max(moved.started_at));
        let span = Span { start, stop, what: What::Move(index) };
        spans.entry((Some(moved.worker), kind)).or_default().push(span);
    }
    for (index, mark) in (0..).zip(&rows.marks) {
        let Some(start) = mark.started_at else { continue };
        let span = Span { start, stop: mark.at.max(start), what: What::Mark(index) };
        spans.entry((None, Kind::Spans)).or_default().push(span);
    }
    spans.into_iter().flat_map(|((worker, kind), spans)| spread(worker, kind, spans)).collect()
}

fn spread(worker: Option<WorkerId>, kind: Kind, mut spans: Vec<Span>) -> Vec<Lane> {
    spans.sort_unstable();
    let name = match kind {
        Kind::Slot(slot) => {
            end_before_next(&mut spans);
            return vec![Lane { worker, name: format!("slot {slot}"), spans }];
        }
        Kind::Waits => "waiting for tasks",
        Kind::Transfers => "transfers",
        Kind::Local => "disk and serialization",
        Kind::Spans => "spans",
    };
    let mut lanes: Vec<Lane> = Vec::new();
    let mut free: BinaryHeap<Reverse<(Nanos, usize)>> = BinaryHeap::new();
    for span in spans {
        let lane = match free.peek() {
            Some(Reverse((since, lane))) if *since <= span.start => {
                let lane = *lane;
                free.pop();
                lane
            }
            _ => {
                let number = lanes.len() + 1;
                let name = if number == 1 { name.to_owned() } else { format!("{name} {number}") };
                lanes.push(Lane { worker, name, spans: Vec::new() });
                lanes.len() - 1
            }
        };
        lanes[lane].spans.push(span);
        free.push(Reverse((span.stop, lane)));
    }
    lanes
}

/// Clocks of workers are estimated, so an attempt may seem to begin a little before the one in the
/// same slot has ended: that one is shown shorter.
fn end_before_next(spans: &mut [Span]) {
    for i in 1..spans.len() {
        let next = spans[i].start;
        spans[i - 1].stop = spans[i - 1].stop.min(next);
    }
}

/// What is counted over time: a name, a unit, and values.
pub(super) struct Counter {
    /// `None`: the scheduler.
    pub(super) worker: Option<WorkerId>,
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) values: Vec<(Nanos, u64)>,
}

type Reading = fn(&taskreel_model::Sample) -> u64;

const READINGS: [(&str, &str, Reading); 7] = [
    ("CPU", "% of a core", |s| u64::from(s.cpu_permille) / 10),
    ("memory of the process", "bytes", |s| s.rss_bytes),
    ("results in memory", "bytes", |s| s.managed_bytes),
    ("results on disk", "bytes", |s| s.spilled_bytes),
    ("received", "bytes/s", |s| s.received_per_s),
    ("sent", "bytes/s", |s| s.sent_per_s),
    ("lag", "µs", |s| s.lag.0 / 1_000),
];

const COUNTED: [&str; 4] = ["tasks waiting", "tasks queued", "tasks processing", "tasks in memory"];

/// All counters; those that are always 0 are left out.
pub(super) fn counters(rows: &Rows) -> Vec<Counter> {
    let mut samples: BTreeMap<Option<WorkerId>, Vec<&taskreel_model::Sample>> = BTreeMap::new();
    for sample in &rows.samples {
        samples.entry(sample.worker).or_default().push(sample);
    }
    let counted = COUNTED.iter().enumerate().map(|(i, name)| {
        let values = rows.counts.iter().map(|(at, counts)| (*at, counts[i])).collect();
        Counter { worker: None, name, unit: "tasks", values }
    });
    let mut counters: Vec<Counter> = counted.collect();
    for (worker, mut samples) in samples {
        samples.sort_by_key(|sample| sample.at);
        for (name, unit, reading) in READINGS {
            let values = samples.iter().map(|sample| (sample.at, reading(sample))).collect();
            counters.push(Counter { worker, name, unit, values });
        }
    }
    counters.retain(|counter| counter.values.iter().any(|(_, value)| *value > 0));
    counters
}

/// A moment worth a mark: a failure, a lost worker, the user's own.
pub(super) fn moments(rows: &Rows) -> Vec<(Nanos, Option<WorkerId>, String)> {
    let mut moments: Vec<(Nanos, Option<WorkerId>, String)> = Vec::new();
    for attempt in &rows.attempts {
        if let (Some((_, error)), Some(at)) = (attempt.error, attempt.stopped_at) {
            let text = rows.state.text(error);
            let first = text.lines().next().unwrap_or_default();
            let name = format!("{} failed: {first}", rows.task_name(attempt.task));
            moments.push((at, Some(attempt.worker), name));
        }
    }
    for (at, worker) in &rows.losses {
        moments.push((*at, Some(*worker), format!("{} lost", rows.worker_name(*worker))));
    }
    for mark in rows.marks.iter().filter(|mark| mark.started_at.is_none()) {
        moments.push((mark.at, None, rows.state.text(mark.name).to_owned()));
    }
    moments.sort();
    moments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: u64, stop: u64) -> Span {
        Span { start: Nanos(start), stop: Nanos(stop), what: What::Move(0) }
    }

    #[test]
    fn what_overlaps_is_spread() {
        let spans = vec![span(0, 10), span(2, 4), span(3, 9), span(4, 6), span(10, 10)];
        let lanes = spread(None, Kind::Transfers, spans);
        let shape: Vec<usize> = lanes.iter().map(|lane| lane.spans.len()).collect();
        assert_eq!(shape.iter().sum::<usize>(), 5);
        assert_eq!(lanes.len(), 3);
        for lane in &lanes {
            assert!(lane.spans.windows(2).all(|pair| pair[0].stop <= pair[1].start), "{lane:?}");
        }
        assert_eq!(lanes[1].name, "transfers 2");
    }

    #[test]
    fn a_slot_is_one_lane() {
        let lanes = spread(None, Kind::Slot(3), vec![span(5, 9), span(0, 6)]);
        assert_eq!(lanes.len(), 1);
        assert_eq!(lanes[0].spans, [span(0, 5), span(5, 9)]);
    }
}
