//! Figures as files: SVG, PNG and GIF.
//!
//! The SVG is our own and not drawn with plotters, because that sets every rectangle on its own
//! with whole-pixel rounding (false gaps in dense lanes), writes no `<title>` for hovering, and
//! leaves control characters in texts; bytes that never change are easier to promise, too.
//! Plotters places the ticks of proportional axes (`Axis::linear`).

pub mod gif;
pub mod layout;
mod png;
mod raster;
mod stack;
mod svg;

pub use stack::stack;
pub use svg::svg;

use crate::figure::{Figure, Theme};
use raster::figure::Pen;
use raster::font::Fonts;

/// The figure as a PNG file with its title above it.
pub fn png(figure: &Figure, theme: &Theme) -> Vec<u8> {
    let mut fonts = Fonts::default();
    let size = (figure.width_px, figure.height_px + svg::TITLE_PX);
    let mut pen = Pen::new(size, theme, &mut fonts);
    pen.panel((0, 0), figure);
    png::encode(&pen.raster, theme)
}
