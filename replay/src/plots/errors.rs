//! **Errors**: what failed, where and when: the messages above, a lane per worker below.
//! Question: what failed, when, on which worker, and why?
//!
//! | column | unit, shape                                                        | glyph            |
//! |--------|--------------------------------------------------------------------|------------------|
//! | failed | attempts that failed so far by worker, at most 1,024 points        | crosses, never left out |
//! | lost   | ns at which a worker was lost, at most one per worker              | triangle         |
//! | reason | prefix, kind, message, count, first and last instant: one per distinct reason, the first 512; the rest counted | text |
//! | blamed | tasks that erred because of one they depend on                     | note             |
//!
//! A task's message is the state's; one whose task was forgotten in the same event has none.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use taskreel_model::{
    Again, Change, FailureKind, Nanos, Outcome, Phase, PrefixId, Sample, State, StrId, TaskId,
    WorkerId, WorkerStatus,
};

use super::{About, Page, Plot};
use crate::attic::Attic;
use crate::chart::{self, LaneChart, LaneName, Measure, NAME_CHARS, means, time_text};
use crate::figure::{
    Anchor, Color, Figure, Glyphs, LABEL_PX, Layer, Shape, Text, View, clean, count_text, elide,
};
use crate::series::Series;

const ABOUT: About = About {
    id: "errors",
    title: "Errors",
    question: "What failed, when, on which worker, and why?",
    page: Page::Errors,
};

/// Distinct reasons that are kept.
const N_REASONS: usize = 512;
const MESSAGE_CHARS: usize = 300;
const ROW_PX: u32 = 16;
/// The share of the picture's height that messages may take.
const LIST_SHARE: f32 = 0.45;

/// The columns of the errors plot.
#[derive(Debug, Default)]
pub struct Errors {
    names: Vec<String>,
    workers: Vec<Where>,
    /// What is known of workers that are gone.
    attic: Attic,
    ids: BTreeMap<Option<(PrefixId, FailureKindOrd, StrId)>, usize>,
    reasons: Vec<Reason>,
    /// Attempts whose reason is not among `reasons`.
    n_other: u64,
    n_failed: u64,
    n_blamed: u64,
    /// Whose stop was counted last: its change of phase follows and is the same failure.
    stopped: Option<TaskId>,
}

/// A failure's kind by its number, since kinds have no order.
type FailureKindOrd = u8;

#[derive(Debug)]
struct Where {
    failed: Series,
    lost_at: Option<Nanos>,
}

#[derive(Debug)]
struct Reason {
    prefix: String,
    kind: Option<FailureKind>,
    message: String,
    n: u64,
    first: Nanos,
    last: Nanos,
    /// The key of the first task.
    example: String,
    worker: WorkerId,
}

impl Errors {
    fn worker(&mut self, worker: WorkerId) -> &mut Where {
        while self.workers.len() <= worker.index() {
            self.workers.push(Where { failed: Series::new(Series::N_EACH), lost_at: None });
        }
        &mut self.workers[worker.index()]
    }

    /// An assignment ended: a failure, if it never began to execute and so was not counted yet.
    fn left(&mut self, at: Nanos, (task, worker): (TaskId, WorkerId), to: Phase, state: &State) {
        let is_counted = self.stopped.take() == Some(task);
        if !is_counted && failed_unstarted(task, to, state) {
            self.failed(at, task, worker, state);
        }
    }

    fn failed(&mut self, at: Nanos, task: TaskId, worker: WorkerId, state: &State) {
        self.n_failed += 1;
        let failed = &mut self.worker(worker).failed;
        let n_before = failed.last();
        failed.push(at, n_before + 1);
        let found = state.task(task);
        let blame = found.and_then(|found| Some((found.key.prefix, found.error()?)));
        let id = blame.map(|(prefix, blame)| (prefix, blame.kind as u8, blame.error));
        let index = *self.ids.entry(id).or_insert(self.reasons.len());
        if let Some(reason) = self.reasons.get_mut(index) {
            reason.n += 1;
            reason.first = reason.first.min(at);
            reason.last = reason.last.max(at);
        } else if self.reasons.len() < N_REASONS {
            let text = |text: &str| clean(text, MESSAGE_CHARS);
            self.reasons.push(Reason {
                prefix: blame.map_or_else(String::new, |(id, _)| text(&state.prefix(id).name)),
                kind: blame.map(|(_, blame)| blame.kind),
                message: blame.map_or_else(String::new, |(_, blame)| text(state.text(blame.error))),
                n: 1,
                first: at,
                last: at,
                example: clean(&state.task_name(task), NAME_CHARS),
                worker,
            });
        } else {
            self.ids.remove(&id);
            self.n_other += 1;
        }
    }
}

impl Plot for Errors {
    fn about(&self) -> About {
        ABOUT
    }

    fn fresh(&self) -> Box<dyn Plot> {
        Box::<Self>::default()
    }

    fn update(&mut self, at: Nanos, change: &Change, state: &State) {
        match *change {
            Change::Stopped { task, worker, outcome: Outcome::Failed, .. } => {
                self.stopped = Some(task);
                self.failed(at, task, worker, state);
            }
            Change::Task { task, from: Phase::Processing, to, worker: Some(worker), .. } => {
                self.left(at, (task, worker), to, state);
            }
            Change::Task { to: Phase::Erred, .. } => self.n_blamed += 1,
            Change::Worker { worker, from, to } => {
                let left = from == Some(WorkerStatus::Retiring) || state.is_idle();
                let is_lost = to == WorkerStatus::Lost && !left;
                self.worker(worker).lost_at = is_lost.then_some(at);
                if to == WorkerStatus::Lost {
                    let index = worker.index();
                    self.workers[index].failed.come_to_rest(&self.attic);
                }
            }
            // Nothing else fails.
            _ => {}
        }
    }

    fn sample(&mut self, _sample: &Sample, _state: &State) {}

    fn settle(&mut self, state: &State) {
        chart::take_names(&mut self.names, state, NAME_CHARS);
    }

    fn figure(&self, view: &View) -> Figure {
        if self.names.is_empty() {
            return chart::nothing(&ABOUT, view, "No worker has joined yet.");
        }
        if self.n_failed == 0 && self.workers.iter().all(|worker| worker.lost_at.is_none()) {
            return chart::nothing(&ABOUT, view, "Nothing has failed, and no worker was lost.");
        }
        let lines = self.lines(view);
        let list_px = lines.len() as u32 * ROW_PX;
        let below = View { height_px: view.height_px - list_px, ..*view };
        let mut figure = self.lanes(&below);
        figure.height_px = view.height_px;
        figure.frame.top += list_px;
        figure.legend.iter_mut().for_each(|entry| entry.y += list_px as f32);
        let left = 10.0 - figure.frame.left as f32;
        let mut texts = Text::new(Anchor::Start, LABEL_PX);
        for (i, (line, color)) in lines.into_iter().enumerate() {
            let text = figure.string(elide(&line, view.width_px as f32 - 20.0, LABEL_PX));
            let y = (i as f32 + 0.5) * ROW_PX as f32 - list_px as f32 - 4.0;
            texts.push((left, y), text, color);
        }
        figure.push(Layer::new(Glyphs::Text(texts)));
        figure
    }

    fn columns(&self) -> String {
        let mut table = String::from("prefix\tkind\tmessage\tn\tfirst_ns\tlast_ns\texample\n");
        for r in &self.reasons {
            let kind = r.kind.map_or("-", kind_name);
            let (first, last) = (r.first.0, r.last.0);
            let _ = writeln!(
                table,
                "{}\t{kind}\t{}\t{}\t{first}\t{last}\t{}",
                r.prefix, r.message, r.n, r.example
            );
        }
        for (i, worker) in self.workers.iter().enumerate() {
            let lost = worker.lost_at.map_or_else(|| "-".to_owned(), |at| at.0.to_string());
            let _ = writeln!(table, "w{i}\tfailed\t{}\tlost\t{lost}", worker.failed.last());
        }
        let _ = writeln!(table, "all\tfailed\t{}\tblamed\t{}", self.n_failed, self.n_blamed);
        table
    }
}

/// Whether an assignment that never began to execute ended because it failed.
fn failed_unstarted(task: TaskId, to: Phase, state: &State) -> bool {
    let Some(found) = state.task(task) else { return to == Phase::Erred };
    match to {
        Phase::Erred => found.error().is_some_and(|blame| blame.culprit == task),
        Phase::Waiting | Phase::Queued => found.again == Again::Retry,
        Phase::Released
        | Phase::NoWorker
        | Phase::Processing
        | Phase::Memory
        | Phase::Forgotten => false,
    }
}

fn kind_name(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Error => "error",
        FailureKind::Panic => "panic",
        FailureKind::Exit => "exit status",
        FailureKind::Unavailable => "could not start",
        FailureKind::Timeout => "timeout",
        FailureKind::Poison => "its workers died",
        FailureKind::Codec => "could not be decoded",
        FailureKind::Missing => "no such function there",
    }
}

impl Errors {
    /// The messages, most frequent first, as many as fit.
    fn lines(&self, view: &View) -> Vec<(String, Color)> {
        let mut reasons: Vec<&Reason> = self.reasons.iter().collect();
        reasons.sort_by(|a, b| b.n.cmp(&a.n).then(a.first.cmp(&b.first)));
        let n_fit = ((view.height_px as f32 * LIST_SHARE) as usize / ROW_PX as usize).min(12);
        if n_fit == 0 {
            return Vec::new();
        }
        let n_shown = if reasons.len() > n_fit { n_fit - 1 } else { reasons.len() };
        let mut lines: Vec<(String, Color)> =
            reasons[..n_shown].iter().map(|reason| (self.line(reason), Color::TEXT)).collect();
        let n_rest: u64 = reasons[n_shown..].iter().map(|r| r.n).sum::<u64>() + self.n_other;
        if n_rest > 0 {
            let n_more = reasons.len() - n_shown;
            let more = if self.n_other > 0 { "or more " } else { "" };
            let text = format!(
                "… and {} failures for {} {more}other reasons",
                count_text(n_rest),
                count_text(n_more as u64)
            );
            lines.push((text, Color::MUTED));
        }
        lines
    }

    fn line(&self, reason: &Reason) -> String {
        let worker = self.names.get(reason.worker.index()).map_or("?", String::as_str);
        let what = match reason.kind {
            Some(kind) => format!("{}: {}", kind_name(kind), reason.message),
            None => "a reason that went with its task".to_owned(),
        };
        let when = match reason.n {
            1 => format!("{} on {worker} at {}", reason.example, time_text(reason.first)),
            _ => format!(
                "first {} on {worker} at {}, last at {}",
                reason.example,
                time_text(reason.first),
                time_text(reason.last)
            ),
        };
        format!("{}×  {}  {what}  ({when})", count_text(reason.n), reason.prefix)
    }

    fn lanes(&self, view: &View) -> Figure {
        let named = self.names.iter().zip(&self.workers);
        let lanes: Vec<LaneName> = named.map(|(name, worker)| lane(name, worker)).collect();
        let mut meanings = Vec::new();
        if self.n_failed > 0 {
            meanings.push(means(Color::ERROR, "failed"));
        }
        if self.workers.iter().any(|worker| worker.lost_at.is_some()) {
            meanings.push(means(Color::LOST, "worker lost"));
        }
        let scale = (Measure::Mark, 0.0);
        let mut chart = LaneChart::new(&ABOUT, view, &lanes, scale, meanings);
        for (i, (worker, name)) in self.workers.iter().zip(&self.names).enumerate() {
            if let Some(at) = worker.lost_at {
                chart.marks(i, &[(at, 1)], (Shape::Triangle, Color::LOST), |at, _| {
                    format!("{name} lost at {}", time_text(at))
                });
            }
            let failed = worker.failed.increments();
            chart.marks(i, &failed, (Shape::Cross, Color::ERROR), |at, n| {
                format!("{} failed on {name} at {}", count_text(n), time_text(at))
            });
        }
        chart.finish(self.notes())
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = match self.n_failed {
            0 => vec!["nothing failed".to_owned()],
            1 => vec!["1 attempt failed".to_owned()],
            n => vec![format!("{} attempts failed", count_text(n))],
        };
        if self.n_blamed > 0 {
            let (n, them) = (self.n_blamed, if self.n_failed == 1 { "it" } else { "them" });
            let tasks = if n == 1 { "task" } else { "tasks" };
            notes.push(format!("{} {tasks} erred with {them}", count_text(n)));
        }
        let n_lost = self.workers.iter().filter(|worker| worker.lost_at.is_some()).count();
        if n_lost > 0 {
            notes.push(format!("{n_lost} {} lost", if n_lost == 1 { "worker" } else { "workers" }));
        }
        notes
    }
}

/// A worker's lane; those where something failed come first when not all fit.
fn lane(name: &str, worker: &Where) -> LaneName {
    let n = worker.failed.last();
    LaneName {
        name: name.to_owned(),
        peak: (n + u64::from(worker.lost_at.is_some())) as f64,
        hover: format!("{name}: {} failed", count_text(n)),
    }
}

#[cfg(test)]
mod tests {
    use super::Errors;

    #[test]
    fn one_task_is_no_tasks() {
        let notes = |n_failed, n_blamed| {
            Errors { n_failed, n_blamed, ..Errors::default() }.notes().join(" · ")
        };
        assert_eq!(notes(1, 1), "1 attempt failed · 1 task erred with it");
        assert_eq!(notes(3, 2), "3 attempts failed · 2 tasks erred with them");
    }
}
