//! Sizes and costs of recording 100,000 trivial tasks:
//! `cargo run --release -p taskreel-recorder --example measure [FILE]`. The trace stays if a file is
//! named.

#[path = "../tests/trace/run.rs"]
mod run;

use std::io::{Write, stdout};
use std::time::{Duration, Instant};

use taskreel_recorder::{Recorder, RecorderOptions, RunInfo, Source, TraceReader, read_info};

const TASKS: u32 = 100_000;

/// Events of one turn.
const BUSY: usize = 300;
/// Time from one event to the next.
const PACE: Duration = Duration::from_micros(1);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A busy scheduler takes what has arrived as one turn: some hundred events.
    let mut turns: Vec<run::Turn> = Vec::new();
    for turn in run::turns(7, TASKS, 2, 2) {
        match turns.last_mut().filter(|last| last.len() < BUSY) {
            Some(last) => last.extend(turn),
            None => turns.push(turn),
        }
    }
    let n: usize = turns.iter().map(Vec::len).sum();
    let folder = std::env::temp_dir().join(format!("measure-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let path = std::env::args_os().nth(1).map_or_else(|| folder.join("run.reel"), Into::into);

    let mut recorder = Recorder::create(&path, &RunInfo::default(), RecorderOptions::default())?;
    let mut took: Vec<(Duration, usize)> = Vec::with_capacity(turns.len());
    let begun = Instant::now();
    let mut due = Duration::ZERO;
    for turn in &mut turns {
        let n = turn.len();
        // No faster than a million events a second: more than a cluster logs.
        due += PACE * n as u32;
        while begun.elapsed() < due {
            std::hint::spin_loop();
        }
        let begun = Instant::now();
        recorder.take(turn)?;
        took.push((begun.elapsed(), n));
    }
    let summary = recorder.finish()?;
    let whole = begun.elapsed();

    let begun = Instant::now();
    let mut reader = TraceReader::open(&path)?;
    let mut read = 0;
    while let Some(batch) = reader.next_batch()? {
        read += batch.events.len();
    }
    let reading = begun.elapsed();
    let blocks = read_info(&path)?.blocks;
    std::fs::remove_dir_all(&folder)?;

    let each = |time: Duration| time.as_nanos() as f64 / n as f64;
    let bytes = summary.bytes;
    let mut out = stdout();
    writeln!(out, "{TASKS} tasks, {n} events in {} turns, read back {read}", turns.len())?;
    writeln!(
        out,
        "file: {bytes} bytes in {blocks} blocks, {:.2} per task",
        bytes as f64 / f64::from(TASKS)
    )?;
    // The longest turns are those in which something else had the core.
    took.sort_unstable_by_key(|(time, n)| time.as_nanos() as usize / n.max(&1));
    let mean = |took: &[(Duration, usize)]| {
        let n: usize = took.iter().map(|turn| turn.1).sum();
        took.iter().map(|turn| turn.0).sum::<Duration>().as_nanos() as f64 / n as f64
    };
    let most = &took[..took.len() * 98 / 100];
    writeln!(
        out,
        "append: {:.0} ns per event, {:.0} without the slowest 2 % of turns",
        mean(&took),
        mean(most)
    )?;
    writeln!(out, "record and finish: {:.0} ns per event", each(whole))?;
    writeln!(out, "read: {:.0} ns per event", each(reading))?;
    Ok(())
}
