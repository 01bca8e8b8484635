//! A simulated client: submits graphs, waits, fetches results and holds them against its own computation.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use taskreel_model::{ClientId, Nanos, NewGraph, NewTask, SuffixText, TaskId, TaskOptions};

use super::network::{Connection, Line, connect_client};
use super::world::World;
use crate::task::spec::SpecWriter;
use crate::wire::LinkSender;
use crate::wire::message::{
    ClientBefore, ClientHello, EndedHow, FromClient, SubmitGraph, TaskEnd, ToClient,
};

/// What a task is to do: its own number, or 0 to fail.
const FAILS: u64 = 0;

/// A client as the storm sees it.
#[derive(Debug)]
pub(super) struct Client {
    world: Arc<World>,
    name: String,
    line: Arc<std::sync::Mutex<Option<Line>>>,
    before: Option<ClientBefore>,
    /// Messages that the scheduler is not known to have.
    kept: VecDeque<FromClient>,
    n_sent: u64,
    /// What each of its tasks gives, by its own number; `None`: it fails.
    expected: Vec<Option<u64>>,
    deps: Vec<Vec<u32>>,
    has_given_up: bool,
    /// Tasks it waits for.
    pending: BTreeSet<u32>,
    /// Graphs by the number of the message that submitted them.
    submitted: BTreeMap<u64, u32>,
}

/// What a task computes: a number from its own and those of its inputs; `None`: it fails.
pub(super) fn compute(body: &[u8], inputs: &[Bytes]) -> Option<Bytes> {
    let number = u64::from_le_bytes(body.try_into().expect("a number"));
    let inputs =
        inputs.iter().map(|bytes| u64::from_le_bytes(bytes[..8].try_into().expect("a number")));
    mix(number, inputs).map(result)
}

/// The number that a task gives, as bytes. Some have many more behind it: those are worth a file of their own.
fn result(value: u64) -> Bytes {
    let n_more = if value.is_multiple_of(3) { 1_000 + value % 5_000 } else { 0 };
    let mut bytes = value.to_le_bytes().to_vec();
    bytes.resize(8 + n_more as usize, 0);
    bytes.into()
}

fn mix(number: u64, inputs: impl Iterator<Item = u64>) -> Option<u64> {
    let start = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let value = inputs.fold(start, |sum, input| sum.rotate_left(7) ^ input.wrapping_mul(31));
    (number != FAILS).then_some(value)
}

impl Client {
    pub(super) fn new(world: &Arc<World>, number: u64) -> Self {
        Self {
            world: Arc::clone(world),
            name: format!("client-{number}"),
            line: Arc::default(),
            before: None,
            kept: VecDeque::new(),
            n_sent: 0,
            expected: Vec::new(),
            deps: Vec::new(),
            has_given_up: false,
            pending: BTreeSet::new(),
            submitted: BTreeMap::new(),
        }
    }

    /// Where its connection is found, to do it harm.
    pub(super) fn line(&self) -> Arc<std::sync::Mutex<Option<Line>>> {
        Arc::clone(&self.line)
    }

    /// Submits some graphs, one after the other, and ends when it has had an answer for every task.
    pub(super) async fn run(mut self) {
        let n_graphs = 1 + self.world.draw().below(3);
        let mut link = self.connect().await;
        for _ in 0..n_graphs {
            self.submit(&link.tx);
            while !self.pending.is_empty() {
                match tokio::time::timeout(Duration::from_secs(10), link.rx.recv()).await {
                    // Whoever ends with a full disk starts again.
                    Ok(Some(ToClient::Closing { .. })) => link = self.connect().await,
                    Ok(Some(message)) => self.take(message, &link.tx).await,
                    Ok(None) | Err(_) => link = self.connect().await,
                }
            }
            self.world.pause(3_000).await;
        }
        let all: Vec<u32> = (0..self.expected.len() as u32).collect();
        self.send(&link.tx, FromClient::Release(all));
        let _ = link.tx.try_send(FromClient::Goodbye);
        // A goodbye that the network loses is made up for by the scheduler's patience.
        tokio::time::sleep(Duration::from_secs(2)).await;
    }

    /// Connects, as who it was, and says again what may not have arrived.
    async fn connect(&mut self) -> Connection<FromClient, ToClient> {
        loop {
            self.world.pause(500).await;
            let (name, before) = (self.name.clone(), self.before.clone());
            let hello = ClientHello { name, embedded: false, before };
            let Some(mut link) = connect_client(&self.world, hello) else { continue };
            *self.line.lock().expect("one thread") = Some(link.line.clone());
            let patience = Duration::from_secs(10);
            let Ok(Some(first)) = tokio::time::timeout(patience, link.rx.recv()).await else {
                continue;
            };
            let (client, run) = match first {
                ToClient::Welcome { client, run, .. } => (client, run),
                ToClient::Closing { .. } => continue,
                other => panic!("{}: {other:?} instead of a welcome", self.name),
            };
            let n_accepted = self.n_sent - self.kept.len() as u64;
            self.before = Some(ClientBefore { run, client, n_accepted });
            for message in &self.kept {
                let _ = link.tx.try_send(message.clone());
            }
            if !self.pending.is_empty() && self.n_sent > 0 {
                let pending = self.pending.iter().copied().collect();
                self.send(&link.tx, FromClient::Locate(pending));
            }
            return link;
        }
    }

    fn id(&self) -> ClientId {
        self.before.as_ref().expect("it has connected").client
    }

    fn send(&mut self, tx: &LinkSender<FromClient>, message: FromClient) {
        self.n_sent += 1;
        self.kept.push_back(message.clone());
        // A connection that broke is noticed where messages are received.
        let _ = tx.try_send(message);
    }

    /// A graph of some tasks, each of which takes some that came shortly before it.
    fn submit(&mut self, tx: &LinkSender<FromClient>) {
        let world = Arc::clone(&self.world);
        let mut draw = world.draw();
        let local = self.expected.len() as u32;
        let mut tasks = Vec::new();
        let (mut spec_lens, mut specs) = (Vec::new(), Vec::new());
        // A task that was given up is forgotten, and nothing can be built on it.
        let oldest = if self.has_given_up { local } else { 0 };
        for number in local..local + 1 + draw.below(40) as u32 {
            // Also tasks of earlier graphs, whose results it has not released.
            let near = number.saturating_sub(6).max(oldest)..number;
            let deps: Vec<u32> = near.filter(|_| draw.one_in(3)).collect();
            let own = if draw.one_in(40) { FAILS } else { u64::from(number) + 1 };
            let mut spec = SpecWriter::new(0);
            let before = specs.len();
            spec.body(&own.to_le_bytes()).expect("bytes can be encoded");
            spec.finish(0..deps.len() as u32, &mut specs);
            spec_lens.push((specs.len() - before) as u32);
            let inputs: Option<Vec<u64>> =
                deps.iter().map(|dep| self.expected[*dep as usize]).collect();
            self.expected.push(inputs.and_then(|inputs| mix(own, inputs.into_iter())));
            self.deps.push(deps.clone());
            let options = draw.below(3) as u32;
            tasks.push(NewTask {
                prefix: 0,
                suffix: SuffixText::Index(number),
                options,
                wanted: true,
                deps,
            });
        }
        let n_tasks = tasks.len() as u32;
        world.truth().seen.tasks += u64::from(n_tasks);
        let plain = TaskOptions::new("storm");
        let retried =
            TaskOptions { retries: 2, retry_delay: Nanos::from_millis(300), ..plain.clone() };
        let urgent = TaskOptions { priority: 5, ..plain.clone() };
        let graph = Arc::new(NewGraph {
            name: "storm".to_owned(),
            local,
            continues: local.is_multiple_of(2),
            nested: Vec::new(),
            prefixes: vec!["task".to_owned()],
            options: vec![plain, retried, urgent],
            tasks,
        });
        let submit = SubmitGraph { graph, spec_lens, specs: Bytes::from(specs) };
        self.pending.extend(local..local + n_tasks);
        let given_up: Vec<u32> = (local..local + n_tasks).filter(|_| draw.one_in(60)).collect();
        drop(draw);
        self.send(tx, FromClient::Submit(Box::new(submit)));
        self.submitted.insert(self.n_sent, local);
        if !given_up.is_empty() {
            self.has_given_up = true;
            let ours = given_up.iter().map(|local| (self.id(), *local));
            world.truth().cancelled.extend(ours);
            self.send(tx, FromClient::Cancel(given_up));
        }
    }

    async fn take(&mut self, message: ToClient, tx: &LinkSender<FromClient>) {
        match message {
            ToClient::Welcome { .. } => panic!("{} was welcomed twice", self.name),
            ToClient::Accepted { n_messages } => self.accepted(n_messages),
            ToClient::Ping => {
                let _ = tx.try_send(FromClient::Pong);
            }
            ToClient::Ended(ends) => {
                for TaskEnd { local, how } in ends {
                    self.ended(local, how, tx).await;
                }
            }
            ToClient::Rejected { reason, .. } => panic!("{}: {reason}", self.name),
            ToClient::Closing { .. } => unreachable!("handled by the caller"),
        }
    }

    fn accepted(&mut self, n_messages: u64) {
        let n_known = n_messages - (self.n_sent - self.kept.len() as u64);
        self.kept.drain(..n_known as usize);
        let client = self.id();
        self.before.as_mut().expect("it has connected").n_accepted = n_messages;
        let later = self.submitted.split_off(&(n_messages + 1));
        let known = std::mem::replace(&mut self.submitted, later);
        let known = known.into_values().map(|local| (client, local));
        self.world.truth().told.accepted.extend(known);
    }

    async fn ended(&mut self, local: u32, how: EndedHow, tx: &LinkSender<FromClient>) {
        let expected = self.expected[local as usize];
        match how {
            EndedHow::Finished { task, holders, data, .. } => {
                let expected =
                    expected.unwrap_or_else(|| panic!("{}-{local} is to fail", self.name));
                self.world.truth().told.finished.insert(task);
                let addresses = holders.iter().map(|holder| &*holder.address);
                let found = match data {
                    Some(data) => Some(data),
                    None => self.fetch(task, addresses).await,
                };
                match found {
                    Some(bytes) => {
                        assert_eq!(bytes, result(expected), "{}-{local}", self.name);
                        self.pending.remove(&local);
                    }
                    None if self.pending.contains(&local) => {
                        self.send(tx, FromClient::Locate(vec![local]));
                    }
                    None => {}
                }
            }
            EndedHow::Erred { message, .. } => {
                let is_ours = expected.is_none() && message == "as it should";
                assert!(is_ours || message.contains("worker"), "{}-{local}: {message}", self.name);
                self.pending.remove(&local);
            }
            EndedHow::Cancelled => {
                assert!(self.was_given_up(local), "{}-{local} was not given up", self.name);
                self.pending.remove(&local);
            }
            EndedHow::Rejected { reason } => panic!("{}-{local}: {reason}", self.name),
        }
    }

    async fn fetch<'a>(
        &self,
        task: TaskId,
        holders: impl Iterator<Item = &'a str>,
    ) -> Option<Bytes> {
        for address in holders {
            self.world.pause(100).await;
            let found = self.world.store(address).and_then(|store| store.read(task));
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Whether a task, or one that it needs, was cancelled.
    fn was_given_up(&self, local: u32) -> bool {
        let (truth, client) = (self.world.truth(), self.id());
        let (mut todo, mut known) = (vec![local], BTreeSet::new());
        while let Some(next) = todo.pop() {
            if truth.cancelled.contains(&(client, next)) {
                return true;
            }
            todo.extend(self.deps[next as usize].iter().filter(|dep| known.insert(**dep)));
        }
        false
    }
}
