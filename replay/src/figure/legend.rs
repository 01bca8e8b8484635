//! Legends: what colours mean, laid out in rows.

use serde::Serialize;

use super::{Color, LABEL_PX, elide, text_width};

/// Side of a legend's swatch, in pixels.
pub const SWATCH_PX: f32 = 10.0;

const GAP_PX: f32 = 5.0;
const BETWEEN_PX: f32 = 14.0;
const LONGEST_LABEL_PX: f32 = 150.0;

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

/// Where a legend may stand, in pixels of the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LegendBox {
    /// Left edge.
    pub left: f32,
    /// Right edge.
    pub right: f32,
    /// Upper edge.
    pub top: f32,
    /// Height of a row.
    pub row_px: f32,
    /// How many rows there are.
    pub n_rows: usize,
}

impl LegendBox {
    /// Sets (colour, opacity, label) side by side, row by row; `None` if they do not all fit. Long
    /// labels are cut if need be.
    pub fn set(&self, items: &[(Color, f32, String)]) -> Option<Vec<LegendEntry>> {
        self.set_whole(items).or_else(|| self.set_cut(items, LONGEST_LABEL_PX))
    }

    /// The same, without cutting any label.
    pub fn set_whole(&self, items: &[(Color, f32, String)]) -> Option<Vec<LegendEntry>> {
        self.set_cut(items, f32::INFINITY)
    }

    fn set_cut(&self, items: &[(Color, f32, String)], longest: f32) -> Option<Vec<LegendEntry>> {
        let (mut x, mut row) = (self.left, 0);
        let mut entries = Vec::with_capacity(items.len());
        for (color, opacity, label) in items {
            let label = elide(label, longest, LABEL_PX);
            let width = SWATCH_PX + GAP_PX + text_width(&label, LABEL_PX);
            if x + width > self.right && x > self.left {
                (x, row) = (self.left, row + 1);
            }
            if row >= self.n_rows || x + width > self.right {
                return None;
            }
            let y = self.top + (row as f32 + 0.5) * self.row_px;
            entries.push(LegendEntry { x: x.round(), y, color: *color, opacity: *opacity, label });
            x += width + BETWEEN_PX;
        }
        Some(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_and_refuses_what_does_not_fit() {
        let items: Vec<_> = (0..6).map(|i| (Color(i), 1.0, format!("prefix-{i}"))).collect();
        let mut place = LegendBox { left: 10.0, right: 260.0, top: 0.0, row_px: 16.0, n_rows: 2 };
        let entries = place.set(&items).expect("two rows hold them");
        assert_eq!(entries.iter().filter(|entry| entry.y == 8.0).count(), 3);
        assert!(
            entries.windows(2).all(|pair| pair[0].y < pair[1].y || pair[0].x + 50.0 < pair[1].x)
        );
        place.n_rows = 1;
        assert_eq!(place.set(&items), None);
    }

    #[test]
    fn long_labels_are_cut_only_where_they_must_be() {
        let items: Vec<_> = ["read", "a-prefix-with-an-uncommonly-long-name"]
            .map(|name| (Color(0), 1.0, name.to_owned()))
            .into();
        let mut place = LegendBox { left: 0.0, right: 400.0, top: 0.0, row_px: 16.0, n_rows: 1 };
        assert_eq!(place.set(&items).expect("there is room")[1].label, items[1].2);
        place.right = 230.0;
        let cut = place.set(&items).expect("it fits when it is cut");
        assert!(cut[1].label.ends_with('…'), "{cut:?}");
    }
}
