//! What goes wrong, and when: the story of one storm.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::client::Client;
use super::host::{Crash, Host};
use super::network::Line;
use super::worker::Worker;
use super::world::World;

/// By then everything must have ended; the storm itself is over long before.
const BOUND: Duration = Duration::from_secs(1_200);

/// Everybody whom something may happen to.
struct Story {
    world: Arc<World>,
    host: Host,
    workers: Vec<Worker>,
    /// How many workers there ever were.
    n_started: u64,
    /// The clients' connections.
    lines: Vec<Arc<Mutex<Option<Line>>>>,
}

/// From the first connection to the scheduler's end.
pub(super) async fn run(world: &Arc<World>) {
    let host = Host::start(world);
    let mut story = Story {
        world: Arc::clone(world),
        host,
        workers: Vec::new(),
        n_started: 0,
        lines: Vec::new(),
    };
    let n_workers = 1 + world.draw().below(4);
    (0..n_workers).for_each(|_| story.new_worker());
    let clients: Vec<Client> =
        (0..1 + world.draw().below(3)).map(|n| Client::new(world, n)).collect();
    story.lines = clients.iter().map(Client::line).collect();
    let clients: Vec<JoinHandle<()>> =
        clients.into_iter().map(|client| tokio::spawn(client.run())).collect();
    let only_scheduler = world.draw().one_in(3);
    let mut n_faults = world.draw().below(12);
    let begin = Instant::now();
    while !clients.iter().all(JoinHandle::is_finished) {
        assert!(begin.elapsed() < BOUND, "it does not come to its end");
        world.pause(4_000).await;
        story.host.look_after().await;
        if story.workers.iter().all(Worker::is_gone) {
            story.new_worker();
        }
        if n_faults > 0 {
            n_faults -= 1;
            story.go_wrong(only_scheduler).await;
        }
    }
    for client in clients {
        client.await.expect("a client's own assertion failed: see above");
    }
    // Clients whose goodbye got lost are given up by then, and their results freed.
    tokio::time::sleep(Duration::from_secs(60)).await;
    if story.host.look_after().await {
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    story.host.stop().await;
}

impl Story {
    /// One on a host of its own.
    fn new_worker(&mut self) {
        self.new_worker_in(self.world.home(self.n_started));
    }

    /// One that finds what is in a folder.
    fn new_worker_in(&mut self, home: PathBuf) {
        self.workers.push(Worker::start(&self.world, self.n_started, home));
        self.n_started += 1;
    }

    /// Something happens.
    async fn go_wrong(&mut self, only_scheduler: bool) {
        let n_kinds = if only_scheduler { 2 } else { 13 };
        let what = self.world.draw().below(n_kinds);
        let worker = self.world.draw().below(self.workers.len() as u64) as usize;
        if what > 1 {
            self.world.truth().results_may_be_lost = true;
        }
        match what {
            0 | 1 if !self.host.can_restart() => {}
            0 => self.host.crash(Crash::Killed).await,
            1 if self.host.is_durable() => self.host.crash(Crash::PowerLost).await,
            1 => self.host.crash(Crash::Killed).await,
            2 | 3 => {
                let home = self.workers.swap_remove(worker).kill();
                self.world.truth().seen.killed += 1;
                self.new_worker_in(home);
            }
            4 => {
                // It stays until somebody else can take its results.
                self.workers[worker].retire();
                self.world.truth().seen.left += 1;
                self.new_worker();
            }
            5 => self.cut(self.workers[worker].line()),
            6 => {
                let client = self.world.draw().below(self.lines.len() as u64) as usize;
                self.cut(self.lines[client].lock().expect("one thread").clone());
            }
            7 => {
                let time = self.world.draw().time(30_000);
                self.workers[worker].line().inspect(|line| line.hang(time));
                self.world.truth().seen.hung += 1;
            }
            8 => self.part(),
            9 => self.host.fill_disk(),
            10 => self.workers[worker].set_clock(),
            11 => self.workers[worker].fill_memory(),
            _ => self.workers[worker].lose_disk(),
        }
    }

    fn cut(&self, line: Option<Line>) {
        line.inspect(Line::cut);
        self.world.truth().seen.cut += 1;
    }

    /// The network falls apart for a time: some workers and clients reach neither the scheduler nor the others.
    fn part(&self) {
        let mut draw = self.world.draw();
        let workers: Vec<&Worker> = self.workers.iter().filter(|_| draw.one_in(2)).collect();
        let clients = self.lines.iter().filter(|_| draw.one_in(2));
        let clients: Vec<Line> =
            clients.filter_map(|line| line.lock().expect("one thread").clone()).collect();
        let time = draw.time(60_000);
        drop(draw);
        self.world.set_apart(workers.iter().map(|worker| worker.address()).collect());
        let lines = workers.iter().filter_map(|worker| worker.line()).chain(clients);
        lines.for_each(|line| line.hang(time));
        let world = Arc::clone(&self.world);
        world.truth().seen.parted += 1;
        tokio::spawn(async move {
            tokio::time::sleep(time).await;
            world.set_apart(BTreeSet::new());
        });
    }
}
