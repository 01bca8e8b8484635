//! Every text of a recorded run is looked for in its redacted pack: in the pack as it is, and in the
//! trace in it with its blocks unpacked.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use taskreel_model::{
    AssignReason, ClientId, Event, FailureKind, GraphId, Key, LogLevel, LogLine, Nanos, OptionsId,
    PrefixId, Stamped, StrId, Suffix, TaskId, TaskOptions, Text, TextKind, WorkerId, WorkerInfo,
};
use taskreel_recorder::{Recorder, RecorderOptions, RunInfo, Source, TraceReader};

use crate::forge;
use crate::support::Scene;

/// Shorter texts come up by chance.
const MIN_CHARS: usize = 4;
/// In a pack the trace comes first, behind its header and its name.
const TRACE_BEGIN: usize = 30 + "run.reel".len();
const TRACE_END: &[u8] = b"REELEND\n";

/// A job whose every name and word holds what must not be found in a redacted pack, wherever it ends up: in
/// the trace, or in what tasks are called with.
pub(crate) const PRIVATE_JOB: &str = r#"
name = "hush-job"
env = { HUSH_HOME = "/home/hush" }
cwd = "hush-folder"

[[task]]
key = "hush-split"
run = "echo hush-line; echo hush-warning >&2"
env = { HUSH_TOKEN = "hush-value" }
stdin.text = "hush-input"

[[task]]
key = "part-hush-{index}"
each.range = "0..4"
run = "echo hush-part {index}"
needs = ["hush-split"]

[[task]]
key = "end-hush"
run = "echo hush-reason >&2; exit 3"
needs = ["hush-split"]
"#;

/// All that a trace says in words of its user's.
fn originals(trace: &Path) -> BTreeSet<String> {
    let mut reader = TraceReader::open(trace).expect("a trace");
    let info = reader.run_info().clone();
    let mut all = BTreeSet::from_iter(info.command);
    all.extend([info.name, info.host]);
    while let Some(batch) = reader.next_batch().expect("it can be read") {
        all.extend(batch.logs.into_iter().map(|line| line.text));
        batch.events.iter().for_each(|event| all.extend(words(&event.what)));
    }
    all.retain(|text| text.chars().count() >= MIN_CHARS);
    all
}

/// The words of an event. A version is none of its user's.
fn words(event: &Event) -> Vec<String> {
    let mut words = Vec::new();
    event.texts(|text| match text {
        Text::Said(TextKind::Version, _) | Text::Named(_) => {}
        Text::Said(_, text) => words.push(text.to_owned()),
    });
    words
}

/// Looks for every word of `trace` in its redacted `zip`. A plain word may be one of ours, and stand
/// outside the trace, in texts that are made of nothing but that trace.
fn assert_hidden(trace: &Path, zip: &Path) {
    let pack = fs::read(zip).expect("the pack");
    let end = position(&pack, TRACE_END).map_or(pack.len(), |at| at + TRACE_END.len());
    let packed = forge::unpacked(&pack[TRACE_BEGIN..end]);
    let mut original = forge::unpacked(&fs::read(trace).expect("the trace"));
    // A run that was killed has its last events in the tail.
    original.extend(fs::read(trace.with_extension("reel.tail")).unwrap_or_default());
    for text in &originals(trace) {
        assert!(says(&original, text), "{text:?} is not where it would be found");
        assert!(!says(&packed, text), "{text:?} is in the trace in {}", zip.display());
        let is_plain = text.chars().all(char::is_alphabetic);
        assert!(is_plain || !says(&pack, text), "{text:?} is in {}", zip.display());
    }
    let mut reader = TraceReader::open(zip).expect("a pack");
    let state = reader.opening_state().expect("it can be read").unwrap_or_default();
    assert!(state.workers().iter().all(|worker| worker.info.pid == 0));
    while let Some(batch) = reader.next_batch().expect("it can be read") {
        for event in batch.events {
            assert!(!matches!(event.what, Event::WorkerJoined { info, .. } if info.pid != 0));
        }
    }
}

/// Looks for a part of words in a redacted pack, in letters of either size: it must be nowhere, whatever
/// says it.
fn assert_unsaid(zip: &Path, part: &str) {
    let pack = fs::read(zip).expect("the pack");
    let end = position(&pack, TRACE_END).map_or(pack.len(), |at| at + TRACE_END.len());
    for bytes in [forge::unpacked(&pack[TRACE_BEGIN..end]), pack] {
        let lower = bytes.to_ascii_lowercase();
        let found = position(&lower, part.to_ascii_lowercase().as_bytes());
        let near = |at: usize| {
            let near = &bytes[at.saturating_sub(40)..bytes.len().min(at + 40)];
            String::from_utf8_lossy(near).into_owned()
        };
        assert_eq!(found.map(near), None, "{part:?} is in {}", zip.display());
    }
}

/// The kinds of chunks of the picture in a pack: those with texts might be packed.
fn png_chunks(zip: &Path) -> Vec<String> {
    let pack = fs::read(zip).expect("the pack");
    let begin = position(&pack, b"\x89PNG\r\n\x1a\n").expect("it has a picture") + 8;
    let mut rest = &pack[begin..];
    let mut kinds = Vec::new();
    while kinds.last().is_none_or(|last| last != "IEND") {
        let (head, body) = rest.split_at(8);
        let len = u32::from_be_bytes(head[..4].try_into().expect("four bytes"));
        kinds.push(String::from_utf8_lossy(&head[4..]).into_owned());
        // Behind the content stands its checksum.
        rest = &body[len as usize + 4..];
    }
    kinds
}

/// Whether a text stands there other than as the kind of a pseudonym: `text~2`.
fn says(bytes: &[u8], text: &str) -> bool {
    let mut rest = bytes;
    while let Some(at) = position(rest, text.as_bytes()) {
        rest = &rest[at + text.len()..];
        if rest.first() != Some(&b'~') {
            return true;
        }
    }
    false
}

fn position(bytes: &[u8], what: &[u8]) -> Option<usize> {
    let first = *what.first()?;
    let mut starts = (0..bytes.len()).filter(|&at| bytes[at] == first);
    starts.find(|&at| bytes[at..].starts_with(what))
}

/// Packs the whole of a trace, and a part of it, and looks for its words in both.
fn check(scene: &Scene, trace: &Path) {
    let file = trace.to_str().expect("a name in UTF-8");
    scene.ok(&["pack", file, "--redact", "-o", "whole.zip"]);
    scene.ok(&["pack", file, "--redact", "-o", "part.zip", "--from", "30%", "--to", "80%"]);
    // Where it was packed, and by whom.
    let own = [scene.path("").to_str().map(str::to_owned), std::env::var("HOME").ok()];
    for zip in ["whole.zip", "part.zip"].map(|zip| scene.path(zip)) {
        assert_hidden(trace, &zip);
        for text in own.iter().flatten().filter(|text| text.len() >= MIN_CHARS) {
            assert_unsaid(&zip, text.trim_end_matches('/'));
        }
        let kinds = png_chunks(&zip);
        let plain = ["IHDR", "PLTE", "tRNS", "IDAT", "IEND"];
        assert!(kinds.iter().all(|kind| plain.contains(&kind.as_str())), "{kinds:?}");
    }
}

#[test]
fn no_text_of_a_job_is_in_its_redacted_pack() {
    let scene = Scene::new();
    scene.write("hush.toml", PRIVATE_JOB);
    let args = ["run", "hush.toml", "--record", "hush.reel", "--no-view"];
    fs::create_dir(scene.path("hush-folder")).expect("a folder");
    assert_eq!(scene.reel(&args).code, Some(1));
    // What people say of a run stands beside it, and stays there.
    scene.ok(&["runs", "tag", "hush.reel", "hush-tag"]);
    scene.ok(&["runs", "note", "hush.reel", "it was hush"]);
    check(&scene, &scene.path("hush.reel"));
    ["whole.zip", "part.zip"].iter().for_each(|zip| assert_unsaid(&scene.path(zip), "hush"));
}

#[test]
fn no_text_of_the_recorded_runs_is_in_their_redacted_packs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces/v1");
    // Between them: every demo, errors, addresses, several hosts' worth of workers, a kill.
    for name in ["failures", "processes", "groupby", "grid-search", "restarted", "killed"] {
        check(&Scene::new(), &folder.join(name).with_extension("reel"));
    }
}

/// A run that says something wherever a text may stand.
#[test]
fn no_text_of_any_kind_is_in_a_redacted_pack() {
    let scene = Scene::new();
    let path = scene.path("said.reel");
    let info = RunInfo {
        run_id: "c0ffee".to_owned(),
        name: "quiet run".to_owned(),
        host: "quiet.example".to_owned(),
        command: ["/opt/quiet/reel", "run", "/home/quiet/job.toml"].map(str::to_owned).into(),
        ..RunInfo::default()
    };
    let mut recorder = Recorder::create(&path, &info, RecorderOptions::default()).expect("a file");
    recorder.append(&said()).expect("it is recorded");
    for (at, text) in [(0, "quiet first line"), (9, "quiet later line"), (9, "quiet later line")] {
        let (at, level) = (Nanos(at * 1_000_000), LogLevel::Output);
        let (worker, task, text) = (Some(WorkerId(0)), Some(TaskId(0)), text.to_owned());
        recorder.log(LogLine { at, worker, task, level, text });
    }
    recorder.finish().expect("it is closed");
    assert_eq!(originals(&path).len(), 19);
    check(&scene, &path);
    for part in ["quiet", "10.20.30.40", "424242"] {
        ["whole.zip", "part.zip"].iter().for_each(|zip| assert_unsaid(&scene.path(zip), part));
    }
}

fn said() -> Vec<Stamped<Event>> {
    let resources = BTreeMap::from([("quiet-gpu".to_owned(), 1_000)]);
    let options = TaskOptions {
        resources: resources.clone(),
        workers: vec!["quiet-worker".to_owned(), "tcp://quiet.example:7878".to_owned()],
        ..TaskOptions::new("/opt/quiet/tool")
    };
    let info = WorkerInfo {
        name: "quiet-worker".to_owned(),
        address: "tcp://10.20.30.40:7878".to_owned(),
        host: "quiet-node".to_owned(),
        pid: 424_242,
        slots: 1,
        memory_limit: 1 << 30,
        resources,
        version: "0.1.0".to_owned(),
    };
    let interned = |id, text: &str| Event::Interned { id: StrId(id), text: text.into() };
    let (task, worker, graph, client) = (TaskId(0), WorkerId(0), GraphId(0), ClientId(0));
    let (prefix, options_id, first) = (PrefixId(0), OptionsId(0), task);
    let key = Key { prefix, suffix: Suffix::Name(StrId(2)) };
    let (deps, kind) = ([].into(), FailureKind::Exit);
    let what = [
        Event::SchedulerStarted { incarnation: 0 },
        interned(0, "quiet client"),
        Event::ClientConnected { client, name: StrId(0) },
        interned(1, "quiet graph"),
        Event::GraphSubmitted { graph, client, name: StrId(1), first, n_tasks: 1, local: 0 },
        Event::PrefixDeclared { id: prefix, name: "quiet-prefix".into() },
        Event::OptionsDeclared { id: options_id, options: Box::new(options) },
        interned(2, "quiet/data.csv"),
        Event::TaskSubmitted { task, graph, key, options: options_id, wanted: true, deps },
        Event::WorkerJoined { worker, info: Box::new(info) },
        Event::TaskAssigned { task, worker, attempt: 1, reason: AssignReason::Restricted },
        Event::TaskStarted { task, worker, attempt: 1, slot: 0 },
        interned(3, "quiet failure"),
        Event::TaskFailed { task, worker, attempt: 1, kind, error: StrId(3), retry: None },
        interned(4, "quiet marker"),
        Event::Marked { name: StrId(4), task: None },
        interned(5, "quiet span"),
        Event::SpanRecorded { name: StrId(5), task: None, took: Nanos(1_000) },
    ];
    let stamp = |(what, seq)| {
        let at = Nanos(seq * 1_000_000);
        Stamped { seq, logged_at: at, at, cause: None, what }
    };
    what.into_iter().zip(0..).map(stamp).collect()
}
