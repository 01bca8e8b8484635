//! The task stream's columns as a figure: frame, axes, legend and note. The glyphs are made in
//! `lanes_drawn`, their hover labels in `labels`.

mod labels;
mod lanes_drawn;
mod marks_drawn;

use taskreel_model::WorkerStatus;

use self::lanes_drawn::Drawing;
use super::{ABOUT, TaskStream, WorkerColumns};
use crate::figure::{
    Anchor, Axis, Color, Figure, Frame, Glyphs, LABEL_PX, Layer, LegendBox, LegendEntry, Text,
    View, text_width,
};
use crate::lanes::{Lanes, Lodger};

/// Colours of the bands, by `track`.
const MOVED: [(Color, &str); 3] =
    [(Color::TRANSFER, "transfer"), (Color::DISK, "disk"), (Color::SERIALIZE, "(de)serialize")];
const LOST_OPACITY: f32 = 0.35;
const RUNNING_OPACITY: f32 = 0.55;
const WAITS_OPACITY: f32 = 0.2;

const TOP_PX: u32 = 4;
const RIGHT_PX: u32 = 16;
const TICKS_PX: u32 = 20;
const LEGEND_ROW_PX: u32 = 17;
/// Prefixes that the legend names at most.
const LEGEND_PREFIXES: usize = 12;

pub(super) fn figure(plot: &TaskStream, view: &View) -> Figure {
    let shown = shown(plot, view);
    let lodgers: Vec<Lodger> = shown
        .iter()
        .map(|&(worker, columns)| Lodger {
            worker,
            name: columns.name.clone(),
            n_slots: columns.n_slots,
        })
        .collect();
    let room = room(&lodgers, view);
    let lanes = Lanes::new(&lodgers, room.height);
    let height = if shown.is_empty() { room.height } else { lanes.height_px.max(8) as u32 };
    let frame = Frame { height, ..room };
    let mut figure = Figure {
        id: ABOUT.id.to_owned(),
        title: ABOUT.title.to_owned(),
        question: ABOUT.question.to_owned(),
        width_px: view.width_px,
        height_px: view.height_px,
        frame,
        window_ns: Some([view.window.from.0, view.window.to.0]),
        x: Axis::time(view.window, frame.width),
        y: lanes.axis(&lodgers, frame.left as f32 - 10.0),
        legend: legend(plot, view, frame, &lanes),
        note: note(plot, view, shown.len(), &lanes),
        ..Figure::default()
    };
    if shown.is_empty() {
        figure.x.ticks.clear();
        say(&mut figure, "No worker has joined yet.");
        return figure;
    }
    let mut drawing = Drawing::new(plot, &lanes, view, frame.width);
    for ((_, worker), at) in shown.iter().zip(&lanes.workers) {
        drawing.worker(worker, at);
    }
    drawing.finish(&mut figure);
    figure
}

/// The workers that are here at some time in the window, by number.
fn shown<'a>(plot: &'a TaskStream, view: &View) -> Vec<(u32, &'a WorkerColumns)> {
    let is_here = |(id, worker): &(u32, &WorkerColumns)| {
        let joined = worker.presence.first().is_some_and(|(at, _)| *at <= view.window.to);
        let gone = worker
            .presence
            .last()
            .is_some_and(|(at, status)| *status == WorkerStatus::Lost && *at < view.window.from);
        joined && !gone && view.filter.worker.is_none_or(|wanted| wanted.0 == *id)
    };
    (0..).zip(&plot.workers).filter(is_here).collect()
}

/// What is left for lanes beside labels on the left, and above ticks and the legend.
fn room(lodgers: &[Lodger], view: &View) -> Frame {
    let widest = lodgers
        .iter()
        .map(|l| text_width(&l.name, LABEL_PX) + if l.n_slots > 1 { 20.0 } else { 0.0 })
        .fold(20.0, f32::max);
    let left = (widest.min(view.width_px as f32 * 0.22).min(180.0) + 12.0).ceil() as u32;
    let below = TICKS_PX + legend_rows(view) * LEGEND_ROW_PX;
    Frame {
        left,
        top: TOP_PX,
        width: view.width_px.saturating_sub(left + RIGHT_PX).max(10),
        height: view.height_px.saturating_sub(TOP_PX + below).max(10),
    }
}

/// Rows of the legend: none in a low picture, more in a narrow one.
fn legend_rows(view: &View) -> u32 {
    match (view.width_px, view.height_px) {
        (_, ..120) => 0,
        (..600, _) => 3,
        _ => 2,
    }
}

/// Names as many prefixes as fit, those that took most time first, and every other colour.
fn legend(plot: &TaskStream, view: &View, frame: Frame, lanes: &Lanes) -> Vec<LegendEntry> {
    let top = frame.top + frame.height + TICKS_PX;
    let place = LegendBox {
        left: frame.left as f32,
        right: view.width_px as f32 - 4.0,
        top: top as f32,
        row_px: LEGEND_ROW_PX as f32,
        n_rows: (view.height_px.saturating_sub(top) / LEGEND_ROW_PX).min(legend_rows(view))
            as usize,
    };
    let mut prefixes: Vec<_> = plot.prefixes.iter().filter(|p| p.is_used).collect();
    prefixes.sort_by(|a, b| b.busy.cmp(&a.busy).then_with(|| a.name.cmp(&b.name)));
    let others: Vec<_> = other_colors(plot, lanes);
    (0..=LEGEND_PREFIXES.min(prefixes.len()))
        .rev()
        .find_map(|n_named| {
            let named = prefixes[..n_named].iter().map(|p| (p.color, 1.0, p.name.clone()));
            let n_more = prefixes.len() - n_named;
            let more = (n_more > 0).then(|| (Color::OTHER, 0.0, format!("+ {n_more} more")));
            let items: Vec<_> = named.chain(more).chain(others.iter().cloned()).collect();
            place.set(&items)
        })
        .unwrap_or_default()
}

/// What else has a colour in lanes of that size.
fn other_colors(plot: &TaskStream, lanes: &Lanes) -> Vec<(Color, f32, String)> {
    let moved = MOVED.iter().zip(plot.has_moved).filter(|(_, has)| *has && lanes.track_px > 0);
    let mut colors: Vec<_> =
        moved.map(|((color, name), _)| (*color, 1.0, (*name).to_owned())).collect();
    if plot.n_running > 0 && !lanes.collapsed {
        colors.push((Color::OTHER, RUNNING_OPACITY, "running".to_owned()));
    }
    if plot.has_waited && !lanes.collapsed {
        colors.push((Color::OTHER, WAITS_OPACITY, "waits for its tasks".to_owned()));
    }
    if plot.has_lost && !lanes.collapsed {
        colors.push((Color::OTHER, LOST_OPACITY, "lost or cancelled".to_owned()));
    }
    let mut presence = plot.workers.iter().flat_map(|worker| &worker.presence);
    if presence.any(|(_, status)| *status == WorkerStatus::Paused) {
        colors.push((Color::PAUSED, 1.0, "paused".to_owned()));
    }
    if !plot.marks.is_empty() {
        colors.push((Color::HIGH, 1.0, "marked".to_owned()));
    }
    if plot.n_failed > 0 {
        colors.push((Color::ERROR, 1.0, "failed".to_owned()));
    }
    colors
}

fn note(plot: &TaskStream, view: &View, n_shown: usize, lanes: &Lanes) -> String {
    let mut parts = Vec::new();
    if plot.n_running > 0 {
        parts.push(format!("{} running", plot.n_running));
    }
    if plot.n_waiting > 0 {
        parts.push(format!("{} waiting for their tasks", plot.n_waiting));
    }
    if plot.n_failed > 0 {
        parts.push(format!("{} failed", plot.n_failed));
    }
    let lost: Vec<_> = plot.workers.iter().filter(|worker| worker.lost_at.is_some()).collect();
    match lost.as_slice() {
        [] => {}
        [worker] => parts.push(format!("{} lost", worker.name)),
        many => parts.push(format!("{} workers lost", many.len())),
    }
    let n_gone = plot.workers.len() - n_shown;
    if n_gone > 0 && view.filter.worker.is_none() {
        parts.push(format!("{n_gone} workers not here in this window"));
    }
    if lanes.n_hidden > 0 {
        parts.push(format!("{} workers below are not shown", lanes.n_hidden));
    }
    parts.join(" · ")
}

/// A sentence in the middle of an empty frame.
fn say(figure: &mut Figure, sentence: &str) {
    let (x, y) = (figure.frame.width as f32 / 2.0, figure.frame.height as f32 / 2.0);
    let text = figure.string(sentence);
    let mut texts = Text::new(Anchor::Middle, 13.0);
    texts.push((x, y), text, Color::MUTED);
    figure.push(Layer::new(Glyphs::Text(texts)));
}
