//! `reel view`: a trace, also one of the web, or a folder of them, in the browser.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::interrupt::Interrupts;
use super::runs::default_folder;
use super::{Failure, fetch, viewer};

/// Shows a trace in the browser: a finished one, or one that a run is writing right now; or the runs of
/// a folder.
///
/// Prints the address on standard error and serves until Ctrl-C. Other traces may be dropped on the page.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  reel view run.reel
  reel view https://example.org/run.reel.zip    fetched first, and gone with the viewer
  reel view                                 the runs of this folder: open, tag, compare them
  reel view run.reel --view 127.0.0.1:9000
  reel view run.reel --bind 0.0.0.0:8787    for others too: the link that it prints has a token")]
pub(crate) struct View {
    /// The trace or its http(s) address, or a folder of traces [default: $REEL_RUNS, or this folder]
    #[arg(value_name = "FILE|URL|DIR")]
    trace: Option<PathBuf>,
    /// Where to serve: ADDRESS:PORT or a port; 0 takes a free one
    /// [default: 127.0.0.1:8787, or the next port that is free]
    #[arg(long, visible_alias = "bind", value_name = "ADDR", value_parser = viewer::parse_addr)]
    view: Option<SocketAddr>,
}

impl View {
    /// Serves until Ctrl-C.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let named = self.trace.as_deref().and_then(Path::to_str);
        let fetched = named.and_then(fetch::fetch).transpose()?;
        let interrupts = Interrupts::listen()?;
        let trace = self.trace.clone().unwrap_or_else(|| default_folder(None));
        refuse_scheduler(&trace)?;
        let viewer = match &fetched {
            Some(fetched) => viewer::start(&fetched.file, self.view)?,
            None if trace.is_dir() => viewer::start_library(&trace, self.view)?,
            None => viewer::start_viewing(&trace, self.view)?,
        };
        interrupts.wait();
        viewer.shutdown();
        Ok(())
    }
}

/// A cluster has a viewer of its own.
fn refuse_scheduler(trace: &Path) -> Result<(), Failure> {
    let address = trace.display().to_string();
    if address.starts_with("tcp://") {
        let hint = "start it with --view PORT, or view the trace that it records";
        return Err(Failure::usage(format!("{address} is a scheduler: {hint}")));
    }
    Ok(())
}
