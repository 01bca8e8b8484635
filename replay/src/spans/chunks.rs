//! The older spans of a lane, packed: some bytes each instead of forty, and in an attic, so that of the oldest not even
//! those are in memory. They are unpacked again, a chunk at a time, where somebody looks so closely that sums of them
//! do not do.

use std::cell::RefCell;

use taskreel_model::Nanos;

use super::{Known, Span};
use crate::attic::{Attic, Parcel};
use crate::packed::{Unpacker, put, put_step};

/// Spans of a chunk.
pub(super) const CHUNK: usize = 256;

/// Spans in the order of their begin; all have ended.
#[derive(Debug)]
pub(super) struct Chunks<T> {
    chunks: Vec<Chunk>,
    attic: Attic,
    /// The one that was asked for last, and its spans: who asks for one asks for its neighbours, too.
    last: RefCell<(usize, Vec<Span<T>>)>,
}

#[derive(Debug)]
struct Chunk {
    /// The first begin.
    start: Nanos,
    /// The last end of all up to here.
    reach: Nanos,
    bytes: Parcel,
}

impl<T> Chunks<T> {
    /// None yet; they are to lie in an attic.
    pub(super) fn new(attic: Attic) -> Self {
        Self { chunks: Vec::new(), attic, last: RefCell::new((usize::MAX, Vec::new())) }
    }
}

impl<T: Known> Chunks<T> {
    pub(super) fn n_spans(&self) -> usize {
        self.chunks.len() * CHUNK
    }

    /// Where they lie.
    pub(super) fn attic(&self) -> &Attic {
        &self.attic
    }

    /// The last end of all.
    pub(super) fn reach(&self) -> Nanos {
        self.chunks.last().map_or(Nanos::ZERO, |chunk| chunk.reach)
    }

    /// Packs the spans that follow: as many as a chunk has, and none of them goes on.
    pub(super) fn push(&mut self, spans: impl Iterator<Item = Span<T>>) {
        let (mut bytes, mut reach) = (Vec::new(), self.reach());
        let mut before: Option<Span<T>> = None;
        let mut first = None;
        for span in spans {
            first.get_or_insert(span.start);
            // Nearly always a little after the one before.
            put_step(&mut bytes, before.map_or(0, |before| before.stop.0), span.start.0);
            put(&mut bytes, span.stop.since(span.start).0);
            span.what.pack(before.as_ref().map(|before| &before.what), &mut bytes);
            reach = reach.max(span.stop);
            before = Some(span);
        }
        let start = first.unwrap_or_default();
        self.chunks.push(Chunk { start, reach, bytes: self.attic.put(bytes) });
    }

    /// Takes the last chunk out, into what follows it.
    pub(super) fn pop(&mut self, spans: &mut Vec<Span<T>>) {
        self.unpack(self.chunks.len() - 1, spans);
        self.chunks.pop();
        self.last.get_mut().0 = usize::MAX;
    }

    /// The spans of a chunk.
    pub(super) fn unpack(&self, chunk: usize, spans: &mut Vec<Span<T>>) {
        spans.clear();
        let bytes = self.chunks[chunk].bytes.bytes();
        let mut numbers = Unpacker::new(&bytes);
        let mut before: Option<Span<T>> = None;
        for _ in 0..CHUNK {
            let start = numbers.take_step(before.map_or(0, |before| before.stop.0));
            let stop = start + numbers.take();
            let what = T::unpack(before.as_ref().map(|before| &before.what), &mut numbers);
            let span = Span { start: Nanos(start), stop: Nanos(stop), what };
            spans.push(span);
            before = Some(span);
        }
    }

    pub(super) fn get(&self, index: usize) -> Span<T> {
        let mut last = self.last.borrow_mut();
        let (known, spans) = &mut *last;
        if *known != index / CHUNK {
            *known = index / CHUNK;
            self.unpack(*known, spans);
        }
        spans[index % CHUNK]
    }

    /// The first chunk of which spans may reach beyond an instant.
    pub(super) fn first_from(&self, at: Nanos) -> usize {
        self.chunks.partition_point(|chunk| chunk.reach < at)
    }

    /// How many chunks have spans that begin before an instant.
    pub(super) fn n_before(&self, at: Nanos) -> usize {
        self.chunks.partition_point(|chunk| chunk.start < at)
    }
}
