//! Legends: what colours mean, laid out in rows.

use serde::Serialize;

use super::{Color, LABEL_PX, elide, text_width};

/// Side of a legend's swatch, in pixels.
pub const SWATCH_PX: f32 = 10.0;

const GAP_PX: f32 = 5.0;
const BETWEEN_PX: f32 = 16.0;
const LONGEST_LABEL_PX: f32 = 160.0;

/// One colour and its meaning. The swatch is a square of [`SWATCH_PX`], its text 5 px to its right.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LegendEntry {
    /// Left edge of the swatch, in pixels of the picture.
    pub x: f32,
    /// Height of its centre, in pixels of the picture.
    pub y: f32,
    /// The colour.
    pub color: Color,
    /// Its opacity in the picture.
    pub opacity: f32,
    /// What it means.
    pub label: String,
}

/// Sets entries side by side from `left` to `right` at the height `y`; gives those that fit and
/// how many of `items` they are.
pub fn legend_row(
    items: &[(Color, f32, String)],
    left: f32,
    right: f32,
    y: f32,
) -> Vec<LegendEntry> {
    let mut x = left;
    let mut entries = Vec::new();
    for (color, opacity, label) in items {
        let label = elide(label, LONGEST_LABEL_PX, LABEL_PX);
        let width = SWATCH_PX + GAP_PX + text_width(&label, LABEL_PX);
        if x + width > right {
            break;
        }
        entries.push(LegendEntry { x: x.round(), y, color: *color, opacity: *opacity, label });
        x += width + BETWEEN_PX;
    }
    entries
}
