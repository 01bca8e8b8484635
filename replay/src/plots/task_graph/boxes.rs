//! The graph prefix by prefix: a box each, divided by what became of its tasks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{ABOUT, PHASES, TaskGraph};
use crate::chart::{Meaning, blank, frame, legend, means};
use crate::figure::{
    Anchor, Axis, Bars, Color, Edges, Figure, Glyphs, LABEL_PX, Layer, Text, View, count_text,
    elide_middle,
};

/// Prefixes that are drawn at most: those with most tasks.
const N_BOXES: usize = 60;
const BOX_WIDTH_PX: f32 = 130.0;
const BOX_HEIGHT_PX: f32 = 46.0;
const BAR_PX: f32 = 10.0;
/// Boxes lower than this have no count below their bar.
const COUNT_PX: f32 = 34.0;
const COUNT_SIZE: f32 = 9.0;

/// A box: its middle on the left and its size.
#[derive(Clone, Copy)]
struct Place {
    x: f32,
    y: f32,
    width: f32,
    height: f32,
}

pub(super) fn figure(plot: &TaskGraph, view: &View) -> Figure {
    let total = |prefix: usize| plot.counts[prefix].iter().sum::<u64>();
    let mut shown: Vec<usize> = (0..plot.counts.len()).filter(|i| total(*i) > 0).collect();
    shown.sort_by_key(|i| (std::cmp::Reverse(total(*i)), *i));
    let n_hidden = shown.len().saturating_sub(N_BOXES);
    shown.truncate(N_BOXES);
    shown.sort_unstable();
    let has = |part: usize| plot.counts.iter().any(|counts| counts[part] > 0);
    let used = PHASES.iter().enumerate().filter(|(part, _)| has(*part));
    let meanings: Vec<Meaning> =
        used.map(|(_, (phase, color))| means(*color, phase.name())).collect();
    let frame = frame(view, 0.0, 16, &meanings);
    let places = places(plot, &shown, (frame.width as f32, frame.height as f32));
    let mut figure = blank(&ABOUT, view, frame);
    figure.x = Axis { label: "depth".to_owned(), ..Axis::default() };
    figure.legend = legend(view, frame, &meanings);
    let n_edges: u64 = plot.edges.values().sum();
    figure.note = format!(
        "{} tasks, {} dependencies, a box a prefix",
        count_text(plot.n_seen),
        count_text(n_edges)
    );
    if n_hidden > 0 {
        let _ = write!(figure.note, " · {n_hidden} small prefixes are not shown");
    }
    edges(plot, &places, &mut figure);
    boxes(plot, &places, &mut figure);
    figure
}

/// Lays boxes out in layers from left to right.
fn places(
    plot: &TaskGraph,
    shown: &[usize],
    (width, height): (f32, f32),
) -> BTreeMap<usize, Place> {
    let layers = layers(plot, shown);
    let n_layers = layers.values().max().map_or(1, |layer| layer + 1);
    let column = width / n_layers as f32;
    let box_width = (column * 0.7).min(BOX_WIDTH_PX);
    let mut places = BTreeMap::new();
    for layer in 0..n_layers {
        let within: Vec<usize> =
            layers.iter().filter(|(_, at)| **at == layer).map(|(prefix, _)| *prefix).collect();
        let each = (height / within.len().max(1) as f32).min(BOX_HEIGHT_PX * 2.0);
        let top = (height - each * within.len() as f32) / 2.0;
        for (i, prefix) in within.into_iter().enumerate() {
            let place = Place {
                x: layer as f32 * column + (column - box_width) / 2.0,
                y: top + (i as f32 + 0.5) * each,
                width: box_width,
                height: (each * 0.85).min(BOX_HEIGHT_PX),
            };
            places.insert(prefix, place);
        }
    }
    places
}

/// The layer of each prefix: behind all it depends on. Of edges that close a circle, those with
/// fewest dependencies do not count.
fn layers(plot: &TaskGraph, shown: &[usize]) -> BTreeMap<usize, usize> {
    let mut edges: Vec<(u64, usize, usize)> = plot
        .edges
        .iter()
        .map(|((from, to), n)| (*n, from.index(), to.index()))
        .filter(|(_, from, to)| from != to && shown.contains(from) && shown.contains(to))
        .collect();
    edges.sort_by(|a, b| b.0.cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let mut before: BTreeMap<usize, BTreeSet<usize>> =
        shown.iter().map(|prefix| (*prefix, BTreeSet::new())).collect();
    for (_, from, to) in edges {
        if !reaches(&before, to, from)
            && let Some(known) = before.get_mut(&to)
        {
            known.insert(from);
        }
    }
    let mut layers: BTreeMap<usize, usize> = shown.iter().map(|prefix| (*prefix, 0)).collect();
    // Without circles the longest way has fewer steps than there are prefixes.
    for _ in 0..shown.len() {
        let mut changed = false;
        for (to, known) in &before {
            let layer = known.iter().map(|from| layers[from] + 1).max().unwrap_or(0);
            changed |= layers.insert(*to, layer) != Some(layer);
        }
        if !changed {
            break;
        }
    }
    layers
}

/// Whether `to` is behind `from` already.
fn reaches(before: &BTreeMap<usize, BTreeSet<usize>>, from: usize, to: usize) -> bool {
    let mut work = vec![to];
    let mut seen = BTreeSet::new();
    while let Some(prefix) = work.pop() {
        if prefix == from {
            return true;
        }
        if seen.insert(prefix) {
            work.extend(before.get(&prefix).into_iter().flatten());
        }
    }
    false
}

/// Lines from box to box, in three strengths by how many dependencies they stand for.
fn edges(plot: &TaskGraph, places: &BTreeMap<usize, Place>, figure: &mut Figure) {
    let most = plot.edges.values().copied().max().unwrap_or(1) as f64;
    let mut layers = [1.0, 2.0, 3.5].map(|stroke| Edges::new(stroke, false));
    for ((from, to), n) in &plot.edges {
        let (Some(a), Some(b)) = (places.get(&from.index()), places.get(&to.index())) else {
            continue;
        };
        if from == to {
            continue;
        }
        let strength = match *n as f64 / most {
            share if share > 0.5 => 2,
            share if share > 0.05 => 1,
            _ => 0,
        };
        layers[strength].push((a.x + a.width, a.y), (b.x, b.y), Color::AXIS);
    }
    for edges in layers {
        figure.push(Layer::pale(0.6, Glyphs::Edges(edges)));
    }
}

fn boxes(plot: &TaskGraph, places: &BTreeMap<usize, Place>, figure: &mut Figure) {
    let (mut grounds, mut bars) = (Bars::default(), Bars::default());
    let mut names = Text::new(Anchor::Middle, LABEL_PX);
    let mut counts = Text::new(Anchor::Middle, COUNT_SIZE);
    for (prefix, place) in places {
        let (name, of) = (plot.prefixes.get(*prefix).0, &plot.counts[*prefix]);
        let total: u64 = of.iter().sum();
        let mut hover = format!("{name}: {} tasks", count_text(total));
        for ((phase, _), n) in PHASES.iter().zip(of).filter(|(_, n)| **n > 0) {
            let _ = write!(hover, ", {} {}", count_text(*n), phase.name());
        }
        let hover = figure.string(hover);
        let right = place.x + place.width;
        grounds.push((place.x, right), place.y, place.height, Color::TRACK, hover);
        let is_tall = place.height >= COUNT_PX;
        let (bar_y, bar_px) = match place.height {
            tall if tall >= 26.0 => (place.y + if is_tall { 2.0 } else { 7.0 }, BAR_PX),
            low => (place.y, low),
        };
        let mut from = place.x;
        for ((_, color), n) in PHASES.iter().zip(of).filter(|(_, n)| **n > 0) {
            let share = place.width * *n as f32 / total.max(1) as f32;
            // What erred is always to be seen.
            let least = if *color == Color::ERROR { 3.0 } else { 0.0 };
            let to = (from + share.max(least)).min(right);
            bars.push((from.min(to - least), to), bar_y, bar_px, *color, hover);
            from = to;
        }
        let middle = place.x + place.width / 2.0;
        if place.height >= 26.0 {
            let name = figure.string(elide_middle(name, place.width - 4.0, LABEL_PX));
            let y = if is_tall { place.y - 12.0 } else { place.y - 6.0 };
            names.push((middle, y), name, Color::TEXT);
        }
        if is_tall {
            let count = figure.string(count_text(total));
            counts.push((middle, place.y + 14.0), count, Color::MUTED);
        }
    }
    figure.push(Layer::new(Glyphs::Bars(grounds)));
    figure.push(Layer::new(Glyphs::Bars(bars)));
    figure.push(Layer::new(Glyphs::Text(names)));
    figure.push(Layer::new(Glyphs::Text(counts)));
}
