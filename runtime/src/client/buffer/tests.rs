//! What gathers, what is sent together, and what waits.

use super::*;
use crate::task::Call;
use crate::task::spec::{SpecWriter, VALUE};

fn push(buffer: &mut Buffer, n_tasks: usize) {
    for _ in 0..n_tasks {
        let call = Call::<()>::new("f".into(), "f".into(), SpecWriter::new(VALUE));
        buffer.push(call.draft, None, &mut Vec::new());
    }
}

#[test]
fn waits_for_a_graph_that_is_made_but_not_for_long_and_not_when_one_is_full() {
    let mut buffer = Buffer::new("graph".to_owned());
    let now = Instant::now();
    let soon = now + HOLD_TIME - Duration::from_millis(1);
    assert!(!buffer.is_held(now));
    buffer.hold(now, true);
    push(&mut buffer, GRAPH_TASKS);
    assert!(buffer.is_held(soon) && !buffer.is_held(now + HOLD_TIME));
    // A second, in another thread, does not make the first wait longer.
    buffer.hold(soon, true);
    assert!(!buffer.is_held(now + HOLD_TIME));
    buffer.let_go();
    assert!(buffer.is_held(soon));
    assert!(!buffer.has_room(1));
    push(&mut buffer, 1);
    assert!(!buffer.is_held(now), "one is full");
    assert_eq!(buffer.take().len(), 2);
    assert!(buffer.is_held(now) && buffer.has_room(GRAPH_TASKS));
    buffer.let_go();
    assert!(!buffer.is_held(now));
    buffer.hold(soon, true);
    buffer.closing = true;
    assert!(!buffer.is_held(soon), "the client has left");
}

#[test]
fn a_graph_says_which_tasks_submitted_its_own() {
    let mut buffer = Buffer::new("graph".to_owned());
    for parent in [None, Some(7), Some(7), Some(8), None, Some(8), Some(8)] {
        let call = Call::<()>::new("f".into(), "f".into(), SpecWriter::new(VALUE));
        buffer.push(call.draft, parent.map(TaskId), &mut Vec::new());
    }
    let messages = buffer.take();
    let [FromClient::Submit(submit)] = &messages[..] else { panic!("{messages:?}") };
    let nested = submit.graph.nested.iter().map(|n| (n.parent.0, n.first, n.n_tasks));
    assert_eq!(nested.collect::<Vec<_>>(), [(7, 1, 2), (8, 3, 1), (8, 5, 2)]);
}

/// Whether each message that waits goes on with the graph of the one before.
fn continues(buffer: &mut Buffer) -> Vec<bool> {
    let messages = buffer.take().into_iter();
    let continues = messages.filter_map(|message| match message {
        FromClient::Submit(submit) => Some(submit.graph.continues),
        _ => None,
    });
    continues.collect()
}

#[test]
fn a_long_map_is_parts_of_one_graph_and_what_follows_is_another() {
    let mut buffer = Buffer::new("graph".to_owned());
    buffer.hold(Instant::now(), false);
    assert!(!buffer.is_held(Instant::now()), "its first part is not waited for");
    push(&mut buffer, 2 * GRAPH_TASKS + 1);
    assert_eq!(continues(&mut buffer), [false, true, true]);
    // Whatever was sent meanwhile, and however long it took.
    push(&mut buffer, 1);
    assert_eq!(continues(&mut buffer), [true]);
    buffer.let_go();
    push(&mut buffer, GRAPH_TASKS + 1);
    assert_eq!(continues(&mut buffer), [false, false], "nobody said that they are one");
}

#[test]
fn what_another_thread_submits_in_between_is_not_part_of_a_map() {
    let mut buffer = Buffer::new("graph".to_owned());
    buffer.hold(Instant::now(), false);
    push(&mut buffer, 1);
    assert_eq!(continues(&mut buffer), [false]);
    thread::scope(|scope| scope.spawn(|| push(&mut buffer, 1)).join().unwrap());
    assert_eq!(continues(&mut buffer), [false]);
    push(&mut buffer, GRAPH_TASKS + 1);
    assert_eq!(continues(&mut buffer), [false, true], "its numbers left a gap");
}
