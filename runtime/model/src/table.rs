//! Tables indexed by dense ids.

use serde::{Deserialize, Serialize};

use crate::{Task, TaskId};

const CHUNK: usize = 512;

/// The live tasks. Ids only grow, so a chunk whose tasks are all forgotten gives its memory back:
/// a cluster that ran a billion tasks holds what is alive and 8 bytes for every 512 gone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskTable {
    chunks: Vec<Option<Chunk>>,
    n_live: usize,
    n_total: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Chunk {
    tasks: Vec<Option<Task>>,
    n_live: usize,
}

impl Chunk {
    /// With room for so many tasks that are gone.
    fn empty(len: usize) -> Self {
        let mut tasks = Vec::with_capacity(CHUNK);
        tasks.resize_with(len, || None);
        Self { tasks, n_live: 0 }
    }
}

impl TaskTable {
    /// The id of the next task.
    pub fn next_id(&self) -> TaskId {
        TaskId(self.n_total)
    }

    /// Tasks that are not forgotten.
    pub fn len(&self) -> usize {
        self.n_live
    }

    /// Whether no task is alive.
    pub fn is_empty(&self) -> bool {
        self.n_live == 0
    }

    /// A live task.
    pub fn get(&self, id: TaskId) -> Option<&Task> {
        self.chunks.get(id.index() / CHUNK)?.as_ref()?.tasks.get(id.index() % CHUNK)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, id: TaskId) -> Option<&mut Task> {
        self.chunks
            .get_mut(id.index() / CHUNK)?
            .as_mut()?
            .tasks
            .get_mut(id.index() % CHUNK)?
            .as_mut()
    }

    /// The live tasks in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (TaskId, &Task)> {
        self.chunks.iter().enumerate().flat_map(|(c, chunk)| {
            chunk.iter().flat_map(move |chunk| {
                chunk.tasks.iter().enumerate().filter_map(move |(i, task)| {
                    task.as_ref().map(|task| (TaskId((c * CHUNK + i) as u32), task))
                })
            })
        })
    }

    /// A table without tasks whose next id is 0, to be filled by [`TaskTable::restore`].
    pub(crate) fn with_room(n_total: u32) -> Self {
        let n_chunks = (n_total as usize).div_ceil(CHUNK);
        Self { chunks: Vec::with_capacity(n_chunks), n_live: 0, n_total: 0 }
    }

    /// Takes in a live task; those between the last one and it are gone. Ids ascend.
    pub(crate) fn restore(&mut self, id: TaskId, task: Task) {
        if id.index() / CHUNK >= self.chunks.len() {
            self.pass_over(id.index() / CHUNK * CHUNK);
            self.chunks.push(Some(Chunk::empty(0)));
        }
        let chunk = self.chunks.last_mut().and_then(Option::as_mut);
        let chunk = chunk.expect("ids ascend, and the chunk of the last one was made for it");
        chunk.tasks.resize_with(id.index() % CHUNK, || None);
        chunk.tasks.push(Some(task));
        chunk.n_live += 1;
        self.n_live += 1;
        self.n_total = id.0 + 1;
    }

    /// Makes `n_total` the next id; all tasks from the last one on are gone.
    pub(crate) fn end(&mut self, n_total: u32) {
        self.pass_over(n_total as usize);
        self.n_total = n_total;
    }

    /// Fills what is begun, and adds empty chunks, up to an id.
    fn pass_over(&mut self, end: usize) {
        let begun = self.chunks.len().saturating_sub(1) * CHUNK;
        if let Some(Some(chunk)) = self.chunks.last_mut() {
            chunk.tasks.resize_with(CHUNK.min(end - begun), || None);
        }
        while (self.chunks.len() + 1) * CHUNK <= end {
            self.chunks.push(None);
        }
        // The last chunk is kept for the tasks that come.
        if self.chunks.len() * CHUNK < end {
            self.chunks.push(Some(Chunk::empty(end % CHUNK)));
        }
    }

    /// Bytes of memory that a restored table takes for tasks with these ids, ascending.
    pub(crate) fn memory_of(n_total: u32, ids: impl Iterator<Item = u64>) -> u64 {
        let mut last = None;
        let mut n_chunks = 1;
        for chunk in ids.map(|id| id / CHUNK as u64) {
            n_chunks += u64::from(last.replace(chunk) != Some(chunk));
        }
        let table = u64::from(n_total) / CHUNK as u64 * size_of::<Option<Chunk>>() as u64;
        table + n_chunks * (CHUNK * size_of::<Option<Task>>()) as u64
    }

    pub(crate) fn push(&mut self, task: Task) -> TaskId {
        let id = self.next_id();
        if id.index().is_multiple_of(CHUNK) {
            self.chunks.push(Some(Chunk { tasks: Vec::with_capacity(CHUNK), n_live: 0 }));
        }
        // A chunk that is not full has never been freed: `remove` frees only full ones.
        let chunk =
            self.chunks.last_mut().and_then(Option::as_mut).expect("the last chunk is open");
        chunk.tasks.push(Some(task));
        chunk.n_live += 1;
        self.n_live += 1;
        self.n_total += 1;
        id
    }

    /// Drops a task. `remove` of one that is gone does nothing.
    pub(crate) fn remove(&mut self, id: TaskId) {
        let Some(slot) = self.chunks.get_mut(id.index() / CHUNK) else { return };
        let Some(chunk) = slot else { return };
        let Some(task) = chunk.tasks.get_mut(id.index() % CHUNK).filter(|task| task.is_some())
        else {
            return;
        };
        *task = None;
        chunk.n_live -= 1;
        self.n_live -= 1;
        if chunk.n_live == 0 && chunk.tasks.len() == CHUNK {
            *slot = None;
        }
    }
}
