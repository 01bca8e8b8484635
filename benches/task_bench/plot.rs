//! The picture: efficiency against granularity, a line for each system and pattern, drawn by the renderer that
//! draws the traces.

use taskreel_replay::figure::{
    Anchor, Axis, Color, Figure, Frame, Glyphs, Layer, LegendBox, Line, Text, Theme, Tick,
};
use taskreel_replay::render;

use super::metg::Measured;

const WIDTH_PX: u32 = 760;
const HEIGHT_PX: u32 = 420;
const FRAME: Frame = Frame { left: 56, top: 28, width: 690, height: 320 };

/// The picture as SVG.
pub(crate) fn svg(runs: &[Measured]) -> String {
    let (from, to) = bounds(runs);
    let mut figure = Figure {
        id: "efficiency".to_owned(),
        width_px: WIDTH_PX,
        height_px: HEIGHT_PX,
        frame: FRAME,
        x: Axis::log("µs", (from, to), FRAME.width, |us| format!("{us:.0} µs")),
        y: percent_axis(),
        ..Figure::default()
    };
    let x_of = |us: f64| ((us / from).ln() / (to / from).ln() * f64::from(FRAME.width)) as f32;
    let y_of = |share: f64| ((1.0 - share.min(1.0)) * f64::from(FRAME.height)) as f32;
    let half = y_of(0.5);
    let across = vec![0.0, FRAME.width as f32];
    push_line(&mut figure, across, vec![half, half], Color::MUTED, 1.0);
    let mut meanings = Vec::new();
    for (number, (name, runs)) in by_line(runs).into_iter().enumerate() {
        let color = Color::of_share(number as f64 / 8.0);
        let (x, y) =
            runs.iter().map(|run| (x_of(run.granularity_us), y_of(run.efficiency))).unzip();
        push_line(&mut figure, x, y, color, 2.0);
        meanings.push((color, 1.0, name));
    }
    let legend = LegendBox {
        left: FRAME.left as f32,
        right: (FRAME.left + FRAME.width) as f32,
        top: (FRAME.top + FRAME.height + 24) as f32,
        row_px: 17.0,
        n_rows: 3,
    };
    figure.legend = legend.set(&meanings).unwrap_or_default();
    let title = figure.string("Share of the peak against wall time × cores / tasks");
    let mut text = Text::new(Anchor::Start, 13.0);
    text.push((0.0, -14.0), title, Color::TEXT);
    figure.push(Layer::new(Glyphs::Text(text)));
    render::svg(&figure, &Theme::light())
}

/// Lines by their names, each in the order in which it was run: from large kernels to small ones.
fn by_line(runs: &[Measured]) -> Vec<(String, Vec<&Measured>)> {
    let mut lines: Vec<(String, Vec<&Measured>)> = Vec::new();
    for run in runs {
        let system = run.system.trim_start_matches("taskreel, ");
        let name = format!("{system}, {}", run.pattern);
        match lines.iter_mut().find(|(known, _)| *known == name) {
            Some((_, line)) => line.push(run),
            None => lines.push((name, vec![run])),
        }
    }
    lines
}

/// From the smallest to the largest granularity, with some room.
fn bounds(runs: &[Measured]) -> (f64, f64) {
    let sizes = || runs.iter().map(|run| run.granularity_us);
    (sizes().fold(f64::MAX, f64::min) * 0.8, sizes().fold(0.0, f64::max) * 1.25)
}

fn percent_axis() -> Axis {
    let ticks = (0..=4).map(|n| Tick {
        px: (4 - n) as f32 / 4.0 * FRAME.height as f32,
        label: format!("{} %", n * 25),
    });
    Axis { unit: "%".to_owned(), from: 100.0, ticks: ticks.collect(), ..Axis::default() }
}

fn push_line(figure: &mut Figure, x: Vec<f32>, y: Vec<f32>, color: Color, stroke: f32) {
    figure.push(Layer::new(Glyphs::Line(Line { x, y, color, stroke })));
}
