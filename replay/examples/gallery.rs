//! Draws made-up runs into SVG files, to be looked at, and says how long figures took:
//! `cargo run -p taskreel-replay --example gallery -- FOLDER [TASKS]`; TASKS: of the densest run.

#[path = "../tests/plots/made_up.rs"]
mod made_up;

use std::error::Error;
use std::path::{Path, PathBuf};

use made_up::Made;
use taskreel_model::Nanos;
use taskreel_recorder::{Batch, RunInfo, VecSource};
use taskreel_replay::Timeline;
use taskreel_replay::figure::{Theme, View, Window};
use taskreel_replay::plots::{self, Plot};
use taskreel_replay::render::{layout::Layout, svg};

const PREFIXES: [&str; 36] = [
    "open",
    "read-parquet",
    "from-delayed",
    "getitem",
    "astype",
    "fillna",
    "assign",
    "isin",
    "merge",
    "shuffle-transfer",
    "shuffle-barrier",
    "shuffle-unpack",
    "groupby-chunk",
    "groupby-combine",
    "groupby-aggregate",
    "map-partitions",
    "to-datetime",
    "sort-index",
    "rolling",
    "resample",
    "mean-chunk",
    "mean-combine",
    "var-chunk",
    "var-combine",
    "sum-chunk",
    "sum-combine",
    "dot",
    "tensordot",
    "transpose",
    "rechunk-split",
    "rechunk-merge",
    "store",
    "concatenate",
    "stack",
    "to-parquet",
    "finalize",
];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "gallery".to_owned()));
    let n_dense: u32 = std::env::args().nth(2).map_or(Ok(200_000), |text| text.parse())?;
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
        stages: vec![
            ("inc", n_dense * 2 / 5),
            ("double", n_dense * 2 / 5),
            ("add", n_dense / 5),
            ("sum", n_dense / 400),
        ],
        task_us: 700,
        fails_every: 20_000,
        ..Made::default()
    };
    draw(&folder, "dense", dense.batch())?;
    draw(&folder, "nothing", Batch::default())?;
    let many: Vec<_> = PREFIXES.iter().map(|name| (*name, 40)).collect();
    let many = Made {
        n_workers: 8,
        n_slots: 4,
        stages: many,
        until: Nanos::from_millis(3_000),
        memory_limit: 60 << 20,
        ..Made::default()
    };
    draw(&folder, "prefixes", many.batch())?;
    measure(&dense.batch())
}

/// How long each plot takes to be fed with a run, beyond the fold without any plot.
fn measure(batch: &Batch) -> Result<(), Box<dyn Error>> {
    let fold = |plots: Vec<Box<dyn Plot>>| -> Result<f64, Box<dyn Error>> {
        let source = VecSource::new(RunInfo::default(), [batch.clone()]);
        let mut timeline = Timeline::new(Box::new(source), plots);
        let begun = std::time::Instant::now();
        timeline.run_to_end()?;
        Ok(begun.elapsed().as_secs_f64() * 1e9 / batch.events.len() as f64)
    };
    // The best of some rounds: other work on the machine only ever adds.
    let best = |make: &dyn Fn() -> Vec<Box<dyn Plot>>| {
        (0..5).try_fold(f64::INFINITY, |best, _| fold(make()).map(|took| took.min(best)))
    };
    let alone = best(&Vec::new)?;
    eprintln!("fold of {} events without plots: {alone:.0} ns an event", batch.events.len());
    for make in plots::ALL {
        let more = best(&|| vec![make()])? - alone;
        eprintln!("{:>20}: {more:+.0} ns an event", make().about().id);
    }
    let all = best(&plots::all)? - alone;
    eprintln!("{:>20}: {all:+.0} ns an event", "all");
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
                "workers" => (420, 360),
                _ => (760, 320),
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
        let narrow = Layout::status(390, 844).svg(
            timeline.plots(),
            Window::until(now),
            now,
            &format!("{name} at {now}"),
            &theme,
        );
        std::fs::write(folder.join(format!("{name}-narrow-{}.svg", theme.name)), narrow)?;
    }
    Ok(())
}
