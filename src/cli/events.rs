//! `reel events`: the log of a run, one line per event.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;

use serde_json::{Value, json};
use taskreel_model::{EVENT_NAMES, Event, Nanos, Stamped, State, TaskId};
use taskreel_replay::Instant;
use taskreel_replay::fields::fields;

use super::failure::say;
use super::json::Object;
use super::table::printable;
use super::{Failure, INSTANTS, open};

/// Prints the events of a run, one per line, with keys and workers by name.
///
/// Columns: place in the log, when it was logged, what happened, the rest as name=value.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("{INSTANTS}

Examples:
  reel events run.reel --task count-17
  reel events run.reel --kind TaskFailed --kind WorkerLost
  reel events run.reel --from 2s --to 2.5s --json | jq .event"))]
pub(crate) struct Events {
    /// The trace.
    #[arg(value_name = "FILE")]
    trace: PathBuf,
    /// One JSON object per line; instants in seconds since the run began.
    #[arg(long)]
    json: bool,
    /// Only events about the task of this key (or id: t17).
    #[arg(long, value_name = "KEY")]
    task: Option<String>,
    /// Only events of this kind, such as TaskStarted; may be repeated.
    #[arg(long, value_name = "KIND", value_parser = parse_kind)]
    kind: Vec<&'static str>,
    /// Only events logged at this instant or later [default: the begin]
    #[arg(long, value_name = "T")]
    from: Option<Instant>,
    /// Only events logged by this instant [default: the end]
    #[arg(long, value_name = "T")]
    to: Option<Instant>,
}

/// What is left of the options once percentages have become times.
struct Filter<'a> {
    options: &'a Events,
    from: Bound,
    to: Bound,
}

#[derive(Clone, Copy)]
enum Bound {
    At(Nanos),
    Seq(u64),
}

impl Events {
    /// Prints what the options leave.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let info = open::info(&self.trace)?;
        let end = Nanos(info.summary.last_logged_at_ns);
        let bound = |instant| match instant {
            Instant::Event(seq) => Bound::Seq(seq),
            other => Bound::At(open::at(other, end).unwrap_or(end)),
        };
        let filter = Filter {
            options: self,
            from: bound(self.from.unwrap_or(Instant::At(Nanos::ZERO))),
            to: self.to.map_or(Bound::At(Nanos::MAX), bound),
        };
        let mut n_shown = 0;
        let (state, warnings) = open::fold(&self.trace, |event, before| {
            if filter.is_past(event) {
                return ControlFlow::Break(Ok(()));
            }
            if filter.takes(event, before) {
                n_shown += 1;
                if let Err(error) = self.print(event, before, out) {
                    return ControlFlow::Break(Err(error));
                }
            }
            ControlFlow::Continue(())
        })?;
        out.flush()?;
        for warning in warnings {
            say(format_args!("{}: {warning}", self.trace.display()));
        }
        if n_shown == 0 && state.next_seq() > 0 {
            say(format_args!("no event matches; the trace has {}", state.next_seq()));
        }
        Ok(())
    }

    fn print(
        &self,
        event: &Stamped<Event>,
        before: &State,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let details = fields(&event.what, before);
        if self.json {
            serde_json::to_writer(&mut *out, &object(event, details))
                .map_err(std::io::Error::from)?;
            return Ok(writeln!(out)?);
        }
        let at = event.logged_at.as_secs_f64();
        write!(out, "{:>8} {at:>12.6} s  {:<18}", event.seq, event.what.name())?;
        for (name, value) in details {
            match value {
                Value::Null => {}
                Value::Array(list) if list.is_empty() => {}
                Value::String(text) => write!(out, " {name}={}", quoted(&text))?,
                other => write!(out, " {name}={}", printable(&other.to_string()))?,
            }
        }
        if let Some(cause) = event.cause {
            write!(out, " cause={cause}")?;
        }
        Ok(writeln!(out)?)
    }
}

impl Filter<'_> {
    fn is_past(&self, event: &Stamped<Event>) -> bool {
        match self.to {
            Bound::At(at) => event.logged_at > at,
            Bound::Seq(seq) => event.seq > seq,
        }
    }

    fn takes(&self, event: &Stamped<Event>, before: &State) -> bool {
        let begun = match self.from {
            Bound::At(at) => event.logged_at >= at,
            Bound::Seq(seq) => event.seq >= seq,
        };
        let kinds = &self.options.kind;
        begun
            && (kinds.is_empty() || kinds.contains(&event.what.name()))
            && self.options.task.as_ref().is_none_or(|key| is_about(event, before, key))
    }
}

fn is_about(event: &Stamped<Event>, before: &State, key: &str) -> bool {
    let named = |task: TaskId| task.to_string() == key || before.task_name(task) == key;
    if let Event::TaskSubmitted { key: new, .. } = &event.what
        && before.key_text(*new) == key
    {
        return true;
    }
    if let Event::TransferStarted { dependent, .. } = event.what
        && named(dependent)
    {
        return true;
    }
    event.what.task().is_some_and(named)
}

/// The line of an event, its fields in the order in which a reader wants them.
fn object(event: &Stamped<Event>, details: Vec<(&'static str, Value)>) -> Object {
    let mut fields = vec![
        ("seq", json!(event.seq)),
        ("logged_at_s", json!(event.logged_at.as_secs_f64())),
        ("at_s", json!(event.at.as_secs_f64())),
        ("event", json!(event.what.name())),
    ];
    fields.extend(event.cause.map(|cause| ("cause", json!(cause))));
    fields.extend(event.what.task().map(|task| ("task_id", json!(task.0))));
    fields.extend(details);
    Object(fields)
}

/// A text as a value: in quotes where it would not be one word.
fn quoted(text: &str) -> String {
    let plain = !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    if plain && !text.contains('"') { text.to_owned() } else { format!("{text:?}") }
}

/// The name of a kind, in any case and with or without dashes.
fn parse_kind(text: &str) -> Result<&'static str, String> {
    let bare = |name: &str| name.replace(['-', '_'], "").to_ascii_lowercase();
    EVENT_NAMES
        .iter()
        .find(|name| bare(name) == bare(text))
        .copied()
        .ok_or_else(|| format!("kinds are {}", EVENT_NAMES.join(", ")))
}
