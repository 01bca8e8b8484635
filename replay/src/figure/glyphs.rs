//! The few kinds of marks that every backend draws.

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

/// Equal-length columns, in pixels of the frame. `label` columns may also be empty.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[expect(missing_docs, reason = "the columns are told by their names and the text above each kind")]
pub enum Glyphs {
    /// Filled rectangles on whole pixels: `x`, `y` is the upper left corner. `label`: for hovering.
    Rects {
        x: Vec<i32>,
        y: Vec<i32>,
        width: Vec<i32>,
        height: Vec<i32>,
        color: Vec<Color>,
        label: Vec<i32>,
    },
    /// One line through the points, `stroke` pixels thick.
    Line { x: Vec<f32>, y: Vec<f32>, color: Color, stroke: f32 },
    /// One line that keeps its y until the next x.
    Step { x: Vec<f32>, y: Vec<f32>, color: Color, stroke: f32 },
    /// The area between two lines over the same x.
    Area { x: Vec<f32>, y0: Vec<f32>, y1: Vec<f32>, color: Color },
    /// Horizontal bars from `x0` to `x1` around the height `y`, `thick` pixels thick.
    Bars {
        x0: Vec<f32>,
        x1: Vec<f32>,
        y: Vec<f32>,
        thick: Vec<f32>,
        color: Vec<Color>,
        label: Vec<i32>,
    },
    /// Marks of one shape and about `size` pixels, centred on the point.
    Points { x: Vec<f32>, y: Vec<f32>, color: Vec<Color>, label: Vec<i32>, shape: Shape, size: f32 },
    /// Texts, `size` pixels high, vertically centred on `y`; `text` is an index into the strings.
    Text {
        x: Vec<f32>,
        y: Vec<f32>,
        text: Vec<i32>,
        color: Vec<Color>,
        anchor: Anchor,
        size: f32,
        bold: bool,
    },
    /// Straight lines between two points, `stroke` pixels thick.
    Edges {
        x0: Vec<f32>,
        y0: Vec<f32>,
        x1: Vec<f32>,
        y1: Vec<f32>,
        color: Vec<Color>,
        stroke: f32,
        dashed: bool,
    },
}

/// The shape of points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// A disc.
    Dot,
    /// Two crossed strokes, with a rim that sets them off from what is below.
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

    /// The layer with another opacity.
    pub fn opacity(self, opacity: f32) -> Self {
        Self { opacity, ..self }
    }
}

impl Glyphs {
    /// No rectangles yet.
    pub fn rects() -> Self {
        Self::Rects {
            x: Vec::new(),
            y: Vec::new(),
            width: Vec::new(),
            height: Vec::new(),
            color: Vec::new(),
            label: Vec::new(),
        }
    }

    /// How many glyphs there are; a line or area counts its points.
    pub fn count(&self) -> usize {
        match self {
            Self::Rects { x, .. } => x.len(),
            Self::Points { x, .. }
            | Self::Text { x, .. }
            | Self::Line { x, .. }
            | Self::Step { x, .. }
            | Self::Area { x, .. }
            | Self::Bars { x0: x, .. }
            | Self::Edges { x0: x, .. } => x.len(),
        }
    }
}
