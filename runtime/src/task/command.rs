//! Commands: tasks that are programs.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Call;
use super::arg::Dependency;
use super::spec::{COMMAND, SpecWriter};
use crate::client::TaskFuture;

/// A program to run as a task. It converts into a [`Call`] whose result is its [`CommandOutput`].
///
/// ```
/// # extern crate taskreel_runtime as taskreel;
/// use taskreel::{Call, Command, CommandOutput};
///
/// let call: Call<CommandOutput> = Command::new("sort").arg("-u").stdin("b\na\nb\n").call().key("sorted");
/// # drop(call);
/// ```
#[derive(Debug)]
pub struct Command {
    spec: CommandSpec,
    stdin: Stdin,
}

/// What a command reads as its standard input. `Vec<u8>`, `&str`, `String` and futures of command
/// output, text or bytes convert into it, and a `Vec` of futures of command output.
#[derive(Debug, Default)]
pub enum Stdin {
    /// Nothing: it is at its end at once.
    #[default]
    Empty,
    /// These bytes.
    Bytes(Vec<u8>),
    /// A file, opened on the worker.
    File(PathBuf),
    /// The result of another task.
    Of(StdinSource),
    /// The outputs of several commands, one after the other.
    Outputs(Vec<TaskFuture<CommandOutput>>),
}

/// A task's result as standard input.
#[derive(Debug)]
pub struct StdinSource {
    dependency: Dependency,
    encoding: Encoding,
}

/// How the result that is to be standard input is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Encoding {
    /// As a `CommandOutput`.
    Output,
    /// As text or bytes: a length and the bytes.
    Bytes,
}

/// A command as the worker gets it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CommandSpec {
    pub(crate) program: String,
    pub(crate) args: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) cwd: Option<PathBuf>,
    pub(crate) stdin: StdinSpec,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum StdinSpec {
    Empty,
    Bytes(Captured),
    File(PathBuf),
    Input {
        position: u32,
        encoding: Encoding,
    },
    /// Inputs that are each a `CommandOutput`, by position.
    Outputs(Vec<u32>),
}

/// What a command that ended well has written to its standard output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandOutput {
    /// The bytes, up to 16 MiB.
    pub stdout: Captured,
    /// How many bytes beyond those were dropped.
    pub dropped_bytes: u64,
}

impl CommandOutput {
    /// Its standard output as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.stdout.0)
    }
}

/// Bytes that are encoded in one piece.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Captured(pub Vec<u8>);

impl fmt::Debug for Captured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Serialize for Captured {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Captured {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(CapturedVisitor).map(Self)
    }
}

struct CapturedVisitor;

impl<'de> Visitor<'de> for CapturedVisitor {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<u8>, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = seq.next_element()? {
            bytes.push(byte);
        }
        Ok(bytes)
    }
}

impl Command {
    /// Runs `program`, found through the worker's `PATH`, without a shell.
    pub fn new(program: impl Into<String>) -> Self {
        let spec = CommandSpec {
            program: program.into(),
            args: Vec::new(),
            env: BTreeMap::new(),
            cwd: None,
            stdin: StdinSpec::Empty,
        };
        Self { spec, stdin: Stdin::Empty }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.spec.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<String>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.spec.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable, beside those of the worker.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.spec.env.insert(name.into(), value.into());
        self
    }

    /// Runs it in this folder; by default in the worker's.
    #[must_use]
    pub fn cwd(mut self, folder: impl Into<PathBuf>) -> Self {
        self.spec.cwd = Some(folder.into());
        self
    }

    /// What it reads; by default nothing.
    #[must_use]
    pub fn stdin(mut self, stdin: impl Into<Stdin>) -> Self {
        self.stdin = stdin.into();
        self
    }

    /// The call that runs it: give it a key, retries, a timeout, and submit it. `program`, without
    /// its folder, is the default key's prefix.
    pub fn call(self) -> Call<CommandOutput> {
        let Self { mut spec, stdin } = self;
        let program = spec.program.clone();
        let prefix = program.rsplit('/').next().unwrap_or(&program).to_owned();
        let mut call = Call::new(program.into(), prefix.into(), SpecWriter::new(COMMAND));
        spec.stdin = match stdin {
            Stdin::Empty => StdinSpec::Empty,
            Stdin::Bytes(bytes) => StdinSpec::Bytes(Captured(bytes)),
            Stdin::File(path) => StdinSpec::File(path),
            Stdin::Of(source) => StdinSpec::Input {
                position: call.draft.input(source.dependency),
                encoding: source.encoding,
            },
            Stdin::Outputs(futures) => {
                let dependencies = futures.into_iter().map(TaskFuture::into_dependency);
                StdinSpec::Outputs(dependencies.map(|one| call.draft.input(one)).collect())
            }
        };
        if let Err(error) = call.draft.spec.body(&spec) {
            call.draft.refuse("command", &error);
        }
        call
    }

    /// `call().timeout(..)`: its process group is killed when it takes longer.
    pub fn timeout(self, timeout: Duration) -> Call<CommandOutput> {
        self.call().timeout(timeout)
    }
}

impl From<Command> for Call<CommandOutput> {
    fn from(command: Command) -> Self {
        command.call()
    }
}

impl From<Vec<u8>> for Stdin {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<&str> for Stdin {
    fn from(text: &str) -> Self {
        Self::Bytes(text.as_bytes().to_vec())
    }
}

impl From<String> for Stdin {
    fn from(text: String) -> Self {
        Self::Bytes(text.into_bytes())
    }
}

impl From<Vec<TaskFuture<CommandOutput>>> for Stdin {
    fn from(outputs: Vec<TaskFuture<CommandOutput>>) -> Self {
        Self::Outputs(outputs)
    }
}

macro_rules! stdin_of {
    ($type:ty, $encoding:expr) => {
        impl From<&TaskFuture<$type>> for Stdin {
            fn from(future: &TaskFuture<$type>) -> Self {
                Self::Of(StdinSource { dependency: future.dependency(), encoding: $encoding })
            }
        }

        impl From<TaskFuture<$type>> for Stdin {
            fn from(future: TaskFuture<$type>) -> Self {
                Self::Of(StdinSource { dependency: future.into_dependency(), encoding: $encoding })
            }
        }
    };
}

stdin_of!(CommandOutput, Encoding::Output);
stdin_of!(String, Encoding::Bytes);
stdin_of!(Vec<u8>, Encoding::Bytes);
