//! The workers' columns as a figure: three sections (tasks, CPU, memory), each with its own scale.
//! They stand one above the other while there is room, as Dask's users know it, else side by side.

mod bars;

use taskreel_model::{HumanBytes, WorkerId, WorkerStatus};

use super::{ABOUT, Row, Sampled, Workers};
use crate::chart::Measure;
use crate::figure::{
    Anchor, Axis, Color, Edges, Figure, Frame, Glyphs, LABEL_PX, Layer, LegendBox, LegendEntry,
    Text, Tick, View, elide_middle, text_width,
};

const HEAD_PX: f32 = 20.0;
const FOOT_PX: f32 = 18.0;
const LEGEND_PX: f32 = 18.0;
const ROW_MIN_PX: f32 = 5.0;
const ROW_MAX_PX: f32 = 28.0;
/// Rows lower than this do not stand in sections above one another.
const ROW_STACKED_PX: f32 = 13.0;
/// Rows lower than this have no texts.
const ROW_TEXT_PX: f32 = 12.0;
/// Rows lower than this show no history.
const ROW_HISTORY_PX: f32 = 16.0;
const GAP_PX: f32 = 14.0;
const VALUE_SIZE: f32 = 10.0;
const HEADS: [&str; 3] = ["Tasks", "CPU", "Memory"];
/// Workers within one process share its CPU time.
const CPU_SHARED: &str = "CPU of the whole process";

/// A row per worker, with its place among all.
type Rows<'a> = [(usize, &'a Row)];

/// Bars of all workers on one scale.
struct Section {
    left: f32,
    top: f32,
    /// Of the bars.
    width: f32,
    /// Of the values beside them; 0: there is no room for any.
    value_px: f32,
    /// Value at the bars' right end.
    to: f64,
}

impl Section {
    fn px(&self, value: f64) -> f32 {
        self.left + (value / self.to).clamp(0.0, 1.0) as f32 * self.width
    }

    /// The middle of a row.
    fn y(&self, index: usize, row_px: f32) -> f32 {
        self.top + HEAD_PX + (index as f32 + 0.5) * row_px
    }
}

pub(super) fn figure(plot: &Workers, view: &View) -> Figure {
    let all = shown(plot);
    let room = view.height_px as f32 - LEGEND_PX;
    let n_fit = ((room - HEAD_PX - FOOT_PX) / ROW_MIN_PX).max(1.0) as usize;
    let rows = &all[..all.len().min(n_fit)];
    let n_rows = rows.len().max(1) as f32;
    let stacked_px = (view.height_px as f32 / 3.0 - HEAD_PX - FOOT_PX) / n_rows;
    let is_stacked = stacked_px >= ROW_STACKED_PX;
    let row_px = if is_stacked { stacked_px } else { (room - HEAD_PX - FOOT_PX) / n_rows };
    let row_px = row_px.min(ROW_MAX_PX).floor().max(ROW_MIN_PX);
    let widest = rows.iter().map(|(_, row)| text_width(&row.name, LABEL_PX)).fold(20.0, f32::max);
    let name_px = widest.ceil().min(view.width_px as f32 * 0.24);
    let left = name_px as u32 + 18;
    let section_px = HEAD_PX + n_rows * row_px;
    let height = if is_stacked { 3.0 * section_px + 2.0 * FOOT_PX } else { section_px };
    let frame = Frame {
        left,
        top: 0,
        width: view.width_px.saturating_sub(left + 10).max(10),
        height: height as u32,
    };
    let mut figure = Figure {
        id: ABOUT.id.to_owned(),
        title: ABOUT.title.to_owned(),
        question: ABOUT.question.to_owned(),
        width_px: view.width_px,
        height_px: view.height_px,
        frame,
        x: Axis { label: "tasks, CPU, memory".to_owned(), ..Axis::default() },
        note: note(plot, all.len() - rows.len()),
        ..Figure::default()
    };
    if rows.is_empty() {
        let mut text = Text::new(Anchor::Middle, 13.0);
        let sentence = figure.string("No worker has joined yet.");
        let x = view.width_px as f32 / 2.0 - left as f32;
        text.push((x, frame.height as f32 / 2.0), sentence, Color::MUTED);
        figure.push(Layer::new(Glyphs::Text(text)));
        return figure;
    }
    let sections = sections(plot, rows, frame.width as f32, is_stacked.then_some(section_px));
    figure.y = names(rows, &sections, row_px, name_px, is_stacked);
    let mut heads = HEADS;
    let cpu_px = sections[1].width + sections[1].value_px;
    let has_room = is_stacked || text_width(CPU_SHARED, LABEL_PX) <= cpu_px;
    if has_room && plot.rows.iter().any(|row| !row.is_process) {
        heads[1] = CPU_SHARED;
    }
    figure.legend = if is_stacked {
        heads_legend(plot, &sections, &heads, view, frame)
    } else {
        foot_legend(plot, view, frame)
    };
    let has_history =
        row_px >= ROW_HISTORY_PX && plot.sampled.values().any(|s| s.history.len() > 2);
    scales(&mut figure, &sections, &heads, (section_px, has_history));
    bars::draw(plot, rows, &sections, (row_px, has_history), &mut figure);
    figure
}

/// The workers that are here; when none is, those that were.
fn shown(plot: &Workers) -> Vec<(usize, &Row)> {
    let rows = || plot.rows.iter().enumerate();
    let here: Vec<_> = rows().filter(|(_, row)| row.status != WorkerStatus::Lost).collect();
    if here.is_empty() { rows().collect() } else { here }
}

fn sampled(plot: &Workers, index: usize) -> Option<&Sampled> {
    plot.sampled.get(&WorkerId(index as u32))
}

fn names(
    rows: &Rows<'_>,
    sections: &[Section; 3],
    row_px: f32,
    name_px: f32,
    is_stacked: bool,
) -> Axis {
    let every = (LABEL_PX / row_px).ceil().max(1.0) as usize;
    let named = if is_stacked { &sections[..] } else { &sections[..1] };
    let ticks = named.iter().flat_map(|section| {
        rows.iter().enumerate().step_by(every).map(|(i, (_, row))| Tick {
            px: section.y(i, row_px),
            label: elide_middle(&row.name, name_px, LABEL_PX),
        })
    });
    Axis::lanes("worker", rows.len(), ticks.collect(), Vec::new())
}

fn note(plot: &Workers, n_hidden: usize) -> String {
    if plot.rows.is_empty() {
        return String::new();
    }
    let n = |status| plot.rows.iter().filter(|row| row.status == status).count();
    let n_lost = n(WorkerStatus::Lost);
    let mut note = format!("{} here", plot.rows.len() - n_lost);
    for (n, word) in [
        (n(WorkerStatus::Paused), "paused"),
        (n(WorkerStatus::Retiring), "retiring"),
        (n_lost, "gone"),
        (n_hidden, "more not shown"),
    ] {
        if n > 0 {
            note += &format!(" · {n} {word}");
        }
    }
    note
}

/// Three sections; their scales are shared by all workers, so that bars can be compared.
/// `stacked`: height of a section when they stand one above the other.
fn sections(plot: &Workers, rows: &Rows<'_>, width: f32, stacked: Option<f32>) -> [Section; 3] {
    let values = |i: usize| {
        let text = |(index, row): &(usize, &Row)| {
            text_width(&bars::value_texts(row, sampled(plot, *index))[i], VALUE_SIZE)
        };
        rows.iter().map(text).fold(0.0, f32::max).ceil() + 6.0
    };
    let value_px = if width >= 180.0 { [values(0), values(1), values(2)] } else { [0.0; 3] };
    let most = |value: fn(&Row) -> u64| rows.iter().map(|(_, row)| value(row)).max().unwrap_or(0);
    let cpu = rows.iter().filter_map(|(i, _)| sampled(plot, *i)).map(Sampled::most_cpu).max();
    let processes = rows.iter().filter(|(_, row)| row.is_process);
    let rss = processes.filter_map(|(i, _)| sampled(plot, *i)).map(|s| s.latest.rss_bytes).max();
    let memory = most(|row| row.limit_bytes.max(row.peak_bytes).max(row.disk_bytes));
    // A limit ends the scale as it is; what grew beyond it is rounded.
    let rss = rss.filter(|rss| *rss > memory).map(|rss| Measure::Bytes.round_up(rss as f64));
    let to = [
        most(|row| row.n_slots.max(row.n_assigned)) as f64,
        f64::from(cpu.unwrap_or(0)).max(most(|row| row.n_slots) as f64 * 1000.0) / 10.0,
        rss.unwrap_or(memory as f64).max(f64::from(1 << 20)),
    ];
    let section = |i: usize, left: f32, top: f32, width: f32| Section {
        left,
        top,
        width: width.max(4.0),
        value_px: value_px[i],
        to: to[i].max(1.0),
    };
    if let Some(height) = stacked {
        let widest = value_px.iter().copied().fold(0.0, f32::max);
        let place = |i: usize| section(i, 0.0, i as f32 * (height + FOOT_PX), width - widest);
        return [place(0), place(1), place(2)];
    }
    let bar_px = (width - 2.0 * GAP_PX - value_px.iter().sum::<f32>()) / 3.0;
    let left = |i: usize| value_px[..i].iter().sum::<f32>() + i as f32 * (bar_px.max(4.0) + GAP_PX);
    [0, 1, 2].map(|i| section(i, left(i), 0.0, bar_px))
}

/// Heads above and ticks below each section.
fn scales(
    figure: &mut Figure,
    sections: &[Section; 3],
    names: &[&str; 3],
    (section_px, has_history): (f32, bool),
) {
    let mut heads = Text::new(Anchor::Start, LABEL_PX).bold();
    let mut values = Text::new(Anchor::Middle, VALUE_SIZE);
    let mut grid = Edges::new(1.0, false);
    for (i, (section, head)) in sections.iter().zip(names).enumerate() {
        let head = figure.string(*head);
        heads.push((section.left, section.top + HEAD_PX / 2.0 - 1.0), head, Color::TEXT);
        let bottom = section.top + section_px;
        if i == 1 && has_history {
            let text = figure.string(format!("latest samples, 0 to {:.0}%", section.to));
            let x = section.left + section.width / 2.0;
            values.push((x, bottom + 9.0), text, Color::MUTED);
            continue;
        }
        let mut free_from = f32::MIN;
        for tick in ticks(section, i) {
            let x = section.left + tick.px;
            grid.push((x, section.top + HEAD_PX - 2.0), (x, bottom + 2.0), Color::GRID);
            let half = text_width(&tick.label, VALUE_SIZE) / 2.0;
            if x - half >= free_from {
                let label = figure.string(tick.label);
                values.push((x, bottom + 9.0), label, Color::MUTED);
                free_from = x + half + 6.0;
            }
        }
    }
    figure.push(Layer::new(Glyphs::Edges(grid)));
    figure.push(Layer::new(Glyphs::Text(heads)));
    figure.push(Layer::new(Glyphs::Text(values)));
}

/// Tasks and CPU have ticks where plotters sets them; sizes are round in powers of two, which the
/// quarters of a limit are.
fn ticks(section: &Section, index: usize) -> Vec<Tick> {
    if index == 2 {
        let quarters: &[f64] =
            if section.width > 200.0 { &[0.0, 0.25, 0.5, 0.75, 1.0] } else { &[1.0] };
        let tick = |share: &f64| Tick {
            px: *share as f32 * section.width,
            label: HumanBytes((share * section.to) as u64).to_string().replace(".0 ", " "),
        };
        return quarters.iter().map(tick).collect();
    }
    let unit = if index == 1 { "%" } else { "" };
    let n_ticks = (section.width / 40.0) as usize + 1;
    let text = |value: f64| format!("{value:.0}{unit}");
    let mut ticks = Axis::linear(unit, section.to, section.width, n_ticks, text).ticks;
    // Few tasks have ticks between whole numbers, which mean nothing.
    ticks.dedup_by(|b, a| a.label == b.label || (index == 0 && !is_whole(section, b.px)));
    ticks
}

fn is_whole(section: &Section, px: f32) -> bool {
    let value = f64::from(px / section.width) * section.to;
    (value - value.round()).abs() < 0.05
}

/// What the colours of a section mean.
fn meanings(plot: &Workers, section: usize) -> Vec<(Color, f32, String)> {
    let any = |is: fn(&Row) -> bool| plot.rows.iter().any(is);
    let mut items = match section {
        0 => vec![(Color::LOAD, "executing"), (Color::BACKLOG, "assigned")],
        1 => vec![],
        _ => vec![(Color::LOAD, "results")],
    };
    if section == 2 {
        if any(|row| row.is_process) && !plot.sampled.is_empty() {
            items.push((Color::UNMANAGED, "process"));
        }
        if any(|row| row.peak_bytes > row.memory_bytes) {
            items.push((Color::AXIS, "peak of results"));
        }
        if any(|row| row.disk_bytes > 0) {
            items.push((Color::SPILLED, "on disk"));
        }
    }
    items.into_iter().map(|(color, text)| (color, 1.0, text.to_owned())).collect()
}

/// A legend behind the head of each section.
fn heads_legend(
    plot: &Workers,
    sections: &[Section; 3],
    names: &[&str; 3],
    view: &View,
    frame: Frame,
) -> Vec<LegendEntry> {
    let mut entries = Vec::new();
    for (i, (section, name)) in sections.iter().zip(names).enumerate() {
        let place = LegendBox {
            left: frame.left as f32 + section.left + text_width(name, LABEL_PX) + 18.0,
            right: view.width_px as f32 - 2.0,
            top: frame.top as f32 + section.top - 1.0,
            row_px: HEAD_PX,
            n_rows: 1,
        };
        entries.extend(as_many_as_fit(&place, &meanings(plot, i)));
    }
    entries
}

fn as_many_as_fit(place: &LegendBox, items: &[(Color, f32, String)]) -> Vec<LegendEntry> {
    (1..=items.len()).rev().find_map(|n| place.set(&items[..n])).unwrap_or_default()
}

/// One legend below all.
fn foot_legend(plot: &Workers, view: &View, frame: Frame) -> Vec<LegendEntry> {
    let place = LegendBox {
        left: 10.0,
        right: view.width_px as f32 - 4.0,
        top: (frame.top + frame.height) as f32 + FOOT_PX,
        row_px: LEGEND_PX,
        n_rows: 1,
    };
    let mut items: Vec<(Color, f32, String)> = meanings(plot, 0);
    for (color, opacity, text) in meanings(plot, 2) {
        match items.iter_mut().find(|(known, ..)| *known == color) {
            Some((.., known)) => *known += &format!(", {text}"),
            None => items.push((color, opacity, text)),
        }
    }
    as_many_as_fit(&place, &items)
}
