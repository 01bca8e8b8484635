//! Work on a cluster that is there: its scheduler records the run, and its viewer shows it.

use std::io::Write;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Instant;

use serde_json::json;
use taskreel::{Client, ClientOptions};

use super::Failure;
use super::access::Access;
use super::failure::say;
use super::interrupt::Interrupts;
use super::json::Object;
use super::table::printable;
use crate::demo::Workload;

/// Connects to a scheduler; `name` is what its viewer calls the work.
pub(crate) fn connect(address: &str, name: &str, access: &Access) -> Result<Client, Failure> {
    let (token, tls) = (access.token()?, access.tls()?);
    let options = ClientOptions { name: name.to_owned(), token, tls, ..ClientOptions::default() };
    Client::connect(address, &options).map_err(Failure::run)
}

/// Runs a workload, and prints what came of it; `printed` is what it prints before its end, until
/// nobody is left who could print.
pub(crate) fn run(
    client: &Client,
    workload: Workload,
    printed: &Receiver<Vec<u8>>,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let begin = Instant::now();
    leave_on_interrupt(client.clone())?;
    let (worker, theirs) = (thread::Builder::new().name("workload".to_owned()), client.clone());
    let worker = worker.spawn(move || workload(&theirs)).map_err(Failure::run)?;
    for text in printed.iter().filter(|_| !json) {
        out.write_all(&text)?;
        out.flush()?;
    }
    let outcome = worker.join().unwrap_or_else(|_| Err(Failure::run("the workload panicked")));
    // Whoever waits for Ctrl-C would keep it there.
    client.leave();
    let outcome = outcome?;
    let seconds = begin.elapsed().as_secs_f64();
    for note in &outcome.notes {
        say(format_args!("{}", printable(note)));
    }
    if json {
        let object = Object(vec![("seconds", json!(seconds)), ("result", outcome.json)]);
        serde_json::to_writer_pretty(&mut *out, &object).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        out.write_all(&outcome.text)?;
    }
    out.flush()?;
    if outcome.failed { Err(Failure::told()) } else { Ok(()) }
}

/// With Ctrl-C the client leaves, so that the cluster gives up what was submitted at once.
fn leave_on_interrupt(client: Client) -> Result<(), Failure> {
    let interrupts = Interrupts::listen()?;
    let watch = move || {
        interrupts.wait();
        say(format_args!("interrupted: giving up what was submitted; Ctrl-C again ends at once"));
        client.leave();
    };
    thread::Builder::new().name("ctrl-c".to_owned()).spawn(watch).map_err(Failure::run)?;
    Ok(())
}
