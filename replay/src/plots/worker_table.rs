//! **Worker table**: who the workers are: addresses, hosts, slots, memory, and how they fared.
//! Question: which machines took part, from when to when, and who complained?
//!
//! | column   | unit, shape                                                     | glyph |
//! |----------|-----------------------------------------------------------------|-------|
//! | info     | name, address, host, process, slots, memory limit, version; one per worker | text |
//! | presence | ns at which it joined, and was lost                             | text  |
//! | status   | the state's                                                     | text  |
//! | ended    | attempts that finished and failed, the state's                  | text  |
//! | grave    | warnings and errors logged, and the last of them                | text  |

use std::fmt::Write as _;

use taskreel_model::{Change, LogLevel, LogLine, Nanos, Sample, State, WorkerStatus};

use super::prefixes::at_index;
use super::{About, Page, Plot};
use crate::chart::{self, Measure, NAME_CHARS, blank, time_text};
use crate::figure::{
    Anchor, Color, Edges, Figure, Frame, Glyphs, LABEL_PX, Layer, Text, View, clean, count_text,
    elide, elide_middle,
};

const ABOUT: About = About {
    id: "worker-table",
    title: "Worker table",
    question: "Which machines took part, from when to when, and who complained?",
    page: Page::Workers,
};

const ROW_PX: f32 = 16.0;
const GAP_PX: f32 = 14.0;
/// A last complaint with less room than this drives the columns of slots and memory out.
const COMPLAINT_PX: f32 = 200.0;
const HEADS: [&str; 9] =
    ["worker", "status", "address", "host", "slots", "memory", "here", "tasks", "last complaint"];

/// The columns of the worker table.
#[derive(Debug, Default)]
pub struct WorkerTable {
    rows: Vec<Row>,
    grave: Vec<Grave>,
}

#[derive(Debug)]
struct Row {
    name: String,
    address: String,
    host: String,
    version: String,
    slots: u16,
    limit_bytes: u64,
    joined_at: Nanos,
    status: WorkerStatus,
    since: Nanos,
    n_finished: u64,
    n_failed: u64,
}

/// What a worker, or a task on it, complained of.
#[derive(Debug, Default)]
struct Grave {
    n: u64,
    last: String,
}

impl Plot for WorkerTable {
    fn about(&self) -> About {
        ABOUT
    }

    fn fresh(&self) -> Box<dyn Plot> {
        Box::<Self>::default()
    }

    fn update(&mut self, _at: Nanos, _change: &Change, _state: &State) {}

    fn sample(&mut self, _sample: &Sample, _state: &State) {}

    fn log(&mut self, line: &LogLine, state: &State) {
        let Some(worker) = line.worker.filter(|id| id.index() < state.workers().len()) else {
            return;
        };
        if line.level >= LogLevel::Warn {
            let grave = at_index(&mut self.grave, worker.index());
            grave.n += 1;
            grave.last = clean(&line.text, 200);
        }
    }

    fn settle(&mut self, state: &State) {
        for (i, worker) in state.workers().iter().enumerate() {
            let info = &worker.info;
            if self.rows.len() <= i {
                self.rows.push(Row {
                    name: clean(&info.name, NAME_CHARS),
                    address: clean(&info.address, NAME_CHARS),
                    host: format!("{} · {}", clean(&info.host, NAME_CHARS), info.pid),
                    version: clean(&info.version, NAME_CHARS),
                    slots: info.slots,
                    limit_bytes: info.memory_limit,
                    joined_at: worker.joined_at,
                    status: worker.status,
                    since: worker.since,
                    n_finished: 0,
                    n_failed: 0,
                });
            }
            let row = &mut self.rows[i];
            (row.status, row.since) = (worker.status, worker.since);
            (row.n_finished, row.n_failed) = (worker.n_finished, worker.n_failed);
        }
    }

    fn figure(&self, view: &View) -> Figure {
        if self.rows.is_empty() {
            return chart::nothing(&ABOUT, view, "No worker has joined yet.");
        }
        let frame = chart::page(view);
        let n_fit = ((frame.height as f32 / ROW_PX) as usize).saturating_sub(1).max(1);
        let n_shown = self.rows.len().min(n_fit);
        let height = ((n_shown + 1) as f32 * ROW_PX) as u32;
        let mut figure = blank(&ABOUT, view, Frame { height, ..frame });
        let n_here = self.rows.iter().filter(|row| row.status != WorkerStatus::Lost).count();
        figure.note = format!("{n_here} of {} here", self.rows.len());
        if n_shown < self.rows.len() {
            let _ = write!(figure.note, " · {} not shown", self.rows.len() - n_shown);
        }
        self.draw(&mut figure, n_shown);
        figure
    }

    fn columns(&self) -> String {
        let mut table = String::from(
            "worker\tstatus\taddress\thost\tversion\tslots\tlimit\tjoined_ns\tsince_ns\tfinished\tfailed\tgrave\n",
        );
        for (i, r) in self.rows.iter().enumerate() {
            let grave = self.grave.get(i).map_or(0, |grave| grave.n);
            let _ = writeln!(
                table,
                "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{grave}",
                r.name,
                r.status.name(),
                r.address,
                r.host,
                r.version,
                r.slots,
                r.limit_bytes,
                r.joined_at.0,
                r.since.0,
                r.n_finished,
                r.n_failed
            );
        }
        table
    }
}

impl WorkerTable {
    fn cells(&self, index: usize) -> [String; HEADS.len()] {
        let row = &self.rows[index];
        let until = match row.status {
            WorkerStatus::Lost => time_text(row.since),
            WorkerStatus::Running | WorkerStatus::Paused | WorkerStatus::Retiring => String::new(),
        };
        let failed = match row.n_failed {
            0 => String::new(),
            n => format!(", {} failed", count_text(n)),
        };
        let limit = match row.limit_bytes {
            0 => "no limit".to_owned(),
            limit => Measure::Bytes.text(limit as f64),
        };
        let complaint = match self.grave.get(index) {
            Some(grave) if grave.n > 1 => {
                format!("{} × {}", count_text(grave.n), grave.last)
            }
            Some(grave) => grave.last.clone(),
            None => String::new(),
        };
        [
            row.name.clone(),
            row.status.name().to_owned(),
            row.address.clone(),
            row.host.clone(),
            row.slots.to_string(),
            limit,
            format!("{} – {until}", time_text(row.joined_at)),
            format!("{}{failed}", count_text(row.n_finished)),
            complaint,
        ]
    }

    fn draw(&self, figure: &mut Figure, n_shown: usize) {
        let width = figure.frame.width as f32;
        let cells: Vec<[String; HEADS.len()]> = (0..n_shown).map(|i| self.cells(i)).collect();
        let mut widths = [0.0_f32; HEADS.len()];
        for (i, px) in widths.iter_mut().enumerate() {
            let texts = cells.iter().map(|row| row[i].as_str());
            *px = chart::column(texts.chain([HEADS[i]]), width * 0.2);
        }
        let named: f32 = widths[..8].iter().map(|px| px + GAP_PX).sum();
        let is_cut = widths[8] > width - named && width - named < COMPLAINT_PX;
        let is_left_out = |column: usize| is_cut && matches!(column, 4 | 5);
        let mut heads = Text::new(Anchor::Start, LABEL_PX).bold();
        let mut texts = Text::new(Anchor::Start, LABEL_PX);
        let mut rule = Edges::new(1.0, false);
        rule.push((0.0, ROW_PX - 1.0), (width, ROW_PX - 1.0), Color::GRID);
        let mut x = 0.0;
        for (i, head) in HEADS.iter().enumerate().filter(|(i, _)| !is_left_out(*i)) {
            let px = if i + 1 == HEADS.len() { width - x } else { widths[i].min(width - x) };
            if px < 20.0 {
                break;
            }
            let head = figure.string(elide(head, px, LABEL_PX));
            heads.push((x, ROW_PX / 2.0 - 1.0), head, Color::TEXT);
            for (line, row) in cells.iter().enumerate() {
                let is_gone = self.rows[line].status == WorkerStatus::Lost;
                let color = match (i, is_gone) {
                    (8, _) => Color::HIGH,
                    (1, true) => Color::LOST,
                    (_, true) => Color::MUTED,
                    (_, false) => Color::TEXT,
                };
                // Addresses differ at their end; what a complaint is about is at its begin.
                let text = match i {
                    // Fonts differ from machine to machine: it must not run out of the picture.
                    8 => elide(&row[i], px * 0.93, LABEL_PX),
                    _ => elide_middle(&row[i], px, LABEL_PX),
                };
                let text = figure.string(text);
                texts.push((x, (line as f32 + 1.5) * ROW_PX), text, color);
            }
            x += px + GAP_PX;
        }
        figure.push(Layer::new(Glyphs::Edges(rule)));
        figure.push(Layer::new(Glyphs::Text(heads)));
        figure.push(Layer::new(Glyphs::Text(texts)));
    }
}
