//! Workers at the scheduler: they connect, report, are timed, and go.

use taskreel_model::{
    Input, LogLevel, LogLine, LossReason, Nanos, Rejection, Report, TaskId, WorkerId,
};
use tracing::{info, warn};

use super::core::Core;
use super::inbound::ConnId;
use super::peers::{Outbox, WorkerClock, WorkerPeer};
use crate::wire::LinkSender;
use crate::wire::message::{Assignment, FromWorker, ToWorker, WorkerHello};

/// How often workers are pinged and the scheduler reads itself.
const BEAT: Nanos = Nanos::from_millis(500);

/// A worker is told that its reports are in the log with each beat, or when they are so many.
const REPORTS_UNTOLD: u64 = 4096;

impl Core {
    pub(super) fn worker_connected(
        &mut self,
        conn: ConnId,
        hello: WorkerHello,
        tx: LinkSender<ToWorker>,
    ) {
        let mut out = Outbox::new(tx);
        let Some((worker, resumed)) = self.admit(&hello) else {
            out.push(ToWorker::Shutdown);
            out.flush();
            return;
        };
        let WorkerHello { info, shares_clock, before } = hello;
        info!(%worker, name = info.name, resumed, "worker joined");
        let found = &self.state.workers()[worker.index()];
        let reports_through = found.reports_through;
        let silence = self.config.patience.silence.as_nanos() as u64;
        out.push(ToWorker::Welcome {
            worker,
            run: self.config.run.run_id.clone(),
            resumed,
            reports_through,
            silence: (!shares_clock).then_some(Nanos(silence)),
        });
        let now = self.config.clock.now();
        let clock = if shares_clock {
            WorkerClock::Shared
        } else {
            out.push(ToWorker::Ping { at: now });
            // The run's clock went on while nobody read it, so the old offset is about right.
            let offset_ns = resumed.then_some(found.clock_offset_ns);
            WorkerClock::Offset { offset_ns, error_ns: u64::MAX, ping_at: now }
        };
        let peer = WorkerPeer {
            conn,
            out,
            address: info.address.as_str().into(),
            clock,
            heard_at: now,
            is_settled: before.is_none(),
            told_through: reports_through,
        };
        self.peers.add_worker(worker, peer);
    }

    /// The id of a worker that connects, and whether it is one that was there before.
    fn admit(&mut self, hello: &WorkerHello) -> Option<(WorkerId, bool)> {
        if let Some(before) = &hello.before
            && before.run == self.config.run.run_id
            && self.awaited.contains_key(&before.worker)
            && self.state.worker(before.worker).is_some_and(|known| {
                known.info.address == hello.info.address && known.info.pid == hello.info.pid
            })
        {
            return Some((before.worker, true));
        }
        let worker = self.state.next_worker();
        let input = Input::WorkerJoined { worker, info: hello.info.clone() };
        match self.decide(input) {
            Ok(()) => Some((worker, false)),
            Err(why) => {
                warn!(%why, name = hello.info.name, "refused a worker");
                None
            }
        }
    }

    pub(super) fn worker_message(&mut self, conn: ConnId, message: FromWorker) {
        let now = self.config.clock.now();
        let Some((worker, peer)) = self.peers.worker_on(conn) else { return };
        peer.heard_at = now;
        match message {
            FromWorker::Reports { first, reports, results } => {
                self.small_results.extend(results);
                self.reported(worker, first, reports);
            }
            FromWorker::Has { held, assigned } => self.settled(worker, held, &assigned),
            FromWorker::Sample(mut sample) => {
                sample.at = self.map_clock(worker, sample.at);
                sample.worker = Some(worker);
                if let Some(recorder) = &mut self.config.recorder {
                    recorder.sample(sample);
                }
            }
            FromWorker::Logs(lines) => {
                for mut line in lines {
                    line.at = self.map_clock(worker, line.at);
                    line.worker = Some(worker);
                    if let Some(recorder) = &mut self.config.recorder {
                        recorder.log(line);
                    }
                }
            }
            FromWorker::ClockEcho { ping_at, worker_at } => self.echoed(worker, ping_at, worker_at),
            FromWorker::Retire => self.begin_retiring(worker),
            FromWorker::Goodbye => self.lose_worker(worker, LossReason::Left),
            FromWorker::Late { before, first, reports, is_last } => {
                self.told_late(worker, before, (first, reports), is_last);
            }
            FromWorker::OutOfMemory => self.lose_worker(worker, LossReason::OutOfMemory),
        }
    }

    pub(super) fn worker_gone(&mut self, conn: ConnId, reason: LossReason) {
        if let Some(worker) = self.peers.worker_of(conn) {
            self.lose_worker(worker, reason);
        }
    }

    /// Takes reports, but not those again that it has already.
    fn reported(&mut self, worker: WorkerId, first: u64, mut reports: Vec<Report>) {
        let clock = self.peers.workers.get(&worker).map(|peer| peer.clock);
        let is_remote = !matches!(clock, Some(WorkerClock::Shared));
        let through = first.saturating_add(reports.len() as u64).saturating_sub(1);
        if is_remote {
            let known = self.state.worker(worker).map_or(0, |found| found.reports_through);
            if first == 0 || first > known + 1 {
                self.log(LogLevel::Error, format!("worker {worker} is lost: reports are missing"));
                return self.lose_worker(worker, LossReason::Disconnected);
            }
            reports.drain(..reports.len().min((known + 1 - first) as usize));
        }
        for report in &mut reports {
            report.at = self.map_clock(worker, report.at);
        }
        if let Err(why) = self.decide(Input::WorkerReported { worker, reports }) {
            self.log(LogLevel::Error, format!("worker {worker} is disconnected: {why}"));
            if matches!(why, Rejection::Protocol { .. }) {
                return self.lose_worker(worker, LossReason::Disconnected);
            }
        }
        if is_remote {
            self.accept_reports(worker, through);
        }
    }

    fn accept_reports(&mut self, worker: WorkerId, through: u64) {
        if let Err(why) = self.decide(Input::ReportsAccepted { worker, through }) {
            warn!(%worker, %why, "reports came too late");
        }
        if let Some(peer) = self.peers.workers.get_mut(&worker)
            && through.saturating_sub(peer.told_through) >= REPORTS_UNTOLD
        {
            peer.out.push(ToWorker::Accepted { through });
            peer.told_through = through;
        }
    }

    /// A worker that came back said what it has: from now on it is sent tasks again.
    fn settled(&mut self, worker: WorkerId, held: Vec<(TaskId, u64)>, assigned: &[Assignment]) {
        if let Some(peer) = self.peers.workers.get_mut(&worker) {
            peer.is_settled = true;
        }
        let assigned = assigned.iter().map(|item| (item.task, item.attempt)).collect();
        if let Err(why) = self.decide(Input::WorkerResumed { worker, held, assigned }) {
            warn!(%worker, %why, "a worker came back too late");
        }
        self.awaited.remove(&worker);
    }

    pub(super) fn lose_worker(&mut self, worker: WorkerId, reason: LossReason) {
        info!(%worker, ?reason, "worker left");
        self.awaited.remove(&worker);
        self.retiring.remove(&worker);
        if self.decide(Input::WorkerLost { worker, reason }).is_ok() {
            self.peers.remove_worker(worker);
        }
    }

    /// A worker's instant on the scheduler's clock, never later than now.
    fn map_clock(&self, worker: WorkerId, at: Nanos) -> Nanos {
        let now = self.now();
        let mapped = match self.peers.workers.get(&worker).map(|peer| peer.clock) {
            Some(WorkerClock::Shared) => at,
            Some(WorkerClock::Offset { offset_ns: Some(offset), .. }) => {
                Nanos(at.0.saturating_add_signed(offset))
            }
            Some(WorkerClock::Offset { offset_ns: None, .. }) | None => now,
        };
        self.tick(mapped).min(now)
    }

    /// Estimates a worker's clock from a round trip: it answered about half-way, and is wrong by
    /// half the round trip at the most. The best estimate so far stands.
    fn echoed(&mut self, worker: WorkerId, ping_at: Nanos, worker_at: Nanos) {
        let round_trip = self.config.clock.now() - ping_at;
        let Some(peer) = self.peers.workers.get_mut(&worker) else { return };
        let WorkerClock::Offset { error_ns, ping_at: expected, .. } = peer.clock else { return };
        let measured = round_trip.0 / 2;
        if ping_at != expected || measured >= error_ns {
            return;
        }
        // What it answers may be anything.
        let offset_ns = ((ping_at.0 + measured) as i64).saturating_sub_unsigned(worker_at.0);
        let offset = Some(offset_ns);
        peer.clock = WorkerClock::Offset { offset_ns: offset, error_ns: measured, ping_at };
        let input = Input::ClockMeasured { worker, offset_ns, error_ns: measured };
        if let Err(why) = self.decide(input) {
            warn!(%why, "an echo came too late");
        }
    }

    /// Twice a second: pings those whose clock is their own, gives up those that are silent, and
    /// reads the scheduler's process.
    pub(super) fn beat(&mut self, now: Nanos) {
        let lag = if self.next_beat == Nanos::ZERO { Nanos::ZERO } else { now - self.next_beat };
        self.next_beat = now + BEAT;
        self.give_up_silent(lag);
        let now_exactly = self.config.clock.now();
        for (id, peer) in &mut self.peers.workers {
            if let WorkerClock::Offset { ping_at, .. } = &mut peer.clock {
                *ping_at = now_exactly;
                peer.out.push(ToWorker::Ping { at: *ping_at });
                let through = self.state.worker(*id).map_or(0, |found| found.reports_through);
                if through > peer.told_through {
                    peer.out.push(ToWorker::Accepted { through });
                    peer.told_through = through;
                }
            }
        }
        self.beat_clients();
        self.sample(now, lag);
    }

    /// When the scheduler itself was held up for `lag`, what came meanwhile waits in its inbox: that
    /// time does not count.
    fn give_up_silent(&mut self, lag: Nanos) {
        let now = self.config.clock.now();
        let silence = Nanos(self.config.patience.silence.as_nanos() as u64);
        let limit = silence + lag;
        let mut silent = Vec::new();
        for (id, peer) in &mut self.peers.workers {
            let is_remote = matches!(peer.clock, WorkerClock::Offset { .. });
            if is_remote && now > peer.heard_at + limit {
                silent.push(*id);
            }
            if lag > BEAT {
                peer.heard_at = peer.heard_at.max(now - silence);
            }
        }
        for worker in silent {
            self.lose_worker(worker, LossReason::Silent);
        }
    }

    pub(super) fn log(&mut self, level: LogLevel, text: String) {
        warn!("{text}");
        let at = self.now();
        if let Some(recorder) = &mut self.config.recorder {
            recorder.log(LogLine { at, worker: None, task: None, level, text });
        }
    }
}
