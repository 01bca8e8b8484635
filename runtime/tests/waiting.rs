//! Who waits for a result carries the connection meanwhile: the result wakes that thread and no other.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

extern crate taskreel_runtime as taskreel;

use std::future::IntoFuture;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, ThreadId};

use taskreel::{Client, ClientOptions, Cluster, task};

#[task]
fn nothing(i: u64) -> u64 {
    i
}

/// Notes which thread tells of the end of a task.
#[derive(Default)]
struct Note(Mutex<Option<ThreadId>>);

impl Wake for Note {
    fn wake(self: Arc<Self>) {
        self.0.lock().unwrap().get_or_insert(thread::current().id());
    }
}

#[test]
fn the_thread_that_waits_carries_the_connection() {
    let cluster = Cluster::local().workers(1).no_record().listen("127.0.0.1:0").start().unwrap();
    let client = Client::connect(cluster.address().unwrap(), &ClientOptions::default()).unwrap();
    // One that another thread tells of has come before this one waited for it.
    let is_carried = (0..1_000).any(|i| {
        let future = client.submit(nothing(i));
        let note = Arc::<Note>::default();
        let waker = Waker::from(Arc::clone(&note));
        let mut polled = future.clone().into_future();
        let is_pending =
            matches!(polled.as_mut().poll(&mut Context::from_waker(&waker)), Poll::Pending);
        assert_eq!(future.wait().unwrap(), i);
        is_pending && *note.0.lock().unwrap() == Some(thread::current().id())
    });
    assert!(is_carried);
    cluster.close().unwrap();
}
