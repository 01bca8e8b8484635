//! Figures as files: SVG now.
//!
//! The SVG is our own and not drawn with plotters, because that sets every rectangle on its own
//! with whole-pixel rounding (false gaps in dense lanes), writes no `<title>` for hovering, and
//! leaves control characters in texts; bytes that never change are easier to promise, too.
//! Plotters places the ticks of proportional axes (`Axis::linear`).

pub mod layout;
mod svg;

pub use svg::svg;
