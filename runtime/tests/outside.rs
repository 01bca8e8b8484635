//! What a program says outside of its tasks is in the trace, too. Alone in its process: the words go
//! to the cluster to which that connected first.

extern crate taskreel_runtime as taskreel;

use taskreel::{Cluster, mark, span, task};
use taskreel_model::{Event, State};
use taskreel_recorder::{Source, TraceReader};

#[task]
fn double(n: u64) -> u64 {
    2 * n
}

#[test]
fn markers_and_spans_of_the_program_are_in_the_trace_in_their_order() {
    mark!("before there is a cluster");
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("run.reel");
    let cluster = Cluster::local().workers(1).threads(1).record(&trace).start().unwrap();
    let client = cluster.client();
    let whole = span!("all {}", 2);
    mark!("begin");
    assert_eq!(client.submit(double(1)).wait().unwrap(), 2);
    mark!("half");
    assert_eq!(client.submit(double(2)).wait().unwrap(), 4);
    drop(whole);
    drop(client);
    cluster.close().unwrap();
    let mut reader = TraceReader::open(&trace).unwrap();
    let (mut state, mut said) = (State::new(), Vec::new());
    while let Some(batch) = reader.next_batch().unwrap() {
        for event in batch.events {
            state.apply(&event, &mut Vec::new()).unwrap();
            if let Event::Marked { name, task: None } = event.what {
                said.push(state.text(name).to_owned());
            } else if let Event::SpanRecorded { name, task: None, took } = event.what {
                assert!(took.0 > 0 && took <= event.at);
                said.push(format!("{}, a span", state.text(name)));
            } else if let Event::TaskFinished { task, .. } = event.what {
                said.push(format!("{task} finished"));
            }
        }
    }
    assert_eq!(said, ["begin", "t0 finished", "half", "t1 finished", "all 2, a span"]);
}
