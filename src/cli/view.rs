//! `reel view`: a trace, or a folder of them, in the browser.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::interrupt::Interrupts;
use super::runs::default_folder;
use super::{Failure, viewer};

/// Shows a trace in the browser: a finished one, or one that a run is writing right now; or the runs of
/// a folder.
///
/// Prints the address on standard error and serves until Ctrl-C. Other traces may be dropped on the page.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  reel view run.reel
  reel view                                 the runs of this folder: open, tag, compare them
  reel view run.reel --view 127.0.0.1:9000
  reel view run.reel --bind 0.0.0.0:8787    for others too: the link that it prints has a token")]
pub(crate) struct View {
    /// The trace, or a folder of traces [default: $REEL_RUNS, or this folder]
    #[arg(value_name = "FILE|DIR")]
    trace: Option<PathBuf>,
    /// Where to serve: ADDRESS:PORT or a port; 0 takes a free one
    /// [default: 127.0.0.1:8787, or the next port that is free]
    #[arg(long, visible_alias = "bind", value_name = "ADDR", value_parser = viewer::parse_addr)]
    view: Option<SocketAddr>,
}

impl View {
    /// Serves until Ctrl-C.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let interrupts = Interrupts::listen()?;
        let trace = self.trace.clone().unwrap_or_else(|| default_folder(None));
        refuse_addresses(&trace)?;
        let viewer = match trace.is_dir() {
            true => viewer::start_library(&trace, self.view)?,
            false => viewer::start_viewing(&trace, self.view)?,
        };
        interrupts.wait();
        viewer.shutdown();
        Ok(())
    }
}

/// What is no file of this machine.
fn refuse_addresses(trace: &Path) -> Result<(), Failure> {
    let address = trace.display().to_string();
    if address.starts_with("tcp://") {
        let hint = "start it with --view PORT, or view the trace that it records";
        return Err(Failure::usage(format!("{address} is a scheduler: {hint}")));
    }
    if address.starts_with("http://") || address.starts_with("https://") {
        return Err(Failure::usage(format!("fetch it first: curl -LO {address}")));
    }
    Ok(())
}
