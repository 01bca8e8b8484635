//! Task Bench for Taskreel (Slaughter et al., SC 2020): how small may tasks be before the runtime costs more than
//! the work?
//!
//! - `task_bench run [--processes] [--patterns P,…] [--steps N] [--width N] [--radix N]` runs each pattern with kernels
//!   from large to small and prints a line of JSON for each;
//! - `task_bench graph PATTERN …` prints a pattern's edges as JSON, for the same work on another system;
//! - `task_bench report OUT.svg` reads the lines of all systems from the input, prints METG(50 %) as a table and
//!   draws efficiency against granularity.
//!
//! `metg.py` beside this file does all of it, with Dask for comparison.

#![expect(clippy::print_stdout, reason = "it prints its results")]

mod kernel;
mod metg;
mod pattern;
mod plot;

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Instant;

use taskreel::{Client, Cluster, TaskFuture};

use kernel::Cell;
use metg::Measured;
use pattern::{Graph, Pattern};

type Outcome = Result<(), Box<dyn Error>>;

/// Workers of one thread each; the cores that efficiency counts.
const CORES: u32 = 2;

fn main() -> Outcome {
    taskreel::init();
    let args: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| {
        let at = args.iter().position(|arg| arg == name)?;
        args.get(at + 1).cloned()
    };
    let number = |name: &str, default: u32| option(name).map_or(Ok(default), |n| n.parse());
    let graph = Graph {
        pattern: Pattern::Trivial,
        steps: number("--steps", 100)?,
        width: number("--width", 8)?,
        radix: number("--radix", 5)?,
    };
    match args.first().map(String::as_str) {
        Some("run") => {
            let patterns =
                option("--patterns").unwrap_or_else(|| "stencil_1d,nearest,spread".to_owned());
            let processes = args.iter().any(|arg| arg == "--processes");
            run(&patterns, graph, processes)
        }
        Some("graph") => {
            let pattern = args.get(1).ok_or("which pattern?")?.parse()?;
            print_edges(Graph { pattern, ..graph })
        }
        Some("report") => report(args.get(1).ok_or("where to?")?),
        _ => Err("task_bench run | graph PATTERN | report OUT.svg".into()),
    }
}

/// Runs patterns, each with kernels from about 4 ms down to nothing.
fn run(patterns: &str, graph: Graph, processes: bool) -> Outcome {
    let folder = std::env::temp_dir().join(format!("task-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let peak = kernel::peak(CORES);
    let builder = Cluster::local().workers(CORES as usize).threads(1).processes(processes);
    let cluster = builder.record(folder.join("run.reel")).start()?;
    let client = cluster.client();
    let system = if processes { "taskreel, TCP" } else { "taskreel, embedded" };
    let longest = peak / f64::from(CORES) * 4e-3;
    for pattern in patterns.split(',') {
        let graph = Graph { pattern: pattern.parse()?, ..graph };
        refuses_wrong_inputs(&client, graph)?;
        once(&client, graph, 0)?;
        for halvings in 0..14 {
            let iterations = (longest / f64::from(1u32 << halvings)) as u64;
            let seconds = once(&client, graph, iterations)?;
            let measured = Measured {
                system: system.to_owned(),
                pattern: pattern.to_owned(),
                granularity_us: seconds * f64::from(CORES) / graph.n_tasks() as f64 * 1e6,
                efficiency: (iterations * graph.n_tasks()) as f64 / seconds / peak,
            };
            println!("{}", serde_json::to_string(&measured)?);
        }
    }
    cluster.close()?;
    Ok(std::fs::remove_dir_all(folder)?)
}

/// Submits a graph and waits for its last step; the seconds from the first call to the last result.
fn once(client: &Client, graph: Graph, iterations: u64) -> Result<f64, Box<dyn Error>> {
    let begin = Instant::now();
    let mut before: BTreeMap<u32, TaskFuture<Cell>> = BTreeMap::new();
    for step in 0..graph.steps {
        let points = graph.points(step).map(|point| {
            let inputs: Vec<TaskFuture<Cell>> =
                graph.inputs(step, point).iter().map(|input| before[input].clone()).collect();
            (point, client.submit(kernel::point(graph, step, point, iterations, inputs)))
        });
        before = points.collect();
    }
    for future in before.values() {
        future.wait()?;
    }
    Ok(begin.elapsed().as_secs_f64())
}

/// Shows that points look at their inputs: one fails that lacks the first of them, or has the last first.
fn refuses_wrong_inputs(client: &Client, graph: Graph) -> Outcome {
    let wanted = if graph.steps > 1 { graph.inputs(1, 0) } else { Vec::new() };
    let inputs: Vec<TaskFuture<Cell>> = wanted
        .iter()
        .map(|input| client.submit(kernel::point(graph, 0, *input, 0, Vec::<Cell>::new())))
        .collect();
    let made = |inputs| client.submit(kernel::point(graph, 1, 0, 0, inputs)).wait();
    made(inputs.clone())?;
    let lacking: Vec<_> = inputs.iter().skip(1).cloned().collect();
    let reversed: Vec<_> = inputs.iter().rev().cloned().collect();
    for (wrong, least) in [(lacking, 1), (reversed, 2)] {
        if inputs.len() >= least && made(wrong).is_ok() {
            return Err("a point took inputs that are not its own".into());
        }
    }
    Ok(())
}

/// `[[[point, [input, …]], …], …]`: for each step its points, and what each reads of the step before.
fn print_edges(graph: Graph) -> Outcome {
    let edges: Vec<Vec<(u32, Vec<u32>)>> = (0..graph.steps)
        .map(|step| graph.points(step).map(|point| (point, graph.inputs(step, point))).collect())
        .collect();
    println!("{}", serde_json::to_string(&edges)?);
    Ok(())
}

/// Prints METG(50 %) of each system and pattern, and draws the picture.
fn report(picture: &str) -> Outcome {
    let mut runs = Vec::new();
    for line in std::io::stdin().lines() {
        runs.push(serde_json::from_str::<Measured>(&line?)?);
    }
    let mut lines: BTreeMap<(&str, &str), Vec<&Measured>> = BTreeMap::new();
    for run in &runs {
        lines.entry((&run.system, &run.pattern)).or_default().push(run);
    }
    println!("| system | pattern | METG(50 %) |\n|---|---|---|");
    for ((system, pattern), runs) in lines {
        let metg = metg::metg(&runs)
            .map_or_else(|| "outside of what was run".to_owned(), |us| format!("{us:.1} µs"));
        println!("| {system} | {pattern} | {metg} |");
    }
    Ok(std::fs::write(picture, plot::svg(&runs))?)
}
