//! Memory for a long result, made ready part by part ahead of what is read into it.
//!
//! The system gives memory when it is first touched, and clears it then: for a long result that takes
//! longer than to copy it from the socket. Here another thread does that, while the part before is being
//! read; the parts are one piece of memory, and nothing is copied to join them.

use std::collections::TryReserveError;

use bytes::{Bytes, BytesMut};
use tokio::task::{JoinError, JoinHandle};

/// What is made ready at once: as long as to read it takes much longer than to hand it over.
const PART_BYTES: usize = 8 << 20;

/// As the system gives it, or several times that.
const PAGE_BYTES: usize = 4 << 10;

/// Memory for one result.
#[derive(Debug)]
pub(super) struct Space {
    filled: BytesMut,
    /// Not asked for yet.
    rest: BytesMut,
    /// Being made ready, with its length.
    coming: Option<(JoinHandle<BytesMut>, usize)>,
}

impl Space {
    /// For a result of so many bytes. It costs nothing before it is filled, so a peer that announces
    /// more than it sends gets none of it.
    ///
    /// # Errors
    /// There is not so much.
    pub(super) fn new(len: usize) -> Result<Self, TryReserveError> {
        let filled = BytesMut::new();
        if len <= PART_BYTES {
            return Ok(Self { filled, rest: BytesMut::with_capacity(len), coming: None });
        }
        // To be refused rather than to fail: what comes cleared cannot be asked for so.
        Vec::<u8>::new().try_reserve_exact(len)?;
        let mut space = Self { filled, rest: BytesMut::zeroed(len), coming: None };
        space.order();
        Ok(space)
    }

    /// The next part, empty, with room for what is to be read into it; `None` after the last.
    ///
    /// # Errors
    /// The runtime ends.
    pub(super) async fn next(&mut self) -> Result<Option<(BytesMut, usize)>, JoinError> {
        if let Some((coming, len)) = self.coming.take() {
            let part = coming.await?;
            self.order();
            return Ok(Some((part, len)));
        }
        let short = std::mem::take(&mut self.rest);
        let len = short.capacity();
        Ok((len > 0).then_some((short, len)))
    }

    /// The part that [`Self::next`] gave is full.
    pub(super) fn fill(&mut self, part: BytesMut) {
        self.filled.unsplit(part);
    }

    /// All that was filled.
    pub(super) fn into_bytes(self) -> Bytes {
        self.filled.freeze()
    }

    /// Has the next part made ready.
    fn order(&mut self) {
        let len = self.rest.len().min(PART_BYTES);
        if len > 0 {
            let part = self.rest.split_to(len);
            self.coming = Some((tokio::task::spawn_blocking(move || touched(part)), len));
        } else {
            // What is left of it is no room.
            self.rest = BytesMut::new();
        }
    }
}

/// Touches each page.
fn touched(mut part: BytesMut) -> BytesMut {
    for page in part.chunks_mut(PAGE_BYTES) {
        page[0] = 0;
    }
    part.clear();
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn parts_become_one_result_in_the_same_memory() {
        for len in [1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES + 5] {
            let mut space = Space::new(len).expect("there is so much");
            let (mut n_parts, mut first) = (0, None);
            while let Some((mut part, room)) = space.next().await.expect("the runtime is there") {
                assert!(part.is_empty() && part.capacity() >= room);
                part.resize(room, n_parts);
                first.get_or_insert(part.as_ptr());
                n_parts += 1;
                space.fill(part);
            }
            let result = space.into_bytes();
            assert_eq!(usize::from(n_parts), len.div_ceil(PART_BYTES));
            assert_eq!(Some(result.as_ptr()), first, "nothing was moved");
            let mut expected = (0..n_parts).flat_map(|part| [part].repeat(PART_BYTES));
            assert!(
                result.len() == len && result.iter().all(|byte| expected.next() == Some(*byte))
            );
        }
    }

    #[test]
    fn what_no_machine_has_is_refused() {
        assert!(Space::new(usize::MAX / 2).is_err());
    }
}
