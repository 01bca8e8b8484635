//! The strip: the whole run from begin to end, to find one's way in time.

use taskreel_model::Nanos;
use taskreel_replay::figure::{
    Area, Color, Figure, Frame, Glyphs, Layer, Points, Shape, View, time_label,
};
use taskreel_replay::plots::About;

use super::errors::Row;
use super::gaps::{Folds, Idle};
use super::{Columns, Moment};

/// Room at both ends, for marks and the cursor.
const SIDE_PX: u32 = 10;
/// Its height, whatever is asked for: lower than other plots may be.
const HEIGHT_PX: u32 = 46;
/// Room below, for the axis.
const AXIS_PX: u32 = 18;
/// Pixels of a step of the area.
const STEP_PX: u32 = 2;
/// Marks of one kind that are closer than this are one.
const MARK_PX: f32 = 4.0;

/// `gaps` are folded: narrow, whatever they hold.
pub(super) fn figure(columns: &Columns, about: About, view: &View, gaps: &[Idle]) -> Figure {
    let width = view.width_px.saturating_sub(2 * SIDE_PX).max(1);
    let height = HEIGHT_PX - AXIS_PX;
    let mut figure = Figure {
        id: about.id.to_owned(),
        title: about.title.to_owned(),
        question: about.question.to_owned(),
        width_px: view.width_px,
        height_px: HEIGHT_PX,
        frame: Frame { left: SIDE_PX, top: 0, width, height },
        window_ns: Some([view.window.from.0, view.window.to.0]),
        ..Figure::default()
    };
    let folds = Folds::new(view.window, width, gaps);
    figure.x = folds.axis();
    figure.push(Layer::pale(0.75, Glyphs::Area(activity(columns, view, &folds, height))));
    figure.push(Layer::new(Glyphs::Rects(folds.notches(height))));
    figure.gaps = folds.gaps().to_vec();
    let at = |share: f32| height as f32 * share;
    let moment = (|m: &Moment| m.at, |m: &Moment| m.label.to_string());
    let marks = (Shape::Dot, Color::MUTED, at(0.82));
    let marks = points(&mut figure, &columns.marks, moment, &folds, marks);
    let lost = (Shape::Triangle, Color::LOST, at(0.2));
    let lost = points(&mut figure, &columns.lost, moment, &folds, lost);
    let errors = (Shape::Cross, Color::ERROR, at(0.5));
    let error = (|row: &Row| row.at, |row: &Row| columns.errors.label(row, &columns.attempts));
    let errors = points(&mut figure, columns.errors.rows(), error, &folds, errors);
    for points in [marks, lost, errors] {
        figure.push(Layer::new(Glyphs::Points(points)));
    }
    figure
}

/// The mean number of tasks that executed, by step of pixels.
fn activity(columns: &Columns, view: &View, folds: &Folds, height: u32) -> Area {
    let n_steps = folds.width_px() / STEP_PX;
    let at = |step: u32| folds.instant(f64::from(step * STEP_PX));
    let open_since = columns.attempts.open_since();
    let value = |step| {
        let (from, to) = (at(step), at(step + 1));
        let n_open = open_since.partition_point(|since| *since < to);
        let open = if from < view.now { n_open } else { 0 };
        columns.busy.mean(from, to) + open as f64
    };
    let values: Vec<f64> = (0..n_steps).map(value).collect();
    let most = values.iter().fold(1.0_f64, |most, value| most.max(*value));
    let floor = height as f32;
    let y =
        |value: &f64| (floor - (value / most * f64::from(height - 2.min(height))) as f32).round();
    Area {
        x: (0..n_steps).map(|step| (step * STEP_PX) as f32).collect(),
        y0: vec![floor; values.len()],
        y1: values.iter().map(y).collect(),
        color: Color::LOAD,
    }
}

/// Marks where something happened; of those that would cover each other, the first.
fn points<T>(
    figure: &mut Figure,
    moments: &[T],
    (when, what): (impl Fn(&T) -> Nanos, impl Fn(&T) -> String),
    folds: &Folds,
    (shape, color, y): (Shape, Color, f32),
) -> Points {
    let mut points = Points::new(shape, 8.0);
    let window = folds.window();
    let mut last = f32::MIN;
    for moment in moments {
        let at = when(moment);
        let x = folds.px(at) as f32;
        if x - last < MARK_PX || at < window.from || at > window.to {
            continue;
        }
        last = x;
        let time = time_label(at.0, window.length().0 / 1_000);
        let label = figure.string(format!("{}\nat {time}", what(moment)));
        points.push((x, y), color, label);
    }
    points
}
