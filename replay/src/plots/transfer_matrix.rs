//! **Transfer matrix**: from whom to whom how many bytes went.
//! Question: is the traffic even, or does one worker feed or starve the others?
//!
//! | column | unit, shape                                      | glyph                        |
//! |--------|--------------------------------------------------|------------------------------|
//! | bytes  | one per sender and receiver between whom anything moved | colour of a cell, text |
//! | n      | transfers that arrived, likewise                 | hover                        |
//! | failed | transfers that did not, likewise                 | cross in the cell, hover     |
//!
//! Rows send, columns receive. When cells grow too small, neighbouring workers share one.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use taskreel_model::{Activity, Change, Nanos, Sample, State, WorkerId};

use super::{About, Page, Plot};
use crate::chart::{self, Meaning, Measure, NAME_CHARS, blank, legend};
use crate::figure::{
    Anchor, Axis, Color, Figure, Frame, Glyphs, LABEL_PX, Layer, NO_LABEL, Points, Rects, Shape,
    Text, Tick, View, count_text, elide_middle, text_width,
};

const ABOUT: About = About {
    id: "transfer-matrix",
    title: "Transfer matrix",
    question: "Is the traffic even, or does one worker feed or starve the others?",
    page: Page::Transfers,
};

const CELL_MIN_PX: u32 = 9;
const CELL_MAX_PX: u32 = 54;
/// Columns narrower than this have no names: they are in the order of the rows.
const NAMED_PX: u32 = 30;
const VALUE_SIZE: f32 = 9.0;

/// The columns of the transfer matrix.
#[derive(Debug, Default)]
pub struct TransferMatrix {
    names: Vec<String>,
    cells: BTreeMap<(WorkerId, WorkerId), Cell>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    bytes: u64,
    n: u64,
    failed: u64,
}

impl Plot for TransferMatrix {
    fn about(&self) -> About {
        ABOUT
    }

    fn fresh(&self) -> Box<dyn Plot> {
        Box::<Self>::default()
    }

    fn update(&mut self, _at: Nanos, change: &Change, _state: &State) {
        let Change::Activity { activity: Activity::Transfer, worker, peer, bytes, ok, .. } =
            *change
        else {
            return;
        };
        let Some(from) = peer else { return };
        let cell = self.cells.entry((from, worker)).or_default();
        cell.bytes = cell.bytes.saturating_add(bytes);
        *(if ok { &mut cell.n } else { &mut cell.failed }) += 1;
    }

    fn sample(&mut self, _sample: &Sample, _state: &State) {}

    fn settle(&mut self, state: &State) {
        chart::take_names(&mut self.names, state, NAME_CHARS);
    }

    fn figure(&self, view: &View) -> Figure {
        if self.cells.is_empty() {
            return chart::nothing(&ABOUT, view, "Nothing was moved between workers yet.");
        }
        Grid::new(self, view).figure()
    }

    fn columns(&self) -> String {
        let mut table = String::from("from\tto\tbytes\ttransfers\tfailed\n");
        let mut all = Cell::default();
        for ((from, to), cell) in &self.cells {
            all.add(*cell);
            let _ = writeln!(table, "{from}\t{to}\t{}\t{}\t{}", cell.bytes, cell.n, cell.failed);
        }
        let _ = writeln!(table, "all\tall\t{}\t{}\t{}", all.bytes, all.n, all.failed);
        table
    }
}

impl Cell {
    fn add(&mut self, other: Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.n += other.n;
        self.failed += other.failed;
    }
}

/// Workers that took part, in groups that share a row and a column.
struct Grid<'a> {
    plot: &'a TransferMatrix,
    view: &'a View,
    groups: Vec<String>,
    cells: BTreeMap<(usize, usize), Cell>,
    names_px: f32,
    cell_px: u32,
}

impl<'a> Grid<'a> {
    fn new(plot: &'a TransferMatrix, view: &'a View) -> Self {
        let mut workers: Vec<WorkerId> =
            plot.cells.keys().flat_map(|(from, to)| [*from, *to]).collect();
        workers.sort_unstable();
        workers.dedup();
        let name = |worker: &WorkerId| plot.names.get(worker.index()).map_or("?", String::as_str);
        let names_px = chart::widest(workers.iter().map(name)).min(view.width_px as f32 * 0.25);
        let room = (view.width_px.saturating_sub(names_px as u32 + 30))
            .min(view.height_px.saturating_sub(60))
            .max(CELL_MIN_PX);
        let per_group = workers.len().div_ceil((room / CELL_MIN_PX) as usize).max(1);
        let groups: Vec<String> = workers
            .chunks(per_group)
            .map(|group| match group {
                [only] => name(only).to_owned(),
                many => format!("{} – {}", name(&many[0]), name(&many[many.len() - 1])),
            })
            .collect();
        let group = |worker: &WorkerId| workers.partition_point(|w| w < worker) / per_group;
        let mut cells: BTreeMap<(usize, usize), Cell> = BTreeMap::new();
        for ((from, to), cell) in &plot.cells {
            cells.entry((group(from), group(to))).or_default().add(*cell);
        }
        let cell_px = (room / groups.len() as u32).clamp(2, CELL_MAX_PX);
        let names_px =
            chart::widest(groups.iter().map(String::as_str)).min(view.width_px as f32 * 0.25);
        Self { plot, view, groups, cells, names_px, cell_px }
    }

    fn figure(&self) -> Figure {
        let side = self.cell_px * self.groups.len() as u32;
        let left = (self.names_px + 16.0).ceil() as u32;
        let width = side.min(self.view.width_px.saturating_sub(left + 4)).max(10);
        let frame = Frame { left, top: 18, width, height: side };
        let mut figure = blank(&ABOUT, self.view, frame);
        let most = self.cells.values().map(|cell| cell.bytes).max().unwrap_or(0).max(1);
        figure.x = Axis { label: "receives".to_owned(), ..Axis::default() };
        figure.y = self.rows();
        self.columns(&mut figure);
        self.cells(&mut figure, most);
        let legend_frame = Frame { left: 10, height: side, ..frame };
        figure.legend = legend(self.view, legend_frame, &meanings(most));
        figure.note = self.note();
        figure
    }

    fn rows(&self) -> Axis {
        let every = (LABEL_PX / self.cell_px as f32).ceil().max(1.0) as usize;
        let tick = |(i, name): (usize, &String)| Tick {
            px: (i as f32 + 0.5) * self.cell_px as f32,
            label: elide_middle(name, self.names_px, LABEL_PX),
        };
        let ticks = self.groups.iter().enumerate().step_by(every).map(tick).collect();
        Axis::lanes("sends", self.groups.len(), ticks, Vec::new())
    }

    /// Names above the columns, as many as fit; and what rows and columns are.
    fn columns(&self, figure: &mut Figure) {
        let mut names = Text::new(Anchor::Middle, VALUE_SIZE);
        let mut free_from = f32::MIN;
        for (i, name) in self.groups.iter().enumerate().filter(|_| self.cell_px >= NAMED_PX) {
            let x = (i as f32 + 0.5) * self.cell_px as f32;
            let room = (self.cell_px as f32 - 2.0).max(44.0);
            let label = elide_middle(name, room, VALUE_SIZE);
            let half = text_width(&label, VALUE_SIZE) / 2.0;
            if x - half >= free_from && x + half <= figure.frame.width as f32 + 20.0 {
                free_from = x + half + 3.0;
                let label = figure.string(label);
                names.push((x, -8.0), label, Color::MUTED);
            }
        }
        let is_named = self.cell_px >= NAMED_PX;
        let (anchor, x) = if is_named { (Anchor::End, -8.0) } else { (Anchor::Start, 0.0) };
        let mut corner = Text::new(anchor, VALUE_SIZE);
        let text = if is_named { "from \\ to" } else { "to the same, in the same order" };
        let text = figure.string(text);
        corner.push((x, -8.0), text, Color::MUTED);
        figure.push(Layer::new(Glyphs::Text(names)));
        figure.push(Layer::new(Glyphs::Text(corner)));
    }

    fn cells(&self, figure: &mut Figure, most: u64) {
        let (n, px) = (self.groups.len(), self.cell_px as i32);
        let gap = i32::from(px >= 8);
        let mut rects = Rects::default();
        let mut dark = Text::new(Anchor::Middle, VALUE_SIZE);
        let mut crosses = Points::new(Shape::Cross, (px as f32 * 0.4).clamp(5.0, 10.0));
        let mut ground = Rects::default();
        let side = px * n as i32 - gap;
        ground.push((0, 0), (side, side), Color::TRACK, NO_LABEL);
        figure.push(Layer::new(Glyphs::Rects(ground)));
        for ((from, to), cell) in &self.cells {
            let (x, y) = (*to as i32 * px, *from as i32 * px);
            let share = (cell.bytes as f64 / most as f64).sqrt();
            let bytes = Measure::Bytes.text(cell.bytes as f64);
            let hover = figure.string(format!(
                "{} to {}: {bytes} in {} transfers, {} did not arrive",
                self.groups[*from],
                self.groups[*to],
                count_text(cell.n),
                count_text(cell.failed)
            ));
            let color = if cell.bytes > 0 { Color::of_share(share) } else { Color::TRACK };
            rects.push((x, y), (px - gap, px - gap), color, hover);
            let half = (px - gap) as f32 / 2.0;
            let middle = (x as f32 + half, y as f32 + half);
            if cell.failed > 0 {
                crosses.push((middle.0, y as f32 + px as f32 * 0.25), Color::ERROR, hover);
            }
            let fits = text_width(&bytes, VALUE_SIZE) + 4.0 <= px as f32;
            if fits && cell.bytes > 0 {
                let text = figure.string(bytes);
                // The colours are dark at the lower end and light at the upper.
                let (low, high) = (Color::BACKGROUND, Color::SEAM);
                dark.push(middle, text, if share < 0.55 { low } else { high });
            }
        }
        figure.push(Layer::new(Glyphs::Rects(rects)));
        figure.push(Layer::new(Glyphs::Text(dark)));
        figure.push(Layer::new(Glyphs::Points(crosses)));
    }

    fn note(&self) -> String {
        let mut all = Cell::default();
        self.cells.values().for_each(|cell| all.add(*cell));
        let bytes = Measure::Bytes.text(all.bytes as f64);
        let mut note = format!("{bytes} in {} transfers", count_text(all.n));
        if all.failed > 0 {
            let _ = write!(note, " · {} did not arrive", count_text(all.failed));
        }
        let n_silent = self.plot.names.len().saturating_sub(
            self.plot
                .cells
                .keys()
                .flat_map(|(a, b)| [a, b])
                .collect::<std::collections::BTreeSet<_>>()
                .len(),
        );
        if n_silent > 0 {
            let _ = write!(note, " · {n_silent} workers took no part");
        }
        note
    }
}

/// A few steps of the scale, whose colour goes by the square root so that small traffic shows.
fn meanings(most: u64) -> Vec<Meaning> {
    [0.02, 0.25, 0.5, 1.0]
        .map(|share: f64| {
            let text = Measure::Bytes.text((most as f64 * share).round());
            (Color::of_share(share.sqrt()), 1.0, text)
        })
        .into()
}
