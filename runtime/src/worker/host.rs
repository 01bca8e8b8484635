//! What a worker does for the tasks that run on it.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use taskreel_model::{LogLevel, LogLine, Nanos, Reported, TaskId};
use tokio::runtime::Handle;

use super::{Shared, secede};
use crate::client::Client;
use crate::executor::Cancellation;
use crate::task::current::Host;
use crate::wire::message::Assignment;

/// Longest line of a log, in bytes.
const MAX_LINE_BYTES: usize = 8 << 10;

/// Connects a client to the worker's own cluster, when a task first asks for one.
#[derive(Clone)]
pub struct ClientSource {
    connect: Arc<dyn Fn() -> Option<Client> + Send + Sync>,
    client: Arc<OnceLock<Option<Client>>>,
}

impl ClientSource {
    /// `connect` is called once, on the thread of the task that asks first.
    pub fn new(connect: impl Fn() -> Option<Client> + Send + Sync + 'static) -> Self {
        Self { connect: Arc::new(connect), client: Arc::default() }
    }

    /// Has those look again who wait through the client that tasks have, if one asked for it.
    pub(super) fn wake(&self) {
        if let Some(Some(client)) = self.client.get() {
            client.wake();
        }
    }

    fn get(&self) -> Option<Client> {
        let connect = || (self.connect)().inspect(Client::serve_tasks);
        self.client.get_or_init(connect).clone()
    }
}

impl fmt::Debug for ClientSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSource").finish_non_exhaustive()
    }
}

impl Host for Shared {
    fn mark(&self, task: TaskId, name: String) {
        self.report(Reported::Marked { name, task: Some(task) });
    }

    fn span(&self, task: TaskId, name: String, took: Duration) {
        let took = Nanos(took.as_nanos() as u64);
        self.report(Reported::Span { name, task: Some(task), took });
    }

    fn log(&self, task: TaskId, level: LogLevel, text: &str) {
        let text = text[..text.floor_char_boundary(MAX_LINE_BYTES)].to_owned();
        let at = self.clock.now();
        let worker = self.known_id();
        self.reports.log(LogLine { at, worker, task: Some(task), level, text });
    }

    fn client(&self) -> Option<Client> {
        self.clients.get()
    }

    fn io(&self) -> &Handle {
        &self.io
    }

    fn secede(self: Arc<Self>, assignment: Assignment, cancellation: &Cancellation) -> bool {
        secede::secede(&self, assignment, cancellation)
    }

    fn rejoin(self: Arc<Self>, assignment: Assignment, cancellation: &Cancellation) {
        secede::rejoin(&self, assignment, cancellation);
    }
}
