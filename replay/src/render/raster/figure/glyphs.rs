//! The glyph kinds in pixels.

use super::Pen;
use crate::figure::{
    Area, Bars, Color, Edges, Figure, Glyphs, Layer, Line, Points, Rects, Shape, Text,
};

/// Corners of the polygon that stands for a disc.
const DISC_CORNERS: u8 = 16;
/// Length of a dash and of the gap behind it.
const DASH_PX: (f32, f32) = (4.0, 3.0);

/// Corners of a shape, in order.
type Outline = Vec<(f32, f32)>;

pub(super) fn draw(pen: &mut Pen<'_>, figure: &Figure, layer: &Layer) {
    let opacity = layer.opacity;
    match &layer.glyphs {
        Glyphs::Rects(glyphs) => rects(pen, glyphs, opacity),
        Glyphs::Line(glyphs) => line(pen, glyphs, opacity),
        Glyphs::Step(glyphs) => line(pen, &stepped(glyphs), opacity),
        Glyphs::Area(glyphs) => area(pen, glyphs, opacity),
        Glyphs::Bars(glyphs) => bars(pen, glyphs, opacity),
        Glyphs::Points(glyphs) => points(pen, glyphs, opacity),
        Glyphs::Text(glyphs) => text(pen, figure, glyphs, opacity),
        Glyphs::Edges(glyphs) => edges(pen, glyphs, opacity),
    }
}

fn rects(pen: &mut Pen<'_>, rects: &Rects, opacity: f32) {
    for i in 0..rects.x.len() {
        let at = (rects.x[i] as f32, rects.y[i] as f32);
        pen.rect(at, (rects.width[i], rects.height[i]), rects.color[i], opacity);
    }
}

fn bars(pen: &mut Pen<'_>, bars: &Bars, opacity: f32) {
    for i in 0..bars.x0.len() {
        let (x0, x1, half) = (bars.x0[i], bars.x1[i], bars.thick[i] / 2.0);
        // Upper and lower edges are crisp; the ends are as long as they are.
        let (top, bottom) = ((bars.y[i] - half).round(), (bars.y[i] + half).round());
        let outline = vec![(x0, top), (x1, top), (x1, bottom.max(top + 1.0)), (x0, bottom)];
        pen.fill(vec![outline], bars.color[i], opacity);
    }
}

fn area(pen: &mut Pen<'_>, area: &Area, opacity: f32) {
    let upper = area.x.iter().zip(&area.y1);
    let lower = area.x.iter().zip(&area.y0).rev();
    let outline = upper.chain(lower).map(|(x, y)| (*x, *y)).collect();
    pen.fill(vec![outline], area.color, opacity);
}

/// The corners of a line that keeps its y until the next x.
fn stepped(line: &Line) -> Line {
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for (next_x, next_y) in line.x.iter().zip(&line.y) {
        if let Some(last_y) = y.last().copied() {
            x.push(*next_x);
            y.push(last_y);
        }
        x.push(*next_x);
        y.push(*next_y);
    }
    Line { x, y, color: line.color, stroke: line.stroke }
}

fn line(pen: &mut Pen<'_>, line: &Line, opacity: f32) {
    let points: Outline = line.x.iter().zip(&line.y).map(|(x, y)| (*x, *y)).collect();
    let half = line.stroke / 2.0;
    let outlines = points.windows(2).map(|pair| stroke(pair[0], pair[1], half, half * 0.9));
    pen.fill(outlines.collect(), line.color, opacity);
}

fn edges(pen: &mut Pen<'_>, edges: &Edges, opacity: f32) {
    for i in 0..edges.x0.len() {
        let (from, to) = ((edges.x0[i], edges.y0[i]), (edges.x1[i], edges.y1[i]));
        if !edges.dashed {
            edge(pen, from, to, edges.stroke, edges.color[i], opacity);
            continue;
        }
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy).min(100_000.0);
        let mut at = 0.0;
        while at < length {
            let end = (at + DASH_PX.0).min(length);
            let point = |along: f32| (from.0 + dx * along / length, from.1 + dy * along / length);
            edge(pen, point(at), point(end), edges.stroke, edges.color[i], opacity);
            at += DASH_PX.0 + DASH_PX.1;
        }
    }
}

/// One line. Upright and level ones lie on whole pixels, or they would be pale and twice as wide.
fn edge(
    pen: &mut Pen<'_>,
    from: (f32, f32),
    to: (f32, f32),
    width: f32,
    color: Color,
    opacity: f32,
) {
    let whole = width.round().max(1.0);
    let lengthwise = |a: f32, b: f32| ((b - a).abs().round() as i32).max(1);
    let (left, top) = (from.0.min(to.0), from.1.min(to.1));
    // A line of odd width stands on its pixel, as the axis' lines do.
    let beside = (whole / 2.0).floor();
    if from.0 == to.0 {
        let size = (whole as i32, lengthwise(from.1, to.1));
        pen.rect((left - beside, top), size, color, opacity);
    } else if from.1 == to.1 {
        let size = (lengthwise(from.0, to.0), whole as i32);
        pen.rect((left, top - beside), size, color, opacity);
    } else {
        pen.fill(vec![stroke(from, to, width / 2.0, 0.0)], color, opacity);
    }
}

/// The outline of a straight stroke, `half` of its width to each side and `beyond` its ends.
fn stroke(from: (f32, f32), to: (f32, f32), half: f32, beyond: f32) -> Outline {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx.hypot(dy);
    if length == 0.0 {
        return Outline::new();
    }
    let (ux, uy) = (dx / length, dy / length);
    let corner = |(x, y): (f32, f32), along: f32, across: f32| {
        (x + ux * along - uy * across, y + uy * along + ux * across)
    };
    vec![
        corner(from, -beyond, half),
        corner(to, beyond, half),
        corner(to, beyond, -half),
        corner(from, -beyond, -half),
    ]
}

fn points(pen: &mut Pen<'_>, points: &Points, opacity: f32) {
    let r = points.size / 2.0;
    for i in 0..points.x.len() {
        let (x, y, color) = (points.x[i], points.y[i], points.color[i]);
        match points.shape {
            Shape::Dot => pen.fill(vec![disc((x, y), r)], color, opacity),
            Shape::Triangle => {
                let outline = vec![(x - r, y - r), (x + r, y - r), (x, y + r)];
                pen.fill(vec![outline], color, opacity);
            }
            Shape::Cross => {
                pen.fill(cross((x, y), r + 1.2, 1.6), Color::RIM, opacity);
                pen.fill(cross((x, y), r, 0.8), color, opacity);
            }
        }
    }
}

/// Two strokes from corner to corner. Both wind the same way around, so they add up.
fn cross((x, y): (f32, f32), r: f32, half: f32) -> Vec<Outline> {
    let falling = stroke((x - r, y - r), (x + r, y + r), half, 0.0);
    let rising = stroke((x - r, y + r), (x + r, y - r), half, 0.0);
    vec![falling, rising]
}

fn disc((x, y): (f32, f32), r: f32) -> Outline {
    let angle = |i: u8| f32::from(i) * std::f32::consts::TAU / f32::from(DISC_CORNERS);
    (0..DISC_CORNERS).map(|i| (x + r * angle(i).cos(), y + r * angle(i).sin())).collect()
}

fn text(pen: &mut Pen<'_>, figure: &Figure, text: &Text, opacity: f32) {
    for i in 0..text.x.len() {
        let Some(string) = usize::try_from(text.text[i]).ok().and_then(|s| figure.strings.get(s))
        else {
            continue;
        };
        let style = (text.size, text.bold);
        pen.text((text.x[i], text.y[i]), string, text.anchor, style, text.color[i], opacity);
    }
}
