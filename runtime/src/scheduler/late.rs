//! Reports that come late: of a worker that was killed, from the one that found them on its disk, or of
//! one that was given up for lost and is a new worker now.
//!
//! As long as the worker counts as there (the scheduler has started again, say, and waits for it),
//! its reports are taken as from itself, and then it is given up. Once it is lost, its tasks run
//! elsewhere: what it did is no longer part of the state, and is recorded as log lines. Either way
//! `Event::ReportsAccepted` says how far its reports came, so that none is taken twice.

use taskreel_model::{
    Input, LogLevel, LogLine, LossReason, Nanos, Report, Reported, TaskId, WorkerId, WorkerStatus,
};
use tracing::{info, warn};

use super::core::Core;
use crate::wire::message::{ToWorker, WorkerBefore};

impl Core {
    /// Takes what `heir` tells of a worker that was.
    pub(super) fn told_late(
        &mut self,
        heir: WorkerId,
        before: WorkerBefore,
        (first, mut reports): (u64, Vec<Report>),
        is_last: bool,
    ) {
        let of = before.worker;
        let is_ours = before.run == self.config.run.run_id && of != heir;
        let Some(found) = self.state.worker(of).filter(|_| is_ours) else { return };
        if self.peers.workers.contains_key(&of) {
            warn!(worker = %of, "somebody tells of a worker that is there");
            return;
        }
        let (known, is_lost) = (found.reports_through, found.status == WorkerStatus::Lost);
        let offset = found.clock_offset_ns;
        let through = first.saturating_add(reports.len() as u64).saturating_sub(1);
        reports.drain(..reports.len().min((known + 1).saturating_sub(first) as usize));
        let now = self.now();
        for report in &mut reports {
            report.at = self.tick(Nanos(report.at.0.saturating_add_signed(offset))).min(now);
        }
        info!(worker = %of, n_reports = reports.len(), is_lost, "reports came late");
        // Behind a gap nothing fits the state any more.
        if is_lost || first > known + 1 {
            reports.into_iter().for_each(|report| self.record_late(of, report));
        } else if let Err(why) = self.decide(Input::WorkerReported { worker: of, reports }) {
            warn!(worker = %of, %why, "late reports do not fit");
        }
        if through > known
            && let Err(why) = self.decide(Input::ReportsAccepted { worker: of, through })
        {
            warn!(worker = %of, %why, "late reports are not accepted");
        }
        if !is_last {
            return;
        }
        if !is_lost {
            self.lose_worker(of, LossReason::Disconnected);
        }
        if let Some(peer) = self.peers.workers.get_mut(&heir) {
            peer.out.push(ToWorker::LateAccepted { before });
        }
    }

    fn record_late(&mut self, worker: WorkerId, Report { at, what }: Report) {
        let (task, did) = in_words(&what);
        let text = format!("told after the worker was lost: {did}");
        if let Some(recorder) = &mut self.config.recorder {
            let level = LogLevel::Warn;
            recorder.log(LogLine { at, worker: Some(worker), task, level, text });
        }
    }
}

/// What a report is about, and what it says.
fn in_words(what: &Reported) -> (Option<TaskId>, String) {
    let (task, did) = match what {
        Reported::Started { task, attempt, .. } => (*task, format!("attempt {attempt} began")),
        Reported::Seceded { task, attempt } => {
            (*task, format!("attempt {attempt} began to wait for its tasks"))
        }
        Reported::Rejoined { task, attempt, .. } => (*task, format!("attempt {attempt} went on")),
        Reported::Finished { task, attempt, bytes } => {
            (*task, format!("attempt {attempt} finished with {bytes} bytes"))
        }
        Reported::Failed { task, attempt, error, .. } => {
            (*task, format!("attempt {attempt} failed: {error}"))
        }
        Reported::Activity { task, activity, took, .. } => {
            (*task, format!("{activity:?} took {took}"))
        }
        Reported::TransferStarted { task, from, .. } => (*task, format!("fetching from {from}")),
        Reported::TransferFinished { task, bytes } => (*task, format!("fetched {bytes} bytes")),
        Reported::TransferFailed { task, reason } => (*task, format!("not fetched: {reason:?}")),
        Reported::InputsMissing { task, .. } => (*task, "inputs were missing".to_owned()),
        Reported::Spilled { task, bytes, .. } => (*task, format!("{bytes} bytes went to disk")),
        Reported::Restored { task, bytes, .. } => (*task, format!("{bytes} bytes came back")),
        Reported::ReplicaAdded { task, .. } => (*task, "a copy was kept".to_owned()),
        Reported::ReplicaDropped { task } => (*task, "a copy was let go".to_owned()),
        Reported::GaveBack { task, .. } => (*task, "it was given back".to_owned()),
        Reported::Kept { task, .. } => (*task, "it was kept, since it had begun".to_owned()),
        Reported::Paused { reason } => return (None, format!("it paused: {reason:?}")),
        Reported::Resumed => return (None, "it went on".to_owned()),
        Reported::Marked { name, task } => return (*task, format!("mark {name}")),
        Reported::Span { name, task, took } => return (*task, format!("{name} took {took}")),
    };
    (Some(task), did)
}
