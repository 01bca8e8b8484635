//! Who drives a runtime, thread by thread.

use std::sync::mpsc;
use std::thread::ThreadId;

use tokio::sync::oneshot;

use super::*;

/// Longer than any of these waits takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// The thread that runs what is spawned now.
fn who_runs(handle: &Handle) -> ThreadId {
    let (tx, rx) = mpsc::channel();
    handle.spawn(async move { tx.send(thread::current().id()) });
    rx.recv_timeout(PATIENCE).expect("somebody drives")
}

/// Waits, as the one who drives, until what is spawned runs on the calling thread.
fn drive_until_it_is_me(carrier: &Carrier) {
    let me = thread::current().id();
    let driven = carrier.drive(async {
        for _ in 0..PATIENCE.as_millis() {
            if tokio::spawn(async { thread::current().id() }).await.expect("no panic") == me {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        false
    });
    assert_eq!(driven, Some(true));
}

#[test]
fn who_waits_drives_and_the_stand_in_does_before_and_after() {
    let io = IoThread::start("io").unwrap();
    let stand_in = io.thread.as_ref().unwrap().thread().id();
    assert_eq!(who_runs(io.handle()), stand_in);
    let long = LOOK_PERIOD * 2 * QUIET_LOOKS;
    // More often than the stand-in takes to fall asleep, so that it is woken, too.
    for _ in 0..3 {
        drive_until_it_is_me(&io.carrier());
        assert_eq!(io.carrier().drive(async { tokio::time::sleep(long).await }), Some(()));
        assert_eq!(who_runs(io.handle()), stand_in);
    }
}

#[test]
fn another_who_waits_goes_on_when_the_first_has_gone() {
    let io = IoThread::start("io").unwrap();
    let (end_first, first_ends) = oneshot::channel::<()>();
    let (begun_tx, begun) = mpsc::channel();
    let carrier = io.carrier();
    let first = thread::spawn(move || {
        drive_until_it_is_me(&carrier);
        begun_tx.send(()).unwrap();
        carrier.drive(first_ends).expect("the runtime is there").expect("it is told to end");
    });
    begun.recv_timeout(PATIENCE).unwrap();
    thread::scope(|scope| {
        let second = scope.spawn(|| drive_until_it_is_me(&io.carrier()));
        end_first.send(()).unwrap();
        second.join().unwrap();
    });
    first.join().unwrap();
}

#[test]
fn nobody_drives_within_a_runtime_or_after_the_end() {
    let io = IoThread::start("io").unwrap();
    let (carrier, theirs) = (io.carrier(), io.carrier());
    let (tx, rx) = mpsc::channel();
    io.handle().spawn(async move { tx.send(theirs.drive(async {})) });
    assert_eq!(rx.recv_timeout(PATIENCE).unwrap(), None);
    let waiting = carrier.clone();
    let (begun_tx, begun) = mpsc::channel();
    let waiting = thread::spawn(move || {
        drive_until_it_is_me(&waiting);
        begun_tx.send(()).unwrap();
        waiting.drive(std::future::pending::<()>())
    });
    begun.recv_timeout(PATIENCE).unwrap();
    drop(io);
    assert_eq!(waiting.join().unwrap(), None);
    assert_eq!(carrier.drive(async {}), None);
}
