//! Perfetto's own format: protobuf `TrackEvent`s, gzipped, which `ui.perfetto.dev` and
//! `trace_processor` open.
//!
//! Each worker is a process, each lane a track of it; slices carry the prefix as their name (so
//! that Perfetto colours and counts by it) and key, attempt, outcome as arguments. Dependencies are
//! flows with one id per edge, because a flow cannot fork.

mod message;

use std::io::{self, Write};

use flate2::{Compression, GzBuilder};
use taskreel_model::{Nanos, WorkerId};

use super::Rows;
use super::lanes::{Counter, Lane, What, counters, lanes, moments};
use super::rows::{activity_name, outcome_name};
use message::{Argument, Message, Names, Packets};

/// The kinds of a `TrackEvent`.
const BEGIN: u64 = 1;
const END: u64 = 2;
const INSTANT: u64 = 3;
const COUNTER: u64 = 4;

/// The run as a gzipped Perfetto trace: the same bytes each time.
///
/// # Errors
/// Writing fails.
pub fn write_perfetto(rows: &Rows, out: &mut dyn Write) -> io::Result<()> {
    // No time of writing in the head: nothing but the run is in the file.
    let mut gzip = GzBuilder::new().mtime(0).write(out, Compression::new(6));
    let mut packets = Packets::new(&mut gzip);
    packets.begin()?;
    let lanes = lanes(rows);
    let mut tracks = Tracks::describe(rows, &lanes, &mut packets)?;
    let flows = Flows::new(rows);
    for (uuid, lane) in tracks.lanes.clone().zip(&lanes) {
        slices(rows, &flows, uuid, lane, &mut packets)?;
    }
    for (at, worker, name) in moments(rows) {
        let track = tracks.moments(worker, &mut packets)?;
        packets.event(at, &event(INSTANT, track).text(23, &name).text(22, "mark"))?;
    }
    for counter in counters(rows) {
        let track = tracks.counter(&counter, &mut packets)?;
        for (at, value) in &counter.values {
            packets.event(*at, &event(COUNTER, track).number(30, *value))?;
        }
    }
    gzip.finish().map(|_| ())
}

fn event(kind: u64, track: u64) -> Message {
    Message::new().number(9, kind).number(11, track)
}

/// Ids of tracks: 1 is the scheduler, then workers, then lanes, then what comes up.
struct Tracks {
    lanes: std::ops::RangeFrom<u64>,
    next: u64,
    /// The track of marks of the scheduler and of each worker, once it has one.
    moments: std::collections::BTreeMap<Option<WorkerId>, u64>,
}

impl Tracks {
    fn describe(rows: &Rows, lanes: &[Lane], packets: &mut Packets<'_>) -> io::Result<Self> {
        let workers = (0..rows.state.workers().len() as u32).map(|index| Some(WorkerId(index)));
        for worker in [None].into_iter().chain(workers) {
            let name = worker.map_or_else(|| "scheduler".to_owned(), |w| rows.worker_name(w));
            let uuid = process(worker);
            // Process ids that no machine has twice: our workers may all be one process.
            let process = Message::new().number(1, uuid).text(6, &name);
            let track = Message::new().number(1, uuid).text(2, &name).message(3, &process);
            packets.track(&track.number(11, 3).number(12, uuid))?;
        }
        let first = 2 + rows.state.workers().len() as u64;
        for (uuid, lane) in (first..).zip(lanes) {
            let parent = process(lane.worker);
            let track = Message::new().number(1, uuid).text(2, &lane.name).number(5, parent);
            packets.track(&track.number(12, uuid))?;
        }
        let next = first + lanes.len() as u64;
        Ok(Self { lanes: first.., next, moments: std::collections::BTreeMap::new() })
    }

    fn moments(&mut self, worker: Option<WorkerId>, packets: &mut Packets<'_>) -> io::Result<u64> {
        if let Some(track) = self.moments.get(&worker) {
            return Ok(*track);
        }
        let uuid = self.add();
        self.moments.insert(worker, uuid);
        let track = Message::new().number(1, uuid).text(2, "errors and marks");
        packets.track(&track.number(5, process(worker)).number(12, uuid))?;
        Ok(uuid)
    }

    fn counter(&mut self, counter: &Counter, packets: &mut Packets<'_>) -> io::Result<u64> {
        let uuid = self.add();
        let unit = Message::new().text(6, counter.unit);
        let track = Message::new().number(1, uuid).text(2, counter.name).message(8, &unit);
        packets.track(&track.number(5, process(counter.worker)).number(12, uuid))?;
        Ok(uuid)
    }

    fn add(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }
}

/// The track of a process.
fn process(worker: Option<WorkerId>) -> u64 {
    worker.map_or(1, |worker| u64::from(worker.0) + 2)
}

/// The edges of each attempt, by their ids: from 1, in the order of `Rows::edges`.
struct Flows {
    /// By attempt: where its edges begin in `ids`.
    out_from: Vec<u32>,
    out_ids: Vec<u32>,
    /// By attempt: its incoming edges lie next to each other.
    in_from: Vec<u32>,
}

impl Flows {
    fn new(rows: &Rows) -> Self {
        let n_attempts = rows.attempts.len();
        let count = |ends: &mut dyn Iterator<Item = u32>| {
            let mut from = vec![0; n_attempts + 1];
            ends.for_each(|attempt| from[attempt as usize + 1] += 1);
            for i in 0..n_attempts {
                from[i + 1] += from[i];
            }
            from
        };
        let out_from = count(&mut rows.edges.iter().map(|(maker, _)| *maker));
        let in_from = count(&mut rows.edges.iter().map(|(_, user)| *user));
        let mut next = out_from.clone();
        let mut out_ids = vec![0; rows.edges.len()];
        for (id, (maker, _)) in (1..).zip(&rows.edges) {
            let place = &mut next[*maker as usize];
            out_ids[*place as usize] = id;
            *place += 1;
        }
        Self { out_from, out_ids, in_from }
    }

    fn outgoing(&self, attempt: u32) -> &[u32] {
        let attempt = attempt as usize;
        &self.out_ids[self.out_from[attempt] as usize..self.out_from[attempt + 1] as usize]
    }

    /// Edges are listed by the attempts that they lead to, so their ids follow each other.
    fn incoming(&self, attempt: u32) -> std::ops::Range<u32> {
        let attempt = attempt as usize;
        self.in_from[attempt] + 1..self.in_from[attempt + 1] + 1
    }
}

fn slices(
    rows: &Rows,
    flows: &Flows,
    track: u64,
    lane: &Lane,
    packets: &mut Packets<'_>,
) -> io::Result<()> {
    for span in &lane.spans {
        let mut begin = event(BEGIN, track);
        match span.what {
            What::Attempt(index) => {
                let attempt = &rows.attempts[index as usize];
                let name = rows.prefix_name(attempt.task);
                begin = packets.named(begin, Names::Events, name)?;
                begin = packets.named(begin, Names::Categories, "task")?;
                let key = rows.task_name(attempt.task);
                let error = attempt.error.map(|(_, error)| rows.state.text(error));
                let arguments = [
                    ("key", Argument::Text(Some(&key))),
                    ("attempt", Argument::Number(Some(u64::from(attempt.attempt)))),
                    ("outcome", Argument::Text(Some(outcome_name(attempt.outcome)))),
                    ("result_bytes", Argument::Number(Some(attempt.bytes))),
                    ("error", Argument::Text(error)),
                ];
                begin = packets.arguments(begin, &arguments)?;
                for id in flows.outgoing(index) {
                    begin = begin.fixed(47, u64::from(*id));
                }
                for id in flows.incoming(index) {
                    begin = begin.fixed(48, u64::from(id));
                }
            }
            What::Part(index) | What::Wait(index) => {
                let attempt = &rows.attempts[index as usize];
                let name = rows.prefix_name(attempt.task);
                let category = if matches!(span.what, What::Wait(_)) { "wait" } else { "task" };
                begin = packets.named(begin, Names::Events, name)?;
                begin = packets.named(begin, Names::Categories, category)?;
                let key = rows.task_name(attempt.task);
                let arguments = [
                    ("key", Argument::Text(Some(&key))),
                    ("attempt", Argument::Number(Some(u64::from(attempt.attempt)))),
                ];
                begin = packets.arguments(begin, &arguments)?;
            }
            What::Move(index) => {
                let moved = &rows.moves[index as usize];
                begin = packets.named(begin, Names::Events, activity_name(moved.activity))?;
                begin = packets.named(begin, Names::Categories, "data")?;
                let key = rows.task_name(moved.task);
                let from = moved.from.map(|from| rows.worker_name(from));
                let arguments = [
                    ("key", Argument::Text(Some(&key))),
                    ("from", Argument::Text(from.as_deref())),
                    ("bytes", Argument::Number(Some(moved.bytes))),
                    ("ok", Argument::Number(Some(u64::from(moved.ok)))),
                ];
                begin = packets.arguments(begin, &arguments)?;
            }
            What::Mark(index) => {
                let name = rows.state.text(rows.marks[index as usize].name);
                begin = packets.named(begin, Names::Events, name)?;
                begin = packets.named(begin, Names::Categories, "span")?;
            }
        }
        packets.event(span.start, &begin)?;
        packets.event(Nanos(span.stop.0), &event(END, track))?;
    }
    Ok(())
}
