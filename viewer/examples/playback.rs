//! Shows a made-up run in the viewer, live or as it was at its end, for work on the page.
//!
//! `cargo run -p taskreel-viewer --example playback -- MODE [N_FILES] [N_WORKERS]`
//! prints the address and serves until its standard input ends. MODE is `live`; `held` (shows as much as
//! lines on standard input say: `400` is up to that millisecond; an empty one: it goes on from there); `finished`; `killed`; `empty` (live, no tasks); `nothing`;
//! `hostile` (names that try to be markup). With `--html FILE` at the end it writes the run as a page of
//! its own instead.

use std::io::BufRead;
use std::time::{Duration, SystemTime};

use synthetic::{PREFIXES, Plan, Playback};
use taskreel_model::Nanos;
use taskreel_recorder::{Batch, RunInfo, Source, VecSource};
use taskreel_replay::Reopen;
use taskreel_viewer::{ViewerConfig, export_html, serve};

#[path = "../tests/support/synthetic.rs"]
mod synthetic;

/// A source, and the way to have it again from its begin.
fn both(source: impl Source + Clone + 'static) -> (Box<dyn Source>, Reopen) {
    let copy = source.clone();
    (Box::new(source), Box::new(move || Ok(Box::new(copy.clone()))))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let html = args.iter().position(|arg| arg == "--html").map(|at| args.split_off(at));
    let number = |i: usize, default: u32| -> Result<u32, std::num::ParseIntError> {
        args.get(i).map_or(Ok(default), |text| text.parse())
    };
    let plan = Plan { n_files: number(1, 96)?, n_workers: number(2, 4)?, ..Plan::default() };
    let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let now = synthetic::header("wordcount", unix.as_nanos() as u64);
    let hour_ago = (unix - Duration::from_secs(3_600)).as_nanos() as u64;
    let past = synthetic::header("wordcount", hour_ago);
    let batch = synthetic::make(&plan);
    let mut held = None;
    let (source, reopen) = match args.first().map_or("live", String::as_str) {
        "live" => both(Playback::new(now, batch, 1.0, None)),
        "held" => {
            let playback = Playback::new(now, batch, 1.0, None);
            playback.clock.stand(Nanos::ZERO);
            held = Some(playback.clock.clone());
            both(playback)
        }
        "finished" => both(VecSource::new(past, [batch])),
        "killed" => both(Playback::new(past, batch, 100.0, Some(Nanos::from_millis(2_500)))),
        "empty" => {
            let playback = Playback::new(now, batch, 1.0, None);
            playback.clock.stand(Nanos::from_millis(1));
            both(playback)
        }
        "hostile" => {
            let evil = "<script>alert(1)</script><img src=x onerror=alert(2)>'\"\u{202e}\0";
            let prefixes = PREFIXES.map(|name| format!("{evil}{name}"));
            let batch = synthetic::make(&Plan { prefixes, ..plan });
            both(VecSource::new(RunInfo { name: evil.to_owned(), ..past }, [batch]))
        }
        "nothing" => both(VecSource::new(past, [Batch::default()])),
        other => return Err(format!("unknown mode {other}").into()),
    };
    if let Some([_, file]) = html.as_deref() {
        let page = export_html(reopen, "", 24_000_000)?;
        return Ok(std::fs::write(file, page.html)?);
    }
    let addr = ([127, 0, 0, 1], 0).into();
    let viewer = serve(ViewerConfig {
        addr,
        source,
        reopen: Some(reopen),
        token: None,
        title: String::new(),
    })?;
    eprintln!("viewer: {}", viewer.url());
    for line in std::io::stdin().lock().lines() {
        match (&held, line?.parse()) {
            (Some(clock), Ok(ms)) => clock.stand(Nanos::from_millis(ms)),
            (Some(clock), Err(_)) => clock.run(),
            (None, _) => {}
        }
    }
    viewer.shutdown();
    Ok(())
}
