//! A figure in pixels: the same places, texts and order as in the SVG.

mod glyphs;

use super::font::{Fonts, Style};
use super::{Raster, Rgb};
use crate::figure::{Anchor, Color, Figure, LABEL_PX, SWATCH_PX, Scale, Theme, elide, text_width};
use crate::render::svg::{MARGIN_PX, TITLE_PX, TITLE_SIZE};

/// What a picture is drawn with.
pub(in crate::render) struct Pen<'a> {
    pub(in crate::render) raster: Raster,
    pub(in crate::render) fonts: &'a mut Fonts,
    theme: &'a Theme,
    /// Where the figure's coordinates begin in the picture.
    origin: (f32, f32),
}

impl<'a> Pen<'a> {
    /// A picture with nothing on it but the theme's background.
    pub(in crate::render) fn new(
        (width_px, height_px): (u32, u32),
        theme: &'a Theme,
        fonts: &'a mut Fonts,
    ) -> Self {
        let raster = Raster::new(width_px, height_px, Rgb::of(theme, Color::BACKGROUND));
        Self { raster, fonts, theme, origin: (0.0, 0.0) }
    }

    /// A line of text in bold, as above several plots.
    pub(in crate::render) fn headline(&mut self, (x, y): (f32, f32), text: &str, size: f32) {
        self.origin = (0.0, 0.0);
        self.text((x, y), text, Anchor::Start, (size, true), Color::TEXT, 1.0);
    }

    /// Title and figure with their upper left corner at a place of the picture.
    pub(in crate::render) fn panel(&mut self, (x, y): (u32, u32), figure: &Figure) {
        self.origin = (x as f32, y as f32);
        self.title(figure);
        self.origin.1 += TITLE_PX as f32;
        self.legend(figure);
        self.origin.0 += figure.frame.left as f32;
        self.origin.1 += figure.frame.top as f32;
        self.axes(figure);
        for layer in &figure.layers {
            glyphs::draw(self, figure, layer);
        }
    }

    fn title(&mut self, figure: &Figure) {
        let y = TITLE_PX as f32 / 2.0 + 1.0;
        let bold = (TITLE_SIZE, true);
        self.text((MARGIN_PX, y), &figure.title, Anchor::Start, bold, Color::TEXT, 1.0);
        let used = MARGIN_PX + text_width(&figure.title, TITLE_SIZE) + 24.0;
        let right = figure.width_px as f32 - MARGIN_PX;
        let note = elide(&figure.note, right - used, LABEL_PX);
        self.label((right, y), &note, Anchor::End, Color::MUTED);
    }

    fn legend(&mut self, figure: &Figure) {
        for entry in &figure.legend {
            let (left, top) = (entry.x, (entry.y - SWATCH_PX / 2.0).round());
            let (color, side) = (self.rgb(entry.color), SWATCH_PX);
            // Without its corners, which the SVG has round.
            let (x, y) = self.whole(left, top);
            let side = side as i32;
            self.raster.rect((x + 1, y), (side - 2, 1), color, entry.opacity);
            self.raster.rect((x, y + 1), (side, side - 2), color, entry.opacity);
            self.raster.rect((x + 1, y + side - 1), (side - 2, 1), color, entry.opacity);
            let x = entry.x + SWATCH_PX + 5.0;
            self.label((x, entry.y), &entry.label, Anchor::Start, Color::TEXT);
        }
    }

    fn axes(&mut self, figure: &Figure) {
        let (width, height) = (figure.frame.width as f32, figure.frame.height as f32);
        if figure.x.scale != Scale::Lanes && !figure.x.ticks.is_empty() {
            for tick in &figure.x.ticks {
                self.rect((tick.px, 0.0), (1, height as i32 + 4), Color::GRID, 1.0);
                // Labels at the edges stay inside the picture.
                let half = text_width(&tick.label, LABEL_PX) / 2.0;
                let reach = figure.width_px as f32 - figure.frame.left as f32 - 2.0;
                let x = tick.px.min(reach - half);
                self.label((x, height + 12.0), &tick.label, Anchor::Middle, Color::MUTED);
            }
            self.rect((0.0, height), (width as i32, 1), Color::AXIS, 1.0);
        }
        for tick in &figure.y.ticks {
            self.label((-8.0, tick.px), &tick.label, Anchor::End, Color::TEXT);
        }
    }

    fn rgb(&self, color: Color) -> Rgb {
        Rgb::of(self.theme, color)
    }

    /// A place of the figure as a whole pixel of the picture.
    fn whole(&self, x: f32, y: f32) -> (i32, i32) {
        ((self.origin.0 + x).round() as i32, (self.origin.1 + y).round() as i32)
    }

    fn rect(&mut self, (x, y): (f32, f32), size: (i32, i32), color: Color, opacity: f32) {
        let color = self.rgb(color);
        self.raster.rect(self.whole(x, y), size, color, opacity);
    }

    /// The inside of outlines given in the figure's coordinates.
    fn fill(&mut self, mut outlines: Vec<Vec<(f32, f32)>>, color: Color, opacity: f32) {
        for (x, y) in outlines.iter_mut().flatten() {
            (*x, *y) = (*x + self.origin.0, *y + self.origin.1);
        }
        let color = self.rgb(color);
        self.raster.fill(&outlines, color, opacity);
    }

    fn label(&mut self, place: (f32, f32), text: &str, anchor: Anchor, color: Color) {
        self.text(place, text, anchor, (LABEL_PX, false), color, 1.0);
    }

    fn text(
        &mut self,
        (x, y): (f32, f32),
        text: &str,
        anchor: Anchor,
        (size, bold): (f32, bool),
        color: Color,
        opacity: f32,
    ) {
        let style = Style { size, bold, color: self.rgb(color), opacity };
        let place = (self.origin.0 + x, self.origin.1 + y);
        self.fonts.draw(&mut self.raster, place, text, anchor, style);
    }
}
