//! Figures of several runs below each other, in one picture.

use super::svg::{Svg, TITLE_PX, panel};
use crate::figure::{Color, Figure, Theme, elide};

/// Height of the headline.
const HEAD_PX: u32 = 34;
const GAP_PX: u32 = 10;

/// The figures below each other as SVG, each with its title; `headline` stands above them.
pub fn stack(figures: &[Figure], headline: &str, theme: &Theme) -> String {
    let width_px = figures.iter().map(|figure| figure.width_px).max().unwrap_or(240);
    let each = |figure: &Figure| TITLE_PX + figure.used_px() + GAP_PX;
    let height_px = HEAD_PX + figures.iter().map(each).sum::<u32>();
    let mut out = Svg::open(width_px, height_px, headline, theme);
    let head = elide(headline, width_px as f32 - 20.0, 15.0);
    let middle = HEAD_PX as f32 / 2.0;
    out.text((10.0, middle), &head, "start", 15.0, true, theme.hex(Color::TEXT));
    let mut y = HEAD_PX;
    for figure in figures {
        out.begin(&format!("transform=\"translate(0 {y})\""));
        panel(&mut out, figure, theme);
        out.end();
        y += each(figure);
    }
    out.close()
}
