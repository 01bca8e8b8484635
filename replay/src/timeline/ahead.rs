//! Reading ahead: another thread unpacks the next events while this one folds those before.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;

use taskreel_recorder::{Batch, ReadError, Source};

/// So many batches wait at the most, of 512 events each: enough that neither thread wakes the other for
/// each of them, few enough to stay in a near cache.
const N_AHEAD: usize = 8;
/// What the thread needs beside the memory of the batches.
const STACK_BYTES: usize = 512 << 10;

/// Whether there is a core for it.
pub(super) fn is_worth_it() -> bool {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| thread::available_parallelism().map_or(1, usize::from)) > 1
}

/// Hands over what the source has, in order and to its end, or to the first error. When `take` returns
/// false, no more is read; what was read by then is still handed over. Returns whether the end was reached.
pub(super) fn read_ahead(
    source: &mut dyn Source,
    mut take: impl FnMut(Result<Batch, ReadError>) -> bool,
) -> bool {
    let enough = AtomicBool::new(false);
    thread::scope(|scope| {
        let (sender, batches) = sync_channel(N_AHEAD);
        let reader = || {
            let sender = sender;
            while !enough.load(Ordering::Relaxed) {
                let Some(batch) = source.next_batch().transpose() else { return true };
                let is_last = batch.is_err();
                // Whoever takes them does so until this thread has ended.
                if sender.send(batch).is_err() || is_last {
                    return false;
                }
            }
            false
        };
        let builder = thread::Builder::new().name("read-ahead".to_owned()).stack_size(STACK_BYTES);
        let reader = builder.spawn_scoped(scope, reader);
        for batch in batches {
            if !take(batch) {
                enough.store(true, Ordering::Relaxed);
            }
        }
        reader.ok().and_then(|reader| reader.join().ok()).unwrap_or(false)
    })
}

#[cfg(test)]
mod tests;
