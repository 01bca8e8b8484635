//! One run from the first task to the closed trace: cluster, viewer, progress, Ctrl-C, summary.

use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use taskreel::{Cluster, RunSummary};
use taskreel_model::{HumanBytes, policy_by_name};
use taskreel_recorder::Totals;
use taskreel_viewer::ViewerHandle;

use super::cluster_options::{ClusterOptions, on_terminal};
use super::failure::say;
use super::info::Tasks;
use super::interrupt::Interrupts;
use super::json::Object;
use super::progress::{Bar, Progress};
use super::size::Workers;
use super::table::{counted, grouped, printable};
use super::{Failure, elsewhere, viewer};
use crate::demo::{Outcome, Workload};

/// How often progress is drawn and Ctrl-C is looked for.
const TICK: Duration = Duration::from_millis(100);

/// What a run came to.
struct Ended {
    /// `None`: Ctrl-C.
    result: Option<Result<Outcome, Failure>>,
    seconds: f64,
}

/// Puts what a workload prints before its end onto standard output.
struct Printer<'a> {
    printed: &'a Receiver<Vec<u8>>,
    /// Not written yet.
    held: Vec<u8>,
    out: &'a mut dyn Write,
}

/// Runs a workload on a cluster of its own, and prints what came of it.
pub(crate) fn run(
    name: &str,
    options: &ClusterOptions,
    workload: Workload,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let (nobody, nothing) = mpsc::channel();
    drop(nobody);
    run_printing(name, options, workload, &nothing, out)
}

/// The same for a workload that prints before its end: texts for standard output.
pub(crate) fn run_printing(
    name: &str,
    options: &ClusterOptions,
    workload: Workload,
    printed: &Receiver<Vec<u8>>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    if let Some(address) = &options.cluster {
        let client = elsewhere::connect(address, name, &options.access)?;
        return elsewhere::run(&client, workload, printed, options.json, out);
    }
    let interrupts = Interrupts::listen()?;
    let trace = options.trace(name)?;
    // Before there is a trace, so that a taken address leaves none behind.
    options.view.map_or(Ok(()), viewer::check)?;
    let progress = Progress::default();
    let cluster = start(name, options, trace.as_deref(), &progress)?;
    let viewer = match &trace {
        Some(trace) if options.wants_viewer() => Some(viewer::start(trace, options.view)?),
        _ => None,
    };
    let mut printer = Printer { printed, held: Vec::new(), out: &mut *out };
    // The JSON summary has it all.
    let printer = (!options.json).then_some(&mut printer);
    let ended = work(&cluster, workload, &interrupts, &progress, printer);
    let interrupted = ended.result.is_none();
    if interrupted {
        say(format_args!("interrupted: giving up what runs; Ctrl-C again ends at once"));
    }
    let closed = cluster.close().map_err(Failure::run);
    let result = conclude(ended, closed, trace.as_deref(), options.json, out);
    if let Some(viewer) = viewer { hold(viewer, interrupted, &interrupts, result) } else { result }
}

fn start(
    name: &str,
    options: &ClusterOptions,
    trace: Option<&Path>,
    progress: &Progress,
) -> Result<Cluster, Failure> {
    let mut builder = Cluster::local()
        .name(name)
        .processes(options.processes)
        .on_record_error(options.on_record_error.into())
        .durable(options.durable)
        .tick_ns(options.tick)
        .watch(progress.watch());
    builder = match options.workers {
        Some(Workers::Fixed(n_workers)) => builder.workers(n_workers.into()),
        Some(Workers::Between(min, max)) => builder.adapt(min.into(), max.into()),
        None => builder,
    };
    if let Some(n_threads) = options.threads {
        builder = builder.threads(n_threads);
    }
    if let Some(bytes) = options.memory {
        builder = builder.memory(bytes);
    }
    if let Some(policy) = policy_by_name(&options.policy, options.seed) {
        builder = builder.policy(policy).seed(options.seed);
    }
    builder = match trace {
        Some(trace) => builder.record(trace),
        None => builder.no_record(),
    };
    builder.start().map_err(Failure::run)
}

/// Lets the workload run on a thread of its own until it ends or Ctrl-C.
fn work(
    cluster: &Cluster,
    workload: Workload,
    interrupts: &Interrupts,
    progress: &Progress,
    printer: Option<&mut Printer<'_>>,
) -> Ended {
    let begin = Instant::now();
    let (tx, done) = mpsc::channel();
    let client = cluster.client();
    let worker = thread::Builder::new().name("workload".to_owned()).spawn(move || {
        let result = workload(&client);
        // All it wanted is released before the cluster stops.
        drop(client);
        // Nobody listens after a Ctrl-C.
        let _ = tx.send(result);
    });
    let result = match worker {
        Ok(_detached) => wait(&done, interrupts, progress, printer),
        Err(error) => Some(Err(Failure::run(error))),
    };
    Ended { result, seconds: begin.elapsed().as_secs_f64() }
}

fn wait(
    done: &Receiver<Result<Outcome, Failure>>,
    interrupts: &Interrupts,
    progress: &Progress,
    mut printer: Option<&mut Printer<'_>>,
) -> Option<Result<Outcome, Failure>> {
    let bar = Bar::new(progress);
    let result = loop {
        let result = done.recv_timeout(TICK);
        if let Some(printer) = &mut printer
            && let Err(failure) = printer.lines(&bar)
        {
            break Some(Err(failure));
        }
        match result {
            Ok(result) => break Some(result),
            Err(RecvTimeoutError::Disconnected) => {
                break Some(Err(Failure::run("the workload panicked")));
            }
            Err(RecvTimeoutError::Timeout) if interrupts.wait_for(Duration::ZERO) => break None,
            Err(RecvTimeoutError::Timeout) => bar.draw(),
        }
    };
    bar.clear();
    match printer.map(|printer| printer.rest()) {
        Some(Err(failure)) => Some(Err(failure)),
        Some(Ok(())) | None => result,
    }
}

impl Printer<'_> {
    /// Writes the whole lines that have come: the progress would overwrite a part of one.
    fn lines(&mut self, bar: &Bar) -> Result<(), Failure> {
        self.held.extend(self.printed.try_iter().flatten());
        let end = self.held.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        if end > 0 { bar.aside(|| self.write(end)) } else { Ok(()) }
    }

    /// Writes what is left.
    fn rest(&mut self) -> Result<(), Failure> {
        self.write(self.held.len())
    }

    fn write(&mut self, end: usize) -> Result<(), Failure> {
        self.out.write_all(&self.held[..end])?;
        self.held.drain(..end);
        Ok(self.out.flush()?)
    }
}

/// Prints what the run came to.
fn conclude(
    ended: Ended,
    closed: Result<RunSummary, Failure>,
    trace: Option<&Path>,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    // A cluster that could not go on explains why the workload failed.
    let summary = closed?;
    if let (Some(trace), Some(record)) = (trace, &summary.record) {
        let incomplete = if record.incomplete { ", incomplete" } else { "" };
        let size = HumanBytes(record.bytes);
        say(format_args!("trace: {} ({size}{incomplete})", trace.display()));
    }
    let Some(result) = ended.result else {
        let Tasks { finished, total, .. } = Tasks::of(Totals::of(&summary.state));
        let (finished, total) = (grouped(finished), counted(total, "task"));
        let seconds = ended.seconds;
        say(format_args!("interrupted: {finished} of {total} had finished in {seconds:.3} s"));
        return Err(Failure::told());
    };
    let outcome = result?;
    let tasks = Tasks::of(Totals::of(&summary.state));
    for note in &outcome.notes {
        say(format_args!("{}", printable(note)));
    }
    say(format_args!("{}", tasks_line(&tasks, ended.seconds)));
    let failed = outcome.failed || tasks.erred > 0;
    if json {
        let object = Object(vec![
            ("trace", json!(trace)),
            ("tasks", json!(tasks.total)),
            ("failed", json!(tasks.erred)),
            ("seconds", json!(ended.seconds)),
            ("tasks_per_second", json!(tasks.total as f64 / ended.seconds.max(1e-9))),
            ("result", outcome.json),
        ]);
        serde_json::to_writer_pretty(&mut *out, &object).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        out.write_all(&outcome.text)?;
    }
    out.flush()?;
    if failed { Err(Failure::told()) } else { Ok(()) }
}

fn tasks_line(tasks: &Tasks, seconds: f64) -> String {
    let failed = match tasks.erred {
        0 => String::new(),
        n => format!(", {} failed", grouped(n)),
    };
    format!("{} in {seconds:.3} s{failed}", counted(tasks.total, "task"))
}

/// On a terminal the viewer stays after the run until Ctrl-C.
fn hold(
    viewer: ViewerHandle,
    interrupted: bool,
    interrupts: &Interrupts,
    result: Result<(), Failure>,
) -> Result<(), Failure> {
    if on_terminal() && !interrupted {
        let result = result.map_err(Failure::say);
        say(format_args!("the run is over; the viewer stays at {} until Ctrl-C", viewer.url()));
        interrupts.wait();
        viewer.shutdown();
        return result;
    }
    viewer.shutdown();
    result
}
