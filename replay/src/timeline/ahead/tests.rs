//! What was read ahead comes in order and is not lost, wherever folding stops.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use taskreel_model::{Event, Nanos, Stamped, StrId};
use taskreel_recorder::{RunInfo, VecSource, Warning};

use super::*;
use crate::timeline::fold::Until;
use crate::timeline::{FoldError, Timeline};

/// Events in all, one a batch; so many that the timeline reads ahead.
const N: u64 = 200;

fn event(seq: u64) -> Stamped<Event> {
    let (at, id) = (Nanos(seq * 1_000), StrId(seq as u32));
    let what = Event::Interned { id, text: seq.to_string().into() };
    Stamped { seq, logged_at: at, at, cause: None, what }
}

/// Gives one event a time, then an error if it is to.
struct OneByOne {
    batches: VecSource,
    info: RunInfo,
    fails: bool,
    n_read: Arc<AtomicUsize>,
}

impl OneByOne {
    fn new(fails: bool) -> (Self, Arc<AtomicUsize>) {
        let batch = |seq| Batch { events: vec![event(seq)], ..Batch::default() };
        let batches = VecSource::new(RunInfo::default(), (0..N).map(batch));
        let n_read = Arc::<AtomicUsize>::default();
        (Self { batches, info: RunInfo::default(), fails, n_read: Arc::clone(&n_read) }, n_read)
    }
}

impl Source for OneByOne {
    fn run_info(&self) -> &RunInfo {
        &self.info
    }

    fn next_batch(&mut self) -> Result<Option<Batch>, ReadError> {
        self.n_read.fetch_add(1, Ordering::Relaxed);
        match self.batches.next_batch()? {
            None if self.fails => Err(ReadError::Replaced { path: PathBuf::from("run.reel") }),
            batch => Ok(batch),
        }
    }

    fn is_finished(&self) -> bool {
        self.batches.is_finished()
    }

    fn warnings(&self) -> &[Warning] {
        &[]
    }
}

fn seqs(taken: &[Result<Batch, ReadError>]) -> Vec<u64> {
    taken.iter().flatten().flat_map(|batch| batch.events.iter().map(|event| event.seq)).collect()
}

#[test]
fn all_comes_in_order_and_the_error_last() {
    for fails in [false, true] {
        let (mut source, _) = OneByOne::new(fails);
        let mut taken = Vec::new();
        let ended = read_ahead(&mut source, |batch| {
            taken.push(batch);
            true
        });
        assert_eq!(seqs(&taken), (0..N).collect::<Vec<_>>());
        assert_eq!((ended, taken.last().is_some_and(Result::is_err)), (!fails, fails));
    }
}

#[test]
fn what_was_read_is_handed_over_and_little_more_is_read() {
    let (mut source, n_read) = OneByOne::new(true);
    let mut taken = Vec::new();
    let ended = read_ahead(&mut source, |batch| {
        taken.push(batch);
        taken.len() < 20
    });
    assert!(!ended);
    let n = n_read.load(Ordering::Relaxed);
    // Those that waited, one that was on its way, and one that was being read.
    assert!((20..=20 + N_AHEAD + 2).contains(&n), "{n}");
    assert_eq!(seqs(&taken), (0..n as u64).collect::<Vec<_>>());
    assert_eq!(source.next_batch().expect("it goes on").expect("more").events[0].seq, n as u64);
}

/// A timeline over such a source, with one reading ahead of it from the begin.
fn pump_ahead(timeline: &mut Timeline, until: Until) -> Result<bool, FoldError> {
    timeline.pump_ahead(&mut Default::default(), usize::MAX, until)
}

#[test]
fn a_timeline_stops_where_it_is_to_and_goes_on() {
    let (source, _) = OneByOne::new(true);
    let mut timeline = Timeline::new(Box::new(source), Vec::new());
    for seq in [30, 31, 99] {
        assert!(pump_ahead(&mut timeline, Until::Seq(seq)).expect("it folds"));
        assert_eq!(timeline.state().next_seq(), seq + 1);
    }
    // What was read ahead comes first when one goes on without.
    assert_eq!(timeline.pump(2).expect("it folds").events, 2);
    let read = timeline.run_to_end();
    assert!(matches!(read, Err(FoldError::Read(ReadError::Replaced { .. }))), "{read:?}");
    assert_eq!(timeline.state().next_seq(), N);
    // The error comes once.
    assert!(timeline.pump(9).expect("nothing more").starved);
}
