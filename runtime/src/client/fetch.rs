//! Fetching results from the workers that hold them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use taskreel_model::TaskId;
use tokio::runtime::Handle;

use super::session::Located;
use crate::io_thread::Carrier;
use crate::peers::Peers;
use crate::wire::message::{EndedHow, TaskEnd};

/// How often a result is looked for anew when none of its holders has it, and the longest pause
/// before that. Together about as long as it takes the scheduler to give up a silent worker.
const ROUNDS: u32 = 14;
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The rounds in which a result is looked for, each with the pause behind it.
pub(crate) fn rounds() -> impl Iterator<Item = Duration> {
    (0..ROUNDS).map(|round| (Duration::from_millis(5) * (1 << round)).min(LONGEST_PAUSE))
}

/// Waits on the client's own runtime: the caller may have none.
pub(crate) async fn pause(io: &Handle, pause: Duration) {
    // A runtime that is gone ends the pause.
    let _ = io.spawn(tokio::time::sleep(pause)).await;
}

/// Fetches results into their places in `results`, on `io` and by the calling thread if there is a carrier;
/// gives the places left empty.
pub(crate) fn fetch_blocking(
    peers: &Peers,
    (io, carrier): (&Handle, Option<&Carrier>),
    wanted: Vec<(usize, Located)>,
    results: &mut [Option<Bytes>],
) -> Vec<usize> {
    let mut remote = Vec::new();
    for (index, located) in wanted {
        results[index] = at_hand(peers, &located);
        if results[index].is_none() {
            remote.push((index, located));
        }
    }
    if remote.is_empty() {
        return Vec::new();
    }
    let places: Vec<usize> = remote.iter().map(|(index, _)| *index).collect();
    let (tx, rx) = mpsc::channel();
    let peers = peers.clone();
    let fetching = io.spawn(async move {
        // The receiver waits below; if it is gone nobody wants the results.
        let _ = tx.send(fetch_remote(&peers, remote).await);
    });
    // Whether this thread could help or not: they come, or the sender goes.
    let _ = carrier.and_then(|carrier| carrier.drive(fetching));
    for (index, bytes) in rx.recv().unwrap_or_default() {
        results[index] = Some(bytes);
    }
    places.into_iter().filter(|&index| results[index].is_none()).collect()
}

/// Fetches one result; `None`: no holder has it.
pub(crate) async fn fetch_one(peers: &Peers, io: &Handle, located: Located) -> Option<Bytes> {
    if let Some(bytes) = at_hand(peers, &located) {
        return Some(bytes);
    }
    let peers = peers.clone();
    let fetching = io.spawn(async move { fetch_remote(&peers, vec![(0, located)]).await });
    fetching.await.ok()?.pop().map(|(_, bytes)| bytes)
}

/// The ends of the tasks of a graph that was refused.
pub(crate) fn rejected(local: u32, n_tasks: u32, reason: &str) -> Vec<TaskEnd> {
    let how = EndedHow::Rejected { reason: reason.to_owned() };
    (local..local.saturating_add(n_tasks))
        .map(|local| TaskEnd { local, how: how.clone() })
        .collect()
}

/// A result that need not be asked for: it came with the word of it, or is in this process.
fn at_hand(peers: &Peers, located: &Located) -> Option<Bytes> {
    let stores = located.holders.iter().filter_map(|holder| peers.local_store(&holder.address));
    located.data.clone().or_else(|| stores.into_iter().find_map(|store| store.get(located.task)))
}

/// Asks each holder at once for all that it is first to be asked for, then the next holders.
async fn fetch_remote(peers: &Peers, wanted: Vec<(usize, Located)>) -> Vec<(usize, Bytes)> {
    let mut found = Vec::with_capacity(wanted.len());
    let mut left = wanted;
    let mut turn = 0;
    while !left.is_empty() {
        let mut by_address: BTreeMap<Arc<str>, Vec<(usize, Located)>> = BTreeMap::new();
        for (index, located) in left.drain(..) {
            if let Some(holder) = located.holders.get(turn) {
                let address = Arc::clone(&holder.address);
                by_address.entry(address).or_default().push((index, located));
            }
        }
        let asked = by_address.into_iter().map(|(address, items)| async move {
            let tasks: Vec<TaskId> = items.iter().map(|(_, located)| located.task).collect();
            (items, peers.fetch(&address, &tasks).await)
        });
        for (items, results) in futures_util::future::join_all(asked).await {
            for (item, result) in items.into_iter().zip(results) {
                match result {
                    Ok(bytes) => found.push((item.0, bytes)),
                    Err(_) => left.push(item),
                }
            }
        }
        turn += 1;
    }
    found
}
