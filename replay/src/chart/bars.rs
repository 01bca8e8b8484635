//! Rows of bars: one per prefix or worker, divided into parts, with a value beside each.

use super::{Meaning, Measure, blank, frame, legend, nothing, widest};
use crate::about::About;
use crate::figure::{
    Anchor, Axis, Bars, Color, Figure, Frame, Glyphs, LABEL_PX, Layer, Text, Tick, View, elide,
    elide_middle, text_width,
};

const ROW_MIN_PX: f32 = 13.0;
const ROW_MAX_PX: f32 = 34.0;
const VALUE_SIZE: f32 = 10.0;

/// One row.
#[derive(Clone, Debug, Default)]
pub(crate) struct BarRow {
    /// Its name, cleaned.
    pub(crate) name: String,
    /// Written behind the bar.
    pub(crate) value: String,
    /// Shown where the pointer is.
    pub(crate) hover: String,
    /// Parts of the bar from the left: value, colour, opacity.
    pub(crate) parts: Vec<(f64, Color, f32)>,
    /// Parts of a thin bar below it.
    pub(crate) thin: Vec<(f64, Color, f32)>,
    /// A value that is marked on the bar.
    pub(crate) mark: Option<f64>,
}

impl BarRow {
    fn length(&self) -> f64 {
        let sum = |parts: &[(f64, Color, f32)]| parts.iter().map(|part| part.0).sum::<f64>();
        sum(&self.parts).max(sum(&self.thin)).max(self.mark.unwrap_or(0.0))
    }
}

/// Rows with what belongs to all of them.
pub(crate) struct BarRows {
    pub(crate) rows: Vec<BarRow>,
    pub(crate) measure: Measure,
    /// Ends the scale; 0: at the longest bar.
    pub(crate) to: f64,
    pub(crate) meanings: Vec<Meaning>,
    pub(crate) notes: Vec<String>,
    /// Of what there are rows, in the plural, for the note on those left out: `prefixes`.
    pub(crate) of: &'static str,
    /// Said when there are none.
    pub(crate) empty: &'static str,
}

impl BarRows {
    /// Draws the rows in their order. When they do not all fit, the longest are shown and the rest
    /// counted.
    pub(crate) fn figure(mut self, about: &About, view: &View) -> Figure {
        if self.rows.is_empty() {
            return nothing(about, view, self.empty);
        }
        let values = self.rows.iter().map(|row| text_width(&row.value, VALUE_SIZE));
        let value_px = values.fold(0.0, f32::max).min(view.width_px as f32 * 0.3);
        let names_px = widest(self.rows.iter().map(|row| row.name.as_str()));
        let right_px = (value_px + 20.0).ceil() as u32;
        let room = frame(view, names_px, right_px, &self.meanings);
        let n_fit = ((room.height as f32 / ROW_MIN_PX) as usize).max(1);
        let (n_all, n_hidden) = (self.rows.len(), self.rows.len().saturating_sub(n_fit));
        keep_longest(&mut self.rows, n_fit);
        if n_hidden > 0 {
            self.notes.push(format!("{n_hidden} of {n_all} {} not shown", self.of));
        }
        let row_px = (room.height as f32 / self.rows.len() as f32).min(ROW_MAX_PX);
        let height = (row_px * self.rows.len() as f32).ceil() as u32;
        let frame = Frame { height: height.min(room.height), ..room };
        let longest = self.rows.iter().map(BarRow::length).fold(0.0, f64::max);
        let to = if self.to > 0.0 { self.to } else { self.measure.round_up(longest) };
        let mut figure = blank(about, view, frame);
        figure.x = self.measure.axis(to, frame.width as f32);
        figure.y = self.names(row_px, frame.left as f32 - 10.0);
        figure.legend = legend(view, frame, &self.meanings);
        figure.note = self.notes.join(" · ");
        self.bars(&mut figure, row_px, (to, value_px));
        figure
    }

    fn names(&self, row_px: f32, names_px: f32) -> Axis {
        let tick = |(i, row): (usize, &BarRow)| Tick {
            px: (i as f32 + 0.5) * row_px,
            label: elide_middle(&row.name, names_px, LABEL_PX),
        };
        let ticks = self.rows.iter().enumerate().map(tick).collect();
        Axis::lanes(self.of, self.rows.len(), ticks, Vec::new())
    }

    fn bars(&self, figure: &mut Figure, row_px: f32, (to, value_px): (f64, f32)) {
        let width = figure.frame.width as f32;
        let px = |value: f64| (value / to).clamp(0.0, 1.0) as f32 * width;
        let has_thin = self.rows.iter().any(|row| !row.thin.is_empty());
        let thick = (row_px * if has_thin { 0.5 } else { 0.68 }).round().max(2.0);
        let low = (row_px * 0.2).round().max(2.0);
        let (mut tracks, mut marks) = (Bars::default(), Bars::default());
        let mut values = Text::new(Anchor::Start, VALUE_SIZE);
        // One layer for each opacity: a layer has one.
        let mut layers: Vec<(f32, Bars)> = Vec::new();
        for (i, row) in self.rows.iter().enumerate() {
            let middle = (i as f32 + 0.5) * row_px;
            let y = if has_thin { middle - low / 2.0 - 0.5 } else { middle };
            let hover = figure.string(row.hover.clone());
            tracks.push((0.0, width), y, thick, Color::TRACK, hover);
            let below = y + (thick + low) / 2.0 + 1.0;
            for (parts, y, thick) in [(&row.parts, y, thick), (&row.thin, below, low)] {
                let mut sum = 0.0;
                for (value, color, opacity) in parts.iter().filter(|part| part.0 > 0.0) {
                    let from = px(sum);
                    sum += value;
                    // What erred is always to be seen.
                    let least = if *color == Color::ERROR { 3.0 } else { 0.6 };
                    let bar = (from.min(width - least), px(sum).max(from + least).min(width));
                    let found = layers.iter().position(|(o, _)| o == opacity);
                    let at = found.unwrap_or_else(|| {
                        layers.push((*opacity, Bars::default()));
                        layers.len() - 1
                    });
                    layers[at].1.push(bar, y, thick, *color, hover);
                }
            }
            if let Some(mark) = row.mark {
                let x = px(mark);
                marks.push(((x - 2.0).max(0.0), x.max(2.0)), y, thick, Color::AXIS, hover);
            }
            let value = figure.string(elide(&row.value, value_px + 1.0, VALUE_SIZE));
            values.push((width + 6.0, middle), value, Color::TEXT);
        }
        figure.push(Layer::new(Glyphs::Bars(tracks)));
        for (opacity, bars) in layers {
            figure.push(Layer::pale(opacity, Glyphs::Bars(bars)));
        }
        figure.push(Layer::new(Glyphs::Bars(marks)));
        figure.push(Layer::new(Glyphs::Text(values)));
    }
}

/// The longest rows, in the order they had.
fn keep_longest(rows: &mut Vec<BarRow>, n: usize) {
    let mut lengths: Vec<(f64, usize)> = rows.iter().map(BarRow::length).zip(0..).collect();
    lengths.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut kept: Vec<bool> = vec![false; rows.len()];
    lengths.iter().take(n).for_each(|(_, i)| kept[*i] = true);
    let mut keep = kept.into_iter();
    rows.retain(|_| keep.next() == Some(true));
}
