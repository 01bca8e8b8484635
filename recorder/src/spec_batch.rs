//! What tasks run, as opaque bytes: needed when a scheduler starts again on its log, and by nobody
//! else.

use taskreel_model::TaskId;

use crate::format::MAX_RECORDS;

/// What to run for consecutive tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpecBatch {
    pub(crate) first: TaskId,
    pub(crate) lens: Vec<u32>,
    pub(crate) bytes: Vec<u8>,
}

impl SpecBatch {
    /// An empty batch whose first spec will be that of the task given.
    pub fn new(first: TaskId) -> Self {
        Self { first, ..Self::default() }
    }

    /// Specs that lie behind one another, by their lengths; the first is that of the task given.
    ///
    /// # Panics
    /// The lengths do not add up to the bytes.
    pub fn joined(first: TaskId, lens: Vec<u32>, bytes: Vec<u8>) -> Self {
        let total: usize = lens.iter().map(|&len| len as usize).sum();
        assert_eq!(total, bytes.len(), "each byte belongs to a spec");
        Self { first, lens, bytes }
    }

    /// Adds the spec of the next task.
    pub fn push(&mut self, spec: &[u8]) {
        // A length that does not fit is far beyond what `Recorder::specs` takes.
        self.lens.push(u32::try_from(spec.len()).unwrap_or(u32::MAX));
        self.bytes.extend_from_slice(spec);
    }

    /// Whether another one follows it, and both are small enough for one block.
    pub(crate) fn takes(&self, next: &Self) -> bool {
        let follows = self.first.0 as usize + self.lens.len() == next.first.0 as usize;
        let n = self.lens.len() + next.lens.len();
        let bytes = self.bytes.len() + next.bytes.len();
        follows && n <= MAX_RECORDS as usize && bytes <= 1 << 20
    }

    /// Appends the one that follows it.
    pub(crate) fn join(&mut self, next: &Self) {
        self.lens.extend_from_slice(&next.lens);
        self.bytes.extend_from_slice(&next.bytes);
    }

    /// How many specs it holds.
    pub fn len(&self) -> usize {
        self.lens.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.lens.is_empty()
    }

    /// The specs with their tasks.
    pub fn iter(&self) -> impl Iterator<Item = (TaskId, &[u8])> {
        let mut rest = self.bytes.as_slice();
        (self.first.0..).zip(&self.lens).map(move |(task, &len)| {
            let (spec, after) = rest.split_at(len as usize);
            rest = after;
            (TaskId(task), spec)
        })
    }
}
