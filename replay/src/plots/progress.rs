//! **Progress**: a bar per prefix, divided by what became of its tasks.
//! Question: how much of what is done, and what is in the way?
//!
//! | column   | unit, shape                                     | glyph                      |
//! |----------|-------------------------------------------------|----------------------------|
//! | name     | one per prefix, in order of appearance          | text, colour               |
//! | done     | tasks that finished, each counted once          | text                       |
//! | total    | tasks submitted                                 | text, the bar's length     |
//! | memory   | tasks whose result is held                      | bar in the prefix's colour |
//! | released | tasks done, whose result is no longer held      | the same, paler            |
//! | erred, processing, queued, no_worker | tasks in that phase | bars in their colours  |
//!
//! The counts are the state's own (`Prefix::counts`), copied when it settles.

use std::fmt::Write as _;

use taskreel_model::{Change, Nanos, Phase, Sample, State};

use super::{About, Page, Plot};
use crate::figure::{
    Anchor, Axis, Bars, Color, Figure, Frame, Glyphs, LABEL_PX, Layer, LegendBox, LegendEntry,
    PrefixColors, Text, View, clean, count_text, elide, text_width,
};

const ABOUT: About = About {
    id: "progress",
    title: "Progress",
    question: "How much of what is done, and what is in the way?",
    page: Page::Status,
};

/// Prefixes shown at most.
const N_SHOWN: usize = 30;
const MARGIN_PX: f32 = 10.0;
const ROW_MIN_PX: f32 = 17.0;
const ROW_MAX_PX: f32 = 30.0;
/// Least width of a column of bars, with its texts.
const COLUMN_MIN_PX: f32 = 250.0;
const COLUMN_GAP_PX: f32 = 22.0;
const LEGEND_PX: u32 = 18;
const RELEASED_OPACITY: f32 = 0.6;

/// The columns of the progress plot: one row per prefix.
#[derive(Debug, Default)]
pub struct Progress {
    rows: Vec<Row>,
    colors: PrefixColors,
}

#[derive(Clone, Debug, Default)]
struct Row {
    name: String,
    color: Color,
    total: u64,
    done: u64,
    memory: u64,
    released: u64,
    erred: u64,
    processing: u64,
    queued: u64,
    no_worker: u64,
}

impl Plot for Progress {
    fn about(&self) -> About {
        ABOUT
    }

    fn fresh(&self) -> Box<dyn Plot> {
        Box::<Self>::default()
    }

    fn update(&mut self, _at: Nanos, _change: &Change, _state: &State) {}

    fn sample(&mut self, _sample: &Sample, _state: &State) {}

    fn settle(&mut self, state: &State) {
        for (index, prefix) in state.prefixes().iter().enumerate() {
            if self.rows.len() <= index {
                let (name, color) = (clean(&prefix.name, 120), self.colors.color(&prefix.name));
                self.rows.push(Row { name, color, ..Row::default() });
            }
            let row = &mut self.rows[index];
            let counts = &prefix.counts;
            row.total = counts.total();
            row.done = prefix.n_finished;
            row.memory = counts.get(Phase::Memory);
            // A done task that runs again, for its lost result, is not released but on its way.
            let gone = counts.get(Phase::Released) + counts.get(Phase::Forgotten);
            row.released = prefix.n_finished.saturating_sub(row.memory).min(gone);
            row.erred = prefix.n_erred;
            row.processing = counts.get(Phase::Processing);
            row.queued = counts.get(Phase::Queued);
            row.no_worker = counts.get(Phase::NoWorker);
        }
    }

    fn figure(&self, view: &View) -> Figure {
        figure(self, view)
    }

    fn columns(&self) -> String {
        let mut table = String::from(
            "prefix\ttotal\tdone\tmemory\treleased\terred\tprocessing\tqueued\tno_worker\n",
        );
        for r in &self.rows {
            let _ = writeln!(
                table,
                "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
                r.name,
                r.total,
                r.done,
                r.memory,
                r.released,
                r.erred,
                r.processing,
                r.queued,
                r.no_worker
            );
        }
        table
    }
}

impl Row {
    /// Tasks and colours of the parts of the bar, from the left; what is left over waits.
    fn parts(&self) -> [(u64, Color, bool); 6] {
        [
            (self.memory, self.color, false),
            (self.released, self.color, true),
            (self.erred, Color::ERROR, false),
            (self.processing, Color::PROCESSING, false),
            (self.queued, Color::QUEUED, false),
            (self.no_worker, Color::NO_WORKER, false),
        ]
    }

    fn count(&self) -> String {
        let failed = if self.erred > 0 {
            format!(", {} erred", count_text(self.erred))
        } else {
            String::new()
        };
        format!("{} / {}{failed}", count_text(self.done), count_text(self.total))
    }

    fn hover(&self) -> String {
        let mut text = format!("{}: {} done", self.name, self.count());
        let names = ["in memory", "released", "erred", "processing", "queued", "without a worker"];
        for ((n_tasks, _, _), name) in self.parts().iter().zip(names) {
            if *n_tasks > 0 {
                let _ = write!(text, ", {} {name}", count_text(*n_tasks));
            }
        }
        text
    }
}

/// Rows that are shown, and where.
struct Grid<'a> {
    rows: Vec<&'a Row>,
    n_lines: usize,
    column_px: f32,
    row_px: f32,
    name_px: f32,
    count_px: f32,
}

impl<'a> Grid<'a> {
    fn new(plot: &'a Progress, frame: Frame) -> Self {
        let (width, height) = (frame.width as f32, frame.height as f32);
        let lines_fit = ((height / ROW_MIN_PX) as usize).max(1);
        let columns_fit =
            (((width + COLUMN_GAP_PX) / (COLUMN_MIN_PX + COLUMN_GAP_PX)) as usize).max(1);
        let rows = largest(&plot.rows, N_SHOWN.min(lines_fit * columns_fit));
        let n_columns = rows.len().div_ceil(lines_fit).max(1);
        let n_lines = rows.len().div_ceil(n_columns).max(1);
        let gaps = (n_columns - 1) as f32 * COLUMN_GAP_PX;
        let column_px = (width - gaps) / n_columns as f32;
        let widest = |text: fn(&Row) -> String| {
            rows.iter().map(|row| text_width(&text(row), LABEL_PX)).fold(0.0, f32::max) + 2.0
        };
        Self {
            n_lines,
            column_px,
            row_px: (height / n_lines as f32).min(ROW_MAX_PX),
            name_px: widest(|row| row.name.clone()).min(column_px * 0.36),
            count_px: widest(Row::count).min(column_px * 0.4),
            rows,
        }
    }

    /// Left edge of a row's column, and the row's middle.
    fn place(&self, index: usize) -> (f32, f32) {
        let (column, line) = (index / self.n_lines, index % self.n_lines);
        let x = column as f32 * (self.column_px + COLUMN_GAP_PX);
        (x, (line as f32 + 0.5) * self.row_px)
    }
}

/// The rows with most tasks, in their order of appearance.
fn largest(rows: &[Row], n_max: usize) -> Vec<&Row> {
    let mut order: Vec<usize> = (0..rows.len()).filter(|i| rows[*i].total > 0).collect();
    order.sort_by(|a, b| rows[*b].total.cmp(&rows[*a].total).then(a.cmp(b)));
    order.truncate(n_max);
    order.sort_unstable();
    order.into_iter().map(|i| &rows[i]).collect()
}

fn figure(plot: &Progress, view: &View) -> Figure {
    let margin = MARGIN_PX as u32;
    let frame = Frame {
        left: margin,
        top: 2,
        width: view.width_px - 2 * margin,
        height: view.height_px.saturating_sub(2 + LEGEND_PX + 4).max(20),
    };
    let grid = Grid::new(plot, frame);
    let used = (grid.n_lines as f32 * grid.row_px).ceil() as u32;
    let frame = Frame { height: used.clamp(20, frame.height.max(20)), ..frame };
    let mut figure = Figure {
        id: ABOUT.id.to_owned(),
        title: ABOUT.title.to_owned(),
        question: ABOUT.question.to_owned(),
        width_px: view.width_px,
        height_px: view.height_px,
        frame,
        x: Axis {
            label: "share of the prefix's tasks".to_owned(),
            unit: "%".to_owned(),
            to: 100.0,
            ..Axis::default()
        },
        y: Axis::lanes("prefix", grid.n_lines, Vec::new(), Vec::new()),
        legend: legend(plot, view, frame),
        note: note(plot, grid.rows.len()),
        ..Figure::default()
    };
    rows(&grid, &mut figure);
    if grid.rows.is_empty() {
        let mut text = Text::new(Anchor::Middle, 13.0);
        let sentence = figure.string("No tasks yet.");
        text.push((frame.width as f32 / 2.0, frame.height as f32 / 2.0), sentence, Color::MUTED);
        figure.push(Layer::new(Glyphs::Text(text)));
    }
    figure
}

fn rows(grid: &Grid<'_>, figure: &mut Figure) {
    let mut names = Text::new(Anchor::Start, LABEL_PX);
    let mut counts = Text::new(Anchor::End, LABEL_PX);
    let (mut tracks, mut solid, mut pale) = (Bars::default(), Bars::default(), Bars::default());
    let thick = (grid.row_px * 0.6).round();
    for (index, row) in grid.rows.iter().enumerate() {
        let (x, y) = grid.place(index);
        let name = figure.string(elide(&row.name, grid.name_px, LABEL_PX));
        names.push((x, y), name, Color::TEXT);
        let count = figure.string(elide(&row.count(), grid.count_px, LABEL_PX));
        counts.push((x + grid.column_px, y), count, Color::MUTED);
        let hover = figure.string(row.hover());
        let (left, right) = (x + grid.name_px + 8.0, x + grid.column_px - grid.count_px - 8.0);
        let width = (right - left).max(1.0);
        tracks.push((left, left + width), y, thick, Color::TRACK, hover);
        let mut from = left;
        for (n_tasks, color, is_pale) in row.parts() {
            if n_tasks == 0 {
                continue;
            }
            let share = width * n_tasks as f32 / row.total.max(1) as f32;
            // What erred is always to be seen.
            let least = if color == Color::ERROR { 3.0 } else { 0.0 };
            let to = (from + share.max(least)).min(left + width);
            let from_seen = from.min(to - least);
            let bars = if is_pale { &mut pale } else { &mut solid };
            bars.push((from_seen, to), y, thick, color, hover);
            from = to;
        }
    }
    figure.push(Layer::new(Glyphs::Bars(tracks)));
    figure.push(Layer::pale(RELEASED_OPACITY, Glyphs::Bars(pale)));
    figure.push(Layer::new(Glyphs::Bars(solid)));
    figure.push(Layer::new(Glyphs::Text(names)));
    figure.push(Layer::new(Glyphs::Text(counts)));
}

fn legend(plot: &Progress, view: &View, frame: Frame) -> Vec<LegendEntry> {
    let has = |part: usize| plot.rows.iter().any(|row| row.parts()[part].0 > 0);
    let named = [
        (Color::OTHER, 1.0, "in memory"),
        (Color::OTHER, RELEASED_OPACITY, "done, released"),
        (Color::ERROR, 1.0, "erred"),
        (Color::PROCESSING, 1.0, "processing"),
        (Color::QUEUED, 1.0, "queued"),
        (Color::NO_WORKER, 1.0, "no worker"),
    ];
    let present = named.iter().enumerate().filter(|(part, _)| has(*part));
    let mut items: Vec<_> =
        present.map(|(_, (color, opacity, name))| (*color, *opacity, (*name).to_owned())).collect();
    if plot.rows.iter().any(|row| row.total > row.parts().iter().map(|(n, ..)| n).sum()) {
        items.push((Color::TRACK, 1.0, "waiting".to_owned()));
    }
    let place = LegendBox {
        left: frame.left as f32,
        right: view.width_px as f32 - 4.0,
        top: (frame.top + frame.height + 4) as f32,
        row_px: LEGEND_PX as f32,
        n_rows: 1,
    };
    (1..=items.len()).rev().find_map(|n| place.set(&items[..n])).unwrap_or_default()
}

fn note(plot: &Progress, n_shown: usize) -> String {
    let (done, total): (u64, u64) =
        (plot.rows.iter().map(|r| r.done).sum(), plot.rows.iter().map(|r| r.total).sum());
    if total == 0 {
        return String::new();
    }
    let erred: u64 = plot.rows.iter().map(|r| r.erred).sum();
    let mut note = format!("{} of {} tasks done", count_text(done), count_text(total));
    if erred > 0 {
        let _ = write!(note, " · {} erred", count_text(erred));
    }
    let n_hidden = plot.rows.iter().filter(|r| r.total > 0).count() - n_shown;
    if n_hidden > 0 {
        let _ = write!(note, " · and {n_hidden} more prefixes");
    }
    note
}
