//! Several plots in one picture, as panels of a small grid.

use taskreel_model::Nanos;

use super::png;
use super::raster::Raster;
use super::raster::figure::Pen;
use super::raster::font::Fonts;
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
const HEADLINE_SIZE: f32 = 15.0;
/// Its left end and its middle.
const HEADLINE_AT: (f32, f32) = (10.0, HEAD_PX as f32 / 2.0);

/// A figure with the upper left corner of its panel.
pub(super) type Placed = (u32, u32, Figure);

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

    /// The same arrangement on a smaller or larger picture; texts keep their size.
    pub fn scaled(&self, factor: f64) -> Self {
        let scale = |px: u32| (f64::from(px) * factor).round() as u32;
        let lower = |y: u32| HEAD_PX + scale(y.saturating_sub(HEAD_PX));
        let panel = |panel: &Panel| Panel {
            plot: panel.plot,
            x: scale(panel.x),
            y: lower(panel.y),
            width: scale(panel.x + panel.width) - scale(panel.x),
            height: lower(panel.y + panel.height) - lower(panel.y),
        };
        Self {
            width_px: scale(self.width_px),
            height_px: lower(self.height_px),
            panels: self.panels.iter().map(panel).collect(),
        }
    }

    /// The picture as SVG, no higher than it needs to be. `headline` stands above it; a plot that
    /// is not among `plots` leaves its panel empty.
    pub fn svg(
        &self,
        plots: &[Box<dyn Plot>],
        window: Window,
        now: Nanos,
        headline: &str,
        theme: &Theme,
    ) -> String {
        let (placed, height_px) = self.place(plots, window, now);
        let mut out = Svg::open(self.width_px, height_px, headline, theme);
        let (x, middle) = HEADLINE_AT;
        let head = self.fit(headline);
        out.text((x, middle), &head, "start", HEADLINE_SIZE, true, theme.hex(Color::TEXT));
        for (x, y, figure) in &placed {
            out.begin(&format!("transform=\"translate({x} {y})\""));
            panel(&mut out, figure, theme);
            out.end();
        }
        out.close()
    }

    /// The same picture as PNG.
    pub fn png(
        &self,
        plots: &[Box<dyn Plot>],
        window: Window,
        now: Nanos,
        headline: &str,
        theme: &Theme,
    ) -> Vec<u8> {
        let (placed, height_px) = self.place(plots, window, now);
        let mut fonts = Fonts::default();
        let raster = self.raster(&placed, height_px, headline, theme, &mut fonts);
        png::encode(&raster, theme)
    }

    /// Figures at their places, in pixels.
    pub(super) fn raster(
        &self,
        placed: &[Placed],
        height_px: u32,
        headline: &str,
        theme: &Theme,
        fonts: &mut Fonts,
    ) -> Raster {
        let mut pen = Pen::new((self.width_px, height_px), theme, fonts);
        pen.headline(HEADLINE_AT, &self.fit(headline), HEADLINE_SIZE);
        for (x, y, figure) in placed {
            pen.panel((*x, *y), figure);
        }
        pen.raster
    }

    fn fit(&self, headline: &str) -> String {
        elide(headline, self.width_px as f32 - 20.0, HEADLINE_SIZE)
    }

    /// Figures where they go, and the height that the picture needs.
    fn place(&self, plots: &[Box<dyn Plot>], window: Window, now: Nanos) -> (Vec<Placed>, u32) {
        let mut placed: Vec<Placed> = Vec::new();
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
        (placed, height_px)
    }

    /// Figures exactly at their panels, for pictures that follow each other and must not jump.
    pub(super) fn place_fixed(
        &self,
        plots: &[Box<dyn Plot>],
        window: Window,
        now: Nanos,
    ) -> Vec<Placed> {
        let figure = |place: &Panel| {
            let plot = plots.iter().find(|plot| plot.about().id == place.plot)?;
            let height_px = place.height.saturating_sub(TITLE_PX);
            let view = View::new(window, place.width, height_px).at(now);
            Some((place.x, place.y, plot.figure(&view)))
        };
        self.panels.iter().filter_map(figure).collect()
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
