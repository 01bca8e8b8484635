//! **Time by activity**: a bar per worker that divides the time of its slots into execution and
//! idleness, and a thin bar with the time that data took beside them.
//! Question: how much of what was paid for was used, and what did the rest wait for?
//!
//! | column   | unit, shape                                                          | glyph              |
//! |----------|----------------------------------------------------------------------|--------------------|
//! | executed | ns in slots by worker and outcome (finished; failed, lost or cancelled) | bar: blue, black |
//! | present  | ns that its slots were here: from joining to its loss, or to the picture's instant, times slots | the bar's length, 100% |
//! | moved    | ns of transfers (received), disk access and (de)serialization, by worker | thin bar: red, orange, grey |
//!
//! Idle is what is left of `present`. Transfers may overlap each other and execution, so the thin
//! bar is no part of the bar above it; where they come to more than 100%, it is full and divided in
//! proportion.

use std::fmt::Write as _;

use taskreel_model::{Activity, Change, Nanos, Outcome, Sample, State, WorkerStatus};

use super::prefixes::at_index;
use super::{About, Page, Plot};
use crate::chart::{self, BarRow, BarRows, Measure, NAME_CHARS, means, time_text};
use crate::figure::{Color, Figure, View};

const ABOUT: About = About {
    id: "activity",
    title: "Time by activity",
    question: "How much of the slots' time was used, and what did the rest wait for?",
    page: Page::Workers,
};

/// The columns of the plot of time by activity.
#[derive(Debug, Default)]
pub struct TimeByActivity {
    names: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Row {
    n_slots: u64,
    joined_at: Nanos,
    lost_at: Option<Nanos>,
    finished: u64,
    wasted: u64,
    /// Begin of what executes now, summed over slots, and how many those are.
    open: (u64, u64),
    /// ns: transfer, disk, (de)serialization.
    moved: [u64; 3],
}

/// Adds a time to a sum. A forged trace has instants at the end of what a number holds.
pub(super) fn add(sum: &mut u64, took: u64) {
    *sum = sum.saturating_add(took);
}

impl Plot for TimeByActivity {
    fn about(&self) -> About {
        ABOUT
    }

    fn fresh(&self) -> Box<dyn Plot> {
        Box::<Self>::default()
    }

    fn update(&mut self, at: Nanos, change: &Change, state: &State) {
        match *change {
            Change::Worker { worker, from, to } => {
                let row = at_index(&mut self.rows, worker.index());
                if from.is_none() {
                    row.joined_at = at;
                    row.n_slots = state.worker(worker).map_or(1, |w| u64::from(w.info.slots));
                }
                row.lost_at = (to == WorkerStatus::Lost).then_some(at);
            }
            Change::Started { worker, .. } | Change::Rejoined { worker, .. } => {
                let row = at_index(&mut self.rows, worker.index());
                row.open = (row.open.0.saturating_add(at.0), row.open.1 + 1);
            }
            Change::Seceded { worker, since, .. } => {
                let row = at_index(&mut self.rows, worker.index());
                row.close(since);
                // Until it is known how the attempt ends.
                add(&mut row.finished, at.since(since).0);
            }
            Change::Stopped { worker, last, outcome, .. } => {
                let row = at_index(&mut self.rows, worker.index());
                let took = if last.seceded { 0 } else { at.since(last.since).0 };
                if !last.seceded {
                    row.close(last.since);
                }
                match outcome {
                    Outcome::Finished => add(&mut row.finished, took),
                    Outcome::Failed | Outcome::Lost | Outcome::Cancelled => {
                        let before = last.computed.0.saturating_sub(took);
                        row.finished = row.finished.saturating_sub(before);
                        add(&mut row.wasted, last.computed.0);
                    }
                }
            }
            Change::Activity { worker, activity, started_at, .. } => {
                let place = match activity {
                    Activity::Transfer => 0,
                    Activity::DiskRead | Activity::DiskWrite => 1,
                    Activity::Serialize | Activity::Deserialize => 2,
                };
                let row = at_index(&mut self.rows, worker.index());
                add(&mut row.moved[place], at.since(started_at).0);
            }
            // Nothing else takes a slot's time.
            _ => {}
        }
    }

    fn sample(&mut self, _sample: &Sample, _state: &State) {}

    fn settle(&mut self, state: &State) {
        chart::take_names(&mut self.names, state, NAME_CHARS);
    }

    fn figure(&self, view: &View) -> Figure {
        let named = self.rows.iter().zip(&self.names);
        let rows: Vec<BarRow> = named.map(|(row, name)| row.bar(name, view.now)).collect();
        let sum = |of: fn(&Row, Nanos) -> f64| -> f64 {
            self.rows.iter().map(|row| of(row, view.now)).sum()
        };
        let (used, present) = (sum(Row::executed), sum(Row::present));
        let notes = vec![format!("{:.0}% of all slots' time used", share(used, present))];
        let meanings = vec![
            means(Color::LOAD, "executed"),
            means(Color::ERROR, "executed in vain"),
            means(Color::TRACK, "idle"),
            means(Color::TRANSFER, "transfer"),
            means(Color::DISK, "disk"),
            means(Color::SERIALIZE, "(de)serialize"),
        ];
        let (measure, of, empty) = (Measure::Percent, "workers", "No worker has joined yet.");
        BarRows { rows, measure, to: 0.0, meanings, notes, of, empty }.figure(&ABOUT, view)
    }

    fn columns(&self) -> String {
        let mut table = String::from(
            "worker\tslots\tjoined_ns\tlost_ns\tfinished_ns\twasted_ns\ttransfer_ns\tdisk_ns\tserialize_ns\n",
        );
        for (row, name) in self.rows.iter().zip(&self.names) {
            let lost = row.lost_at.map_or_else(|| "-".to_owned(), |at| at.0.to_string());
            let [transfer, disk, serialize] = row.moved;
            let _ = writeln!(
                table,
                "{name}\t{}\t{}\t{lost}\t{}\t{}\t{transfer}\t{disk}\t{serialize}",
                row.n_slots, row.joined_at.0, row.finished, row.wasted
            );
        }
        table
    }
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole * 100.0 } else { 0.0 }
}

impl Row {
    /// ns that its slots were here.
    fn present(&self, now: Nanos) -> f64 {
        let until = self.lost_at.unwrap_or(now);
        until.since(self.joined_at).0 as f64 * self.n_slots as f64
    }

    /// What computed since then does so no longer.
    fn close(&mut self, since: Nanos) {
        self.open = (self.open.0.saturating_sub(since.0), self.open.1.saturating_sub(1));
    }

    /// ns of attempts that finished or still run.
    fn executed(&self, now: Nanos) -> f64 {
        let open = (now.0 as f64 * self.open.1 as f64 - self.open.0 as f64).max(0.0);
        self.finished as f64 + open
    }

    fn bar(&self, name: &str, now: Nanos) -> BarRow {
        let present = self.present(now);
        let percent = |ns: f64| share(ns, present);
        let executed = percent(self.executed(now)).min(100.0);
        let wasted = percent(self.wasted as f64).min(100.0 - executed);
        let colors = [Color::TRANSFER, Color::DISK, Color::SERIALIZE];
        let all = percent(self.moved.iter().map(|ns| *ns as f64).sum()).max(100.0);
        let moved = self.moved.map(|ns| percent(ns as f64) / all * 100.0);
        let idle = 100.0 - executed - wasted;
        let value = format!("{executed:.0}%");
        let text = |ns: f64| time_text(Nanos(ns as u64));
        let hover = format!(
            "{name}: {} slots, executed {executed:.1}% ({}), in vain {wasted:.1}%, idle {idle:.1}%; \
             transfers {}, disk {}, (de)serialization {}",
            self.n_slots,
            text(self.executed(now)),
            text(self.moved[0] as f64),
            text(self.moved[1] as f64),
            text(self.moved[2] as f64),
        );
        BarRow {
            name: name.to_owned(),
            value,
            hover,
            parts: vec![(executed, Color::LOAD, 1.0), (wasted, Color::ERROR, 1.0)],
            thin: colors.into_iter().zip(moved).map(|(color, part)| (part, color, 1.0)).collect(),
            mark: None,
        }
    }
}
