//! The processes: scheduler, workers, viewer.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use taskreel::Cluster;

use super::Outcome;

const WORKERS: usize = 4;

/// So many of them stay all the time: those whose memory can grow.
pub(crate) const STAY: usize = 2;

/// What runs beside the clients; [`Processes::close`] ends it in order.
pub(crate) struct Processes {
    pub(crate) scheduler: Child,
    pub(crate) address: String,
    pub(crate) viewer: Child,
    pub(crate) viewer_address: String,
    pub(crate) workers: Vec<Child>,
    n_started: usize,
}

/// The scheduler's process: serves until its input ends.
pub(crate) fn serve(trace: &str) -> Outcome {
    let cluster = Cluster::local().scheduler_only().listen("127.0.0.1:0").record(trace).start()?;
    super::say(cluster.address().ok_or("it does not listen")?);
    std::io::stdin().read_to_end(&mut Vec::new())?;
    cluster.close()?;
    Ok(())
}

impl Processes {
    pub(crate) fn start(trace: &Path, reel: &Path) -> Outcome<Self> {
        let mut scheduler = Command::new(std::env::current_exe()?)
            .args(["scheduler".as_ref(), trace.as_os_str()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let address = first_line(scheduler.stdout.take().expect("it is piped"))?;
        let mut viewer = Command::new(reel)
            .args(["view".as_ref(), trace.as_os_str()])
            .args(["--bind", "127.0.0.1:0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let line = first_line(viewer.stderr.take().expect("it is piped"))?;
        let viewer_address = line.split("http://").nth(1).ok_or("the viewer told no address")?;
        let viewer_address = viewer_address.trim_end_matches('/').to_owned();
        let workers = Vec::new();
        let mut processes =
            Self { scheduler, address, viewer, viewer_address, workers, n_started: 0 };
        for _ in 0..WORKERS {
            let worker = processes.worker()?;
            processes.workers.push(worker);
        }
        Ok(processes)
    }

    fn worker(&mut self) -> Outcome<Child> {
        let name = format!("worker-{}", self.n_started);
        self.n_started += 1;
        let mut command = Command::new(std::env::current_exe()?);
        Ok(command.args(["worker", &self.address, &name]).stderr(Stdio::null()).spawn()?)
    }

    /// Kills a worker or asks it to leave, in turn, and starts another. The first ones stay.
    pub(crate) fn replace_worker(&mut self) -> Outcome {
        let new = self.worker()?;
        self.workers.push(new);
        let mut old = self.workers.remove(STAY);
        let told = if self.n_started.is_multiple_of(2) {
            old.kill()
        } else {
            Command::new("kill").args(["-TERM", &old.id().to_string()]).status().map(drop)
        };
        // One that leaves in order hands its results on first; this thread has time.
        old.wait()?;
        Ok(told?)
    }

    pub(crate) fn close(&mut self) -> Outcome {
        drop(self.scheduler.stdin.take());
        self.scheduler.wait()?;
        for worker in &mut self.workers {
            worker.wait()?;
        }
        self.viewer.kill()?;
        self.viewer.wait()?;
        Ok(())
    }
}

impl Drop for Processes {
    /// After a failure nothing is left behind.
    fn drop(&mut self) {
        let others = [&mut self.scheduler, &mut self.viewer].into_iter();
        for process in others.chain(&mut self.workers) {
            // Nearly always it has ended.
            let _ = process.kill();
        }
    }
}

/// The first line of a process; the rest is read and thrown away, so that it never waits.
fn first_line(from: impl Read + Send + 'static) -> Outcome<String> {
    let mut from = BufReader::new(from);
    let mut line = String::new();
    from.read_line(&mut line)?;
    std::thread::spawn(move || std::io::copy(&mut from, &mut std::io::sink()));
    Ok(line.trim().to_owned())
}
