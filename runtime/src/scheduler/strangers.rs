//! Peers that say what cannot be: they may harm themselves, and never end the scheduler.

use std::collections::BTreeMap;

use taskreel_model::{LocalityThenIdle, Nanos, Report, Reported, TaskId, WorkerId, WorkerInfo};
use taskreel_recorder::RunInfo;
use tokio::sync::mpsc;

use super::core::Core;
use super::inbound::ConnId;
use super::peers::WorkerClock;
use super::{Patience, SchedulerConfig};
use crate::clock::Clock;
use crate::wire::LinkSender;
use crate::wire::link::LINK_CAPACITY;
use crate::wire::message::{
    ClientBefore, ClientHello, FromClient, FromWorker, ToWorker, WorkerBefore, WorkerHello,
};

fn core() -> Core {
    let mut core = Core::new(SchedulerConfig {
        run: RunInfo { run_id: "run".to_owned(), ..RunInfo::default() },
        resumed: None,
        patience: Patience::default(),
        recorder: None,
        policy: Box::new(LocalityThenIdle),
        clock: Clock::start(),
        watch: None,
    });
    core.resume();
    core
}

fn join(core: &mut Core, number: u32) -> (ConnId, mpsc::Receiver<ToWorker>) {
    let info = WorkerInfo {
        name: format!("worker-{number}"),
        address: format!("tcp://here:{number}"),
        host: "here".to_owned(),
        pid: number,
        slots: 1,
        memory_limit: 0,
        resources: BTreeMap::new(),
        version: "0".to_owned(),
    };
    let (tx, rx) = mpsc::channel(LINK_CAPACITY);
    let conn = ConnId(u64::from(number));
    let hello = WorkerHello { info, shares_clock: false, before: None };
    core.worker_connected(conn, hello, LinkSender::queue(tx));
    (conn, rx)
}

fn reports() -> Vec<Report> {
    let (task, attempt, slot) = (TaskId(7), 1, 0);
    vec![Report { at: Nanos(u64::MAX), what: Reported::Started { task, attempt, slot } }]
}

#[test]
fn a_clock_that_cannot_be_is_only_useless() {
    let mut core = core();
    let (conn, _rx) = join(&mut core, 0);
    let (_, peer) = core.peers.worker_on(conn).unwrap();
    let WorkerClock::Offset { ping_at, .. } = peer.clock else { panic!("it has its own") };
    let echo = FromWorker::ClockEcho { ping_at, worker_at: Nanos(1 << 63) };
    core.worker_message(conn, echo);
    core.worker_message(
        conn,
        FromWorker::Reports { first: 1, reports: reports(), results: vec![] },
    );
    core.state.validate();
}

#[test]
fn reports_without_number_or_end_are_nobodys() {
    let mut core = core();
    let ((first, _one), (second, _two)) = (join(&mut core, 0), join(&mut core, 1));
    core.worker_gone(first, taskreel_model::LossReason::Disconnected);
    let before = WorkerBefore { run: "run".to_owned(), worker: WorkerId(0) };
    // Twice: the first makes the last number that there is the one that is known.
    for number in [u64::MAX, u64::MAX, 0] {
        let (before, reports) = (before.clone(), reports());
        let late = FromWorker::Late { before, first: number, reports, is_last: false };
        core.worker_message(second, late);
    }
    assert!(core.peers.worker_of(second).is_some(), "it told of another");
    let gap = FromWorker::Reports { first: u64::MAX, reports: reports(), results: vec![] };
    core.worker_message(second, gap);
    assert!(core.peers.worker_of(second).is_none(), "reports of its own are missing");
    core.state.validate();
}

#[test]
fn a_client_that_claims_any_number_of_messages_is_served() {
    let mut core = core();
    let connect = |core: &mut Core, conn, before| {
        let (tx, rx) = mpsc::channel(LINK_CAPACITY);
        let hello = ClientHello { name: "ann".to_owned(), embedded: false, before };
        core.client_connected(ConnId(conn), hello, LinkSender::queue(tx));
        rx
    };
    let _first = connect(&mut core, 0, None);
    let client = core.peers.client_of(ConnId(0)).unwrap();
    let before = ClientBefore { run: "run".to_owned(), client, n_accepted: u64::MAX };
    let _second = connect(&mut core, 1, Some(before));
    core.client_message(ConnId(1), FromClient::Release(vec![u32::MAX]));
    core.client_message(ConnId(1), FromClient::Cancel(vec![0, u32::MAX]));
    core.client_message(ConnId(1), FromClient::Locate(vec![u32::MAX]));
    assert!(core.peers.client_of(ConnId(1)).is_some());
}
