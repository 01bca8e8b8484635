//! `reel story`: the life of one task.

use std::io::Write;
use std::path::PathBuf;

use taskreel_recorder::{Source, TraceReader};
use taskreel_replay::analysis::story::{Moment, Story, StoryError, Wait, tell};

use super::failure::{chain, say};
use super::table::printable;
use super::{Failure, open};

/// Tells what happened to a task, and to what it waited for.
///
/// Each line: place in the log, when it happened, what happened, and the phase that followed.
/// Below stand the tasks that it depends on, the last to be ready first, with their stories.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  reel story run.reel count-17
  reel story run.reel t17 --depth 3
  reel story run.reel merge-0 --json | jq '.waited_for[0]'")]
pub(crate) struct TellStory {
    /// The trace.
    #[arg(value_name = "FILE")]
    trace: PathBuf,
    /// Its key, or its id (t17) where several tasks have the key.
    #[arg(value_name = "TASK")]
    task: String,
    /// Over how many dependencies the stories of what it waited for are told.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(0..=64))]
    depth: u16,
    /// One JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// How many dependencies are told below each task; the JSON has all.
const LISTED_MAX: usize = 12;

impl TellStory {
    /// Prints the story.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        open::reader(&self.trace)?;
        let mut open = || Ok(Box::new(TraceReader::open(&self.trace)?) as Box<dyn Source>);
        let told = tell(&mut open, &self.task, usize::from(self.depth));
        let (story, cut) = told.map_err(|error| match error {
            StoryError::Open(_) | StoryError::Fold(_) => Failure::input(error),
            StoryError::Unknown { .. } | StoryError::Ambiguous { .. } => {
                Failure::usage(printable(&format!("{}: {error}", self.trace.display())))
            }
        })?;
        if let Some(cut) = cut {
            say(format_args!("{}: {}", self.trace.display(), chain(&cut)));
        }
        if self.json {
            serde_json::to_writer_pretty(&mut *out, &story).map_err(std::io::Error::from)?;
            return Ok(writeln!(out)?);
        }
        write_story(&story, 0, out)
    }
}

fn write_story(story: &Story, indent: usize, out: &mut dyn Write) -> Result<(), Failure> {
    let pad = "    ".repeat(indent);
    if indent == 0 {
        writeln!(out, "{} ({})", printable(&story.task), story.id)?;
    }
    for moment in &story.moments {
        writeln!(out, "{pad}{}", line(moment))?;
    }
    if story.waited_for.is_empty() {
        return Ok(());
    }
    writeln!(out, "{pad}  waited for")?;
    for wait in story.waited_for.iter().take(LISTED_MAX) {
        writeln!(out, "{pad}    {}", waited(wait))?;
        if let Some(story) = &wait.story {
            write_story(story, indent + 1, out)?;
        }
    }
    let more = story.waited_for.len().saturating_sub(LISTED_MAX);
    if more > 0 {
        writeln!(out, "{pad}    and {more} more, ready before those")?;
    }
    Ok(())
}

fn line(moment: &Moment) -> String {
    let mut line = format!("{:>8} {:>12.6} s  {}", moment.seq, moment.at_s, moment.what);
    if let Some(phase) = moment.phase {
        line = format!("{line} → {phase}");
    }
    if let Some(cause) = &moment.cause {
        line = format!("{line} (since event {}: {})", cause.seq, cause.what);
    }
    printable(&line)
}

fn waited(wait: &Wait) -> String {
    let when = match wait.ready_at_s {
        Some(at) if wait.waited_s > 0.0 => {
            format!("ready at {at:.6} s, {:.6} s later", wait.waited_s)
        }
        Some(at) => format!("ready before, at {at:.6} s"),
        None => "never ready".to_owned(),
    };
    printable(&format!("{} ({}), {when}", wait.task, wait.id))
}
