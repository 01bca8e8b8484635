//! What a turn brought, as text: events, the changes that follow from each, effects, tasks.

use std::fmt::Write;

use taskreel_model::{Change, Event, Phase, Stamped, State, TaskId};

use crate::script::{Answer, Script};

/// The text of one answer: a line for each event and its changes (`.`), for each effect (`->`),
/// a refusal (`!`), and the live tasks afterwards (`=`).
pub(crate) fn answer(script: &Script, before: &State, answer: &Answer) -> String {
    let mut text = String::new();
    let mut replayed = before.clone();
    for event in &answer.output.events {
        let at =
            if event.at == event.logged_at { String::new() } else { format!(" at {}", event.at) };
        let because = cause(script, event);
        line(&mut text, script, &format!("{:?}{at}{because}", event.what));
        let mut changes = Vec::new();
        replayed.apply(event, &mut changes).expect("it was applied a moment ago");
        for change in &changes {
            line(&mut text, script, &format!("  . {}", self::change(change)));
        }
    }
    for effect in &answer.output.effects {
        line(&mut text, script, &format!("-> {effect:?}"));
    }
    if let Some(refused) = &answer.refused {
        line(&mut text, script, &format!("! {refused}"));
    }
    assert_eq!(replayed, script.state, "the events alone give the same state");
    let tasks: Vec<String> = script.state.tasks().iter().map(|(id, _)| task(script, id)).collect();
    writeln!(text, "= {}", if tasks.is_empty() { "-".to_owned() } else { tasks.join(", ") })
        .expect("text grows");
    text
}

fn cause(script: &Script, event: &Stamped<Event>) -> String {
    let Some(seq) = event.cause else { return String::new() };
    let cause = script.log.iter().find(|event| event.seq == seq).expect("a cause is in the log");
    let subject = cause.what.task().map(|task| task.to_string());
    let subject = subject.or_else(|| cause.what.worker().map(|worker| worker.to_string()));
    format!(" because of {} {}", cause.what.name(), subject.unwrap_or_default())
}

fn change(change: &Change) -> String {
    if let Change::Stopped { task, worker, slot, started_at, last, outcome } = change {
        let without_break = last.since == *started_at && !last.seceded;
        let last = if without_break { String::new() } else { format!(" last: {last:?},") };
        return format!(
            "Stopped {{ task: {task}, worker: {worker}, slot: {slot}, started_at: {started_at},{last} outcome: {outcome:?} }}"
        );
    }
    let Change::Task { task, from, to, worker, .. } = change else { return format!("{change:?}") };
    let on = worker.map_or_else(String::new, |worker| format!(" ({worker})"));
    format!("{task} {} > {}{on}", from.name(), to.name())
}

/// A task's name, phase and what matters in it.
fn task(script: &Script, id: TaskId) -> String {
    let state = &script.state;
    let task = state.task(id).expect("it was listed a moment ago");
    let mut text = format!("{} {}", name(script, id), task.phase.name());
    if let Some(run) = task.run {
        write!(text, " {} on {}", run.stage().name(), run.worker).expect("text grows");
    }
    for replica in &task.replicas {
        let spilled = if replica.spilled { " (disk)" } else { "" };
        write!(text, " {}{spilled}", replica.worker).expect("text grows");
    }
    if let (Phase::Erred, Some(blame)) = (task.phase, task.error()) {
        write!(text, " by {}", name(script, blame.culprit)).expect("text grows");
    }
    text
}

fn name(script: &Script, id: TaskId) -> String {
    let known = script.names.iter().find(|(_, known)| **known == id);
    known.map_or_else(|| id.to_string(), |(name, _)| name.clone())
}

/// Appends a line in which ids of tasks and strings are replaced by what they stand for.
fn line(text: &mut String, script: &Script, raw: &str) {
    let mut word = String::new();
    for c in raw.chars().chain(['\n']) {
        if c.is_ascii_alphanumeric() || c == '-' || c == '_' {
            word.push(c);
            continue;
        }
        text.push_str(&named(script, &word));
        word.clear();
        text.push(c);
    }
}

fn named(script: &Script, word: &str) -> String {
    let id = |letter| word.strip_prefix(letter).and_then(|digits: &str| digits.parse().ok());
    if let Some(task) = id('t') {
        return name(script, TaskId(task));
    }
    match id('s') {
        Some(string) => format!("{:?}", script.state.text(taskreel_model::StrId(string))),
        None => word.to_owned(),
    }
}
