//! Runs the cases on Taskreel: a scheduler process that records, and two workers of one thread each, over TCP.
//!
//! `peers GRAPHS.json [--quick]`, or `peers --save FOLDER` for the trace of 10,000 trivial tasks. The cases are those
//! of `cases.py`, and so is what is printed. The other roles, `peers scheduler TRACE` and `peers worker ADDRESS`, are
//! this program started again.

#![expect(clippy::print_stdout, reason = "it prints its results")]

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::json;
use taskreel::task::Captured;
use taskreel::{Client, ClientOptions, Cluster, TaskFuture, WorkerOptions, run_worker, task};

type Outcome = Result<(), Box<dyn Error>>;

/// What every task does: computes for some milliseconds and returns some bytes.
#[task]
fn work(ms: f64, bytes: usize, inputs: Vec<Captured>) -> Captured {
    std::hint::black_box(inputs);
    let begin = Instant::now();
    while begin.elapsed().as_secs_f64() * 1e3 < ms {
        std::hint::spin_loop();
    }
    Captured(vec![0; bytes])
}

/// The inputs of a task that has none.
const NONE: [TaskFuture<Captured>; 0] = [];

/// One of `graphs.py`.
#[derive(Deserialize)]
struct Graph {
    inputs: Vec<Vec<usize>>,
    ms: f64,
    bytes: usize,
}

fn main() -> Outcome {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["scheduler", trace] => scheduler(trace),
        ["worker", address] => Ok(run_worker(&WorkerOptions::new(address))?),
        ["--save", folder] => save(Path::new(folder)),
        [graphs, ref rest @ ..] => cases(graphs, rest.contains(&"--quick")),
        [] => Err("peers GRAPHS.json [--quick] | --save FOLDER".into()),
    }
}

/// Serves until its input ends.
fn scheduler(trace: &str) -> Outcome {
    let cluster = Cluster::local().scheduler_only().listen("127.0.0.1:0").record(trace).start()?;
    println!("{}", cluster.address().ok_or("it does not listen")?);
    std::io::stdin().read_to_end(&mut Vec::new())?;
    cluster.close()?;
    Ok(())
}

/// The three processes.
struct Processes {
    scheduler: Child,
    workers: Vec<Child>,
    client: Client,
}

impl Processes {
    fn start(trace: &Path) -> Result<Self, Box<dyn Error>> {
        let this = std::env::current_exe()?;
        let mut scheduler = Command::new(&this)
            .args(["scheduler".as_ref(), trace.as_os_str()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut address = String::new();
        BufReader::new(scheduler.stdout.take().expect("it is piped")).read_line(&mut address)?;
        let address = address.trim();
        let worker = || Command::new(&this).args(["worker", address]).spawn();
        let workers = vec![worker()?, worker()?];
        let options = ClientOptions { name: "peers".to_owned(), ..ClientOptions::default() };
        let client = Client::connect(address, &options)?;
        let processes = Self { scheduler, workers, client };
        // Two tasks that take a while: both workers have joined when both have ended.
        processes.map(100)?;
        Ok(processes)
    }

    /// Ends what was started, in order: the trace is whole then.
    fn close(mut self) -> Outcome {
        drop(self.client);
        drop(self.scheduler.stdin.take());
        self.scheduler.wait()?;
        for worker in &mut self.workers {
            worker.wait()?;
        }
        Ok(())
    }

    fn map(&self, n: usize) -> Outcome {
        let futures = self.client.map(0..n, |_| work(0.0, 27, NONE));
        futures.iter().try_for_each(TaskFuture::wait_done).map_err(Into::into)
    }

    fn graph(&self, graph: &Graph) -> Outcome {
        let mut made: Vec<TaskFuture<Captured>> = Vec::with_capacity(graph.inputs.len());
        let mut is_end = vec![true; graph.inputs.len()];
        for inputs in &graph.inputs {
            inputs.iter().for_each(|input| is_end[*input] = false);
            let inputs: Vec<_> = inputs.iter().map(|input| made[*input].clone()).collect();
            made.push(self.client.submit(work(graph.ms, graph.bytes, inputs)));
        }
        let ends: Vec<_> = made.into_iter().zip(is_end).filter(|(_, is_end)| *is_end).collect();
        ends.iter().try_for_each(|(future, _)| future.wait_done()).map_err(Into::into)
    }

    fn chain(&self, n: usize) -> Outcome {
        let mut last = self.client.submit(work(0.0, 27, NONE));
        for _ in 0..n {
            last = self.client.submit(work(0.0, 27, [last]));
        }
        last.wait()?;
        Ok(())
    }

    fn case(&self, case: &str, tasks: usize, run: impl Fn() -> Outcome) -> Outcome {
        let (cpu, begin) = (cpu_of(&self.scheduler)?, Instant::now());
        run()?;
        let seconds = begin.elapsed().as_secs_f64();
        let cpu = cpu_of(&self.scheduler)? - cpu;
        print(case, json!({"tasks": tasks, "seconds": seconds, "scheduler_cpu": cpu}));
        Ok(())
    }
}

fn cases(graphs: &str, is_quick: bool) -> Outcome {
    let graphs: BTreeMap<String, Graph> = serde_json::from_slice(&std::fs::read(graphs)?)?;
    let folder = std::env::temp_dir().join(format!("peers-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let system = Processes::start(&folder.join("run.reel"))?;
    for n in if is_quick { &[1_000][..] } else { &[1_000, 10_000, 100_000] } {
        system.case(&format!("map-{n}"), *n, || system.map(*n))?;
    }
    for (name, graph) in &graphs {
        system.case(name, graph.inputs.len(), || system.graph(graph))?;
    }
    system.case("chain", 300, || system.chain(300))?;
    let mut times = Vec::new();
    for _ in 0..200 {
        let begin = Instant::now();
        system.client.submit(work(0.0, 27, NONE)).wait()?;
        times.push(begin.elapsed());
    }
    times.sort();
    let median: Duration = times[times.len() / 2];
    print("submit-to-result", json!({"tasks": 1, "seconds": median.as_secs_f64()}));
    system.close()?;
    Ok(std::fs::remove_dir_all(folder)?)
}

fn save(folder: &Path) -> Outcome {
    let trace = folder.join("taskreel.reel");
    let system = Processes::start(&trace)?;
    system.map(10_000)?;
    system.close()?;
    let bytes = std::fs::metadata(&trace)?.len();
    print("trace of every transition", json!({"tasks": 10_000, "bytes": bytes}));
    Ok(())
}

/// CPU seconds, user and system, that a process has used; a tick is 10 ms on every Linux of today.
fn cpu_of(process: &Child) -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.id()))?;
    let (_, fields) = stat.rsplit_once(')').ok_or("an unknown form of /proc")?;
    let mut ticks = fields.split_whitespace().skip(11);
    let mut next = || {
        ticks
            .next()
            .ok_or("an unknown form of /proc")?
            .parse::<f64>()
            .map_err(Box::<dyn Error>::from)
    };
    Ok((next()? + next()?) / 100.0)
}

/// One line of JSON, as `cases.py` prints it.
fn print(case: &str, mut figures: serde_json::Value) {
    figures["system"] = "taskreel".into();
    figures["case"] = case.into();
    println!("{figures}");
}
