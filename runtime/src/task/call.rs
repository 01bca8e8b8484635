//! Calls: a task to be, before it is submitted.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use taskreel_model::{FailureKind, Nanos};

use super::Arg;
use super::arg::{Dependency, Source};
use super::spec::{FUNCTION, SpecWriter};
use crate::client::{Held, TaskError, TaskErrorKind, TaskFuture};
use crate::wire::codec::CodecError;

/// Up to so many inputs a linear search is quicker than a map.
const FEW: usize = 16;

/// A call of a task, to be given to `Client::submit` or `Client::map`. Its result is a `T`.
#[must_use = "a call does nothing until it is submitted"]
pub struct Call<T> {
    pub(crate) draft: Draft,
    result: PhantomData<fn() -> T>,
}

/// A call without its type.
pub(crate) struct Draft {
    /// `TaskOptions::function`.
    pub(crate) function: Cow<'static, str>,
    /// Prefix of the key when the user gives none.
    pub(crate) prefix: Cow<'static, str>,
    pub(crate) key: Option<String>,
    pub(crate) wishes: Wishes,
    pub(crate) spec: SpecWriter,
    /// Results it takes.
    pub(crate) inputs: Vec<Arc<Held>>,
    /// Tasks that only have to come before.
    pub(crate) after: Vec<Arc<Held>>,
    /// Why it cannot be submitted.
    pub(crate) error: Option<Arc<TaskError>>,
    /// Positions in `inputs`, once there are `FEW`.
    positions: HashMap<u32, u32>,
}

/// How a task wants to be run, beside its function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wishes {
    pub(crate) priority: i32,
    pub(crate) retries: u32,
    pub(crate) retry_delay: Nanos,
    pub(crate) timeout: Option<Nanos>,
    /// In thousandths.
    pub(crate) resources: BTreeMap<String, u64>,
    pub(crate) workers: Vec<String>,
}

impl<T> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("function", &self.draft.function)
            .field("key", &self.draft.key)
            .field("wishes", &self.draft.wishes)
            .finish_non_exhaustive()
    }
}

impl<T> Call<T> {
    /// A call of the registered function `name`, its arguments yet to be added with [`Self::arg`].
    /// `prefix` begins its key.
    pub fn function(name: &'static str, prefix: &'static str) -> Self {
        Self::new(name.into(), prefix.into(), SpecWriter::new(FUNCTION))
    }

    pub(crate) fn new(
        function: Cow<'static, str>,
        prefix: Cow<'static, str>,
        spec: SpecWriter,
    ) -> Self {
        let draft = Draft {
            function,
            prefix,
            key: None,
            wishes: Wishes::default(),
            spec,
            inputs: Vec::new(),
            after: Vec::new(),
            error: None,
            positions: HashMap::new(),
        };
        Self { draft, result: PhantomData }
    }

    /// Adds the next argument; `name` is the parameter's, for messages.
    pub fn arg<A: Serialize>(mut self, name: &str, argument: impl Into<Arg<A>>) -> Self {
        match argument.into().source {
            Source::Value(value) => {
                if let Err(error) = self.draft.spec.value(&value) {
                    self.draft.refuse(name, &error);
                }
            }
            Source::Future(dependency) => {
                let position = self.draft.input(dependency);
                self.draft.spec.input(position);
            }
            Source::Futures(list) => {
                let positions: Vec<u32> =
                    list.into_iter().map(|dependency| self.draft.input(dependency)).collect();
                self.draft.spec.inputs(&positions);
            }
        }
        self
    }

    /// Its key: `prefix-17`, `prefix-name` or a prefix alone; plots colour and count by prefix.
    /// By default the function's name and a running number.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.draft.key = Some(key.into());
        self
    }

    /// How often it runs again after a failure; by default never.
    pub fn retries(mut self, retries: u32) -> Self {
        self.draft.wishes.retries = retries;
        self
    }

    /// How long to wait before each retry; by default not at all.
    pub fn retry_delay(mut self, delay: Duration) -> Self {
        self.draft.wishes.retry_delay = nanos(delay);
        self
    }

    /// It fails when one attempt takes longer; by default it may take for ever.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.draft.wishes.timeout = Some(nanos(timeout));
        self
    }

    /// Higher runs first; the default is 0. Of what a task submits it is counted from one more than the
    /// task's own.
    pub fn priority(mut self, priority: i32) -> Self {
        self.draft.wishes.priority = priority;
        self
    }

    /// It needs so much of a resource of its worker while it is there, such as 1 of `gpu`. Only
    /// workers that have the resource run it, and never more at once than they have of it.
    ///
    /// # Panics
    /// The amount is negative, or not a number.
    pub fn resource(mut self, name: impl Into<String>, amount: f64) -> Self {
        self.draft.wishes.resources.insert(name.into(), thousandths(amount));
        self
    }

    /// Only these workers may run it: names, such as `worker-0`, or addresses. By default any.
    pub fn workers<W: Into<String>>(mut self, workers: impl IntoIterator<Item = W>) -> Self {
        self.draft.wishes.workers = workers.into_iter().map(Into::into).collect();
        self
    }

    /// Run only after that task has finished, whose result it does not take.
    pub fn after<A>(mut self, future: &TaskFuture<A>) -> Self {
        match future.dependency() {
            Ok(held) => self.draft.after.push(held),
            Err(error) => self.draft.error = Some(error),
        }
        self
    }
}

impl Draft {
    /// Position of an input; each task is one input however often it is taken.
    pub(crate) fn input(&mut self, dependency: Dependency) -> u32 {
        let held = match dependency {
            Ok(held) => held,
            Err(error) => {
                self.error = Some(error);
                return 0;
            }
        };
        if let Some(position) = self.position(&held) {
            return position;
        }
        let position = self.inputs.len() as u32;
        self.inputs.push(held);
        if self.inputs.len() == FEW {
            let known = self.inputs.iter().zip(0..).map(|(held, i)| (held.local(), i));
            self.positions = known.collect();
        } else if self.inputs.len() > FEW {
            let local = self.inputs[position as usize].local();
            self.positions.insert(local, position);
        }
        position
    }

    fn position(&self, held: &Held) -> Option<u32> {
        if self.inputs.len() >= FEW {
            return self.positions.get(&held.local()).copied();
        }
        self.inputs.iter().position(|known| known.local() == held.local()).map(|i| i as u32)
    }

    /// The dependencies as the client's own numbers, increasing.
    pub(crate) fn deps(&self) -> Vec<u32> {
        let all = self.inputs.iter().chain(&self.after);
        let mut deps: Vec<u32> = all.map(|held| held.local()).collect();
        deps.sort_unstable();
        deps.dedup();
        deps
    }

    /// About how many bytes it takes on the wire.
    pub(crate) fn n_bytes(&self) -> usize {
        self.spec.len() + 8 * (self.inputs.len() + self.after.len()) + 16
    }

    pub(crate) fn refuse(&mut self, name: &str, error: &CodecError) {
        let key = self.key.clone().unwrap_or_else(|| self.prefix.clone().into_owned());
        let message = format!("argument `{name}` {error}");
        let kind = TaskErrorKind::Failed(Some(FailureKind::Codec));
        self.error = Some(Arc::new(TaskError::new(kind, key, message)));
    }
}

/// An amount of a resource as it is counted.
pub(crate) fn thousandths(amount: f64) -> u64 {
    assert!(amount >= 0.0, "an amount of a resource is at least 0");
    (amount * 1000.0).round() as u64
}

fn nanos(duration: Duration) -> Nanos {
    Nanos(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}
