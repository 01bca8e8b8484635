//! What is done with bytes that nobody vouches for. None of it may panic, abort, hang or take much
//! memory; where more must hold, it is asserted.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each of its users has its own part")]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs;
use std::path::Path;

use bytes::{Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;
use taskreel::Arguments;
use taskreel::job::Job;
use taskreel::wire::frame;
use taskreel::wire::message::{FromClient, FromWorker, Message, ToClient, ToWorker};
use taskreel::wire::{data, operate};
use taskreel_model::State;
use taskreel_recorder::{
    SeekTo, Source, TraceReader, check_trace, read_info, read_specs, repair_trace,
};
use taskreel_replay::{Timeline, plots};

use super::forge;

/// A trace: asked what is in it, folded with every plot, drawn, sought in.
pub fn reader(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.reel");
    fs::write(&path, forge::mended(bytes)).expect("a file");
    look_through(&path);
}

/// A trace: looked through for all that is wrong, and mended. What was mended is sound.
pub fn repair(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.reel");
    fs::write(&path, forge::mended(bytes)).expect("a file");
    let Ok(report) = check_trace(&path) else { return };
    let sound = folder.path().join("sound.reel");
    let Ok(repaired) = repair_trace(&path, &sound) else { return };
    assert_eq!(repaired.report, report);
    let again = check_trace(&sound).expect("what was written is a trace");
    assert!(again.is_sound(), "{:?} of {:?}", again.findings, report.findings);
    assert_eq!(again.events, repaired.events);
}

/// The tail beside a trace that was not closed.
pub fn tail(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.reel");
    let trace = forge::header("{}");
    fs::write(folder.path().join("run.reel.tail"), forge::mended_tail(bytes, &trace))
        .expect("a file");
    fs::write(&path, trace).expect("a file");
    look_through(&path);
}

/// A pack, as every command opens it.
pub fn zip(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.reel.zip");
    fs::write(&path, bytes).expect("a file");
    look_through(&path);
}

/// A frame from the wire, its length field already taken off; the first byte chooses who reads it.
pub fn wire(bytes: &[u8]) {
    let Some((&who, rest)) = bytes.split_first() else { return };
    let frame = Bytes::copy_from_slice(rest);
    match who % 8 {
        0 => decode::<ToWorker>(&frame),
        1 => decode::<FromWorker>(&frame),
        2 => decode::<ToClient>(&frame),
        3 => {
            let message: Option<FromClient> = frame::decode(&frame).ok();
            if let Some(FromClient::Submit(submit)) = message {
                let specs = submit.split_specs();
                assert!(specs.is_none_or(|specs| specs.len() == submit.graph.tasks.len()));
            }
        }
        4 => decode::<data::Fetch>(&frame),
        5 => decode::<data::Found>(&frame),
        6 => decode::<operate::Request>(&frame),
        _ => decode::<operate::Answer>(&frame),
    }
}

/// What can be read can be written, and is then read as the same.
fn decode<T: Message + PartialEq + Debug + Clone>(frame: &Bytes) {
    let Ok(message) = frame::decode::<T>(frame) else { return };
    let mut out = BytesMut::new();
    frame::encode(message.clone(), &mut Vec::new(), &mut out).expect("it fitted a frame");
    let again: T = frame::decode(&out.freeze().slice(4..)).expect("it was just encoded");
    assert_eq!(again, message);
}

/// The arguments of a function, and the results that they name: a byte with how many these are, a byte with the
/// length of each, and the results; what is left are the arguments.
pub fn arguments(bytes: &[u8]) {
    let Some((&n, rest)) = bytes.split_first() else { return };
    let Some((lens, mut rest)) = rest.split_at_checked(usize::from(n % 8)) else { return };
    let mut inputs = Vec::new();
    for &len in lens {
        let Some((input, others)) = rest.split_at_checked(usize::from(len)) else { return };
        inputs.push(Bytes::copy_from_slice(input));
        rest = others;
    }
    // Each type begins, since what cannot be read ends it.
    let takes: [fn(&mut Arguments<'_>) -> bool; 8] = [
        takes::<u64>,
        takes::<String>,
        takes::<Vec<u8>>,
        takes::<Vec<u64>>,
        takes::<Vec<String>>,
        takes::<(bool, f64, Option<char>)>,
        takes::<BTreeMap<String, Vec<u16>>>,
        takes::<Vec<Vec<Option<String>>>>,
    ];
    for first in 0..takes.len() {
        let mut arguments = Arguments::new(rest, &inputs);
        while takes[first..].iter().all(|takes| takes(&mut arguments)) {}
    }
}

/// Whether the next argument is of that type. What was read can be written.
fn takes<T: DeserializeOwned + Serialize>(arguments: &mut Arguments<'_>) -> bool {
    let Ok(value) = arguments.next::<T>("x") else { return false };
    arguments.returned(&value).expect("it was just read");
    true
}

/// The text of a job file. What is wrong in it is said with the line.
pub fn job(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Job::parse(text, Path::new("no-such-folder/job.toml")) {
        Ok(job) => {
            for (i, task) in job.tasks.iter().enumerate() {
                assert!(!task.argv.is_empty() && task.needs.iter().all(|&need| need < i));
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Everything that commands do with a trace, short of printing.
fn look_through(path: &Path) {
    let info = read_info(path);
    let _ = read_specs(path);
    let Ok(mut reader) = TraceReader::open(path) else {
        assert!(info.is_err());
        return;
    };
    let end = info.map_or(0, |info| info.summary.events);
    for to in [SeekTo::End, SeekTo::Event(end / 2)] {
        if let Ok(Some(state)) = reader.seek(to, 0) {
            restores(&state);
        }
    }
    let Ok(reader) = TraceReader::open(path) else { return };
    let mut timeline = Timeline::new(Box::new(reader), plots::all());
    let _ = timeline.run_to_end();
    let view = timeline.view(400, 200);
    for plot in timeline.plots() {
        let _ = plot.figure(&view).n_glyphs();
    }
    restores(timeline.state());
}

/// A state that was reached can be stored, and comes back.
fn restores(state: &State) {
    let again = state.keyframe().restore(u64::MAX).expect("what was stored comes back");
    assert_eq!(again, *state);
}
