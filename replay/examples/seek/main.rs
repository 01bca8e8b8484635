//! What it costs to rebuild instants of a long run:
//! `cargo run --release -p taskreel-replay --example seek -- FILE [N]` goes to N random instants of a
//! trace (1,000) and to as many random events, and prints how long a seek took, and what of the processor
//! the thread did that folds (another reads ahead of it). If there is no such file it first makes one up: `FILE N EVENTS LIVE`, at first ten million events of a run
//! in which 20,000 tasks are alive at a time.

mod made_up;

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::time::Instant as Clock;
use std::{env, fs};

use taskreel_model::{HumanBytes, Nanos};
use taskreel_recorder::{TraceReader, read_info};
use taskreel_replay::{Instant, Timeline};

/// Time that this thread had a processor, in nanoseconds: others on the machine do not count. Where
/// the system does not tell, 0.
fn cpu_ns() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0)
}

/// A small generator of numbers, the same on every machine.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end.max(1)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = env::args_os().nth(1).map(PathBuf::from).ok_or("name a trace")?;
    let number = |i, default: u64| env::args().nth(i).map_or(Ok(default), |n| n.parse());
    if !path.exists() {
        made_up::record(&path, number(3, 10_000_000)?, number(4, 20_000)? as usize)?;
    }
    let n = number(2, 1_000)?;
    let info = read_info(&path)?;
    let mut out = stdout();
    writeln!(
        out,
        "{} events, {}; {} keyframes of {}, {:.1} % of the file",
        info.summary.events,
        HumanBytes(info.bytes),
        info.keyframes,
        HumanBytes(info.keyframe_bytes),
        100.0 * info.keyframe_bytes as f64 / info.bytes as f64
    )?;
    let mut random = Random(88_172_645_463_325_252);
    let end = info.summary.last_logged_at();
    let instants: Vec<Instant> = (0..n).map(|_| Instant::At(Nanos(random.below(end.0)))).collect();
    report(&mut out, &path, "instants", &instants)?;
    let events = info.summary.events;
    let places: Vec<Instant> = (0..n).map(|_| Instant::Event(random.below(events))).collect();
    report(&mut out, &path, "events", &places)
}

/// Goes to each, and prints how long that took.
fn report(
    out: &mut impl Write,
    path: &std::path::Path,
    what: &str,
    places: &[Instant],
) -> Result<(), Box<dyn std::error::Error>> {
    let owned = path.to_owned();
    let reopen = Box::new(move || Ok(Box::new(TraceReader::open(&owned)?) as _));
    let mut timeline = Timeline::rewindable(reopen, Vec::new())?;
    // Finding the keyframes is done once.
    timeline.seek(Instant::Event(0))?;
    let (mut took, mut folded, mut live) = (Vec::new(), Vec::new(), 0);
    for &place in places {
        let (begun, begun_cpu) = (Clock::now(), cpu_ns());
        timeline.seek(place)?;
        took.push(begun.elapsed().as_nanos() as u64);
        folded.push(cpu_ns() - begun_cpu);
        live = live.max(timeline.state().tasks().len());
    }
    writeln!(out, "{} random {what}, at most {live} live tasks:", places.len())?;
    for (of, times) in [("in all", &mut took), ("processor of this thread", &mut folded)] {
        times.sort_unstable();
        let ms = |share: f64| times[((times.len() - 1) as f64 * share) as usize] as f64 / 1e6;
        let [p50, p90, p99, most] = [0.5, 0.9, 0.99, 1.0].map(ms);
        writeln!(
            out,
            "  {of}: p50 {p50:.1} ms, p90 {p90:.1} ms, p99 {p99:.1} ms, max {most:.1} ms"
        )?;
    }
    Ok(())
}
