//! **Workers**: a row per worker with its tasks, its CPU time and its memory.
//! Question: who has too much to do, who too little, and whose memory is full?
//!
//! | column    | unit, shape                                      | glyph                        |
//! |-----------|--------------------------------------------------|------------------------------|
//! | executing | tasks in slots, one per worker                   | bar, blue                    |
//! | assigned  | tasks given to it, those executing among them, but for the seceded | bar, pale blue |
//! | cpu       | thousandths of a core, latest sample             | bar, green                   |
//! | history   | ns and thousandths of a core, the last 120 samples | area                       |
//! | memory    | bytes of results held in memory, by the state    | bar: blue, orange, red       |
//! | peak      | bytes, the most that `memory` ever was            | mark on the memory bar       |
//! | rss       | bytes of the process, latest sample; only of workers that are processes | bar, pale |
//! | disk      | bytes of results on disk, by the state           | thin bar, ochre              |
//! | limit     | bytes, 0: none                                   | end of the memory scale      |

mod picture;

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;

use taskreel_model::{Change, Nanos, Sample, State, WorkerId, WorkerStatus};

use super::{About, Page, Plot};
use crate::figure::{Figure, View, clean};

const ABOUT: About = About {
    id: "workers",
    title: "Workers",
    question: "Who has too much to do, who too little, and whose memory is full?",
    page: Page::Status,
};

/// Samples of a worker that are kept.
const N_HISTORY: usize = 120;

/// The columns of the workers plot: one row per worker.
#[derive(Debug, Default)]
pub struct Workers {
    rows: Vec<Row>,
    /// Samples may come before the state knows their worker.
    sampled: BTreeMap<WorkerId, Sampled>,
    /// The most bytes of results that a worker held in memory.
    peaks: BTreeMap<WorkerId, u64>,
}

#[derive(Debug)]
struct Row {
    name: String,
    status: WorkerStatus,
    n_slots: u64,
    n_executing: u64,
    n_assigned: u64,
    n_finished: u64,
    n_failed: u64,
    memory_bytes: u64,
    peak_bytes: u64,
    disk_bytes: u64,
    limit_bytes: u64,
    /// Whether it is a process of its own, so that figures of the process are its own.
    is_process: bool,
}

#[derive(Debug, Default)]
struct Sampled {
    latest: Sample,
    /// Rising.
    history: VecDeque<(Nanos, u32)>,
}

impl Sampled {
    fn cpu_percent(&self) -> f64 {
        f64::from(self.latest.cpu_permille) / 10.0
    }

    /// The most CPU time of the samples that are kept, in thousandths of a core.
    fn most_cpu(&self) -> u32 {
        self.history.iter().map(|(_, permille)| *permille).max().unwrap_or(0)
    }
}

impl Plot for Workers {
    fn about(&self) -> About {
        ABOUT
    }

    fn fresh(&self) -> Box<dyn Plot> {
        Box::<Self>::default()
    }

    fn update(&mut self, _at: Nanos, change: &Change, state: &State) {
        // All else that is shown is the state's; only what memory once was must be kept.
        let Change::Replica { worker, .. } = *change else { return };
        let bytes = state.worker(worker).map_or(0, |found| found.memory_bytes);
        let peak = self.peaks.entry(worker).or_default();
        *peak = bytes.max(*peak);
    }

    fn sample(&mut self, sample: &Sample, _state: &State) {
        let Some(worker) = sample.worker else { return };
        let sampled = self.sampled.entry(worker).or_default();
        if sample.at >= sampled.latest.at {
            sampled.latest = *sample;
        }
        let history = &mut sampled.history;
        let index = history.partition_point(|(at, _)| *at <= sample.at);
        history.insert(index, (sample.at, sample.cpu_permille));
        if history.len() > N_HISTORY {
            history.pop_front();
        }
    }

    fn settle(&mut self, state: &State) {
        for (index, worker) in state.workers().iter().enumerate() {
            let info = &worker.info;
            if self.rows.len() <= index {
                self.rows.push(Row {
                    name: clean(&info.name, 120),
                    status: worker.status,
                    n_slots: u64::from(info.slots),
                    n_executing: 0,
                    n_assigned: 0,
                    n_finished: 0,
                    n_failed: 0,
                    memory_bytes: 0,
                    peak_bytes: 0,
                    disk_bytes: 0,
                    limit_bytes: info.memory_limit,
                    is_process: !info.address.starts_with("local:"),
                });
            }
            let row = &mut self.rows[index];
            row.status = worker.status;
            row.n_executing = worker.n_executing() as u64;
            row.n_assigned = worker.demand() as u64;
            row.n_finished = worker.n_finished;
            row.n_failed = worker.n_failed;
            row.memory_bytes = worker.memory_bytes;
            row.peak_bytes = self.peaks.get(&WorkerId(index as u32)).copied().unwrap_or(0);
            row.disk_bytes = worker.disk_bytes;
        }
    }

    fn figure(&self, view: &View) -> Figure {
        picture::figure(self, view)
    }

    fn columns(&self) -> String {
        let mut table = String::from(
            "worker\tstatus\tslots\texecuting\tassigned\tfinished\tfailed\tmemory\tpeak\tdisk\tlimit\n",
        );
        for row in &self.rows {
            let _ = writeln!(
                table,
                "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
                row.name,
                row.status.name(),
                row.n_slots,
                row.n_executing,
                row.n_assigned,
                row.n_finished,
                row.n_failed,
                row.memory_bytes,
                row.peak_bytes,
                row.disk_bytes,
                row.limit_bytes
            );
        }
        table
    }
}
