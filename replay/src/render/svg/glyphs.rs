//! The glyph kinds in SVG. Rectangles without a text to hover are joined into one path per colour.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::write::{Svg, fraction, number};
use crate::figure::{
    Anchor, Area, Bars, Color, Edges, Figure, Glyphs, Line, Points, Rects, Shape, Text, Theme,
};

/// A figure with more rectangles than this gets no texts to hover: they would weigh more than it.
const N_TITLES: usize = 2_000;

pub(super) fn layers(out: &mut Svg, figure: &Figure, theme: &Theme) {
    let n_labelled: usize = figure.layers.iter().map(|layer| n_labels(&layer.glyphs)).sum();
    let pen = Pen { figure, theme, titles: n_labelled <= N_TITLES };
    for layer in &figure.layers {
        let pale = layer.opacity < 1.0;
        if pale {
            out.begin(&format!("opacity=\"{}\"", fraction(layer.opacity)));
        }
        match &layer.glyphs {
            Glyphs::Rects(rects) => pen.rects(out, rects),
            Glyphs::Line(line) => pen.line(out, line, false),
            Glyphs::Step(line) => pen.line(out, line, true),
            Glyphs::Area(area) => pen.area(out, area),
            Glyphs::Bars(bars) => pen.bars(out, bars),
            Glyphs::Points(points) => pen.points(out, points),
            Glyphs::Text(text) => pen.text(out, text),
            Glyphs::Edges(edges) => pen.edges(out, edges),
        }
        if pale {
            out.end();
        }
    }
}

fn n_labels(glyphs: &Glyphs) -> usize {
    match glyphs {
        Glyphs::Rects(rects) => rects.label.iter().filter(|label| **label >= 0).count(),
        Glyphs::Bars(bars) => bars.label.iter().filter(|label| **label >= 0).count(),
        Glyphs::Points(points) => points.label.iter().filter(|label| **label >= 0).count(),
        Glyphs::Line(_)
        | Glyphs::Step(_)
        | Glyphs::Area(_)
        | Glyphs::Text(_)
        | Glyphs::Edges(_) => 0,
    }
}

struct Pen<'a> {
    figure: &'a Figure,
    theme: &'a Theme,
    titles: bool,
}

impl Pen<'_> {
    fn label(&self, labels: &[i32], index: usize) -> Option<&str> {
        let label = usize::try_from(*labels.get(index)?).ok()?;
        self.titles.then(|| self.figure.strings.get(label)).flatten().map(String::as_str)
    }

    fn rects(&self, out: &mut Svg, rects: &Rects) {
        out.begin("shape-rendering=\"crispEdges\"");
        let mut joined: BTreeMap<Color, String> = BTreeMap::new();
        for i in 0..rects.x.len() {
            let (x, y, w, h) = (rects.x[i], rects.y[i], rects.width[i], rects.height[i]);
            match self.label(&rects.label, i) {
                Some(title) => {
                    let d = format!("M{x} {y}h{w}v{h}h-{w}z");
                    out.titled_path(&d, self.theme.hex(rects.color[i]), title);
                }
                None => {
                    let d = joined.entry(rects.color[i]).or_default();
                    let _ = write!(d, "M{x} {y}h{w}v{h}h-{w}z");
                }
            }
        }
        for (color, d) in joined {
            out.path(&d, self.theme.hex(color), "");
        }
        out.end();
    }

    fn bars(&self, out: &mut Svg, bars: &Bars) {
        for i in 0..bars.x0.len() {
            let (x0, y) = (number(bars.x0[i]), number(bars.y[i] - bars.thick[i] / 2.0));
            let (w, h) = (number(bars.x1[i] - bars.x0[i]), number(bars.thick[i]));
            let d = format!("M{x0} {y}h{w}v{h}h-{w}z");
            let fill = self.theme.hex(bars.color[i]);
            match self.label(&bars.label, i) {
                Some(title) => out.titled_path(&d, fill, title),
                None => out.path(&d, fill, ""),
            }
        }
    }

    fn line(&self, out: &mut Svg, line: &Line, step: bool) {
        let mut d = String::new();
        for (i, (x, y)) in line.x.iter().zip(&line.y).enumerate() {
            let (x, y) = (number(*x), number(*y));
            let _ = match (i, step) {
                (0, _) => write!(d, "M{x} {y}"),
                (_, true) => write!(d, "H{x}V{y}"),
                (_, false) => write!(d, "L{x} {y}"),
            };
        }
        out.path(&d, "none", &stroke(self.theme.hex(line.color), line.stroke));
    }

    fn area(&self, out: &mut Svg, area: &Area) {
        let mut d = String::new();
        let upper = area.x.iter().zip(&area.y1);
        let lower = area.x.iter().zip(&area.y0).rev();
        for (i, (x, y)) in upper.chain(lower).enumerate() {
            let command = if i == 0 { 'M' } else { 'L' };
            let _ = write!(d, "{command}{} {}", number(*x), number(*y));
        }
        d.push('z');
        out.path(&d, self.theme.hex(area.color), "");
    }

    fn points(&self, out: &mut Svg, points: &Points) {
        let r = points.size / 2.0;
        for i in 0..points.x.len() {
            let (x, y) = (points.x[i], points.y[i]);
            let fill = self.theme.hex(points.color[i]);
            let d = match points.shape {
                Shape::Dot => {
                    let (left, top, r) = (number(x - r), number(y), number(r));
                    format!(
                        "M{left} {top}a{r} {r} 0 1 0 {s} 0a{r} {r} 0 1 0 -{s} 0z",
                        s = number(points.size)
                    )
                }
                Shape::Triangle => {
                    let (left, top, w, h) =
                        (number(x - r), number(y - r), number(2.0 * r), number(2.0 * r));
                    format!("M{left} {top}h{w}l-{} {h}z", number(r))
                }
                Shape::Cross => {
                    self.rim(out, x, y, r);
                    cross((x, y), r, 1.1)
                }
            };
            match self.label(&points.label, i) {
                Some(title) => out.titled_path(&d, fill, title),
                None => out.path(&d, fill, ""),
            }
        }
    }

    /// Sets a cross off from what is below.
    fn rim(&self, out: &mut Svg, x: f32, y: f32, r: f32) {
        out.path(&cross((x, y), r + 1.2, 2.3), self.theme.hex(Color::RIM), "");
    }

    fn text(&self, out: &mut Svg, text: &Text) {
        let anchor = match text.anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        for i in 0..text.x.len() {
            let string =
                usize::try_from(text.text[i]).ok().and_then(|s| self.figure.strings.get(s));
            let fill = self.theme.hex(text.color[i]);
            let string = string.map_or("", String::as_str);
            out.text((text.x[i], text.y[i]), string, anchor, text.size, text.bold, fill);
        }
    }

    fn edges(&self, out: &mut Svg, edges: &Edges) {
        let dashes = if edges.dashed { " stroke-dasharray=\"4 3\"" } else { "" };
        for i in 0..edges.x0.len() {
            let d = format!(
                "M{} {}L{} {}",
                number(edges.x0[i]),
                number(edges.y0[i]),
                number(edges.x1[i]),
                number(edges.y1[i])
            );
            let attributes = stroke(self.theme.hex(edges.color[i]), edges.stroke) + dashes;
            out.path(&d, "none", &attributes);
        }
    }
}

fn stroke(color: &str, width: f32) -> String {
    format!(" stroke=\"{color}\" stroke-width=\"{}\"", number(width))
}

/// Two strokes from corner to corner, `2 * half` thick.
fn cross((x, y): (f32, f32), r: f32, half: f32) -> String {
    let mut d = String::new();
    for sign in [1.0, -1.0] {
        // The corners of a stroke along the diagonal.
        let corners = [(-r, -r, 1.0), (r, r, 1.0), (r, r, -1.0), (-r, -r, -1.0)];
        for (i, (dx, dy, side)) in corners.into_iter().enumerate() {
            let (px, py) = (x + dx * sign + side * half * 0.7 * sign, y + dy - side * half * 0.7);
            let _ = write!(d, "{}{} {}", if i == 0 { 'M' } else { 'L' }, number(px), number(py));
        }
        d.push('z');
    }
    d
}
