//! The fuzzer's targets over their corpus and over mutations of it: a bounded run with an ordinary
//! compiler. `fuzz/README.md` says how to run the fuzzer itself.

use std::fs;
use std::panic::{catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use taskreel::wire::data::Fetch;
use taskreel::wire::frame::encode;
use taskreel::wire::message::{
    Assignment, EndedHow, FromClient, FromWorker, Message, SubmitGraph, TaskEnd, ToClient, ToWorker,
};
use taskreel_model::{NewGraph, NewNested, NewTask, SuffixText, TaskId, TaskOptions};
use taskreel_recorder::{Recorder, RecorderOptions, RunInfo, Source, TraceReader};

#[path = "../fuzz/src/lib.rs"]
mod fuzz;

use fuzz::{forge, targets};

/// How many mutations of each target's corpus are tried.
const MUTATIONS: &str = "TASKREEL_TEST_MUTATIONS";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The corpus of a target.
fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = root().join("fuzz/corpus").join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut paths: Vec<PathBuf> = files.map(|file| file.expect("an entry").path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).expect("a seed"))).collect()
}

/// One change of some bytes.
#[derive(Clone, Debug)]
enum Change {
    Flip(Index, u8),
    Set(Index, u8),
    Cut(Index, Index),
    Repeat(Index, Index, usize),
    Insert(Index, Vec<u8>),
}

fn change() -> impl Strategy<Value = Change> {
    // Numbers at the edge of what their types hold, in both encodings.
    let edges = prop::sample::select(vec![
        vec![0xff; 9],
        vec![0xff, 0xff, 0xff, 0xff, 0x0f],
        vec![253, 255, 255, 255, 255, 255, 255, 255, 255],
        vec![252, 255, 255, 255, 255],
        vec![0; 8],
    ]);
    prop_oneof![
        (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, 1 << bit)),
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Change::Cut(from, to)),
        (any::<Index>(), any::<Index>(), 1..40_usize)
            .prop_map(|(from, to, n)| Change::Repeat(from, to, n)),
        (any::<Index>(), edges).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
    ]
}

impl Change {
    fn make(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        // Cut and repeated stretches are short ones.
        let stretch = |from: &Index, to: &Index, len: usize| {
            let from = from.index(len);
            from..from + to.index(64).min(len - from)
        };
        let len = bytes.len();
        match self {
            Self::Flip(at, bit) => bytes[at.index(len)] ^= bit,
            Self::Set(at, byte) => bytes[at.index(len)] = *byte,
            Self::Cut(from, to) => drop(bytes.drain(stretch(from, to, len))),
            Self::Repeat(from, to, n) => {
                let stretch = stretch(from, to, len);
                let again = bytes[stretch.clone()].repeat(*n);
                bytes.splice(stretch.end..stretch.end, again);
            }
            Self::Insert(at, new) => drop(bytes.splice(at.index(len)..at.index(len), new.clone())),
        }
    }
}

/// Runs a target over its corpus, then over mutations.
fn run(name: &str, target: fn(&[u8])) {
    let seeds = corpus(name);
    assert!(!seeds.is_empty(), "{name} has no corpus");
    for (path, bytes) in &seeds {
        eprintln!("{}", path.display());
        target(bytes);
    }
    let cases = std::env::var(MUTATIONS).map_or(48, |n| n.parse().expect("a number"));
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mutated = (any::<Index>(), vec(change(), 1..5));
    TestRunner::new(config)
        .run(&mutated, |(seed, changes)| {
            let mut bytes = seed.get(&seeds).1.clone();
            changes.iter().for_each(|change| change.make(&mut bytes));
            let outcome = catch_unwind(|| target(&bytes));
            if let Err(panic) = outcome {
                let found = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzzed-{name}"));
                fs::write(&found, &bytes).expect("what was found is kept");
                eprintln!("the input is in {}", found.display());
                resume_unwind(panic);
            }
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{name}: {failure}"));
}

#[test]
fn traces_are_read() {
    run("reader", targets::reader);
}

#[test]
fn traces_are_mended() {
    run("repair", targets::repair);
}

#[test]
fn tails_are_read() {
    run("tail", targets::tail);
}

#[test]
fn packs_are_read() {
    run("zip", targets::zip);
}

#[test]
fn messages_are_read() {
    run("wire", targets::wire);
}

#[test]
fn arguments_are_read() {
    run("arguments", targets::arguments);
}

#[test]
fn job_files_are_read() {
    run("job", targets::job);
}

/// Compares a seed with what it is made of; `BLESS=1` writes it.
fn seed(target: &str, name: &str, made: &[u8]) {
    let seed = root().join("fuzz/corpus").join(target).join(name);
    if std::env::var_os("BLESS").is_some() {
        fs::create_dir_all(seed.parent().expect("it has one")).expect("a folder");
        fs::write(&seed, made).expect("a seed");
    }
    let known = fs::read(&seed).unwrap_or_else(|error| panic!("{seed:?}: {error}; BLESS=1"));
    assert!(known == made, "{seed:?} is not what it should be: BLESS=1");
}

#[test]
fn the_corpus_is_that_of_the_recorded_runs() {
    let recorded = |name: &str| fs::read(root().join("traces/v1").join(name)).expect("a trace");
    for name in ["trivial", "failures", "lost-worker", "reduction-tree", "killed"] {
        let unpacked = forge::unpacked(&recorded(&format!("{name}.reel")));
        seed("reader", name, &unpacked);
        seed("repair", name, &unpacked);
    }
    // A part of a run begins with a stored state.
    let pack = fs::read(root().join("fuzz/corpus/zip/part.zip")).expect("a pack");
    let len = u32::from_le_bytes(pack[22..26].try_into().expect("four bytes")) as usize;
    let window = forge::unpacked(&pack[38..38 + len]);
    seed("reader", "window", &window);
    seed("repair", "window", &window);
    // The begin of a tail: what follows is more of the same.
    seed("tail", "killed", &recorded("killed.reel.tail")[..4_000]);
    seed("tail", "rows", &rows()[..4_000]);
}

/// A tail as it is written now; that of the recorded run has rows of another kind.
fn rows() -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.reel");
    let options = RecorderOptions::default();
    let mut recorder = Recorder::create(&path, &RunInfo::default(), options).expect("a trace");
    let mut reader = TraceReader::open(&root().join("traces/v1/killed.reel")).expect("a trace");
    while let Some(batch) = reader.next_batch().expect("it is whole") {
        batch.events.chunks(64).for_each(|events| recorder.append(events).expect("room for it"));
    }
    fs::read(folder.path().join("run.reel.tail")).expect("what is in no block")
}

/// Messages as they are now: those of an older protocol stay as good seeds as any.
#[test]
fn messages_are_among_the_corpus() {
    for (i, (who, frame)) in (0..).zip(messages()) {
        let made = [&[who][..], &frame].concat();
        targets::wire(&made);
        if std::env::var_os("BLESS").is_some() {
            seed("wire", &format!("message-{i}"), &made);
        }
    }
}

/// One of each kind of message that holds others, as frames without their length field, and who
/// reads them.
fn messages() -> Vec<(u8, Vec<u8>)> {
    let assigned = vec![Assignment { task: TaskId(9), attempt: 1 }];
    let suffix = SuffixText::Index(1);
    let task = NewTask { prefix: 0, suffix, options: 0, wanted: true, deps: vec![0] };
    let graph = NewGraph {
        name: "graph".to_owned(),
        local: 1,
        continues: false,
        nested: vec![NewNested { parent: TaskId(0), first: 0, n_tasks: 1 }],
        prefixes: vec!["sum".to_owned()],
        options: vec![TaskOptions::new("sum")],
        tasks: vec![task],
    };
    let submit = SubmitGraph {
        graph: Arc::new(graph),
        spec_lens: vec![4],
        specs: Bytes::from_static(b"spec"),
    };
    let end = TaskEnd { local: 1, how: EndedHow::Cancelled };
    vec![
        (0, frame(ToWorker::Free(vec![TaskId(1), TaskId(300)]))),
        (1, frame(FromWorker::Has { held: vec![(TaskId(7), 8)], assigned })),
        (2, frame(ToClient::Ended(vec![end]))),
        (3, frame(FromClient::Submit(Box::new(submit)))),
        (4, frame(Fetch { tasks: vec![TaskId(1), TaskId(2)] })),
    ]
}

fn frame<T: Message>(message: T) -> Vec<u8> {
    let mut out = BytesMut::new();
    encode(message, &mut Vec::new(), &mut out).expect("a small message");
    out[4..].to_vec()
}
