//! The way of reports to the scheduler, and what is kept of them until it has them.

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use bytes::Bytes;
use taskreel_model::Report;
use tokio::time::Instant;

use super::FULL_BATCH;
use crate::wire::LinkSender;
use crate::wire::message::{Assignment, FromWorker, WorkerBefore};
use crate::worker::journal::{Journal, Untold};

/// Reports that wait longer than this to be accepted go to the disk.
const LAZY: Duration = Duration::from_millis(100);

/// The way to the scheduler.
#[derive(Debug)]
pub(super) struct Way {
    /// `None`: there is no connection now.
    pub(super) tx: Option<LinkSender<FromWorker>>,
    /// The number of the next report.
    next: u64,
    /// `None`: nothing is kept, since this worker ends with its scheduler.
    kept: Option<Kept>,
}

/// Reports that the scheduler is not known to have.
#[derive(Debug)]
struct Kept {
    /// The last ones before `Way::next`.
    reports: VecDeque<Report>,
    /// Who the worker is, once it has joined.
    who: Option<WorkerBefore>,
    journal: Journal,
    /// The number of the last one that was written to the journal.
    saved: u64,
    /// Since when some are kept that were not, as tokio's timers see it.
    unsaved_since: Option<Instant>,
    /// What is told of workers that were, this one or others.
    untold: Vec<Untold>,
}

impl Way {
    /// `journal`: where reports are kept; `None`: they are not.
    pub(super) fn new(journal: Option<Journal>) -> Self {
        let kept = journal.map(|journal| Kept {
            reports: VecDeque::new(),
            who: None,
            saved: 0,
            unsaved_since: None,
            untold: journal.left_behind(),
            journal,
        });
        Self { tx: None, next: 1, kept }
    }

    /// Whether reports are kept.
    pub(super) fn keeps(&self) -> bool {
        self.kept.is_some()
    }

    /// Numbers reports, keeps them if they are to be kept, and sends them.
    pub(super) fn send(&mut self, reports: Vec<Report>, results: Vec<(Assignment, Bytes)>) {
        if reports.is_empty() {
            return;
        }
        let first = self.next;
        self.next += reports.len() as u64;
        if let Some(kept) = &mut self.kept {
            kept.reports.extend(reports.iter().cloned());
            kept.unsaved_since.get_or_insert_with(Instant::now);
        }
        if let Some(tx) = &self.tx {
            let _ = tx.blocking_send(FromWorker::Reports { first, reports, results });
        }
    }

    /// The worker has joined as somebody else than before: reports are counted anew. Those of who it
    /// was are told as such.
    pub(super) fn begin_anew(&mut self, now: &WorkerBefore) {
        let first = self.first();
        self.next = 1;
        let Some(kept) = &mut self.kept else { return };
        let reports: Vec<Report> = mem::take(&mut kept.reports).into();
        match kept.who.replace(now.clone()) {
            Some(before) if before.run == now.run && !reports.is_empty() => {
                kept.untold.push(kept.journal.leave(before, first, reports));
            }
            // Nothing is missing, or it is another run's business.
            Some(_) | None => kept.journal.clear(),
        }
        (kept.saved, kept.unsaved_since) = (0, None);
    }

    /// The number of the first report that is kept.
    fn first(&self) -> u64 {
        self.next - self.kept.as_ref().map_or(0, |kept| kept.reports.len() as u64)
    }

    /// Sends again all that is kept, what is of others first.
    pub(super) fn send_kept(&self) {
        let (Some(kept), Some(tx)) = (&self.kept, &self.tx) else { return };
        for Untold { before, first, reports, .. } in
            kept.untold.iter().filter(|u| kept.is_of_run(u))
        {
            for (first, some) in (*first..).step_by(FULL_BATCH).zip(reports.chunks(FULL_BATCH)) {
                let is_last = some.as_ptr_range().end == reports.as_ptr_range().end;
                let (before, reports) = (before.clone(), some.to_vec());
                let _ = tx.blocking_send(FromWorker::Late { before, first, reports, is_last });
            }
        }
        let mut first = self.first();
        let mut reports = kept.reports.iter();
        loop {
            let reports: Vec<Report> = reports.by_ref().take(FULL_BATCH).cloned().collect();
            if reports.is_empty() {
                return;
            }
            let n_reports = reports.len() as u64;
            let results = Vec::new();
            let _ = tx.blocking_send(FromWorker::Reports { first, reports, results });
            first += n_reports;
        }
    }

    /// The scheduler has the reports up to that number.
    pub(super) fn accepted(&mut self, through: u64) {
        let first = self.first();
        let Some(kept) = &mut self.kept else { return };
        let n_known =
            through.saturating_add(1).saturating_sub(first).min(kept.reports.len() as u64);
        kept.reports.drain(..n_known as usize);
        if kept.reports.is_empty() {
            kept.unsaved_since = None;
        }
        if first + n_known > kept.saved {
            // All that is on the disk is in the log by now.
            kept.journal.clear();
        }
    }

    /// The scheduler has what was told of a worker that was.
    pub(super) fn told(&mut self, of: &WorkerBefore) {
        let Some(kept) = &mut self.kept else { return };
        let (told, untold) = mem::take(&mut kept.untold).into_iter().partition(|u| u.before == *of);
        kept.untold = untold;
        let told: Vec<Untold> = told;
        told.into_iter().for_each(Untold::done);
    }

    /// Writes to the disk what has waited for long, or, `at_once`, all. Returns whether there is more
    /// to be written later.
    pub(super) fn save(&mut self, at_once: bool) -> bool {
        let (first, end) = (self.first(), self.next);
        let Some(kept) = &mut self.kept else { return false };
        let Some(since) = kept.unsaved_since else { return false };
        let Some(who) = &kept.who else { return false };
        if !at_once && since.elapsed() < LAZY {
            return true;
        }
        let begin = first.max(kept.saved + 1);
        let reports = kept.reports.iter().skip((begin - first) as usize);
        if let Err(error) = kept.journal.add(who, begin, reports) {
            // They are in memory: only the death of this process would lose them.
            tracing::warn!(%error, "reports cannot be kept on the disk");
        }
        (kept.saved, kept.unsaved_since) = (end - 1, None);
        false
    }

    /// The run is over: nobody will ask for what is kept.
    pub(super) fn forget(&mut self) {
        if let Some(kept) = &mut self.kept {
            kept.journal.clear();
        }
    }
}

impl Kept {
    fn is_of_run(&self, untold: &Untold) -> bool {
        self.who.as_ref().is_some_and(|who| who.run == untold.before.run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheduler_that_claims_to_have_any_number_of_reports_has_all() {
        let folder = tempfile::tempdir().unwrap();
        let mut way = Way::new(Some(Journal::new(folder.path().to_owned())));
        let what = taskreel_model::Reported::ReplicaDropped { task: taskreel_model::TaskId(0) };
        way.send(vec![Report { at: taskreel_model::Nanos(0), what }], Vec::new());
        assert_eq!(way.first(), 1);
        way.accepted(u64::MAX);
        assert_eq!(way.first(), 2);
    }
}
