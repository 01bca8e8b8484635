//! What open pages cost a live run, and how old is what they show:
//!
//! `cargo run --release -p taskreel-viewer --example freshness -- REEL [PAIRS] [PAGES] [TASKS] [OPTIONS…]`
//!
//! REEL is the command. It runs trivial tasks on two embedded workers, without and with open pages in turn; of each run
//! it prints tasks a second, the time of processors that the viewer's threads took, and of the pages how old what
//! they were sent was, in ms: when it arrived, and just before the next took its place. At the end
//! medians, and by how much pages slowed the runs down, pair by pair. The pages only receive: drawing is
//! another machine's work. OPTIONS go to `reel demo trivial`. No test: figures need a quiet machine.

#![expect(clippy::print_stdout, reason = "it prints what it measured")]

mod channel;
mod page;
mod threads;

use std::error::Error;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use page::{Ages, follow, started_unix_ns};
use threads::ViewerThreads;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// What to measure.
struct Plan {
    reel: String,
    n_pairs: usize,
    n_pages: usize,
    tasks: String,
    options: Vec<String>,
}

/// A run, measured.
struct Measured {
    tasks_per_s: f64,
    /// Seconds of processors that the viewer took, by thread.
    viewer: Vec<(String, f64)>,
    ages: Ages,
}

fn main() -> Outcome<()> {
    let mut args = std::env::args().skip(1);
    let usage = "usage: freshness REEL [PAIRS] [PAGES] [TASKS] [OPTIONS…]";
    let mut next = |default: &str| args.next().unwrap_or_else(|| default.to_owned());
    let plan = Plan {
        reel: Some(next("")).filter(|reel| !reel.is_empty()).ok_or(usage)?,
        n_pairs: next("7").parse()?,
        n_pages: next("10").parse()?,
        tasks: next("1000000"),
        options: args.collect(),
    };
    let folder = tempfile::tempdir()?;
    let (mut slower, mut ages, mut rates) = (Vec::new(), Ages::default(), [Vec::new(), Vec::new()]);
    for pair in 0..plan.n_pairs {
        // Whichever is first may find a machine that is warmer, or less so.
        let order = if pair % 2 == 0 { [0, 1] } else { [1, 0] };
        let mut both = [0.0; 2];
        for which in order {
            let n_pages = plan.n_pages * which;
            let measured =
                run(&plan, n_pages, &folder.path().join(format!("{pair}-{which}.reel")))?;
            println!("{n_pages:>2} pages: {measured}");
            both[which] = measured.tasks_per_s;
            rates[which].push(measured.tasks_per_s);
            ages.extend(measured.ages);
        }
        slower.push((1.0 - both[1] / both[0]) * 100.0);
    }
    println!(
        "median without pages: {:.0} tasks/s, with {}: {:.0}",
        median(&rates[0]),
        plan.n_pages,
        median(&rates[1])
    );
    println!("pages slow a run down by (pair by pair, median): {:.1} %", median(&slower));
    println!("all runs: {ages}");
    Ok(())
}

fn run(plan: &Plan, n_pages: usize, trace: &Path) -> Outcome<Measured> {
    let mut command = Command::new(&plan.reel);
    command.args(["demo", "trivial", "--json", "--workers", "2", "--tasks", &plan.tasks]);
    command.args(["--view", "127.0.0.1:0", "--record"]).arg(trace).args(&plan.options);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let addr = viewer_addr(&mut child)?;
    let threads = ViewerThreads::watch(child.id());
    let started = started_unix_ns(addr)?;
    let pages: Vec<_> =
        (0..n_pages).map(|_| thread::spawn(move || follow(addr, started))).collect();
    let mut summary = String::new();
    child.stdout.take().ok_or("no output")?.read_to_string(&mut summary)?;
    child.wait()?;
    let mut ages = Ages::default();
    for page in pages {
        ages.extend(page.join().map_err(|_panic| "a page panicked")??);
    }
    let summary: serde_json::Value = serde_json::from_str(&summary)?;
    let tasks_per_s = summary["tasks_per_second"].as_f64().ok_or("the summary says no rate")?;
    Ok(Measured { tasks_per_s, viewer: threads.finish(), ages })
}

/// Reads what the command says until it says where the viewer is; the rest is read and forgotten.
fn viewer_addr(child: &mut Child) -> Outcome<SocketAddr> {
    let mut said = BufReader::new(child.stderr.take().ok_or("no messages")?).lines();
    let addr = said.find_map(|line| {
        let (_, url) =
            line.ok()?.split_once("viewer: http://").map(|(a, b)| (a.to_owned(), b.to_owned()))?;
        url.split('/').next()?.parse().ok()
    });
    thread::spawn(move || said.for_each(drop));
    Ok(addr.ok_or("the viewer did not start")?)
}

/// The middle one.
fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

impl std::fmt::Display for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.0} tasks/s", self.tasks_per_s)?;
        for (name, seconds) in &self.viewer {
            write!(f, ", {name} {seconds:.2} s")?;
        }
        if self.ages.is_empty() { Ok(()) } else { write!(f, "; {}", self.ages) }
    }
}
