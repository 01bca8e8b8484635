//! Draws made-up runs into SVG files, to be looked at: `cargo run -p taskreel-replay --example
//! gallery -- FOLDER`.

#[path = "../tests/plots/made_up.rs"]
mod made_up;

use std::error::Error;
use std::path::{Path, PathBuf};

use made_up::Made;
use taskreel_model::Nanos;
use taskreel_recorder::{Batch, RunInfo, VecSource};
use taskreel_replay::figure::{Theme, View, Window};
use taskreel_replay::render::{layout::Layout, svg};
use taskreel_replay::{Timeline, plots};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "gallery".to_owned()));
    std::fs::create_dir_all(&folder)?;
    let usual =
        Made { fails_every: 45, loses: Some((2, Nanos::from_millis(3_100))), ..Made::default() };
    draw(&folder, "middle", Made { until: Nanos::from_millis(3_900), ..usual.clone() }.batch())?;
    draw(&folder, "end", usual.batch())?;
    let forty = Made {
        n_workers: 40,
        stages: vec![("load", 1_500), ("map", 1_500), ("shuffle", 700), ("reduce", 40), ("sum", 4)],
        fails_every: 300,
        until: Nanos::from_millis(5_200),
        worker_name: "node-with-a-long-name",
        ..Made::default()
    };
    draw(&folder, "forty", forty.batch())?;
    let one =
        Made { n_workers: 1, n_slots: 1, stages: vec![("inc", 12), ("sum", 1)], ..Made::default() };
    draw(&folder, "one", one.batch())?;
    let dense = Made {
        stages: vec![("inc", 80_000), ("double", 80_000), ("add", 40_000), ("sum", 500)],
        task_us: 700,
        fails_every: 20_000,
        ..Made::default()
    };
    draw(&folder, "dense", dense.batch())?;
    draw(&folder, "nothing", Batch::default())?;
    Ok(())
}

fn draw(folder: &Path, name: &str, batch: Batch) -> Result<(), Box<dyn Error>> {
    let n_events = batch.events.len();
    let source = VecSource::new(RunInfo::default(), [batch]);
    let mut timeline = Timeline::new(Box::new(source), plots::all());
    let begun = std::time::Instant::now();
    timeline.run_to_end()?;
    let folded = begun.elapsed();
    for theme in [Theme::light(), Theme::dark()] {
        for plot in timeline.plots() {
            let (width, height) = match plot.about().id {
                "task-stream" => (1_160, 420),
                "progress" => (760, 230),
                _ => (420, 360),
            };
            let view = View::new(Window::until(timeline.now()), width, height);
            let begun = std::time::Instant::now();
            let figure = plot.figure(&view);
            if theme.name == "light" {
                let (id, took) = (plot.about().id, begun.elapsed());
                let json = figure.to_json().len();
                eprintln!(
                    "{name} {id}: {n_events} events folded in {folded:.0?}, {} glyphs in {took:.1?}, {json} bytes of JSON",
                    figure.n_glyphs()
                );
            }
            let file = folder.join(format!("{name}-{}-{}.svg", plot.about().id, theme.name));
            std::fs::write(file, svg(&figure, &theme))?;
        }
        let now = timeline.now();
        let status = Layout::status(1_280, 720).svg(
            timeline.plots(),
            Window::until(now),
            now,
            &format!("{name} at {now}"),
            &theme,
        );
        std::fs::write(folder.join(format!("{name}-status-{}.svg", theme.name)), status)?;
    }
    Ok(())
}
