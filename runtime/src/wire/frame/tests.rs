use futures_util::StreamExt;
use smallvec::smallvec;
use taskreel_model::{FailureKind, Nanos, NewGraph, Report, Reported, TaskId, WorkerId};
use tokio_util::codec::FramedRead;

use super::*;
use crate::wire::message::{
    Assignment, EndedHow, FromClient, FromWorker, Holder, InputRef, RunTask, SubmitGraph, TaskEnd,
    ToClient, ToWorker,
};

fn frames(bytes: &[u8]) -> Vec<Bytes> {
    let mut reader = FramedRead::new(bytes, delimiter(MAX_FRAME_BYTES));
    let mut frames = Vec::new();
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
        while let Some(frame) = reader.next().await {
            frames.push(frame.unwrap().freeze());
        }
    });
    frames
}

fn round_trip<T: Message + Clone + PartialEq + std::fmt::Debug>(message: &T) {
    let mut out = BytesMut::new();
    encode(message.clone(), &mut Vec::new(), &mut out).unwrap();
    let frames = frames(&out);
    assert_eq!(frames.len(), 1);
    assert_eq!(&decode::<T>(&frames[0]).unwrap(), message);
    hostile(&frames[0], |bytes| drop(decode::<T>(&bytes)));
}

/// Cut anywhere, or with any byte changed, a frame is refused or read as something else: it never
/// panics, and it never allocates what it merely claims.
fn hostile(frame: &[u8], read: impl Fn(Bytes)) {
    for end in 0..frame.len() {
        read(Bytes::copy_from_slice(&frame[..end]));
    }
    for position in 0..frame.len() {
        for value in [0, 1, 0x7f, 0xfb, 0xfc, 0xfd, 0xfe, 0xff] {
            let mut changed = frame.to_vec();
            changed[position] = value;
            read(changed.into());
        }
    }
}

fn run_task(task: u32, spec: &'static [u8]) -> RunTask {
    let holder = Holder { worker: WorkerId(3), address: "tcp://127.0.0.1:1".into() };
    RunTask {
        is_awaited: false,
        priority: 0,
        task: TaskId(task),
        attempt: 2,
        function: "demo::f".into(),
        spec: Bytes::from_static(spec),
        inputs: vec![InputRef {
            task: TaskId(1),
            bytes: 70_000,
            holders: smallvec![holder],
            data: None,
        }],
        timeout: Some(Nanos::from_millis(5)),
    }
}

#[test]
fn every_message_survives_the_wire_and_no_damage_brings_it_down() {
    round_trip(&ToWorker::Run(vec![run_task(4, b"abc"), run_task(5, b""), run_task(6, b"de")]));
    round_trip(&ToWorker::Revoke(vec![Assignment { task: TaskId(9), attempt: 1 }]));
    round_trip(&ToWorker::Welcome {
        worker: WorkerId(0),
        run: "f00".to_owned(),
        resumed: true,
        reports_through: 7,
        silence: Some(Nanos(9)),
    });
    round_trip(&ToWorker::Shutdown);
    let failed = Reported::Failed {
        task: TaskId(1),
        attempt: 1,
        kind: FailureKind::Panic,
        error: "so hot".to_owned(),
    };
    round_trip(&FromWorker::Reports {
        first: 5,
        reports: vec![Report { at: Nanos(77), what: failed }],
        results: vec![(Assignment { task: TaskId(1), attempt: 2 }, Bytes::from_static(b"small"))],
    });
    let holder = Holder { worker: WorkerId(1), address: "local://1".into() };
    let (task, holders) = (TaskId(8), smallvec![holder]);
    let data = Some(Bytes::from_static(b"a small result"));
    let finished = EndedHow::Finished { task, bytes: 14, holders, data };
    round_trip(&ToClient::Ended(vec![TaskEnd { local: 2, how: finished }]));
    round_trip(&FromClient::Submit(Box::new(SubmitGraph {
        graph: std::sync::Arc::new(NewGraph {
            name: "g".to_owned(),
            prefixes: vec!["p".to_owned()],
            ..NewGraph::default()
        }),
        spec_lens: vec![1, 2],
        specs: Bytes::from_static(b"xyz"),
    })));
    round_trip(&FromClient::Release(vec![1, 2, 300, u32::MAX]));
}

#[test]
fn a_message_too_long_for_a_frame_becomes_several() {
    let spec: &'static [u8] = vec![7; MAX_FRAME_BYTES / 3].leak();
    let tasks: Vec<RunTask> = (0..4).map(|task| run_task(task, spec)).collect();
    let mut out = BytesMut::new();
    encode(ToWorker::Run(tasks.clone()), &mut Vec::new(), &mut out).unwrap();
    let mut back = Vec::new();
    for frame in frames(&out) {
        match decode(&frame).unwrap() {
            ToWorker::Run(some) => back.extend(some),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(back, tasks);
    let whole = RunTask { spec: vec![0; MAX_FRAME_BYTES].into(), ..run_task(0, b"") };
    let refused = encode(ToWorker::Run(vec![whole]), &mut Vec::new(), &mut BytesMut::new());
    assert!(matches!(refused, Err(FrameError::TooLong(_))));
}

#[test]
fn a_claimed_length_is_not_believed() {
    // A list of u64::MAX payload lengths in a frame of ten bytes.
    let claim = Bytes::from_static(&[0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0]);
    assert!(decode::<ToWorker>(&claim).is_err());
    let mut reader =
        FramedRead::new(&[0xff_u8, 0xff, 0xff, 0xff, 0][..], delimiter(MAX_FRAME_BYTES));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert!(runtime.block_on(reader.next()).unwrap().is_err());
}

#[test]
fn specs_that_do_not_fit_their_tasks_are_refused() {
    let submit = SubmitGraph {
        graph: std::sync::Arc::default(),
        spec_lens: vec![u32::MAX, u32::MAX],
        specs: Bytes::from_static(b"xyz"),
    };
    assert_eq!(submit.split_specs(), None);
}
