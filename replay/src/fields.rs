//! An event's fields with ids resolved to names, for listings and JSON.

use serde_json::{Value, json};
use taskreel_model::{ClientId, Event, Nanos, State, StrId, TaskId, WorkerId};

/// The fields of an event in the order they are printed. `before` is the state before it: a task
/// that the event makes the cluster forget still has its key there. What is absent is `null`.
#[expect(clippy::too_many_lines, reason = "a table: one row per event")]
pub fn fields(event: &Event, before: &State) -> Vec<(&'static str, Value)> {
    let names = Names(before);
    match event {
        Event::SchedulerStarted { incarnation } => vec![("incarnation", json!(incarnation))],
        Event::Unknown { tag } => vec![("tag", json!(tag))],
        Event::Interned { id, text } => vec![("id", json!(id.to_string())), ("text", json!(text))],
        Event::PrefixDeclared { id, name } => {
            vec![("id", json!(id.to_string())), ("name", json!(name))]
        }
        Event::OptionsDeclared { id, options } => vec![
            ("id", json!(id.to_string())),
            ("function", json!(options.function)),
            ("priority", json!(options.priority)),
            ("retries", json!(options.retries)),
            ("retry_delay_s", seconds(options.retry_delay)),
            ("timeout_s", options.timeout.map_or(Value::Null, seconds)),
        ],
        Event::Marked { name, task } => vec![
            ("name", names.text(*name)),
            ("task", task.map_or(Value::Null, |task| names.task(task))),
        ],
        Event::SpanRecorded { name, task, took } => vec![
            ("name", names.text(*name)),
            ("task", task.map_or(Value::Null, |task| names.task(task))),
            ("took_s", seconds(*took)),
        ],

        Event::ClientConnected { client, name } => {
            vec![("client", json!(client.to_string())), ("name", names.text(*name))]
        }
        Event::ClientLeft { client } => vec![("client", names.client(*client))],
        Event::GraphSubmitted { graph, client, name, first, n_tasks, .. } => vec![
            ("graph", json!(graph.to_string())),
            ("name", names.text(*name)),
            ("client", names.client(*client)),
            ("tasks", json!(n_tasks)),
            ("first", json!(first.to_string())),
        ],
        Event::GraphExtended { graph, first, n_tasks } => vec![
            ("graph", json!(graph.to_string())),
            ("tasks", json!(n_tasks)),
            ("first", json!(first.to_string())),
        ],
        Event::TasksNested { parent, first, n_tasks } => vec![
            ("parent", names.task(*parent)),
            ("tasks", json!(n_tasks)),
            ("first", json!(first.to_string())),
        ],
        Event::TaskSubmitted { task, key, options, wanted, deps, .. } => vec![
            ("task", json!(names.0.key_text(*key))),
            ("id", json!(task.to_string())),
            ("function", json!(names.0.options(*options).function)),
            ("wanted", json!(wanted)),
            ("deps", deps.iter().map(|dep| names.task(*dep)).collect()),
        ],
        Event::ResultWanted { client, task } | Event::ResultReleased { client, task } => {
            vec![("task", names.task(*task)), ("client", names.client(*client))]
        }
        Event::TaskCancelled { task, reason } => {
            vec![("task", names.task(*task)), ("reason", word(reason))]
        }

        Event::WorkerJoined { worker, info } => vec![
            ("worker", json!(info.name)),
            ("id", json!(worker.to_string())),
            ("slots", json!(info.slots)),
            ("memory_limit", json!(info.memory_limit)),
            ("address", json!(info.address)),
            ("host", json!(info.host)),
            ("pid", json!(info.pid)),
        ],
        Event::WorkerLost { worker, reason } => {
            vec![("worker", names.worker(*worker)), ("reason", word(reason))]
        }
        Event::WorkerPaused { worker, reason } => {
            vec![("worker", names.worker(*worker)), ("reason", word(reason))]
        }
        Event::WorkerResumed { worker } | Event::WorkerRetiring { worker } => {
            vec![("worker", names.worker(*worker))]
        }
        Event::ReportsAccepted { worker, through } => {
            vec![("worker", names.worker(*worker)), ("through", json!(through))]
        }
        Event::ClockEstimated { worker, offset_ns, error_ns } => vec![
            ("worker", names.worker(*worker)),
            ("offset_ns", json!(offset_ns)),
            ("error_ns", json!(error_ns)),
        ],

        Event::TaskAssigned { task, worker, attempt, reason } => vec![
            ("task", names.task(*task)),
            ("worker", names.worker(*worker)),
            ("attempt", json!(attempt)),
            ("reason", word(reason)),
        ],
        Event::TaskUnplaceable { task } | Event::RetryDue { task } => {
            vec![("task", names.task(*task))]
        }
        Event::StealRequested { task, from, to } => vec![
            ("task", names.task(*task)),
            ("from", names.worker(*from)),
            ("to", names.worker(*to)),
        ],
        Event::StealConfirmed { task, from } | Event::StealRefused { task, from } => {
            vec![("task", names.task(*task)), ("from", names.worker(*from))]
        }
        Event::TaskStarted { task, worker, attempt, slot }
        | Event::TaskRejoined { task, worker, attempt, slot } => vec![
            ("task", names.task(*task)),
            ("worker", names.worker(*worker)),
            ("slot", json!(slot)),
            ("attempt", json!(attempt)),
        ],
        Event::TaskSeceded { task, worker, attempt } => vec![
            ("task", names.task(*task)),
            ("worker", names.worker(*worker)),
            ("attempt", json!(attempt)),
        ],
        Event::TaskFinished { task, worker, attempt, bytes } => vec![
            ("task", names.task(*task)),
            ("worker", names.worker(*worker)),
            ("attempt", json!(attempt)),
            ("bytes", json!(bytes)),
        ],
        Event::TaskFailed { task, worker, attempt, kind, error, retry } => vec![
            ("task", names.task(*task)),
            ("worker", names.worker(*worker)),
            ("attempt", json!(attempt)),
            ("kind", word(kind)),
            ("retry_in_s", retry.map_or(Value::Null, seconds)),
            ("error", names.text(*error)),
        ],

        Event::TransferStarted { task, from, to, dependent } => vec![
            ("task", names.task(*task)),
            ("from", names.worker(*from)),
            ("to", names.worker(*to)),
            ("dependent", names.task(*dependent)),
        ],
        Event::TransferFinished { task, to, bytes } => {
            vec![("task", names.task(*task)), ("to", names.worker(*to)), ("bytes", json!(bytes))]
        }
        Event::TransferFailed { task, to, reason } => {
            vec![("task", names.task(*task)), ("to", names.worker(*to)), ("reason", word(reason))]
        }
        Event::ActivityRecorded { task, worker, activity, took, bytes } => vec![
            ("task", names.task(*task)),
            ("worker", names.worker(*worker)),
            ("activity", word(activity)),
            ("took_s", seconds(*took)),
            ("bytes", json!(bytes)),
        ],
        Event::ResultSpilled { task, worker, bytes, took }
        | Event::ResultRestored { task, worker, bytes, took } => vec![
            ("task", names.task(*task)),
            ("worker", names.worker(*worker)),
            ("took_s", seconds(*took)),
            ("bytes", json!(bytes)),
        ],
        Event::ReplicaAdded { task, worker, bytes } => vec![
            ("task", names.task(*task)),
            ("worker", names.worker(*worker)),
            ("bytes", json!(bytes)),
        ],
        Event::ReplicaDropped { task, worker } => {
            vec![("task", names.task(*task)), ("worker", names.worker(*worker))]
        }
    }
}

/// Looks names up in a state.
#[derive(Clone, Copy)]
struct Names<'a>(&'a State);

impl Names<'_> {
    fn task(self, task: TaskId) -> Value {
        json!(self.0.task_name(task))
    }

    fn worker(self, worker: WorkerId) -> Value {
        match self.0.worker(worker) {
            Some(known) => json!(known.info.name),
            None => json!(worker.to_string()),
        }
    }

    fn client(self, client: ClientId) -> Value {
        match self.0.clients().get(&client) {
            Some(known) => json!(self.0.text(known.name)),
            None => json!(client.to_string()),
        }
    }

    fn text(self, id: StrId) -> Value {
        json!(self.0.text(id))
    }
}

/// A variant of a small enum as JSON.
fn word(value: &impl std::fmt::Debug) -> Value {
    json!(spelled(value))
}

/// A variant of a small enum as a word: `Locality` → `locality`, `DiskFull` → `disk-full`.
pub(crate) fn spelled(value: &impl std::fmt::Debug) -> String {
    let mut word = String::new();
    for c in format!("{value:?}").chars() {
        if c.is_ascii_uppercase() && !word.is_empty() {
            word.push('-');
        }
        word.push(c.to_ascii_lowercase());
    }
    word
}

fn seconds(duration: Nanos) -> Value {
    json!(duration.as_secs_f64())
}
