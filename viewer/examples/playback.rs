//! Shows a made-up run in the viewer, live or as it was at its end, for work on the page.
//!
//! `cargo run -p taskreel-viewer --example playback -- [live|finished|killed|empty] [N_FILES] [N_WORKERS]`
//! prints the address and holds until its standard input ends.

use std::io::Read;
use std::time::{Duration, SystemTime};

use synthetic::{Plan, Playback};
use taskreel_model::Nanos;
use taskreel_recorder::{Batch, Source, VecSource};
use taskreel_viewer::{ViewerConfig, serve};

#[path = "../tests/support/synthetic.rs"]
mod synthetic;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |i: usize, default: u32| -> Result<u32, std::num::ParseIntError> {
        args.get(i).map_or(Ok(default), |text| text.parse())
    };
    let plan = Plan { n_files: number(1, 96)?, n_workers: number(2, 4)?, ..Plan::default() };
    let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let now = synthetic::header("wordcount", unix.as_nanos() as u64);
    let hour_ago = (unix - Duration::from_secs(3_600)).as_nanos() as u64;
    let past = synthetic::header("wordcount", hour_ago);
    let batch = synthetic::make(&plan);
    let source: Box<dyn Source> = match args.first().map_or("live", String::as_str) {
        "live" => Box::new(Playback::new(now, batch, 1.0, None)),
        "finished" => Box::new(VecSource::new(past, [batch])),
        "killed" => Box::new(Playback::new(past, batch, 100.0, Some(Nanos::from_millis(2_500)))),
        "empty" => Box::new(Playback::new(now, batch, 0.0, Some(Nanos::from_millis(1)))),
        "nothing" => Box::new(VecSource::new(past, [Batch::default()])),
        other => return Err(format!("unknown mode {other}").into()),
    };
    let viewer =
        serve(ViewerConfig { addr: ([127, 0, 0, 1], 0).into(), source, title: String::new() })?;
    eprintln!("viewer: {}", viewer.url());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    viewer.shutdown();
    Ok(())
}
