//! Kills at random instants under load, the recorder going on after each with what is there.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use taskreel_recorder::{Recorder, RecorderOptions, RunInfo, Source, Tailer, Warning};

use crate::round_trip::{open, read_all};
use crate::run;

const TRACE: &str = "TASKREEL_TEST_TRACE";
/// How many kills: 200 for the whole test.
const KILLS: &str = "TASKREEL_TEST_KILLS";

fn turns() -> Vec<run::Turn> {
    run::turns(6, 60_000, 2, 2)
}

/// Not a test of its own: the process that the next test starts and kills.
#[test]
fn record_until_killed() {
    let Some(path) = std::env::var_os(TRACE) else {
        return;
    };
    let (path, options) = (Path::new(&path), RecorderOptions::default());
    let (mut recorder, next_seq) = if path.exists() {
        let (recorder, reopened) = Recorder::reopen(path, options).unwrap();
        (recorder, reopened.state.next_seq())
    } else {
        (Recorder::create(path, &RunInfo::default(), options).unwrap(), 0)
    };
    let mut out = std::io::stderr();
    for turn in turns() {
        let known = turn.partition_point(|event| event.seq < next_seq);
        if known < turn.len() {
            recorder.append(&turn[known..]).unwrap();
            let _ = writeln!(out, "acknowledged {}", turn.last().unwrap().seq);
        }
    }
    // Not finished: whoever reads this far without killing finds an open trace.
    std::mem::forget(recorder);
}

/// Lets the recorder go on until it has acknowledged some turns more, and kills it. Returns the
/// last event it acknowledged.
fn record_and_kill(path: &Path, n_turns: usize) -> Option<usize> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::record_until_killed", "--nocapture", "--test-threads=1"])
        .env(TRACE, path)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut acknowledged = None;
    for line in lines.map_while(Result::ok).take(n_turns) {
        assert!(!line.contains("panicked"), "{line}");
        if let Some(seq) = line.strip_prefix("acknowledged ") {
            acknowledged = Some(seq.parse().unwrap());
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    acknowledged
}

#[test]
fn killed_again_and_again_it_loses_nothing_it_acknowledged() {
    let n_kills = std::env::var(KILLS).map_or(8, |n| n.parse().unwrap());
    let events = turns().concat();
    let folder = tempfile::tempdir().unwrap();
    let mut path = folder.path().join("run.reel");
    let mut tailer = None;
    let mut followed = Vec::new();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for kill in 0..n_kills {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // Mostly soon, sometimes after both tails were used; the first of all at once.
        let n_turns = if kill == 0 { 1 } else { 1 << (random % 13) };
        let acknowledged = record_and_kill(&path, n_turns);
        if !path.exists() {
            continue;
        }
        let (reader, all) = open(&path);
        if let Some(acknowledged) = acknowledged {
            assert!(all.events.len() > acknowledged, "{} of {acknowledged}", all.events.len());
        }
        assert!(all.events == events[..all.events.len()], "kill {kill}");
        assert!(reader.warnings().contains(&Warning::NotClosed));
        // One who follows sees the same through all restarts of the writer.
        let following = tailer.get_or_insert_with(|| Tailer::open(&path).unwrap());
        followed.extend(read_all(following).events);
        followed.extend(read_all(following).events);
        assert!(followed == all.events, "kill {kill}: {} of {}", followed.len(), all.events.len());
        if all.events.len() == events.len() {
            path = folder.path().join(format!("run-{kill}.reel"));
            followed.clear();
            tailer = None;
        }
    }
}
