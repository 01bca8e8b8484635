//! **Memory by worker**: a lane per worker with what it held over time, against its limit.
//! Question: whose memory filled up when, and when did it begin to spill?
//!
//! | column  | unit, shape                                            | glyph                    |
//! |---------|--------------------------------------------------------|--------------------------|
//! | process | bytes of the process (samples); of embedded workers 0  | area, pale blue          |
//! | memory  | bytes of results in memory, by the state               | area, blue               |
//! | disk    | bytes of results on disk, by the state                 | line, ochre              |
//! | limit   | bytes, one per worker; 0: none                         | dashed line              |
//!
//! Each gauge keeps at most 1,024 points of least, most and last per worker.

use taskreel_model::{Change, Nanos, Sample, State};

use super::gauges::Gauges;
use super::{About, Page, Plot};
use crate::chart::{Measure, means};
use crate::figure::{Color, Figure, View};

const ABOUT: About = About {
    id: "worker-memory",
    title: "Memory by worker",
    question: "Whose memory filled up when, and when did it begin to spill?",
    page: Page::Workers,
};

/// The columns of the plot of memory by worker: results in memory, on disk, the process.
#[derive(Debug, Default)]
pub struct WorkerMemory {
    held: Gauges<2>,
    process: Gauges<1>,
}

impl Plot for WorkerMemory {
    fn about(&self) -> About {
        ABOUT
    }

    fn fresh(&self) -> Box<dyn Plot> {
        Box::<Self>::default()
    }

    fn update(&mut self, at: Nanos, change: &Change, state: &State) {
        self.held.update(at, change);
        self.process.update(at, change);
        let Change::Replica { worker, .. } = *change else { return };
        if let Some(found) = state.worker(worker) {
            self.held.hold(state.now(), worker, [found.memory_bytes, found.disk_bytes]);
        }
    }

    fn sample(&mut self, sample: &Sample, state: &State) {
        let Some(worker) = sample.worker else { return };
        let is_embedded =
            state.worker(worker).is_none_or(|found| found.info.address.starts_with("local:"));
        // Embedded workers share one process: its memory is nobody's.
        if !is_embedded {
            self.process.push(sample.at, worker, [sample.rss_bytes]);
        }
    }

    fn settle(&mut self, state: &State) {
        self.held.settle(state);
        self.process.settle(state);
    }

    fn figure(&self, view: &View) -> Figure {
        let process_most = self.process.workers().iter().map(|w| w.most()).max().unwrap_or(0);
        let limit = self.held.workers().iter().map(|w| w.limit_bytes).max().unwrap_or(0);
        let most =
            self.held.workers().iter().map(|w| w.most()).max().unwrap_or(0).max(process_most);
        // The limit is in the picture once memory comes near it; till then it would flatten all.
        let least_to = if most >= limit / 5 { limit.max(most) } else { most };
        let mut meanings = vec![means(Color::LOAD, "results"), means(Color::SPILLED, "on disk")];
        if process_most > 0 {
            meanings.push(means(Color::UNMANAGED, "process"));
        }
        let notes = match limit {
            0 => Vec::new(),
            limit if most < limit / 5 => {
                vec![format!("far from the limit of {}", Measure::Bytes.text(limit as f64))]
            }
            limit => {
                meanings.push(means(Color::FULL, "limit"));
                vec![format!("limit {}", Measure::Bytes.text(limit as f64))]
            }
        };
        let scale = (Measure::Bytes, least_to as f64);
        self.held.figure(&ABOUT, view, scale, (meanings, notes), |chart, lane, worker| {
            if let Some(process) = self.process.workers().get(lane) {
                chart.gauge(lane, &process.series[0], Color::UNMANAGED, 1.0);
            }
            chart.gauge(lane, &worker.series[0], Color::LOAD, 1.0);
            if worker.series[1].most() > 0 {
                chart.line(lane, &worker.series[1], Color::SPILLED);
            }
            if worker.limit_bytes > 0 {
                chart.level(lane, worker.limit_bytes as f64, Color::FULL);
            }
        })
    }

    fn columns(&self) -> String {
        let held = self.held.columns(["memory", "disk"]);
        let process = self.process.columns(["process"]);
        held + process.split_once('\n').map_or("", |(_, rows)| rows)
    }
}
