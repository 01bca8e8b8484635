//! Text in pixels: the embedded font's outlines, hinted up and down only, so that lines of text
//! are crisp while letters keep their distances. No shaping: one character, one glyph. Characters
//! that the font has not (see `font/README.md`) are boxes.

use std::collections::HashMap;

use skrifa::instance::{LocationRef, Size};
use skrifa::outline::{
    DrawSettings, Engine, HintingInstance, HintingOptions, OutlinePen, SmoothMode, Target,
};
use skrifa::{FontRef, GlyphId, MetadataProvider};

use super::{Raster, Rgb};
use crate::figure::Anchor;

const REGULAR: &[u8] = include_bytes!("../font/Roboto-Regular.ttf");
const BOLD: &[u8] = include_bytes!("../font/Roboto-Bold.ttf");

/// Line segments that a curve of a glyph becomes.
const CURVE_SEGMENTS: u8 = 5;

/// How a text is set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// Height in pixels.
    pub(super) size: f32,
    pub(super) bold: bool,
    pub(super) color: Rgb,
    pub(super) opacity: f32,
}

/// The fonts, with the glyphs that were drawn before.
#[derive(Default)]
pub(in crate::render) struct Fonts {
    /// By size in 1/64 px and whether it is bold.
    sizes: HashMap<(u32, bool), Face>,
}

/// A font in one size.
struct Face {
    font: FontRef<'static>,
    size: Size,
    hinting: Option<HintingInstance>,
    glyphs: HashMap<char, Glyph>,
}

/// A glyph's outlines around the begin of its base line, y down.
#[derive(Clone, Debug, Default)]
struct Glyph {
    outlines: Vec<Vec<(f32, f32)>>,
    advance: f32,
}

impl Fonts {
    /// Draws a text centred vertically on `y`, as the SVG has it.
    pub(super) fn draw(
        &mut self,
        raster: &mut Raster,
        (x, y): (f32, f32),
        text: &str,
        anchor: Anchor,
        style: Style,
    ) {
        let font = self.face(style.size, style.bold);
        let width: f32 = text.chars().map(|c| font.glyph(c).advance).sum();
        let mut x = match anchor {
            Anchor::Start => x,
            Anchor::Middle => x - width / 2.0,
            Anchor::End => x - width,
        };
        let base = (y + style.size * 0.36).round();
        for c in text.chars() {
            let glyph = font.glyph(c);
            let place = |(dx, dy): &(f32, f32)| (x + dx, base + dy);
            let outlines: Vec<Vec<(f32, f32)>> =
                glyph.outlines.iter().map(|o| o.iter().map(place).collect()).collect();
            raster.fill(&outlines, style.color, style.opacity);
            x += glyph.advance;
        }
    }

    fn face(&mut self, size: f32, bold: bool) -> &mut Face {
        let sixty_fourths = (size.clamp(4.0, 200.0) * 64.0).round() as u32;
        let size = sixty_fourths as f32 / 64.0;
        self.sizes.entry((sixty_fourths, bold)).or_insert_with(|| Face::new(size, bold))
    }
}

impl Face {
    fn new(size: f32, bold: bool) -> Self {
        let font = FontRef::new(if bold { BOLD } else { REGULAR })
            .expect("the embedded font is one that was looked at");
        let size = Size::new(size);
        let target = Target::Smooth {
            mode: SmoothMode::Normal,
            symmetric_rendering: true,
            preserve_linear_metrics: true,
        };
        let options = HintingOptions { engine: Engine::Auto(None), target };
        let outlines = font.outline_glyphs();
        let hinting = HintingInstance::new(&outlines, size, LocationRef::default(), options).ok();
        Self { font, size, hinting, glyphs: HashMap::new() }
    }

    fn glyph(&mut self, c: char) -> &Glyph {
        if !self.glyphs.contains_key(&c) {
            let glyph = self.outline(c);
            self.glyphs.insert(c, glyph);
        }
        &self.glyphs[&c]
    }

    fn outline(&self, c: char) -> Glyph {
        // The one character of our own that the font lacks: between the workers of a transfer.
        let c = if c == '→' { '>' } else { c };
        let id = self.font.charmap().map(c).unwrap_or(GlyphId::NOTDEF);
        let metrics = self.font.glyph_metrics(self.size, LocationRef::default());
        let advance = metrics.advance_width(id).unwrap_or_default();
        let mut pen = Flattening::default();
        if let Some(outline) = self.font.outline_glyphs().get(id) {
            let settings = match &self.hinting {
                Some(hinting) => DrawSettings::hinted(hinting, false),
                None => DrawSettings::unhinted(self.size, LocationRef::default()),
            };
            // A glyph that cannot be drawn leaves a blank; the embedded fonts have none.
            let _ = outline.draw(settings, &mut pen);
        }
        Glyph { outlines: pen.outlines, advance }
    }
}

/// Makes curves into line segments, and turns y downwards.
#[derive(Default)]
struct Flattening {
    outlines: Vec<Vec<(f32, f32)>>,
    at: (f32, f32),
}

impl Flattening {
    fn point(&mut self, x: f32, y: f32) {
        if let Some(outline) = self.outlines.last_mut() {
            outline.push((x, -y));
        }
        self.at = (x, y);
    }

    fn curve(&mut self, along: impl Fn(f32) -> (f32, f32)) {
        for i in 1..=CURVE_SEGMENTS {
            let (x, y) = along(f32::from(i) / f32::from(CURVE_SEGMENTS));
            self.point(x, y);
        }
    }
}

impl OutlinePen for Flattening {
    fn move_to(&mut self, x: f32, y: f32) {
        self.outlines.push(Vec::new());
        self.point(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.point(x, y);
    }

    fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) {
        let (ax, ay) = self.at;
        let bend = |t: f32, a: f32, c: f32, b: f32| {
            let u = 1.0 - t;
            u * u * a + 2.0 * u * t * c + t * t * b
        };
        self.curve(|t| (bend(t, ax, cx, x), bend(t, ay, cy, y)));
    }

    fn curve_to(&mut self, cx0: f32, cy0: f32, cx1: f32, cy1: f32, x: f32, y: f32) {
        let (ax, ay) = self.at;
        let bend = |t: f32, a: f32, c: f32, d: f32, b: f32| {
            let u = 1.0 - t;
            u * u * u * a + 3.0 * u * t * (u * c + t * d) + t * t * t * b
        };
        self.curve(|t| (bend(t, ax, cx0, cx1, x), bend(t, ay, cy0, cy1, y)));
    }

    fn close(&mut self) {}
}
