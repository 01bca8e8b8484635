//! Lanes over time: one per worker (or pair of them), all with the same scale, so that they can be
//! compared. When they do not all fit, those with the highest peaks are shown and the rest counted.

use taskreel_model::Nanos;

use super::{Meaning, Measure, blank, frame, is_within, legend, px_of, widest};
use crate::about::About;
use crate::figure::{
    Anchor, Area, Axis, Bars, Color, Edges, Figure, Frame, Glyphs, LABEL_PX, Layer, Line, Points,
    Rects, Shape, Text, Tick, View, count_text, elide_middle, text_width,
};
use crate::series::{Extent, Series};

const LANE_MIN_PX: i32 = 9;
const LANE_MAX_PX: i32 = 90;
const GAP_PX: i32 = 3;
/// Lanes lower than this have no scale beside them; the note says it.
const SCALE_PX: i32 = 24;
const SCALE_SIZE: f32 = 9.0;
/// Marks nearer than this become one.
const MARK_APART_PX: f32 = 4.0;
/// Of the area up to the most within a pixel column, above the least.
const PEAK_OPACITY: f32 = 0.45;

/// A lane that wants to be shown.
#[derive(Clone, Debug)]
pub(crate) struct LaneName {
    /// Its name, cleaned.
    pub(crate) name: String,
    /// The highest value in it: the scale is of the highest of all.
    pub(crate) peak: f64,
    /// Shown where the pointer is.
    pub(crate) hover: String,
}

/// An instant in a lane.
pub(crate) type Place = (usize, Nanos);

/// A chart of lanes that is being drawn.
pub(crate) struct LaneChart<'a> {
    view: &'a View,
    figure: Figure,
    /// Upper edge by lane; `None`: there is no room for it.
    tops: Vec<Option<i32>>,
    lane_px: i32,
    /// Unit and end of the scale, by lane.
    scales: Vec<(Measure, f64)>,
    meanings: Vec<Meaning>,
}

impl<'a> LaneChart<'a> {
    /// Lays the lanes out and draws their backgrounds and scales, which reach to the highest peak
    /// and at least to `least_to`.
    pub(crate) fn new(
        about: &About,
        view: &'a View,
        lanes: &[LaneName],
        (measure, least_to): (Measure, f64),
        meanings: Vec<Meaning>,
    ) -> Self {
        let to = measure.round_up(lanes.iter().map(|lane| lane.peak).fold(least_to, f64::max));
        Self::with_scales(about, view, lanes, vec![(measure, to); lanes.len()], meanings)
    }

    /// As [`LaneChart::new`], with a unit and a scale for each lane.
    pub(crate) fn with_measures(
        about: &About,
        view: &'a View,
        lanes: &[LaneName],
        measures: &[Measure],
        meanings: Vec<Meaning>,
    ) -> Self {
        let scale =
            |(lane, measure): (&LaneName, &Measure)| (*measure, measure.round_up(lane.peak));
        let scales = lanes.iter().zip(measures).map(scale).collect();
        Self::with_scales(about, view, lanes, scales, meanings)
    }

    fn with_scales(
        about: &About,
        view: &'a View,
        lanes: &[LaneName],
        scales: Vec<(Measure, f64)>,
        meanings: Vec<Meaning>,
    ) -> Self {
        let texts =
            scales.iter().map(|(measure, to)| text_width(&measure.end_text(*to), SCALE_SIZE));
        let scale_px = (texts.fold(0.0, f32::max) + 10.0).ceil() as u32;
        let names_px = widest(lanes.iter().map(|lane| lane.name.as_str()));
        let frame = frame(view, names_px, scale_px.max(16), &meanings);
        let n_fit = (frame.height as i32 / (LANE_MIN_PX + GAP_PX)).max(1) as usize;
        let is_shown = highest(lanes, n_fit);
        let n_shown = is_shown.iter().filter(|shown| **shown).count().max(1) as i32;
        let pitch = (frame.height as i32 / n_shown).clamp(4, LANE_MAX_PX + GAP_PX);
        let mut next = 0;
        let mut tops = Vec::with_capacity(lanes.len());
        for shown in is_shown {
            tops.push(shown.then_some(next));
            next += if shown { pitch } else { 0 };
        }
        let frame = Frame { height: (next - GAP_PX).max(8) as u32, ..frame };
        let mut figure = blank(about, view, frame);
        figure.window_ns = Some([view.window.from.0, view.window.to.0]);
        figure.x = Axis::time(view.window, frame.width);
        let lane_px = pitch - GAP_PX;
        let mut chart = Self { view, figure, tops, lane_px, scales, meanings };
        chart.backgrounds(lanes);
        chart
    }

    fn backgrounds(&mut self, lanes: &[LaneName]) {
        let width = self.figure.frame.width as i32;
        let names_px = self.figure.frame.left as f32 - 10.0;
        let (mut rects, mut ticks) = (Rects::default(), Vec::new());
        let mut scales = Text::new(Anchor::Start, SCALE_SIZE);
        let mut free_from = f32::MIN;
        for (i, lane) in lanes.iter().enumerate() {
            let Some(top) = self.tops[i] else { continue };
            let hover = self.figure.string(lane.hover.clone());
            rects.push((0, top), (width, self.lane_px), Color::LANE, hover);
            let middle = (top as f32) + self.lane_px as f32 / 2.0;
            if middle - LABEL_PX / 2.0 >= free_from {
                let label = elide_middle(&lane.name, names_px, LABEL_PX);
                ticks.push(Tick { px: middle, label });
                free_from = middle + LABEL_PX / 2.0;
            }
            if self.lane_px >= SCALE_PX && self.scales[i].0 != Measure::Mark {
                let to = self.figure.string(self.scales[i].0.end_text(self.scales[i].1));
                let zero = self.figure.string("0");
                scales.push((width as f32 + 4.0, top as f32 + 5.0), to, Color::MUTED);
                let bottom = (top + self.lane_px) as f32 - 4.0;
                scales.push((width as f32 + 4.0, bottom), zero, Color::MUTED);
            }
        }
        let unit = self.scales.first().map_or("", |(measure, _)| measure.unit());
        self.figure.y = Axis::lanes(unit, ticks.len(), ticks, Vec::new());
        self.figure.push(Layer::new(Glyphs::Rects(rects)));
        self.figure.push(Layer::new(Glyphs::Text(scales)));
    }

    /// Pixel columns of the time axis.
    pub(crate) fn width(&self) -> u32 {
        self.figure.frame.width
    }

    /// Value as height above the lane's lower edge.
    fn y(&self, lane: usize, top: i32, value: f64) -> f32 {
        let share = (value / self.scales[lane].1).clamp(0.0, 1.0) as f32;
        let y = top as f32 + self.lane_px as f32 * (1.0 - share);
        (y * 10.0).round() / 10.0
    }

    /// A gauge as an area: solid up to the least within each pixel column, pale up to the most.
    pub(crate) fn gauge(&mut self, lane: usize, series: &Series, color: Color, opacity: f32) {
        if series.is_empty() {
            return;
        }
        let columns = series.columns(self.view.window, self.view.now, self.width());
        let of = |value: fn(Extent) -> u64| -> Vec<f64> {
            columns.iter().map(|c| c.map_or(0.0, |extent| value(extent) as f64)).collect()
        };
        let (least, most) = (of(|extent| extent.least), of(|extent| extent.most));
        if least != most {
            self.area(lane, &most, color, opacity * PEAK_OPACITY);
        }
        self.area(lane, &least, color, opacity);
    }

    /// A rate, the highest within each pixel column, as an area.
    pub(crate) fn rates(&mut self, lane: usize, rates: &[f64], color: Color) {
        self.area(lane, rates, color, 1.0);
    }

    fn area(&mut self, lane: usize, values: &[f64], color: Color, opacity: f32) {
        let Some(top) = self.tops[lane] else { return };
        let base = (top + self.lane_px) as f32;
        let heights: Vec<f32> = values.iter().map(|value| self.y(lane, top, *value)).collect();
        let (mut x, mut y1) = (Vec::new(), Vec::new());
        outline(&heights, |px, y| {
            x.push(px);
            y1.push(y);
        });
        let area = Area { y0: vec![base; x.len()], x, y1, color };
        if area.y1.iter().any(|y| *y < base) {
            self.figure.push(Layer::pale(opacity, Glyphs::Area(area)));
        }
    }

    /// A gauge as a line along the most within each pixel column.
    pub(crate) fn line(&mut self, lane: usize, series: &Series, color: Color) {
        let Some(top) = self.tops[lane] else { return };
        let columns = series.columns(self.view.window, self.view.now, self.width());
        let n_before = columns.iter().take_while(|column| column.is_none()).count();
        let heights: Vec<f32> =
            columns.iter().flatten().map(|extent| self.y(lane, top, extent.most as f64)).collect();
        let (mut x, mut y) = (Vec::new(), Vec::new());
        outline(&heights, |px, height| {
            x.push(px + n_before as f32);
            y.push(height);
        });
        if x.len() > 1 {
            let line = Line { x, y, color, stroke: 1.5 };
            self.figure.push(Layer::new(Glyphs::Line(line)));
        }
    }

    /// A dashed line at a value, all along the lane; none when it is beyond the scale.
    pub(crate) fn level(&mut self, lane: usize, value: f64, color: Color) {
        let Some(top) = self.tops[lane].filter(|_| value <= self.scales[lane].1) else { return };
        let y = self.y(lane, top, value);
        let mut edges = Edges::new(1.0, true);
        edges.push((0.0, y), (self.width() as f32, y), color);
        self.figure.push(Layer::new(Glyphs::Edges(edges)));
    }

    /// Marks at instants, in the middle of the lane: one for all that are nearer to each other than
    /// it is wide, with what `hover` says of them.
    pub(crate) fn marks(
        &mut self,
        lane: usize,
        marks: &[(Nanos, u64)],
        (shape, color): (Shape, Color),
        hover: impl Fn(Nanos, u64) -> String,
    ) {
        let Some(top) = self.tops[lane] else { return };
        let size = (self.lane_px as f32 * 0.7).clamp(6.0, 11.0);
        let mut points = Points::new(shape, size);
        let y = top as f32 + self.lane_px as f32 / 2.0;
        let mut within =
            marks.iter().filter(|(at, _)| is_within(*at, self.view)).copied().peekable();
        while let Some((at, mut n)) = within.next() {
            let x = px_of(at, self.view, self.width());
            while let Some((_, more)) =
                within.next_if(|(at, _)| px_of(*at, self.view, self.width()) - x < MARK_APART_PX)
            {
                n += more;
            }
            let label = self.figure.string(hover(at, n));
            points.push((x, y), color, label);
        }
        self.figure.push(Layer::new(Glyphs::Points(points)));
    }

    /// Lines from an instant in one lane to an instant in another; those within a pixel column are
    /// left out.
    pub(crate) fn links(&mut self, links: &[(Place, Place)], color: Color) {
        let mut edges = Edges::new(1.0, false);
        let mut last = i32::MIN;
        for ((a, from), (b, to)) in links {
            let (Some(top_a), Some(top_b)) = (self.tops[*a], self.tops[*b]) else { continue };
            let is_seen = *to >= self.view.window.from && *from <= self.view.window.to;
            let (x0, x1) =
                (px_of(*from, self.view, self.width()), px_of(*to, self.view, self.width()));
            if is_seen && (x0 as i32, x1 as i32) != (last, last) {
                let half = self.lane_px as f32 / 2.0;
                edges.push((x0, top_a as f32 + half), (x1, top_b as f32 + half), color);
                last = x1 as i32;
            }
        }
        self.figure.push(Layer::new(Glyphs::Edges(edges)));
    }

    /// Spans of time as bars in the middle of the lane, one for all within a pixel column.
    pub(crate) fn spans(
        &mut self,
        lane: usize,
        spans: &[(Nanos, Nanos, String)],
        color: Color,
        opacity: f32,
    ) {
        let Some(top) = self.tops[lane] else { return };
        let y = top as f32 + self.lane_px as f32 / 2.0;
        let thick = (self.lane_px as f32 * 0.5).max(2.0);
        let mut bars = Bars::default();
        let mut last = (i32::MIN, i32::MIN);
        for (from, to, hover) in spans {
            if *to < self.view.window.from || *from > self.view.window.to {
                continue;
            }
            let (x0, x1) =
                (px_of(*from, self.view, self.width()), px_of(*to, self.view, self.width()));
            let columns = (x0 as i32, x1 as i32);
            if columns == last {
                continue;
            }
            last = columns;
            let label = self.figure.string(hover.clone());
            bars.push((x0, x1.max(x0 + 1.5)), y, thick, color, label);
        }
        self.figure.push(Layer::pale(opacity, Glyphs::Bars(bars)));
    }

    /// The figure; `notes` stand beside its title.
    pub(crate) fn finish(mut self, mut notes: Vec<String>) -> Figure {
        if self.lane_px < SCALE_PX
            && let Some((measure, to)) = self.scales.first()
            && *measure != Measure::Mark
            && self.scales.iter().all(|scale| scale == &(*measure, *to))
        {
            notes.insert(0, format!("each lane 0 to {}", measure.end_text(*to)));
        }
        let n_hidden = self.tops.iter().filter(|top| top.is_none()).count();
        if n_hidden > 0 {
            notes.push(format!("{} lower lanes are not shown", count_text(n_hidden as u64)));
        }
        self.figure.note = notes.join(" · ");
        self.figure.legend = legend(self.view, self.figure.frame, &self.meanings);
        self.figure
    }
}

/// The lanes with the highest peaks, at most `n`.
fn highest(lanes: &[LaneName], n: usize) -> Vec<bool> {
    let mut order: Vec<usize> = (0..lanes.len()).collect();
    order.sort_by(|a, b| lanes[*b].peak.total_cmp(&lanes[*a].peak).then(a.cmp(b)));
    let mut is_shown = vec![false; lanes.len()];
    order.iter().take(n).for_each(|lane| is_shown[*lane] = true);
    is_shown
}

/// The corners of a line with one height per pixel column: none within a level stretch, so at most
/// one per column and one more.
pub(super) fn outline(heights: &[f32], mut corner: impl FnMut(f32, f32)) {
    let n = heights.len();
    for (i, y) in heights.iter().enumerate() {
        let is_level = i > 0 && i + 1 < n && heights[i - 1] == *y && heights[i + 1] == *y;
        if !is_level {
            let x = if i == 0 { 0.0 } else { i as f32 + 0.5 };
            corner(x, *y);
        }
    }
    if let Some(y) = heights.last() {
        corner(n as f32, *y);
    }
}
