//! Gauges over time on one axis: stacked areas, and what they add up to.

use super::{Meaning, Measure, blank, frame, legend, widest};
use crate::about::About;
use crate::figure::{Area, Axis, Color, Edges, Figure, Frame, Glyphs, Layer, Line, View};
use crate::series::Series;

/// One gauge of a stack, or a line across it.
pub(crate) struct Layered<'a> {
    pub(crate) series: &'a Series,
    pub(crate) color: Color,
    pub(crate) label: &'a str,
}

/// Stacks the gauges, the first at the bottom. `total` is drawn as a line along its highest values,
/// so that a peak within a pixel column is seen.
pub(crate) fn stack(
    about: &About,
    view: &View,
    measure: Measure,
    layers: &[Layered<'_>],
    total: &Series,
) -> Figure {
    let shown: Vec<&Layered<'_>> = layers.iter().filter(|l| l.series.most() > 0).collect();
    let to = measure.round_up(total.most() as f64);
    let mut meanings: Vec<Meaning> =
        shown.iter().rev().map(|l| (l.color, 1.0, l.label.to_owned())).collect();
    meanings.push((Color::AXIS, 1.0, "together, at most".to_owned()));
    let tick_px = widest([measure.end_text(to)].iter().map(String::as_str));
    let frame = frame(view, tick_px, 16, &meanings);
    let mut figure = blank(about, view, frame);
    figure.window_ns = Some([view.window.from.0, view.window.to.0]);
    figure.x = Axis::time(view.window, frame.width);
    figure.y = y_axis(measure, to, frame);
    grid(&mut figure);
    let height = frame.height as f32;
    let y =
        |value: f64| ((height * (1.0 - (value / to).clamp(0.0, 1.0) as f32)) * 10.0).round() / 10.0;
    let mut below: Vec<f64> = Vec::new();
    for layer in shown {
        let columns = layer.series.columns(view.window, view.now, frame.width);
        below.resize(columns.len(), 0.0);
        let above: Vec<f64> = below
            .iter()
            .zip(&columns)
            .map(|(below, c)| below + c.map_or(0.0, |extent| extent.last as f64))
            .collect();
        figure.push(Layer::new(Glyphs::Area(between(&below, &above, layer.color, y))));
        below = above;
    }
    let columns = total.columns(view.window, view.now, frame.width);
    let heights: Vec<f32> =
        columns.iter().map(|c| y(c.map_or(0.0, |extent| extent.most as f64))).collect();
    let mut line = Line { x: Vec::new(), y: Vec::new(), color: Color::AXIS, stroke: 1.0 };
    super::lanes::outline(&heights, |x, y| {
        line.x.push(x);
        line.y.push(y);
    });
    figure.push(Layer::new(Glyphs::Line(line)));
    figure.legend = legend(view, frame, &meanings);
    figure
}

/// The area between two lines with one value per pixel column.
fn between(below: &[f64], above: &[f64], color: Color, y: impl Fn(f64) -> f32) -> Area {
    let n = below.len();
    let mut area = Area { x: Vec::new(), y0: Vec::new(), y1: Vec::new(), color };
    for i in 0..n {
        let here = (below[i], above[i]);
        let is_level = i > 0
            && i + 1 < n
            && (below[i - 1], above[i - 1]) == here
            && (below[i + 1], above[i + 1]) == here;
        if !is_level {
            area.x.push(if i == 0 { 0.0 } else { i as f32 + 0.5 });
            area.y0.push(y(here.0));
            area.y1.push(y(here.1));
        }
    }
    if let (Some(below), Some(above)) = (below.last(), above.last()) {
        area.x.push(n as f32);
        area.y0.push(y(*below));
        area.y1.push(y(*above));
    }
    area
}

/// A vertical axis whose ticks carry their unit, 0 at the bottom.
pub(crate) fn y_axis(measure: Measure, to: f64, frame: Frame) -> Axis {
    let height = frame.height as f32;
    let n_ticks = ((height / 40.0) as usize).clamp(1, 8);
    let mut ticks = measure.ticks(to, height, n_ticks);
    for tick in &mut ticks {
        tick.px = height - tick.px;
    }
    Axis { unit: measure.unit().to_owned(), from: to, to: 0.0, ticks, ..Axis::default() }
}

/// Horizontal lines at the ticks of y.
pub(crate) fn grid(figure: &mut Figure) {
    let mut edges = Edges::new(1.0, false);
    for tick in &figure.y.ticks {
        edges.push((0.0, tick.px), (figure.frame.width as f32, tick.px), Color::GRID);
    }
    figure.push(Layer::new(Glyphs::Edges(edges)));
}
