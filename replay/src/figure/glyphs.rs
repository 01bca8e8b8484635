//! The few kinds of marks that every backend draws, as structs of equal-length columns.
//!
//! Coordinates are pixels of the frame. A `label` is an index into the figure's strings, shown
//! when the pointer is over the glyph, or [`NO_LABEL`].

use serde::Serialize;

use super::Color;

/// In a `label` column: this glyph has none.
pub const NO_LABEL: i32 = -1;

/// Glyphs of one kind, drawn together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Layer {
    /// From 0 (not seen) to 1.
    pub opacity: f32,
    /// The glyphs.
    #[serde(flatten)]
    pub glyphs: Glyphs,
}

/// All kinds of glyphs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Glyphs {
    /// Filled rectangles on whole pixels.
    Rects(Rects),
    /// One line through its points.
    Line(Line),
    /// One line that keeps its y until the next x.
    Step(Line),
    /// The area between two lines over the same x.
    Area(Area),
    /// Horizontal bars with fractional edges.
    Bars(Bars),
    /// Marks of one shape, centred on their points.
    Points(Points),
    /// Texts, vertically centred on `y`.
    Text(Text),
    /// Straight lines between two points each.
    Edges(Edges),
}

/// Filled rectangles; `x`, `y` is the upper left corner.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[expect(missing_docs, reason = "columns named by the glossary; the text above says the rest")]
pub struct Rects {
    pub x: Vec<i32>,
    pub y: Vec<i32>,
    pub width: Vec<i32>,
    pub height: Vec<i32>,
    pub color: Vec<Color>,
    pub label: Vec<i32>,
}

/// Points of a line, from left to right, `stroke` pixels thick.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "columns named by the glossary; the text above says the rest")]
pub struct Line {
    pub x: Vec<f32>,
    pub y: Vec<f32>,
    pub color: Color,
    pub stroke: f32,
}

/// An area between the lines `y0` and `y1`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "columns named by the glossary; the text above says the rest")]
pub struct Area {
    pub x: Vec<f32>,
    pub y0: Vec<f32>,
    pub y1: Vec<f32>,
    pub color: Color,
}

/// Bars from `x0` to `x1` around the height `y`, `thick` pixels thick.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[expect(missing_docs, reason = "columns named by the glossary; the text above says the rest")]
pub struct Bars {
    pub x0: Vec<f32>,
    pub x1: Vec<f32>,
    pub y: Vec<f32>,
    pub thick: Vec<f32>,
    pub color: Vec<Color>,
    pub label: Vec<i32>,
}

/// Marks of one `shape`, `size` pixels across.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "columns named by the glossary; the text above says the rest")]
pub struct Points {
    pub x: Vec<f32>,
    pub y: Vec<f32>,
    pub color: Vec<Color>,
    pub label: Vec<i32>,
    pub shape: Shape,
    pub size: f32,
}

/// Texts `size` pixels high; `text` is an index into the figure's strings.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "columns named by the glossary; the text above says the rest")]
pub struct Text {
    pub x: Vec<f32>,
    pub y: Vec<f32>,
    pub text: Vec<i32>,
    pub color: Vec<Color>,
    pub anchor: Anchor,
    pub size: f32,
    pub bold: bool,
}

/// Lines from `x0`, `y0` to `x1`, `y1`, `stroke` pixels thick.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "columns named by the glossary; the text above says the rest")]
pub struct Edges {
    pub x0: Vec<f32>,
    pub y0: Vec<f32>,
    pub x1: Vec<f32>,
    pub y1: Vec<f32>,
    pub color: Vec<Color>,
    pub stroke: f32,
    pub dashed: bool,
}

/// The shape of points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// A disc.
    Dot,
    /// Two crossed strokes, with a rim (`Color::RIM`) that sets them off from what is below.
    Cross,
    /// A triangle that points down.
    Triangle,
}

/// Which end of a text stands at its x.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Anchor {
    /// Its begin.
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
}

impl Layer {
    /// A layer that hides what is below.
    pub fn new(glyphs: Glyphs) -> Self {
        Self { opacity: 1.0, glyphs }
    }

    /// A layer that what is below shines through.
    pub fn pale(opacity: f32, glyphs: Glyphs) -> Self {
        Self { opacity, glyphs }
    }
}

impl Glyphs {
    /// How many glyphs there are; a line or area counts its points.
    pub fn count(&self) -> usize {
        match self {
            Self::Rects(rects) => rects.x.len(),
            Self::Line(line) | Self::Step(line) => line.x.len(),
            Self::Area(area) => area.x.len(),
            Self::Bars(bars) => bars.x0.len(),
            Self::Points(points) => points.x.len(),
            Self::Text(text) => text.x.len(),
            Self::Edges(edges) => edges.x0.len(),
        }
    }
}

impl Rects {
    /// Adds a rectangle: its upper left corner, its width and height.
    pub fn push(
        &mut self,
        (x, y): (i32, i32),
        (width, height): (i32, i32),
        color: Color,
        label: i32,
    ) {
        self.x.push(x);
        self.y.push(y);
        self.width.push(width);
        self.height.push(height);
        self.color.push(color);
        self.label.push(label);
    }
}

impl Bars {
    /// Adds a bar over `x0..x1` around the height `y`.
    pub fn push(&mut self, (x0, x1): (f32, f32), y: f32, thick: f32, color: Color, label: i32) {
        self.x0.push(round(x0));
        self.x1.push(round(x1));
        self.y.push(round(y));
        self.thick.push(round(thick));
        self.color.push(color);
        self.label.push(label);
    }
}

impl Points {
    /// No points yet.
    pub fn new(shape: Shape, size: f32) -> Self {
        let (x, y, color, label) = Default::default();
        Self { x, y, color, label, shape, size }
    }

    /// Adds a point.
    pub fn push(&mut self, (x, y): (f32, f32), color: Color, label: i32) {
        self.x.push(round(x));
        self.y.push(round(y));
        self.color.push(color);
        self.label.push(label);
    }
}

impl Text {
    /// No texts yet.
    pub fn new(anchor: Anchor, size: f32) -> Self {
        let (x, y, text, color) = Default::default();
        Self { x, y, text, color, anchor, size, bold: false }
    }

    /// The same in bold.
    pub fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    /// Adds a text.
    pub fn push(&mut self, (x, y): (f32, f32), text: i32, color: Color) {
        self.x.push(round(x));
        self.y.push(round(y));
        self.text.push(text);
        self.color.push(color);
    }
}

impl Edges {
    /// No lines yet.
    pub fn new(stroke: f32, dashed: bool) -> Self {
        let (x0, y0, x1, y1, color) = Default::default();
        Self { x0, y0, x1, y1, color, stroke, dashed }
    }

    /// Adds a line.
    pub fn push(&mut self, (x0, y0): (f32, f32), (x1, y1): (f32, f32), color: Color) {
        self.x0.push(round(x0));
        self.y0.push(round(y0));
        self.x1.push(round(x1));
        self.y1.push(round(y1));
        self.color.push(color);
    }
}

/// A tenth of a pixel is as fine as anybody sees, and short in JSON.
fn round(px: f32) -> f32 {
    (px * 10.0).round() / 10.0
}
