//! Plots of readings of each worker over time: an area, and a line over it. Not a plot; several are.

use taskreel_model::{Change, Nanos, Sample, State};

use super::gauges::Gauges;
use super::{About, Plot};
use crate::chart::{self, Measure, means};
use crate::figure::{Color, Figure, View};

/// What such a plot shows: `N` readings of a sample, all of one unit.
#[derive(Debug)]
pub(super) struct Readings<const N: usize> {
    pub(super) about: About,
    pub(super) measure: Measure,
    /// Name of the column, what it is for people, colour. The first is drawn as an area.
    pub(super) shown: [(&'static str, &'static str, Color); N],
    /// Opacity of the area.
    pub(super) opacity: f32,
    pub(super) read: fn(&Sample) -> [u64; N],
    /// Said when workers are threads of one process, and so share what was read.
    pub(super) shared: Option<&'static str>,
}

/// The columns of such a plot.
#[derive(Clone, Debug)]
pub(super) struct Sampled<const N: usize> {
    readings: &'static Readings<N>,
    gauges: Gauges<N>,
}

impl<const N: usize> Sampled<N> {
    pub(super) fn new(readings: &'static Readings<N>) -> Self {
        Self { readings, gauges: Gauges::default() }
    }
}

impl<const N: usize> Plot for Sampled<N> {
    fn about(&self) -> About {
        self.readings.about
    }

    fn fresh(&self) -> Box<dyn Plot> {
        Box::new(Self::new(self.readings))
    }

    fn update(&mut self, at: Nanos, change: &Change, _state: &State) {
        self.gauges.update(at, change);
    }

    fn sample(&mut self, sample: &Sample, _state: &State) {
        if let Some(worker) = sample.worker {
            self.gauges.push(sample.at, worker, (self.readings.read)(sample));
        }
    }

    fn settle(&mut self, state: &State) {
        self.gauges.settle(state);
    }

    fn figure(&self, view: &View) -> Figure {
        let Readings { about, measure, shown, opacity, shared, .. } = self.readings;
        let mut workers = self.gauges.workers().iter();
        if !self.gauges.workers().is_empty() && workers.all(|worker| worker.most() == 0) {
            return chart::nothing(about, view, "No reading is above zero so far.");
        }
        let meanings = shown.iter().map(|(_, label, color)| means(*color, label)).collect();
        let is_shared = self.gauges.workers().iter().any(|worker| worker.is_embedded);
        let notes = shared.filter(|_| is_shared).into_iter().map(str::to_owned).collect();
        let text = (meanings, notes);
        self.gauges.figure(about, view, (*measure, 0.0), text, |chart, lane, worker| {
            let mut series = worker.series.iter().zip(shown);
            if let Some((area, (_, _, color))) = series.next() {
                chart.gauge(lane, area, *color, *opacity);
            }
            series.for_each(|(line, (_, _, color))| chart.line(lane, line, *color));
        })
    }

    fn columns(&self) -> String {
        self.gauges.columns(self.readings.shown.map(|(column, _, _)| column))
    }
}
