//! `reel demo`: the built-in workloads on real input.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};

use super::cluster_options::ClusterOptions;
use super::size::parse_size;
use super::{Failure, session};
use crate::demo::grid_search::Question;
use crate::demo::groupby::{Aggregate, Query};
use crate::demo::images::Album;
use crate::demo::reduction::{Reduction, Shape};
use crate::demo::stencil::Plate;
use crate::demo::{grid_search, groupby, images, reduction, stencil, trivial, wordcount};

/// Runs a built-in workload; without a name, counts the words of the files here.
///
/// On a terminal the run is shown live in the browser, and stays there until Ctrl-C.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_help_heading = "Workloads")]
#[command(after_help = "Examples:
  reel demo                             count the words of the files here
  reel demo wordcount /usr/share/doc
  reel demo reduction --shape linear    one core works, the others wait: see why
  reel demo groupby trips.csv --by city --agg mean:fare
  reel demo images photos -o all.png    decode, smooth, measure, and one picture of all
  reel demo stencil --strips 16         tasks that need their neighbours
  reel demo trivial --tasks 100000 --json | jq .tasks_per_second")]
pub(crate) struct Demo {
    #[command(subcommand)]
    workload: Option<Workload>,
    #[command(flatten)]
    options: ClusterOptions,
}

#[derive(Debug, Subcommand)]
enum Workload {
    Wordcount(Wordcount),
    Reduction(ReductionArgs),
    Trivial(Trivial),
    Groupby(GroupbyArgs),
    Stencil(StencilArgs),
    GridSearch(GridSearchArgs),
    Images(ImagesArgs),
}

/// Counts words over all text files under the paths: a map over files and a tree reduction.
///
/// A word is a run of the letters A to Z, in any case. Files that are not UTF-8 or cannot be read
/// are left out and counted in the summary; links are not followed; files above 4 MiB are
/// counted in pieces. Left out unless named or with --all: .git, .hg and .svn, folders that hold
/// a CACHEDIR.TAG (such as target), and traces.
#[derive(Debug, Args)]
#[command(after_help = "The same count by other means:
  reel demo wordcount DIR --files | tr '\\n' '\\0' | LC_ALL=C xargs -0 awk 1 |
    LC_ALL=C tr -cs A-Za-z '\\n' | tr A-Z a-z | sed '/^$/d' |
    LC_ALL=C sort | uniq -c | LC_ALL=C sort -k1,1nr -k2 | head -20")]
struct Wordcount {
    /// Files and folders to count.
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<PathBuf>,
    /// How many words to print, the most frequent first
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: usize,
    /// Count in version control, caches and traces, too
    #[arg(long)]
    all: bool,
    /// Print the paths of the files that are counted instead of words, one per line
    #[arg(long)]
    files: bool,
    /// Cut the input into pieces of this size, one task each: 64B, 4kB [default: by the input's size]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    piece: Option<u64>,
    #[command(flatten)]
    options: ClusterOptions,
}

/// Sums numbers one by one or as a tree: what dependencies do to a parallel run.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  reel demo reduction --shape tree --leaves 64
  reel demo reduction --shape linear --leaves 64 --sleep 50ms")]
struct ReductionArgs {
    /// In pairs of pairs, or one after the other
    #[arg(long, value_name = "SHAPE", default_value = "tree")]
    shape: Shape,
    /// How many numbers to sum
    #[arg(
        long, value_name = "N", default_value_t = 32,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    leaves: u32,
    /// How long each task takes: 100ms, 1s; 0 for as fast as it can
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = parse_sleep)]
    sleep: Duration,
    #[command(flatten)]
    options: ClusterOptions,
}

/// Runs tasks that do nothing and prints how many a second.
#[derive(Debug, Args)]
struct Trivial {
    /// How many
    #[arg(
        long, value_name = "N", default_value_t = 10_000,
        value_parser = clap::value_parser!(u32).range(1..=100_000_000)
    )]
    tasks: u32,
    #[command(flatten)]
    options: ClusterOptions,
}

/// Groups the rows of a table and aggregates columns: partial aggregates, then a shuffle by hash.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  reel demo groupby trips.csv --by city --agg mean:fare --agg count:fare")]
struct GroupbyArgs {
    /// Comma-separated values, the names of the columns in the first line
    #[arg(value_name = "FILE.csv")]
    path: PathBuf,
    /// The column whose values make the groups
    #[arg(long, value_name = "COL")]
    by: String,
    /// count:COL, sum:COL, mean:COL, min:COL or max:COL; can be given several times
    #[arg(long = "agg", value_name = "WHAT:COL", required = true)]
    aggregates: Vec<Aggregate>,
    /// Cut the file into pieces of this size: 64B, 4kB [default: by the file's size]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    piece: Option<u64>,
    #[command(flatten)]
    options: ClusterOptions,
}

/// Lets heat spread over a plate, strip by strip: tasks that need their neighbours.
#[derive(Debug, Args)]
struct StencilArgs {
    /// Points in each direction
    #[arg(
        long, value_name = "N", default_value_t = 240,
        value_parser = clap::value_parser!(u16).range(1..=8192)
    )]
    size: u16,
    /// Strips that the plate is cut into
    #[arg(
        long, value_name = "N", default_value_t = 8,
        value_parser = clap::value_parser!(u16).range(1..=1024)
    )]
    strips: u16,
    /// How often the heat spreads
    #[arg(
        long, value_name = "N", default_value_t = 50,
        value_parser = clap::value_parser!(u32).range(0..=100_000)
    )]
    rounds: u32,
    #[command(flatten)]
    options: ClusterOptions,
}

/// Finds the best parameters of a classifier of nearest neighbours by cross-validation.
#[derive(Debug, Args)]
struct GridSearchArgs {
    /// Comma-separated values, the names of the columns in the first line; all but the label are
    /// numbers
    #[arg(value_name = "FILE.csv")]
    path: PathBuf,
    /// The column to be foretold [default: the last one]
    #[arg(long, value_name = "COL")]
    label: Option<String>,
    #[command(flatten)]
    options: ClusterOptions,
}

/// Measures the pictures of a folder, and puts them all into one.
///
/// Brightness is from 0 to 255, contrast its standard deviation, and edges the share of pixels on
/// edges after smoothing.
#[derive(Debug, Args)]
struct ImagesArgs {
    /// Where the pictures are: PNG and JPEG, in folders below, too
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// A PNG file with all of them
    #[arg(long, short, value_name = "FILE.png")]
    output: Option<PathBuf>,
    /// Side of each in it, in pixels
    #[arg(
        long, value_name = "N", default_value_t = 96,
        value_parser = clap::value_parser!(u16).range(8..=1024)
    )]
    tile: u16,
    #[command(flatten)]
    options: ClusterOptions,
}

impl Demo {
    /// Runs the workload and prints what came of it.
    pub(crate) fn run(self, out: &mut dyn Write) -> Result<(), Failure> {
        match self.workload {
            Some(Workload::Wordcount(args)) => args.run(out),
            Some(Workload::Reduction(args)) => {
                let ReductionArgs { shape, leaves, sleep, options } = args;
                let reduction = Reduction { shape, leaves, sleep };
                let work = Box::new(move |client: &_| reduction::run(reduction, client));
                session::run("reduction", &options, work, out)
            }
            Some(Workload::Trivial(Trivial { tasks, options })) => {
                let work = Box::new(move |client: &_| trivial::run(tasks, client));
                session::run("trivial", &options, work, out)
            }
            Some(Workload::Groupby(args)) => {
                let GroupbyArgs { path, by, aggregates, piece, options } = args;
                let query = Query { path: absolute(&path)?, by, aggregates, piece };
                let work = Box::new(move |client: &_| groupby::run(&query, client));
                session::run("groupby", &options, work, out)
            }
            Some(Workload::Stencil(StencilArgs { size, strips, rounds, options })) => {
                let plate = Plate { size: size.into(), strips: strips.into(), rounds };
                let work = Box::new(move |client: &_| stencil::run(plate, client));
                session::run("stencil", &options, work, out)
            }
            Some(Workload::GridSearch(GridSearchArgs { path, label, options })) => {
                let question = Question { path: absolute(&path)?, label };
                let work = Box::new(move |client: &_| grid_search::run(&question, client));
                session::run("grid-search", &options, work, out)
            }
            Some(Workload::Images(ImagesArgs { folder, output, tile, options })) => {
                let album =
                    Album { folder: absolute(&folder)?, montage: output, tile: tile.into() };
                let work = Box::new(move |client: &_| images::run(&album, client));
                session::run("images", &options, work, out)
            }
            None => {
                let options = self.options;
                let paths = vec![PathBuf::from(".")];
                let piece = None;
                Wordcount { paths, top: 20, all: false, files: false, piece, options }.run(out)
            }
        }
    }
}

impl Wordcount {
    fn run(self, out: &mut dyn Write) -> Result<(), Failure> {
        let listing = wordcount::list(&self.paths, self.all).map_err(Failure::input)?;
        let show = wordcount::Show { top: self.top, files: self.files };
        let cut = wordcount::Cut::of(&listing, self.piece);
        let work = Box::new(move |client: &_| wordcount::run(&listing, cut, show, client));
        session::run("wordcount", &self.options, work, out)
    }
}

/// A file that must be there, by a path that means the same to every worker.
fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    let shown = path.display();
    path.canonicalize().map_err(|e| Failure::input(format!("cannot read {shown}: {e}")))
}

/// A time such as `100ms`; a bare number is seconds.
fn parse_sleep(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time: write 100ms, 1.5s or 0");
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).map_err(|_negative| wrong());
    }
    match text.parse() {
        Ok(taskreel_replay::Instant::At(at)) => Ok(Duration::from_nanos(at.0)),
        _ => Err(wrong()),
    }
}
