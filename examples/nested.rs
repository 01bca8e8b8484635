//! How much is in a folder: the task of a folder submits one for each folder in it, and waits for them.
//!
//! `cargo run --release --example nested -- FOLDER [TRACE]`. While a task waits for tasks, another has its slot:
//! one slot is enough, however deep the folders are. In the trace the task stream shows what waits in a pale colour.

#![expect(clippy::print_stdout, reason = "it prints its result")]

use std::error::Error;
use std::fs;

use taskreel::{Cluster, current_client, task};

/// Bytes of all files in a folder, and in the folders in it.
#[task]
fn bytes_in(folder: &str) -> Result<u64, String> {
    let (mut bytes, mut folders) = (0, Vec::new());
    for entry in fs::read_dir(folder).map_err(|error| format!("{folder}: {error}"))?.flatten() {
        // What is gone by now counts as nothing.
        let Ok(about) = entry.metadata() else { continue };
        if about.is_dir() {
            folders.push(entry.path().to_string_lossy().into_owned());
        } else {
            bytes += about.len();
        }
    }
    let client = current_client().ok_or("it is called as a task")?;
    let within = client.map(folders, bytes_in);
    let within = client.gather(&within).map_err(|error| error.to_string())?;
    Ok(bytes + within.iter().sum::<u64>())
}

fn main() -> Result<(), Box<dyn Error>> {
    taskreel::init();
    let mut args = std::env::args().skip(1);
    let folder = args.next().unwrap_or_else(|| ".".to_owned());
    let builder = Cluster::local().name("nested").workers(1).threads(2);
    let cluster = match args.next() {
        Some(trace) => builder.record(trace),
        None => builder.no_record(),
    }
    .start()?;
    let bytes = cluster.client().submit(bytes_in(folder.clone())).wait()?;
    println!("{bytes} bytes in {folder}");
    cluster.close()?;
    Ok(())
}
