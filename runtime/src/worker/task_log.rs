//! What tasks log by `tracing`, for the trace: a subscriber on each slot's thread.
//!
//! It takes what a running task says at `INFO` and above, and hands everything on to the subscriber
//! that was there before, if that wants it.

use std::fmt::{self, Write};

use taskreel_model::LogLevel;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, NoSubscriber};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};

use crate::task::current::Current;

#[derive(Debug)]
struct TaskLog {
    /// Who else listens.
    before: Dispatch,
}

/// Listens on this thread until the guard is dropped.
pub(super) fn listen() -> tracing::dispatcher::DefaultGuard {
    let before = tracing::dispatcher::get_default(Clone::clone);
    tracing::dispatcher::set_default(&Dispatch::new(TaskLog { before }))
}

fn is_ours(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::INFO && !metadata.target().starts_with("taskreel_runtime")
}

impl Subscriber for TaskLog {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        let interest = self.before.register_callsite(metadata);
        if metadata.is_event() && is_ours(metadata) { Interest::always() } else { interest }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        // What the one before wants is asked at each place once, and remembered there.
        self.before.is::<NoSubscriber>().then_some(LevelFilter::INFO)
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        (metadata.is_event() && is_ours(metadata)) || self.before.enabled(metadata)
    }

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        if is_ours(metadata)
            && let Some(current) = Current::get()
        {
            let mut line = Line(String::new());
            event.record(&mut line);
            current.host.log(current.task(), level(*metadata.level()), &line.0);
        }
        if self.before.enabled(metadata) {
            self.before.event(event);
        }
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.before.new_span(span)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        self.before.record(span, values);
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        self.before.record_follows_from(span, follows);
    }

    fn enter(&self, span: &Id) {
        self.before.enter(span);
    }

    fn exit(&self, span: &Id) {
        self.before.exit(span);
    }

    fn clone_span(&self, span: &Id) -> Id {
        self.before.clone_span(span)
    }

    fn try_close(&self, span: Id) -> bool {
        self.before.try_close(span)
    }
}

fn level(level: Level) -> LogLevel {
    match level {
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warn,
        Level::INFO => LogLevel::Info,
        _ => LogLevel::Debug,
    }
}

/// The message and the fields of an event as one line: `read the file rows=17`.
struct Line(String);

impl Line {
    fn add(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        // Writing to a string cannot fail.
        let _ = match field.name() {
            "message" => write!(self.0, "{value}"),
            name => write!(self.0, "{name}={value}"),
        };
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, format_args!("{value}"));
    }
}
