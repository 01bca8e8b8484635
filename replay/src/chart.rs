//! What many plots have in common: values with units, lanes over time, stacks over time and rows of
//! bars. A plot says what to draw; these lay it out, choose the level of detail and label it.

mod bars;
mod lanes;
mod measure;
mod stack;

use taskreel_model::{Nanos, State};

pub(crate) use bars::{BarRow, BarRows};
pub(crate) use lanes::{LaneChart, LaneName};
pub(crate) use measure::{Measure, time_text};
pub(crate) use stack::{Layered, stack};

use crate::about::About;
use crate::figure::{
    Anchor, Color, Figure, Frame, Glyphs, LABEL_PX, Layer, LegendBox, LegendEntry, Text, View,
    clean, text_width,
};

/// Height of the ticks below a frame.
pub(crate) const TICKS_PX: u32 = 20;
/// Height of a row of the legend.
pub(crate) const LEGEND_ROW_PX: u32 = 17;
/// Longest name that is kept, in characters.
pub(crate) const NAME_CHARS: usize = 120;

/// A colour's meaning: colour, opacity, label.
pub(crate) type Meaning = (Color, f32, String);

/// A meaning of an opaque colour.
pub(crate) fn means(color: Color, label: &str) -> Meaning {
    (color, 1.0, label.to_owned())
}

/// A figure without axes and glyphs.
pub(crate) fn blank(about: &About, view: &View, frame: Frame) -> Figure {
    Figure {
        id: about.id.to_owned(),
        title: about.title.to_owned(),
        question: about.question.to_owned(),
        width_px: view.width_px,
        height_px: view.height_px,
        frame,
        ..Figure::default()
    }
}

/// A figure that says, in one sentence, why it shows nothing.
pub(crate) fn nothing(about: &About, view: &View, sentence: &str) -> Figure {
    let frame = Frame {
        left: 10,
        top: 4,
        width: view.width_px.saturating_sub(20).max(10),
        height: view.height_px.saturating_sub(24).clamp(20, 120),
    };
    let mut figure = blank(about, view, frame);
    let middle = (frame.width as f32 / 2.0, frame.height as f32 / 2.0);
    let text = figure.string(sentence);
    let mut texts = Text::new(Anchor::Middle, 13.0);
    texts.push(middle, text, Color::MUTED);
    figure.push(Layer::new(Glyphs::Text(texts)));
    figure
}

/// The frame that labels of that width on the left and right, ticks and a legend leave.
pub(crate) fn frame(view: &View, names_px: f32, right_px: u32, legend: &[Meaning]) -> Frame {
    let left = (names_px.min(view.width_px as f32 * 0.26) + 16.0).ceil() as u32;
    let below = TICKS_PX + legend_rows(view, left, legend) * LEGEND_ROW_PX;
    Frame {
        left,
        top: 4,
        width: view.width_px.saturating_sub(left + right_px).max(10),
        height: view.height_px.saturating_sub(4 + below).max(10),
    }
}

/// The frame of a page of text: no axes, no legend.
pub(crate) fn page(view: &View) -> Frame {
    Frame {
        left: 10,
        top: 2,
        width: view.width_px.saturating_sub(20).max(10),
        height: view.height_px.saturating_sub(22).max(10),
    }
}

/// The widest of some texts of a page in pixels, and at most so many.
pub(crate) fn column<'a>(texts: impl Iterator<Item = &'a str>, most: f32) -> f32 {
    // Fonts differ from machine to machine: a little more than the guess.
    (texts.map(|text| text_width(text, LABEL_PX)).fold(0.0, f32::max) * 1.1).min(most)
}

/// Width of the widest of some names.
pub(crate) fn widest<'a>(names: impl Iterator<Item = &'a str>) -> f32 {
    // Fonts differ from machine to machine: a little more than the guess.
    names.map(|name| text_width(name, LABEL_PX) * 1.06).fold(16.0, f32::max)
}

fn legend_box(view: &View, left: u32, top: u32, n_rows: u32) -> LegendBox {
    LegendBox {
        left: left as f32,
        right: view.width_px as f32 - 4.0,
        top: top as f32,
        row_px: LEGEND_ROW_PX as f32,
        n_rows: n_rows as usize,
    }
}

/// How many rows a legend takes: none in a low picture, at most three.
fn legend_rows(view: &View, left: u32, legend: &[Meaning]) -> u32 {
    let n_most = match view.height_px {
        ..120 => 0,
        120..200 => 1,
        _ => 3,
    };
    if legend.is_empty() {
        return 0;
    }
    let place = |n: u32| legend_box(view, left, 0, n);
    let whole = (1..=n_most).find(|n| place(*n).set_whole(legend).is_some());
    let cut = || (1..=n_most).find(|n| place(*n).set(legend).is_some());
    whole.or_else(cut).unwrap_or(n_most)
}

/// The legend below a frame, cut to what fits.
pub(crate) fn legend(view: &View, frame: Frame, items: &[Meaning]) -> Vec<LegendEntry> {
    let n_rows = legend_rows(view, frame.left, items);
    let place = legend_box(view, frame.left, frame.top + frame.height + TICKS_PX, n_rows);
    (1..=items.len()).rev().find_map(|n| place.set(&items[..n])).unwrap_or_default()
}

/// Where an instant is in a frame of that width, cut to the window.
pub(crate) fn px_of(at: Nanos, view: &View, width: u32) -> f32 {
    let window = view.window;
    let since = at.clamp(window.from, window.to).since(window.from);
    (since.0 as f64 / window.length().0.max(1) as f64 * f64::from(width)) as f32
}

/// Whether an instant is within the window.
pub(crate) fn is_within(at: Nanos, view: &View) -> bool {
    (view.window.from..=view.window.to).contains(&at)
}

/// Takes over the names of workers that are new in the state, cleaned.
pub(crate) fn take_names(names: &mut Vec<String>, state: &State, n_chars: usize) {
    let fresh = state.workers().iter().skip(names.len());
    names.extend(fresh.map(|worker| clean(&worker.info.name, n_chars)));
}
