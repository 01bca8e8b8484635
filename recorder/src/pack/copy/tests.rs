//! Copies: whole, fitted, redacted.

use std::collections::BTreeMap;
use std::fs;

use taskreel_model::{
    AssignReason, ClientId, FailureKind, GraphId, Key, LogLevel, LogLine, OptionsId, PrefixId,
    Sample, State, StrId, Suffix, TaskId, TaskOptions, WorkerId, WorkerInfo,
};

use super::*;
use crate::format::Unsealer;
use crate::scan::{Found, Scanner};
use crate::{Recorder, RecorderOptions, RunInfo, SpecBatch, Warning, run};

/// A trace with samples, log lines and specs beside its events.
fn record(path: &Path, n_tasks: u32, n_beside: u64) -> Vec<Stamped<Event>> {
    let turns = run::turns(11, n_tasks, 2, 2);
    let mut recorder =
        Recorder::create(path, &RunInfo::default(), RecorderOptions::default()).unwrap();
    let mut specs = SpecBatch::new(TaskId(0));
    (0..n_tasks).for_each(|task| specs.push(&task.to_le_bytes()));
    recorder.specs(specs).unwrap();
    turns.iter().for_each(|turn| recorder.append(turn).unwrap());
    for i in 0..n_beside {
        let at = Nanos(i * 1_000);
        // Numbers that do not compress well.
        let mixed = i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let rss_bytes = (mixed ^ (mixed >> 29)).wrapping_mul(mixed) >> 20;
        recorder.sample(Sample { at, rss_bytes, ..Sample::default() });
        let (worker, task, level) = (None, None, LogLevel::Warn);
        recorder.log(LogLine { at, worker, task, level, text: format!("line {rss_bytes}") });
    }
    recorder.finish().unwrap();
    turns.concat()
}

fn read(path: &Path) -> (Batch, bool) {
    let mut reader = TraceReader::open(path).unwrap();
    let mut all = Batch::default();
    while let Some(batch) = reader.next_batch().unwrap() {
        all.events.extend(batch.events);
        all.samples.extend(batch.samples);
        all.logs.extend(batch.logs);
    }
    (all, reader.is_finished())
}

fn folder() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("run.reel"), folder.path().join("copy.reel"));
    (folder, from, to)
}

#[test]
fn a_whole_copy_has_all_but_the_specs() {
    let (_folder, from, to) = folder();
    record(&from, 3_000, 40);
    let copied = copy_trace(&from, &to, CopyOptions::default()).unwrap();
    assert_eq!(read(&to), read(&from));
    assert_eq!(copied.left_out, LeftOut { specs: 3_000, ..LeftOut::default() });
    assert_eq!((copied.samples, copied.logs, copied.closed), (40, 40, true));
    assert_eq!(copied.bytes, fs::metadata(&to).unwrap().len());
    assert_eq!(read_info(&to).unwrap().summary.specs, 0);
}

/// A long copy is sought in as the original is, and its footer says how the run ended.
#[test]
fn a_long_copy_has_keyframes_of_its_own() {
    let (_folder, from, to) = folder();
    record(&from, 60_000, 10);
    for options in [CopyOptions::default(), CopyOptions { redact: true, ..CopyOptions::default() }]
    {
        copy_trace(&from, &to, options).unwrap();
        let (original, copy) = (read_info(&from).unwrap(), read_info(&to).unwrap());
        assert!(copy.keyframes > 0 && copy.keyframe_bytes * 10 <= copy.bytes, "{copy:?}");
        assert_eq!(copy.summary.totals, original.summary.totals);
        assert!(copy.summary.totals.is_some());
        let mut copy = TraceReader::open(&to).unwrap();
        let state = copy.seek(SeekTo::End, 0).unwrap().expect("it has a keyframe");
        assert!(state.next_seq() > 100_000, "{}", state.next_seq());
    }
}

#[test]
fn what_matters_least_is_left_out_first() {
    let (_folder, from, to) = folder();
    let events = record(&from, 4_000, 2_000);
    let fit = |max_bytes| {
        let options = CopyOptions { max_bytes: Some(max_bytes), ..CopyOptions::default() };
        let copied = copy_trace(&from, &to, options).unwrap();
        assert!(copied.bytes <= max_bytes, "{copied:?}");
        assert!(read_info(&to).unwrap().closed);
        let (batch, _) = read(&to);
        assert_eq!(batch.events, events[..copied.events as usize]);
        assert_eq!(batch.samples.len() as u64, copied.samples);
        assert_eq!(batch.logs.len() as u64, copied.logs);
        copied
    };
    let whole = fit(u64::MAX);
    let no_samples = fit(whole.bytes - 1_000);
    assert_eq!((no_samples.samples, no_samples.logs), (0, 2_000));
    assert_eq!(no_samples.left_out.samples, 2_000);
    let events_only = fit(no_samples.bytes - 1_000);
    assert_eq!((events_only.samples, events_only.logs), (0, 0));
    assert_eq!(events_only.left_out.events, 0);
    let mut shown = events.len() as u64;
    for max_bytes in [events_only.bytes - 1_000, events_only.bytes * 2 / 3, 9_000, 4_000] {
        let begin = fit(max_bytes);
        assert!(begin.events > 0 && begin.events < shown, "{begin:?}");
        shown = begin.events;
        assert_eq!(begin.left_out.events, events.len() as u64 - shown);
        assert_eq!(begin.left_out.cut_at, Some(events[shown as usize].logged_at));
    }
    let options = CopyOptions { max_bytes: Some(2_100), ..CopyOptions::default() };
    let refused = copy_trace(&from, &to, options).unwrap_err();
    assert!(matches!(refused, CopyError::TooSmall { max_bytes: 2_100 }), "{refused}");
}

#[test]
fn the_copy_of_a_run_that_was_not_closed_says_so() {
    let (_folder, from, to) = folder();
    let turns = run::turns(5, 500, 1, 2);
    let mut recorder =
        Recorder::create(&from, &RunInfo::default(), RecorderOptions::default()).unwrap();
    turns.iter().for_each(|turn| recorder.append(turn).unwrap());
    // Still at work: all is in the tail.
    let copied = copy_trace(&from, &to, CopyOptions::default()).unwrap();
    assert!(!copied.closed);
    assert_eq!(copied.warnings, [Warning::NotClosed]);
    let (batch, closed) = read(&to);
    assert_eq!((batch.events, closed), (turns.concat(), false));
}

#[test]
fn what_is_not_understood_keeps_its_place() {
    let (_folder, from, to) = folder();
    let mut events: Vec<Stamped<Event>> = run::turns(5, 50, 1, 2).concat();
    // Tag 29 is an activity of a kind that is unknown, 99 an event that is.
    for (i, tag) in [(7, 29), (20, 99), (21, 99)] {
        events[i].what = Event::Unknown { tag };
    }
    let file = File::create(&from).unwrap();
    let (mut writer, _) = BlockWriter::begin(&from, file, &RunInfo::default()).unwrap();
    events.iter_mut().for_each(|event| keep_place(&mut event.what));
    writer.events(&events).unwrap();
    writer.finish().unwrap();
    copy_trace(&from, &to, CopyOptions::default()).unwrap();
    let (batch, closed) = read(&to);
    assert!(closed);
    assert_eq!(batch.events, events);
    let tags = [7, 20].map(|i| batch.events[i].what.tag());
    assert_eq!(tags, [LOST_TAG, 99]);
}

/// A run whose every text holds the word that must not be found again.
fn private_events() -> Vec<Stamped<Event>> {
    let resources = BTreeMap::from([("secret-gpu".to_owned(), 1_000)]);
    let options = TaskOptions {
        resources: resources.clone(),
        workers: vec!["secret-worker".to_owned()],
        ..TaskOptions::new("/opt/secret/tool")
    };
    let info = WorkerInfo {
        name: "secret-worker".to_owned(),
        address: "tcp://secret.example:7878".to_owned(),
        host: "secret.example".to_owned(),
        pid: 424_242,
        slots: 1,
        memory_limit: 1 << 30,
        resources,
        version: "0.1.0".to_owned(),
    };
    let (task, worker, graph, client) = (TaskId(0), WorkerId(0), GraphId(0), ClientId(0));
    let interned = |id, text: &str| Event::Interned { id: StrId(id), text: text.into() };
    let key = Key { prefix: PrefixId(0), suffix: Suffix::Name(StrId(2)) };
    let named = |name: u32| StrId(name);
    [
        Event::SchedulerStarted { incarnation: 0 },
        interned(0, "secret client"),
        Event::ClientConnected { client, name: named(0) },
        interned(1, "secret graph"),
        Event::GraphSubmitted { graph, client, name: named(1), first: task, n_tasks: 1, local: 0 },
        Event::PrefixDeclared { id: PrefixId(0), name: "secret-prefix".into() },
        Event::OptionsDeclared { id: OptionsId(0), options: Box::new(options) },
        interned(2, "secret/data.csv"),
        Event::TaskSubmitted {
            task,
            graph,
            key,
            options: OptionsId(0),
            wanted: true,
            deps: Box::new([]),
        },
        Event::WorkerJoined { worker, info: Box::new(info) },
        Event::TaskAssigned { task, worker, attempt: 1, reason: AssignReason::Restricted },
        Event::TaskStarted { task, worker, attempt: 1, slot: 0 },
        interned(3, "the secret could not be read"),
        Event::TaskFailed {
            task,
            worker,
            attempt: 1,
            kind: FailureKind::Exit,
            error: named(3),
            retry: None,
        },
        interned(4, "secret marker"),
        Event::Marked { name: named(4), task: None },
    ]
    .into_iter()
    .zip(0..)
    .map(|(what, seq)| {
        let at = Nanos(seq * 1_000_000);
        Stamped { seq, logged_at: at, at, cause: None, what }
    })
    .collect()
}

fn record_private(path: &Path) {
    let info = RunInfo {
        run_id: "c0ffee".to_owned(),
        name: "secret run".to_owned(),
        host: "secret.example".to_owned(),
        command: vec!["reel".to_owned(), "run".to_owned(), "/home/secret/job.toml".to_owned()],
        ..RunInfo::default()
    };
    let mut recorder = Recorder::create(path, &info, RecorderOptions::default()).unwrap();
    let mut specs = SpecBatch::new(TaskId(0));
    specs.push(b"TOKEN=secret");
    recorder.specs(specs).unwrap();
    recorder.append(&private_events()).unwrap();
    for text in ["secret line", "another secret", "secret line", ""] {
        let (at, worker, task, level) = (Nanos(0), None, None, LogLevel::Output);
        recorder.log(LogLine { at, worker, task, level, text: text.to_owned() });
    }
    recorder.finish().unwrap();
}

/// Every byte of a trace as text, its blocks unpacked.
fn unpacked(path: &Path) -> String {
    let mut scanner = Scanner::open(path).unwrap();
    let mut text = format!("{:?}", scanner.info);
    while let Found::Block { offset, header } = scanner.next().unwrap() {
        let payload = scanner.payload(offset, &header).unwrap();
        let raw = Unsealer::new().unwrap().unseal(&header, &payload).unwrap().into_owned();
        text.push_str(&String::from_utf8_lossy(&raw));
    }
    text + &String::from_utf8_lossy(&fs::read(path).unwrap())
}

#[test]
fn no_text_of_the_user_is_left_in_a_redacted_copy() {
    let (_folder, from, to) = folder();
    record_private(&from);
    let original = unpacked(&from);
    for private in ["secret", "job.toml", "424242"] {
        assert!(original.contains(private) || private == "424242", "{private}");
    }
    let options = CopyOptions { redact: true, ..CopyOptions::default() };
    let copied = copy_trace(&from, &to, options).unwrap();
    let text = unpacked(&to);
    for private in ["secret", "job.toml", "data.csv", "TOKEN", "gpu", "7878"] {
        assert!(!text.contains(private), "{private} in {text}");
    }
    // Twelve names and three lines of which two are the same.
    assert_eq!(copied.n_replaced, 15 + 2);
    let (batch, _) = read(&to);
    let lines: Vec<&str> = batch.logs.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(lines, ["line~1", "line~2", "line~1", ""]);
}

#[test]
fn a_redacted_copy_folds_like_the_original() {
    let (_folder, from, to) = folder();
    record_private(&from);
    let options = CopyOptions { redact: true, ..CopyOptions::default() };
    copy_trace(&from, &to, options).unwrap();
    let fold = |path| {
        let (mut state, mut changes) = (State::new(), Vec::new());
        for event in &read(path).0.events {
            state.apply(event, &mut changes).unwrap();
        }
        state.validate();
        (state, changes)
    };
    let ((original, expected), (redacted, changes)) = (fold(&from), fold(&to));
    assert_eq!(changes, expected);
    assert_eq!(redacted.totals(), original.totals());
    assert_eq!(redacted.prefix(PrefixId(0)).name.as_ref(), "prefix~1");
    let worker = &redacted.workers()[0].info;
    assert_eq!((worker.name.as_str(), worker.host.as_str()), ("worker~1", "host~1"));
    // The worker is the one that the task asks for, as before.
    assert!(redacted.options(OptionsId(0)).allows(worker));
    assert_eq!((worker.pid, worker.version.as_str()), (0, "0.1.0"));
}

/// The state after the events logged by `until`, and of a window after those before it too.
fn state_at(path: &Path, until: Nanos) -> State {
    let mut reader = TraceReader::open(path).unwrap();
    let mut state = reader.opening_state().unwrap().unwrap_or_default();
    while let Some(batch) = reader.next_batch().unwrap() {
        for event in batch.events.iter().filter(|event| event.logged_at <= until) {
            state.apply(event, &mut Vec::new()).unwrap();
        }
    }
    assert_eq!(reader.warnings(), []);
    state
}

/// Without the state that it begins with, its events can be folded into nothing, which is said.
#[test]
fn a_window_without_its_state_shows_nothing() {
    let (_folder, from, to) = folder();
    let end = record(&from, 300, 3).last().unwrap().logged_at;
    let options = CopyOptions { from: Some(Nanos(end.0 / 2)), ..CopyOptions::default() };
    copy_trace(&from, &to, options).unwrap();
    let begin = Scanner::open(&to).unwrap().begin();
    let mut bytes = fs::read(&to).unwrap();
    bytes[begin as usize + 60] ^= 1;
    fs::write(&to, &bytes).unwrap();
    let mut reader = TraceReader::open(&to).unwrap();
    assert_eq!(reader.opening_state().unwrap(), None);
    assert!(reader.next_batch().unwrap().is_none_or(|batch| batch.events.is_empty()));
    let warnings = reader.warnings();
    assert!(
        matches!(
            warnings,
            [Warning::Damaged { offset, .. }, Warning::EventsLost { from: 0, .. }, ..] if *offset == begin
        ),
        "{warnings:?}"
    );
}

#[test]
fn a_window_is_exact() {
    let (_folder, from, to) = folder();
    let events = record(&from, 2_000, 30);
    let end = events.last().unwrap().logged_at;
    for (begin, finish) in [(20, 60), (0, 50), (70, 100), (100, 100), (35, 35)] {
        let [begin, finish] = [begin, finish].map(|percent| Nanos(end.0 * percent / 100));
        let options = CopyOptions { from: Some(begin), to: Some(finish), ..CopyOptions::default() };
        let copied = copy_trace(&from, &to, options).unwrap();
        let inside = events.iter().filter(|e| e.logged_at > begin && e.logged_at <= finish);
        let inside: Vec<Stamped<Event>> = inside.cloned().collect();
        let (batch, closed) = read(&to);
        assert!(closed);
        assert_eq!(batch.events, inside);
        assert_eq!(copied.left_out, LeftOut { specs: 2_000, ..LeftOut::default() });
        for at in [begin, Nanos((begin.0 + finish.0) / 2), finish] {
            assert_eq!(state_at(&to, at), state_at(&from, at), "{begin} to {finish}, at {at}");
        }
        // A window of the window.
        let (inner, again) = (Nanos((begin.0 + finish.0) / 2), to.with_extension("again"));
        let options = CopyOptions { from: Some(inner), ..CopyOptions::default() };
        copy_trace(&to, &again, options).unwrap();
        assert_eq!(state_at(&again, finish), state_at(&from, finish));
        let options = CopyOptions { redact: true, ..CopyOptions::default() };
        let refused = copy_trace(&to, &again, options).unwrap_err();
        assert!(matches!(refused, CopyError::RedactedWindow), "{refused}");
    }
}

#[test]
fn a_redacted_window_tells_no_more_than_a_redacted_whole() {
    let (_folder, from, to) = folder();
    record_private(&from);
    let end = Nanos(private_events().len() as u64 * 1_000_000);
    for percent in [0, 40, 75, 100] {
        let begin = Some(Nanos(end.0 * percent / 100));
        let options = CopyOptions { redact: true, from: begin, ..CopyOptions::default() };
        copy_trace(&from, &to, options).unwrap();
        let text = unpacked(&to);
        for private in ["secret", "job.toml", "data.csv", "TOKEN", "gpu", "7878"] {
            assert!(!text.contains(private), "{private} in {text}");
        }
        assert_eq!(state_at(&to, end).totals(), state_at(&from, end).totals());
    }
}
