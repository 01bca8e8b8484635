//! **Logs**: the latest lines that tasks, workers and the scheduler wrote, warnings and errors first.
//! Question: what did tasks and workers say, and did anybody complain?
//!
//! | column | unit, shape                                                             | glyph |
//! |--------|-------------------------------------------------------------------------|-------|
//! | grave  | instant, worker, task, level and text of the last 200 warnings and errors | text |
//! | latest | the same of the last 500 lines of every level                           | text  |
//! | n      | lines by level                                                          | note  |
//!
//! Log lines may be dropped by a busy recorder; captured output is of level `output`, and captured
//! standard error a warning.

use std::collections::VecDeque;
use std::fmt::Write as _;

use taskreel_model::{Change, LogLevel, LogLine, Nanos, Sample, State};

use super::{About, Page, Plot};
use crate::chart::{self, NAME_CHARS, blank, time_text};
use crate::figure::{
    Anchor, Color, Figure, Frame, Glyphs, LABEL_PX, Layer, Text, View, clean, count_text, elide,
};

const ABOUT: About = About {
    id: "logs",
    title: "Logs",
    question: "What did tasks and workers say, and did anybody complain?",
    page: Page::Workers,
};

const N_GRAVE: usize = 200;
const N_LATEST: usize = 500;
/// Longest text that is kept, in characters: more does not fit into a line.
const TEXT_CHARS: usize = 300;
const ROW_PX: f32 = 15.0;
const LEVELS: [LogLevel; 5] =
    [LogLevel::Output, LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error];

/// The columns of the logs plot.
#[derive(Debug, Default)]
pub struct Logs {
    grave: VecDeque<Line>,
    latest: VecDeque<Line>,
    n: [u64; LEVELS.len()],
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    at: Nanos,
    who: String,
    level: LogLevel,
    text: String,
}

/// Puts a line into its place by time, and lets the oldest go.
fn keep(lines: &mut VecDeque<Line>, line: Line, n_max: usize) {
    let index = lines.partition_point(|kept| kept.at <= line.at);
    lines.insert(index, line);
    if lines.len() > n_max {
        lines.pop_front();
    }
}

impl Plot for Logs {
    fn about(&self) -> About {
        ABOUT
    }

    fn fresh(&self) -> Box<dyn Plot> {
        Box::<Self>::default()
    }

    fn update(&mut self, _at: Nanos, _change: &Change, _state: &State) {}

    fn sample(&mut self, _sample: &Sample, _state: &State) {}

    fn log(&mut self, line: &LogLine, state: &State) {
        self.n[line.level as usize] += 1;
        let worker = match line.worker {
            None => "scheduler".to_owned(),
            Some(id) => state.worker(id).map_or_else(|| id.to_string(), |w| w.info.name.clone()),
        };
        let who = match line.task {
            None => worker,
            Some(task) => format!("{worker} {}", state.task_name(task)),
        };
        let (who, text) = (clean(&who, NAME_CHARS), clean(&line.text, TEXT_CHARS));
        let line = Line { at: line.at, who, level: line.level, text };
        if line.level >= LogLevel::Warn {
            keep(&mut self.grave, line.clone(), N_GRAVE);
        }
        keep(&mut self.latest, line, N_LATEST);
    }

    fn figure(&self, view: &View) -> Figure {
        if self.latest.is_empty() {
            return chart::nothing(&ABOUT, view, "Nothing was logged.");
        }
        let frame = chart::page(view);
        let lines = self.shown((frame.height as f32 / ROW_PX) as usize);
        let height = (lines.len() as f32 * ROW_PX) as u32;
        let mut figure = blank(&ABOUT, view, Frame { height: height.max(16), ..frame });
        figure.note = self.note();
        draw(&mut figure, &lines);
        figure
    }

    fn columns(&self) -> String {
        let mut table = String::from("level\tlines\n");
        for (level, n) in LEVELS.iter().zip(self.n) {
            let _ = writeln!(table, "{}\t{n}", name(*level));
        }
        for line in &self.latest {
            let _ =
                writeln!(table, "{}\t{}\t{}\t{}", line.at.0, line.who, name(line.level), line.text);
        }
        table
    }
}

fn name(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Output => "output",
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warning",
        LogLevel::Error => "error",
    }
}

impl Logs {
    /// The latest lines that fit, in the order of time; those of older warnings and errors get up
    /// to half of the room.
    fn shown(&self, n_fit: usize) -> Vec<&Line> {
        let n_fit = n_fit.max(1);
        let n_older_at_most = n_fit / 2;
        let skip = self.latest.len().saturating_sub(n_fit);
        let begin = self.latest.get(skip).map_or(Nanos::ZERO, |line| line.at);
        let n_older = self.grave.iter().filter(|line| line.at < begin).count();
        let n_older = n_older.min(n_older_at_most);
        let skip = self.latest.len().saturating_sub(n_fit - n_older);
        let begin = self.latest.get(skip).map_or(Nanos::ZERO, |line| line.at);
        let older = self.grave.iter().rev().filter(|line| line.at < begin).take(n_older);
        let mut shown: Vec<&Line> = older.collect();
        shown.reverse();
        shown.extend(self.latest.iter().skip(skip));
        shown
    }

    fn note(&self) -> String {
        let of = |(level, n): (&LogLevel, &u64)| format!("{} × {}", count_text(*n), name(*level));
        let parts = LEVELS.iter().zip(&self.n).rev().filter(|(_, n)| **n > 0).map(of);
        parts.collect::<Vec<_>>().join(" · ")
    }
}

fn draw(figure: &mut Figure, lines: &[&Line]) {
    let width = figure.frame.width as f32;
    let times: Vec<String> = lines.iter().map(|line| time_text(line.at)).collect();
    let at_px = chart::column(times.iter().map(String::as_str), 80.0) + 10.0;
    let level_px = chart::column(lines.iter().map(|line| name(line.level)), 60.0) + 10.0;
    let who_px = chart::column(lines.iter().map(|line| line.who.as_str()), width * 0.25) + 10.0;
    let (mut ats, mut texts) =
        (Text::new(Anchor::End, LABEL_PX), Text::new(Anchor::Start, LABEL_PX));
    for (i, line) in lines.iter().enumerate() {
        let y = (i as f32 + 0.5) * ROW_PX;
        let color = match line.level {
            LogLevel::Error => Color::FULL,
            LogLevel::Warn => Color::HIGH,
            LogLevel::Output | LogLevel::Debug | LogLevel::Info => Color::MUTED,
        };
        let at = figure.string(times[i].clone());
        ats.push((at_px - 10.0, y), at, Color::MUTED);
        let cells = [
            (at_px, name(line.level), level_px, color),
            (at_px + level_px, line.who.as_str(), who_px, Color::MUTED),
            (at_px + level_px + who_px, line.text.as_str(), width, Color::TEXT),
        ];
        for (x, text, px, color) in cells {
            let text = figure.string(elide(text, (px.min(width - x) - 4.0) / 1.08, LABEL_PX));
            texts.push((x, y), text, color);
        }
    }
    figure.push(Layer::new(Glyphs::Text(ats)));
    figure.push(Layer::new(Glyphs::Text(texts)));
}
