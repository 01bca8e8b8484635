//! Tests that cannot run everywhere.

use std::io::Write;

/// Says that a test cannot run here, and why: `./test` repeats it at its end.
pub(crate) fn not_run(what: &str, why: &str) {
    eprintln!("NOT RUN: {what}: {why}");
    let Some(path) = std::env::var_os("TASKREEL_NOT_RUN") else { return };
    let mut list =
        std::fs::OpenOptions::new().append(true).create(true).open(path).expect("a list");
    writeln!(list, "{what}: {why}").expect("a list that takes a line");
}
