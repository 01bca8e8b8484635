//! The graph task by task: a dot each, in layers from left to right.

use taskreel_model::Phase;

use super::{ABOUT, Dot, Dots, PHASES, color_of};
use crate::chart::{Meaning, blank, frame, legend, means};
use crate::figure::{Axis, Color, Edges, Figure, Glyphs, Layer, Points, Shape, View, count_text};

const DOT_MAX_PX: f32 = 14.0;
const DOT_MIN_PX: f32 = 4.0;
/// Room between layers, in widths of a dot.
const GAP: f32 = 2.5;

/// `None`: the dots would be too small to be seen.
pub(super) fn figure(dots: &Dots, view: &View) -> Option<Figure> {
    let n_layers = dots.dots.iter().map(|dot| dot.layer + 1).max()?;
    let used = PHASES.iter().filter(|(phase, _)| dots.dots.iter().any(|dot| dot.phase == *phase));
    let meanings: Vec<Meaning> = used.map(|(phase, color)| means(*color, phase.name())).collect();
    let frame = frame(view, 0.0, 16, &meanings);
    let order = ordered(&dots.dots, n_layers);
    let (width, height) = (frame.width as f32, frame.height as f32);
    let pitch = pitch(&order, width, height)?;
    let per_column = ((height / pitch) as usize).max(1);
    let columns = |layer: &Vec<usize>| layer.len().div_ceil(per_column) as f32;
    let all: f32 = order.iter().map(columns).sum();
    // What is left is shared out between the layers.
    let gap = if n_layers > 1 {
        ((width - all * pitch) / (n_layers - 1) as f32).min(pitch * 12.0)
    } else {
        0.0
    };
    let mut at = vec![(0.0, 0.0); dots.dots.len()];
    let mut x = pitch / 2.0;
    for layer in &order {
        for (i, dot) in layer.iter().enumerate() {
            let (column, row) = (i / per_column, i % per_column);
            let in_column = per_column.min(layer.len() - column * per_column) as f32;
            // A column that is not full is spread over the height, like the others.
            let each = (height / in_column).min(pitch * 4.0);
            let top = (height - each * in_column) / 2.0;
            at[*dot] = (x + column as f32 * pitch, top + (row as f32 + 0.5) * each);
        }
        x += columns(layer) * pitch + gap;
    }
    let mut figure = blank(&ABOUT, view, frame);
    figure.x = Axis { label: "depth".to_owned(), ..Axis::default() };
    figure.legend = legend(view, frame, &meanings);
    figure.note = note(dots);
    draw(&mut figure, dots, &at, (pitch * 0.72).min(DOT_MAX_PX));
    Some(figure)
}

/// Dots by layer, each near to what it depends on.
fn ordered(dots: &[Dot], n_layers: usize) -> Vec<Vec<usize>> {
    let mut layers: Vec<Vec<usize>> = vec![Vec::new(); n_layers];
    for (i, dot) in dots.iter().enumerate() {
        layers[dot.layer].push(i);
    }
    let mut place = vec![0.0_f32; dots.len()];
    for layer in &mut layers {
        let mean = |dot: usize| {
            let deps = &dots[dot].deps;
            match deps.len() {
                0 => 0.0,
                n => deps.iter().map(|dep| place[*dep]).sum::<f32>() / n as f32,
            }
        };
        let mut keyed: Vec<(f32, usize)> = layer.iter().map(|dot| (mean(*dot), *dot)).collect();
        keyed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        *layer = keyed.into_iter().map(|(_, dot)| dot).collect();
        let n = layer.len() as f32;
        for (i, dot) in layer.iter().enumerate() {
            place[*dot] = (i as f32 + 0.5) / n;
        }
    }
    layers
}

/// The largest distance between dots at which all fit; layers that are too high take several
/// columns.
fn pitch(layers: &[Vec<usize>], width: f32, height: f32) -> Option<f32> {
    let mut pitch = DOT_MAX_PX * 1.5;
    while pitch >= DOT_MIN_PX * 1.3 {
        let per_column = ((height / pitch) as usize).max(1);
        let columns: usize = layers.iter().map(|layer| layer.len().div_ceil(per_column)).sum();
        let gaps = (layers.len() - 1) as f32 * GAP;
        if (columns as f32 + gaps) * pitch <= width {
            return Some(pitch);
        }
        pitch -= 0.5;
    }
    None
}

fn draw(figure: &mut Figure, dots: &Dots, at: &[(f32, f32)], size: f32) {
    let mut edges = Edges::new(1.0, false);
    let mut points = Points::new(Shape::Dot, size);
    let mut errors = Points::new(Shape::Cross, size.max(8.0));
    for (i, dot) in dots.dots.iter().enumerate() {
        for dep in &dot.deps {
            edges.push(at[*dep], at[i], Color::AXIS);
        }
        let hover = figure.string(format!("{}: {}", dot.name, dot.phase.name()));
        if dot.phase == Phase::Erred {
            errors.push(at[i], Color::ERROR, hover);
        } else {
            points.push(at[i], color_of(dot.phase), hover);
        }
    }
    // Many lines darken each other.
    let opacity = (300.0 / edges.x0.len().max(1) as f32).clamp(0.15, 0.7);
    figure.push(Layer::pale(opacity, Glyphs::Edges(edges)));
    figure.push(Layer::new(Glyphs::Points(points)));
    figure.push(Layer::new(Glyphs::Points(errors)));
}

fn note(dots: &Dots) -> String {
    let (tasks, edges) = (count_text(dots.dots.len() as u64), count_text(dots.n_edges as u64));
    format!("{tasks} tasks, {edges} dependencies")
}
