//! Measures pictures of a made-up run of about a minute, and leaves them to be looked at:
//! `cargo run --release -p taskreel-replay --example film -- FOLDER [TASKS]`.

#[path = "../tests/plots/made_up.rs"]
mod made_up;

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use made_up::Made;
use taskreel_model::Nanos;
use taskreel_recorder::{RunInfo, VecSource};
use taskreel_replay::figure::{Theme, Window};
use taskreel_replay::render::gif::{FilmOptions, film};
use taskreel_replay::render::layout::Layout;
use taskreel_replay::{Timeline, plots};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "film".to_owned()));
    let n_tasks: u32 = std::env::args().nth(2).map_or(Ok(4_700), |text| text.parse())?;
    std::fs::create_dir_all(&folder)?;
    let made = Made {
        n_workers: 8,
        n_slots: 2,
        stages: vec![
            ("load", n_tasks * 2 / 5),
            ("map", n_tasks * 2 / 5),
            ("shuffle", n_tasks / 5),
            ("sum", n_tasks / 100),
        ],
        task_us: 60_000_000 * 16 / u64::from(n_tasks) * 9 / 10,
        fails_every: u64::from(n_tasks) / 20,
        loses: Some((5, Nanos::from_millis(31_000))),
        ..Made::default()
    };
    let batch = made.batch();
    let open = || {
        let batch = batch.clone();
        let reopen =
            Box::new(
                move || Ok(Box::new(VecSource::new(RunInfo::default(), [batch.clone()])) as _),
            );
        let drawn = ["task-stream", "progress", "workers"];
        Timeline::rewindable(reopen, drawn.into_iter().filter_map(plots::by_id).collect())
    };
    let mut timeline = open()?;
    timeline.run_to_end()?;
    let end = timeline.now();
    eprintln!("{} events, {end}", batch.events.len());
    for theme in [Theme::light(), Theme::dark()] {
        let began = Instant::now();
        let png = Layout::status(1280, 720).png(
            timeline.plots(),
            Window::until(end),
            end,
            "a made-up run",
            &theme,
        );
        eprintln!("PNG {}: {} bytes in {:.1?}", theme.name, png.len(), began.elapsed());
        std::fs::write(folder.join(format!("status-{}.png", theme.name)), png)?;
        let options = FilmOptions {
            layout: Layout::status(1000, 600),
            theme: theme.clone(),
            headline: "a made-up run".to_owned(),
            window: Window::until(end),
            fps: 12.0,
            speed: 1.0,
            idle_limit_s: None,
            hold_s: 3.0,
            max_bytes: 10_000_000,
        };
        let mut timeline = open()?;
        let began = Instant::now();
        let film = film(&mut timeline, &options, &mut |_, _| {})?;
        let (n_frames, length_s, bytes) = (film.n_frames, film.length_s, film.bytes.len());
        let took = began.elapsed();
        eprintln!(
            "GIF {}: {n_frames} frames of {length_s:.1} s, {bytes} bytes in {took:.1?}",
            theme.name
        );
        std::fs::write(folder.join(format!("run-{}.gif", theme.name)), film.bytes)?;
    }
    Ok(())
}
