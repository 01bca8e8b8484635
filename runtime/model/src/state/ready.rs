//! The queue of tasks that are ready: a set of their keys in order.
//!
//! Every task of a run goes through it, most of them in the order of their ids. So it is no tree of
//! keys, but for each priority the set of the ids as bits, in chunks that exist where there are any.

use std::collections::BTreeMap;
use std::ops::Bound;

use serde::{Deserialize, Serialize};

use super::ReadyKey;
use crate::TaskId;

/// Words of a chunk: a summary has a bit for each.
const WORDS: usize = 32;
/// Ids of a chunk.
const SPAN: u32 = WORDS as u32 * 64;

/// The keys of ready tasks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ReadyQueue {
    /// By what comes before the id in the order; none is empty. A forged trace has any number of them.
    lanes: BTreeMap<(u32, bool), Lane>,
    len: usize,
}

/// Tasks that the ids alone put in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Lane {
    /// In the order of their numbers; none is empty.
    chunks: Vec<Chunk>,
}

/// The ids from `number` × [`SPAN`] on, as bits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Chunk {
    number: u32,
    /// Which words have any bits.
    summary: u32,
    words: Box<[u64; WORDS]>,
}

/// Where an id is in its chunk.
#[derive(Clone, Copy)]
struct Place {
    chunk: u32,
    word: usize,
    bit: u64,
}

impl Place {
    fn of(task: TaskId) -> Self {
        let word = (task.0 % SPAN / 64) as usize;
        Self { chunk: task.0 / SPAN, word, bit: 1 << (task.0 % 64) }
    }
}

impl ReadyQueue {
    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Adds a key that may be there.
    pub(crate) fn insert(&mut self, key: ReadyKey) {
        let lane = self.lanes.entry(key.lane()).or_default();
        self.len += usize::from(lane.insert(Place::of(key.task())));
    }

    /// Removes a key if it is there.
    pub(crate) fn remove(&mut self, key: ReadyKey) {
        let Some(lane) = self.lanes.get_mut(&key.lane()) else { return };
        self.len -= usize::from(lane.remove(Place::of(key.task())));
        if lane.chunks.is_empty() {
            self.lanes.remove(&key.lane());
        }
    }

    /// Whether a key is there.
    pub(crate) fn contains(&self, key: ReadyKey) -> bool {
        let place = Place::of(key.task());
        let lane = self.lanes.get(&key.lane());
        let chunk = lane.and_then(|l| l.find(place.chunk).ok().map(|index| &l.chunks[index]));
        chunk.is_some_and(|chunk| chunk.words[place.word] & place.bit != 0)
    }

    /// The first key behind `after`, or of all.
    pub(crate) fn next(&self, after: Option<ReadyKey>) -> Option<ReadyKey> {
        let first = |(rank, lane): (&(u32, bool), &Lane)| lane.next(*rank, 0);
        let Some(after) = after else { return first(self.lanes.first_key_value()?) };
        let rank = after.lane();
        let behind = after.task().0.checked_add(1);
        let here = behind.zip(self.lanes.get(&rank)).and_then(|(id, lane)| lane.next(rank, id));
        let others = (Bound::Excluded(rank), Bound::Unbounded);
        here.or_else(|| first(self.lanes.range(others).next()?))
    }

    /// The tasks in the order of their keys.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = TaskId> {
        let chunks = self.lanes.values().flat_map(|lane| &lane.chunks);
        let words = chunks.flat_map(|chunk| {
            let begin = chunk.number * SPAN;
            chunk.words.iter().enumerate().map(move |(i, &word)| (begin + i as u32 * 64, word))
        });
        words.flat_map(|(begin, word)| {
            let is_set = move |bit: &u32| word >> bit & 1 == 1;
            (0..64).filter(is_set).map(move |bit| TaskId(begin + bit))
        })
    }
}

impl FromIterator<ReadyKey> for ReadyQueue {
    fn from_iter<T: IntoIterator<Item = ReadyKey>>(keys: T) -> Self {
        let mut queue = Self::default();
        keys.into_iter().for_each(|key| queue.insert(key));
        queue
    }
}

impl Lane {
    /// Where a chunk is or would be: mostly it is the first or the last one.
    fn find(&self, number: u32) -> Result<usize, usize> {
        match self.chunks.as_slice() {
            [first, ..] if first.number == number => Ok(0),
            [.., last] if last.number == number => Ok(self.chunks.len() - 1),
            [.., last] if last.number < number => Err(self.chunks.len()),
            chunks => chunks.binary_search_by_key(&number, |chunk| chunk.number),
        }
    }

    /// Returns whether it was not there.
    fn insert(&mut self, place: Place) -> bool {
        let index = match self.find(place.chunk) {
            Ok(index) => index,
            Err(index) => {
                let (number, words) = (place.chunk, Box::new([0; WORDS]));
                self.chunks.insert(index, Chunk { number, summary: 0, words });
                index
            }
        };
        let chunk = &mut self.chunks[index];
        let word = &mut chunk.words[place.word];
        let is_new = *word & place.bit == 0;
        *word |= place.bit;
        chunk.summary |= 1 << place.word;
        is_new
    }

    /// Returns whether it was there.
    fn remove(&mut self, place: Place) -> bool {
        let Ok(index) = self.find(place.chunk) else { return false };
        let chunk = &mut self.chunks[index];
        let word = &mut chunk.words[place.word];
        let was_there = *word & place.bit != 0;
        *word &= !place.bit;
        if *word == 0 {
            chunk.summary &= !(1 << place.word);
            if chunk.summary == 0 {
                self.chunks.remove(index);
            }
        }
        was_there
    }

    /// The key of the first task from an id on.
    fn next(&self, (rank, is_root): (u32, bool), from: u32) -> Option<ReadyKey> {
        let (Ok(index) | Err(index)) = self.find(from / SPAN);
        let mut chunks = self.chunks[index..].iter();
        let first = chunks.next()?;
        let within = if first.number == from / SPAN { from % SPAN } else { 0 };
        let task = first.next(within).or_else(|| chunks.next()?.next(0))?;
        Some(ReadyKey { rank, is_root, task: TaskId(task) })
    }
}

impl Chunk {
    /// The first id from the one at `within` on.
    fn next(&self, within: u32) -> Option<u32> {
        let word = within / 64;
        let here = self.words[word as usize] & (u64::MAX << (within % 64));
        let (word, bits) = if here != 0 {
            (word, here)
        } else {
            let later = self.summary & (u32::MAX << word) & !(1 << word);
            let word = later.trailing_zeros();
            (word, *self.words.get(word as usize)?)
        };
        Some(self.number * SPAN + word * 64 + bits.trailing_zeros())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Ids near one another and near the ends of chunks and of all ids.
    fn task() -> impl Strategy<Value = u32> {
        prop_oneof![
            0..200_u32,
            2_040..2_060_u32,
            (0..9_u32).prop_map(|i| i * SPAN),
            u32::MAX - 70..=u32::MAX
        ]
    }

    proptest! {
        #[test]
        fn it_is_the_set_of_its_keys(
            steps in prop::collection::vec((any::<bool>(), -1..2_i32, any::<bool>(), task()), 0..300),
        ) {
            let (mut queue, mut set) = (ReadyQueue::default(), BTreeSet::new());
            for (insert, priority, is_root, task) in steps {
                let key = ReadyKey::new(priority, is_root, TaskId(task));
                if insert {
                    queue.insert(key);
                    set.insert(key);
                } else {
                    queue.remove(key);
                    set.remove(&key);
                }
                prop_assert_eq!(queue.contains(key), set.contains(&key));
                prop_assert_eq!(queue.len(), set.len());
                let behind = (Bound::Excluded(key), Bound::Unbounded);
                prop_assert_eq!(queue.next(Some(key)), set.range(behind).next().copied());
                prop_assert_eq!(queue.next(None), set.first().copied());
            }
            let tasks: Vec<TaskId> = set.iter().map(|key| key.task()).collect();
            prop_assert_eq!(queue.iter().collect::<Vec<_>>(), &tasks[..]);
            prop_assert!(queue.iter().rev().eq(tasks.into_iter().rev()));
            prop_assert_eq!(set.into_iter().collect::<ReadyQueue>(), queue);
        }
    }
}
