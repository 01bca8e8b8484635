//! **Bytes by prefix**: a bar per prefix with the size of the results it made, and a thin bar with
//! what of them was moved and spilled.
//! Question: whose results are large, and whose are sent around or written to disk?
//!
//! | column  | unit, shape                                                     | glyph                |
//! |---------|-----------------------------------------------------------------|----------------------|
//! | made    | bytes of results by prefix, by the state; a recomputed one counts again | bar, prefix's colour |
//! | moved   | bytes that arrived at other workers, by prefix of the result    | thin bar, red        |
//! | spilled | bytes written to disk                                           | thin bar, orange     |

use taskreel_model::{Activity, Change, Nanos, Sample, State};

use super::prefixes::PrefixRows;
use super::{About, Page, Plot};
use crate::chart::{BarRow, BarRows, Measure, means};
use crate::figure::{Color, Figure, View, count_text};

const ABOUT: About = About {
    id: "prefix-bytes",
    title: "Bytes by prefix",
    question: "Whose results are large, and whose are sent around or written to disk?",
    page: Page::Prefixes,
};

/// The columns of the plot of bytes by prefix.
#[derive(Debug, Default)]
pub struct PrefixBytes {
    prefixes: PrefixRows<Row>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Row {
    n_made: u64,
    made: u64,
    moved: u64,
    spilled: u64,
}

impl Plot for PrefixBytes {
    fn about(&self) -> About {
        ABOUT
    }

    fn fresh(&self) -> Box<dyn Plot> {
        Box::<Self>::default()
    }

    fn update(&mut self, _at: Nanos, change: &Change, state: &State) {
        self.prefixes.update(change, state);
        let Change::Activity { task, activity, bytes, .. } = *change else { return };
        let Some(row) = self.prefixes.of_task(task) else { return };
        match activity {
            Activity::Transfer => row.moved = row.moved.saturating_add(bytes),
            Activity::DiskWrite => row.spilled = row.spilled.saturating_add(bytes),
            Activity::DiskRead | Activity::Serialize | Activity::Deserialize => {}
        }
    }

    fn sample(&mut self, _sample: &Sample, _state: &State) {}

    fn settle(&mut self, state: &State) {
        self.prefixes.settle(state, |row, prefix| {
            (row.n_made, row.made) = (prefix.n_runs, prefix.result_bytes);
        });
    }

    fn figure(&self, view: &View) -> Figure {
        let rows = self.prefixes.bars(|row| (row.n_made > 0).then_some(row.made), Row::bar);
        let sum = |of: fn(&Row) -> u64| -> f64 { self.prefixes.iter().map(|r| of(r) as f64).sum() };
        let text = |bytes: f64| Measure::Bytes.text(bytes);
        let mut meanings = vec![means(Color::OTHER, "made")];
        if sum(|row| row.moved) > 0.0 {
            meanings.push(means(Color::TRANSFER, "moved"));
        }
        if sum(|row| row.spilled) > 0.0 {
            meanings.push(means(Color::DISK, "written to disk"));
        }
        let notes =
            vec![format!("{} made, {} moved", text(sum(|r| r.made)), text(sum(|r| r.moved)))];
        let (measure, of, empty) = (Measure::Bytes, "prefixes", "There is no result yet.");
        BarRows { rows, measure, to: 0.0, meanings, notes, of, empty }.figure(&ABOUT, view)
    }

    fn columns(&self) -> String {
        let head = "prefix\tresults\tmade\tmoved\tspilled";
        self.prefixes.columns(head, |row| vec![row.n_made, row.made, row.moved, row.spilled])
    }
}

impl Row {
    fn bar(&self, (name, color): (&str, Color)) -> BarRow {
        let text = |bytes: u64| Measure::Bytes.text(bytes as f64);
        let mean = text(self.made.checked_div(self.n_made).unwrap_or(0));
        let n = count_text(self.n_made);
        let (made, moved, spilled) = (text(self.made), text(self.moved), text(self.spilled));
        BarRow {
            name: name.to_owned(),
            value: format!("{made} ({n} × {mean})"),
            hover: format!(
                "{name}: {n} results, {made} ({mean} each), moved {moved}, written to disk {spilled}"
            ),
            parts: vec![(self.made as f64, color, 1.0)],
            thin: vec![
                (self.moved as f64, Color::TRANSFER, 1.0),
                (self.spilled as f64, Color::DISK, 1.0),
            ],
            mark: None,
        }
    }
}
