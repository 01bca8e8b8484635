//! The user's own markers and spans above the lanes of the task stream, with thin lines across them:
//! what the program was at while workers ran this or that.

use taskreel_model::Nanos;

use crate::figure::{Bars, Color, Edges, Figure, Glyphs, Layer, Points, Shape};
use crate::lod::Lod;
use crate::plots::marks::{Marks, marker_text, span_text};

/// Markers nearer than this share a triangle, spans nearer than this a bar.
const APART_PX: f32 = 5.0;
/// Height at which they are drawn: above the first lane.
const Y_PX: f32 = -1.0;

pub(super) fn draw(marks: &Marks, lod: &Lod, height_px: i32, figure: &mut Figure) {
    let px = |at: Nanos| lod.px_from_ns(at) as f32;
    let (window, now) = (lod.window, lod.now);
    let mut lines = Edges::new(1.0, true);
    let mut line = |x: f32| lines.push((x, 0.0), (x, height_px as f32), Color::HIGH);

    let mut spans: Vec<_> =
        marks.spans.iter().filter(|(of, _)| of.from <= now && of.to >= window.from).collect();
    spans.sort_by_key(|(of, _)| (of.from, of.to));
    // Of a bar: from, to, the first span, how many more.
    let mut bars: Vec<(f32, f32, String, u64)> = Vec::new();
    for (of, name) in spans {
        let (x0, x1) = (px(of.from), px(of.to));
        match bars.last_mut() {
            Some((_, to, _, n)) if x0 - *to < APART_PX && x1 - x0 < APART_PX => {
                (*to, *n) = (to.max(x1), *n + 1);
            }
            _ => bars.push((x0, x1.max(x0 + 2.0), span_text(*of, name), 0)),
        }
    }
    let mut drawn = Bars::default();
    for (x0, x1, text, n_more) in bars {
        let more = if n_more > 0 { format!(", and {n_more} more") } else { String::new() };
        let label = figure.string(text + &more);
        drawn.push((x0, x1), Y_PX, 3.0, Color::HIGH, label);
        line(x0);
        line(x1);
    }

    let mut points = Points::new(Shape::Triangle, 8.0);
    let mut group: Option<(f32, Nanos, &str, u64)> = None;
    let mut put = |(x, at, name, n): (f32, Nanos, &str, u64)| {
        let label = figure.string(marker_text(at, name, n));
        points.push((x, Y_PX + 2.0), Color::HIGH, label);
        line(x);
    };
    let is_in = |at: Nanos| at >= window.from && at <= now;
    for (at, name) in marks.rising().into_iter().filter(|(at, _)| is_in(*at)) {
        match &mut group {
            Some((x, _, _, n)) if px(*at) - *x < APART_PX => *n += 1,
            _ => {
                if let Some(done) = group.replace((px(*at), *at, name, 1)) {
                    put(done);
                }
            }
        }
    }
    if let Some(last) = group {
        put(last);
    }
    figure.push(Layer::pale(0.6, Glyphs::Edges(lines)));
    figure.push(Layer::new(Glyphs::Bars(drawn)));
    figure.push(Layer::new(Glyphs::Points(points)));
}
