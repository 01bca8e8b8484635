//! Figures: what a plot shows, as plain data. Backends (`render::svg`, the browser's `glyphs.js`)
//! draw any figure and know no plot.
//!
//! A figure is laid out for one [`View`]: the level of detail is chosen, the ticks are placed and
//! the labels are measured. So a backend multiplies nothing: **every coordinate of a glyph is in
//! pixels from the top left corner of [`Figure::frame`]** (x to the right, y down), and the
//! frame's own place is in pixels of the picture. The axes say what the pixels mean. The title,
//! question and note are not part of the picture; a page or [`crate::render`] sets them above it.
//!
//! # JSON
//!
//! [`Figure::to_json`] is this structure as serde writes it, read by the browser:
//!
//! ```json
//! {"id":"task-stream","title":"Task stream","question":"Who ran what, when?",
//!  "width_px":800,"height_px":300,
//!  "frame":{"left":90,"top":6,"width":700,"height":240},
//!  "window_ns":[0,12000000000],
//!  "x":{"label":"time","unit":"s","scale":"time","from":0.0,"to":12.0,
//!       "ticks":[{"px":0.0,"label":"0 s"},{"px":116.6,"label":"2 s"}]},
//!  "y":{"label":"","unit":"slot","scale":"lanes","from":0.0,"to":2.0,
//!       "ticks":[{"px":20.0,"label":"worker-0 · 0"}],"groups":[{"from":0.0,"to":60.0,"label":"worker-0","worker":0,"lanes":[0,30],"lane_px":28}]},
//!  "layers":[{"opacity":1.0,"kind":"rects","x":[10],"y":[4],"width":[30],"height":[20],
//!             "color":[7],"label":[0]}],
//!  "strings":["count-17 on worker-0 · 0: 12.3 ms, from 1.204 s"],
//!  "legend":[{"x":90.0,"y":286.0,"color":7,"opacity":1.0,"label":"count"}],
//!  "note":"2 running"}
//! ```
//!
//! - `window_ns` is `null` for a figure without a time axis; else the span that x covers.
//! - Layers are drawn in their order. A layer is a struct of arrays: all arrays of one layer have
//!   the same length. `kind` is one of `rects line step area bars points text edges`; see
//!   [`Glyphs`] for the columns of each.
//! - `color` is an index into [`Theme::colors`]; [`Theme::to_json`] gives the hex values.
//! - `label` and `text` are indices into `strings`; `label` -1 means none, an empty `label` array
//!   that no glyph of the layer has one. Strings come from strangers: show them as text only.
//! - Ticks and legend entries are already thinned so that their texts do not overlap at 11 px
//!   (`LABEL_PX`) sans-serif. x ticks stand below the frame, y ticks right-aligned to its left,
//!   both vertically centred on `px`. Grid lines: at the x ticks of scales other than `lanes`.
//! - Legend entries are placed in pixels of the picture: the swatch's left edge and its centre.

mod axis;
mod color;
mod glyphs;
mod legend;
mod text;
mod view;

use serde::Serialize;

pub use axis::{Axis, Group, Scale, Tick, time_label};
pub use color::{Color, PrefixColors, Theme};
pub use glyphs::{
    Anchor, Area, Bars, Edges, Glyphs, Layer, Line, NO_LABEL, Points, Rects, Shape, Text,
};
pub use legend::{LegendBox, LegendEntry, SWATCH_PX};
pub use text::{LABEL_PX, clean, count_text, elide, elide_middle, text_width};
pub use view::{Filter, View, Window};

/// A picture as data. See the module's text for its coordinates and its JSON form.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figure {
    /// The plot's id: `task-stream`.
    pub id: String,
    /// For people: `Task stream`.
    pub title: String,
    /// The question it answers.
    pub question: String,
    /// Width of the picture, frame and labels together.
    pub width_px: u32,
    /// Height of the picture.
    pub height_px: u32,
    /// Where in the picture the glyphs are.
    pub frame: Frame,
    /// The span of time that x covers, in nanoseconds since the run began.
    pub window_ns: Option<[u64; 2]>,
    /// Stretches of time that are folded, in order; x is linear between them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
    /// What x means.
    pub x: Axis,
    /// What y means.
    pub y: Axis,
    /// The glyphs, the backmost first.
    pub layers: Vec<Layer>,
    /// Texts and hover labels that glyphs refer to; bounded by the plot.
    pub strings: Vec<String>,
    /// What the colours mean.
    pub legend: Vec<LegendEntry>,
    /// A line of what else to know: `3 running · 2 failed`; may be empty.
    pub note: String,
}

/// A stretch of time that an axis shows narrower than the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Gap {
    /// Its begin, in ns since the run began.
    pub from_ns: u64,
    /// Its end.
    pub to_ns: u64,
    /// Where it begins, in pixels of the frame.
    pub px: f32,
    /// How wide it is.
    pub width_px: f32,
}

/// A rectangle of the picture, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Frame {
    /// Distance of its left edge from the picture's.
    pub left: u32,
    /// Distance of its upper edge from the picture's.
    pub top: u32,
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

impl Figure {
    /// The figure as JSON for the browser; its shape is described above.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a figure is maps of strings, numbers and arrays")
    }

    /// Adds a string to the table and gives its index.
    pub fn string(&mut self, text: impl Into<String>) -> i32 {
        self.strings.push(text.into());
        (self.strings.len() - 1) as i32
    }

    /// Adds a layer unless it has no glyphs.
    pub fn push(&mut self, layer: Layer) {
        if layer.glyphs.count() > 0 {
            self.layers.push(layer);
        }
    }

    /// How much of its height it uses, ticks and legend included.
    pub fn used_px(&self) -> u32 {
        let frame = self.frame.top + self.frame.height + 20;
        let legend = self.legend.iter().map(|entry| entry.y as u32 + 9).max().unwrap_or(0);
        frame.max(legend).min(self.height_px)
    }

    /// How many glyphs it has.
    pub fn n_glyphs(&self) -> usize {
        self.layers.iter().map(|layer| layer.glyphs.count()).sum()
    }
}
