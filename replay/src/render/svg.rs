//! A figure as SVG: self-contained, and the same bytes for the same figure (fixed decimals, fixed
//! order of attributes). Texts come from strangers and are escaped here, whatever was cleaned
//! before. Only presentation attributes are used, so that a strict content policy may embed it.

mod glyphs;
mod write;

use crate::figure::{Color, Figure, LABEL_PX, SWATCH_PX, Scale, Theme, elide, text_width};

pub(super) use write::Svg;

/// Height of the title line above a figure.
pub(super) const TITLE_PX: u32 = 26;
pub(super) const TITLE_SIZE: f32 = 14.0;
pub(super) const MARGIN_PX: f32 = 10.0;

/// The figure as an SVG document with its title above it.
pub fn svg(figure: &Figure, theme: &Theme) -> String {
    let height_px = figure.height_px + TITLE_PX;
    let mut out = Svg::open(figure.width_px, height_px, &figure.title, theme);
    panel(&mut out, figure, theme);
    out.close()
}

/// Title and figure at the current origin.
pub(super) fn panel(out: &mut Svg, figure: &Figure, theme: &Theme) {
    title(out, figure, theme);
    out.begin(&format!("transform=\"translate(0 {TITLE_PX})\""));
    legend(out, figure, theme);
    let frame = figure.frame;
    out.begin(&format!("transform=\"translate({} {})\"", frame.left, frame.top));
    axes(out, figure, theme);
    glyphs::layers(out, figure, theme);
    out.end();
    out.end();
}

fn title(out: &mut Svg, figure: &Figure, theme: &Theme) {
    let y = TITLE_PX as f32 / 2.0 + 1.0;
    out.text((MARGIN_PX, y), &figure.title, "start", TITLE_SIZE, true, theme.hex(Color::TEXT));
    let used = MARGIN_PX + text_width(&figure.title, TITLE_SIZE) + 24.0;
    let right = figure.width_px as f32 - MARGIN_PX;
    let note = elide(&figure.note, right - used, LABEL_PX);
    out.text((right, y), &note, "end", LABEL_PX, false, theme.hex(Color::MUTED));
}

fn legend(out: &mut Svg, figure: &Figure, theme: &Theme) {
    for entry in &figure.legend {
        let top = entry.y - SWATCH_PX / 2.0;
        out.swatch((entry.x, top), SWATCH_PX, theme.hex(entry.color), entry.opacity);
        let x = entry.x + SWATCH_PX + 5.0;
        out.text((x, entry.y), &entry.label, "start", LABEL_PX, false, theme.hex(Color::TEXT));
    }
}

fn axes(out: &mut Svg, figure: &Figure, theme: &Theme) {
    let (width, height) = (figure.frame.width as f32, figure.frame.height as f32);
    let muted = theme.hex(Color::MUTED);
    if figure.x.scale != Scale::Lanes && !figure.x.ticks.is_empty() {
        for tick in &figure.x.ticks {
            out.line((tick.px, 0.0), (tick.px, height + 4.0), theme.hex(Color::GRID), 1.0);
            // Labels at the edges stay inside the picture.
            let half = text_width(&tick.label, LABEL_PX) / 2.0;
            let reach = figure.width_px as f32 - figure.frame.left as f32 - 2.0;
            let x = tick.px.min(reach - half);
            out.text((x, height + 12.0), &tick.label, "middle", LABEL_PX, false, muted);
        }
        out.line((0.0, height), (width, height), theme.hex(Color::AXIS), 1.0);
    }
    for tick in &figure.y.ticks {
        out.text((-8.0, tick.px), &tick.label, "end", LABEL_PX, false, theme.hex(Color::TEXT));
    }
}
