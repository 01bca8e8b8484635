//! Scenarios: given inputs, when an input, then events, changes, effects and tasks.
//!
//! A case is text in `scenarios/*.txt`; its language stands in `scenarios/script.rs`. With
//! `BLESS=1` the expected texts are written anew, to be read in the diff before they are kept.

#[path = "scenarios/render.rs"]
mod render;
#[path = "scenarios/script.rs"]
mod script;

use std::collections::BTreeSet;
use std::path::PathBuf;

use script::{Script, paragraphs};
use taskreel_model::{Change, EVENT_NAMES, Outcome, Phase};

const FILES: [&str; 11] = [
    "submit",
    "placement",
    "chains",
    "results",
    "failures",
    "cancel",
    "resume",
    "workers",
    "transfers",
    "run",
    "nested",
];

#[test]
fn submit() {
    check("submit");
}

#[test]
fn placement() {
    check("placement");
}

#[test]
fn chains() {
    check("chains");
}

#[test]
fn results() {
    check("results");
}

#[test]
fn failures() {
    check("failures");
}

#[test]
fn cancel() {
    check("cancel");
}

#[test]
fn resume() {
    check("resume");
}

#[test]
fn workers() {
    check("workers");
}

#[test]
fn transfers() {
    check("transfers");
}

#[test]
fn run() {
    check("run");
}

#[test]
fn nested() {
    check("nested");
}

/// Nothing of the model is without a case.
#[test]
fn every_event_and_transition_has_a_case() {
    let (mut events, mut transitions, mut outcomes) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for file in FILES {
        let text = std::fs::read_to_string(path(file)).expect("the scenarios are there");
        for script in play(&text).1 {
            events.extend(script.log.iter().map(|event| event.what.name()));
            for change in &script.changes {
                match *change {
                    Change::Task { from, to, .. } => {
                        transitions.insert((from, to));
                    }
                    Change::Stopped { outcome, .. } => {
                        outcomes.insert(outcome);
                    }
                    _ => {}
                }
            }
        }
    }
    let missing: Vec<_> = EVENT_NAMES.iter().filter(|name| !events.contains(*name)).collect();
    assert!(missing.is_empty(), "no case has these events: {missing:?}");
    let missing: Vec<_> = TRANSITIONS.iter().filter(|pair| !transitions.contains(*pair)).collect();
    assert!(missing.is_empty(), "no case has these transitions: {missing:?}");
    let unknown: Vec<_> = transitions.iter().filter(|pair| !TRANSITIONS.contains(*pair)).collect();
    assert!(unknown.is_empty(), "transitions that are not listed: {unknown:?}");
    let all = [Outcome::Finished, Outcome::Failed, Outcome::Lost, Outcome::Cancelled];
    assert_eq!(outcomes.into_iter().collect::<Vec<_>>(), all);
}

/// All transitions there are.
const TRANSITIONS: [(Phase, Phase); 23] = [
    (Phase::Released, Phase::Waiting),
    (Phase::Released, Phase::Forgotten),
    (Phase::Waiting, Phase::Queued),
    (Phase::Waiting, Phase::Processing),
    (Phase::Waiting, Phase::Released),
    (Phase::Waiting, Phase::Memory),
    (Phase::Waiting, Phase::Erred),
    (Phase::NoWorker, Phase::Waiting),
    (Phase::NoWorker, Phase::Queued),
    (Phase::NoWorker, Phase::Released),
    (Phase::NoWorker, Phase::Memory),
    (Phase::Queued, Phase::Waiting),
    (Phase::Queued, Phase::NoWorker),
    (Phase::Queued, Phase::Processing),
    (Phase::Queued, Phase::Released),
    (Phase::Queued, Phase::Memory),
    (Phase::Processing, Phase::Waiting),
    (Phase::Processing, Phase::Queued),
    (Phase::Processing, Phase::Released),
    (Phase::Processing, Phase::Memory),
    (Phase::Processing, Phase::Erred),
    (Phase::Memory, Phase::Released),
    (Phase::Erred, Phase::Forgotten),
];

fn check(file: &str) {
    let text = std::fs::read_to_string(path(file)).expect("the scenarios are there");
    let (played, _) = play(&text);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path(file), &played).expect("the scenarios can be written");
        return;
    }
    for (n, (expected, found)) in text.lines().zip(played.lines()).enumerate() {
        assert_eq!(found, expected, "{file}.txt, line {}; BLESS=1 accepts what is found", n + 1);
    }
    assert_eq!(played, text, "{file}.txt; BLESS=1 accepts what is found");
}

fn path(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/scenarios/{file}.txt"))
}

/// Plays a file: the same text with what was found in the place of what was expected, and the
/// end of each case.
fn play(text: &str) -> (String, Vec<Script>) {
    let mut played = String::new();
    let mut scripts = Vec::new();
    let (preamble, cases) = text.split_once("== ").expect("a file has a case");
    played.push_str(preamble);
    for case in cases.split("\n== ") {
        let (title, body) = case.split_once('\n').expect("a case has more than a title");
        played.push_str(&format!("== {title}\n"));
        let mut script = Script::default();
        for section in sections(body) {
            match section {
                (None, about) => played.push_str(about),
                (Some("then"), _) => {}
                (Some(name), inputs) => {
                    played.push_str(&format!("{name}\n{}\n", inputs.trim_end()));
                    if name == "given" {
                        script.given(inputs);
                    } else {
                        played.push_str(&format!("then\n{}", answers(&mut script, inputs)));
                    }
                }
            }
        }
        played.push('\n');
        scripts.push(script);
    }
    played.truncate(played.trim_end().len());
    played.push('\n');
    (played, scripts)
}

/// The sections of a case by the word that begins each; the first is what is said about it.
fn sections(body: &str) -> Vec<(Option<&str>, &str)> {
    let mut found = Vec::new();
    let (mut name, mut begin, mut offset) = (None, 0, 0);
    for line in body.split_inclusive('\n') {
        if let "given" | "when" | "then" = line.trim_end() {
            found.push((name, &body[begin..offset]));
            (name, begin) = (Some(line.trim_end()), offset + line.len());
        }
        offset += line.len();
    }
    found.push((name, body[begin..].trim_end()));
    found
}

/// What comes of each input.
fn answers(script: &mut Script, inputs: &str) -> String {
    let mut found = String::new();
    for input in paragraphs(inputs) {
        let before = script.state.clone();
        if let Some(answer) = script.turn(&input) {
            found.push_str(&render::answer(script, &before, &answer));
        }
    }
    found
}
