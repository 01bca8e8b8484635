//! Several plots in one picture, as panels of a small grid.

use taskreel_model::Nanos;

use super::svg::{Svg, TITLE_PX, panel};
use crate::figure::{Color, Figure, Theme, View, Window, elide};
use crate::plots::Plot;

/// A place for a plot, in pixels of the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panel {
    /// Which plot.
    pub plot: &'static str,
    /// Left edge.
    pub x: u32,
    /// Upper edge.
    pub y: u32,
    /// Width.
    pub width: u32,
    /// Height, title included.
    pub height: u32,
}

/// Panels on a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Width of the picture.
    pub width_px: u32,
    /// Height of the picture, the headline included.
    pub height_px: u32,
    /// Where each plot goes.
    pub panels: Vec<Panel>,
}

/// Height of the headline.
const HEAD_PX: u32 = 34;
const GAP_PX: u32 = 10;

impl Layout {
    /// As Dask's users know it: workers on the left, the task stream large on the right, progress
    /// below it. A picture narrower than 800 pixels has them one below the other.
    pub fn status(width_px: u32, height_px: u32) -> Self {
        let (width_px, height_px) = (width_px.clamp(240, 16_384), height_px.clamp(300, 16_384));
        let below = height_px - HEAD_PX - GAP_PX;
        let panel = |plot, x, y, width, height| Panel { plot, x, y, width, height };
        let panels = if width_px < 800 {
            let stream = below * 2 / 5;
            let rest = (below - stream) / 2;
            vec![
                panel("task-stream", 0, HEAD_PX, width_px, stream),
                panel("progress", 0, HEAD_PX + stream, width_px, rest),
                panel("workers", 0, HEAD_PX + stream + rest, width_px, rest),
            ]
        } else {
            let left = (width_px * 3 / 10).clamp(280, 460);
            let stream = below * 62 / 100;
            let right = width_px - left - GAP_PX;
            vec![
                panel("workers", 0, HEAD_PX, left, below),
                panel("task-stream", left + GAP_PX, HEAD_PX, right, stream),
                panel("progress", left + GAP_PX, HEAD_PX + stream, right, below - stream),
            ]
        };
        Self { width_px, height_px, panels }
    }

    /// The picture as SVG, no higher than it needs to be. `headline` stands above it; a plot that is not among `plots` leaves its
    /// panel empty.
    pub fn svg(
        &self,
        plots: &[Box<dyn Plot>],
        window: Window,
        now: Nanos,
        headline: &str,
        theme: &Theme,
    ) -> String {
        let mut placed: Vec<(u32, u32, Figure)> = Vec::new();
        for place in &self.panels {
            let Some(plot) = plots.iter().find(|plot| plot.about().id == place.plot) else {
                continue;
            };
            // What a panel above leaves unused, the one below it moves into.
            let above = placed.iter().rev().find(|(x, ..)| *x == place.x);
            let y =
                above.map_or(place.y, |(_, y, figure)| y + TITLE_PX + figure.used_px() + GAP_PX);
            let height_px = (place.y + place.height).saturating_sub(y + TITLE_PX);
            let view = View::new(window, place.width, height_px).at(now);
            placed.push((place.x, y.min(place.y), plot.figure(&view)));
        }
        let used = placed.iter().map(|(_, y, figure)| y + TITLE_PX + figure.used_px()).max();
        let height_px = used.map_or(self.height_px, |used| (used + GAP_PX).min(self.height_px));
        let mut out = Svg::open(self.width_px, height_px, headline, theme);
        let head = elide(headline, self.width_px as f32 - 20.0, 15.0);
        let middle = HEAD_PX as f32 / 2.0;
        out.text((10.0, middle), &head, "start", 15.0, true, theme.hex(Color::TEXT));
        for (x, y, figure) in &placed {
            out.begin(&format!("transform=\"translate({x} {y})\""));
            panel(&mut out, figure, theme);
            out.end();
        }
        out.close()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_stay_inside_and_apart() {
        for (width, height) in [(0, 0), (390, 844), (800, 300), (1280, 720), (4000, 3000)] {
            let layout = Layout::status(width, height);
            for (i, a) in layout.panels.iter().enumerate() {
                assert!(a.x + a.width <= layout.width_px && a.y + a.height <= layout.height_px);
                for b in &layout.panels[..i] {
                    let apart = a.x >= b.x + b.width
                        || b.x >= a.x + a.width
                        || a.y >= b.y + b.height
                        || b.y >= a.y + a.height;
                    assert!(apart, "{a:?} {b:?}");
                }
            }
        }
    }
}
