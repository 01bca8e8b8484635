//! The registry of `#[task]` functions, filled at link time and asked by name.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use taskreel_model::FailureKind;

use super::current::Current;
use super::spec::{ArgumentReader, Returned};
use crate::client::taking_turns;
use crate::executor::Failure;

/// A registered function. `#[task]` submits one to the registry; it can be written by hand:
///
/// ```
/// # extern crate taskreel_runtime as taskreel;
/// use taskreel::{Arguments, Call, Failure, Returned, TaskFunction};
///
/// fn double(arguments: &mut Arguments<'_>) -> Result<Returned, Failure> {
///     let x: i64 = arguments.next("x")?;
///     arguments.returned(&(2 * x))
/// }
/// taskreel::inventory::submit! { TaskFunction { name: "demo::double", run: double } }
///
/// let call: Call<i64> = Call::function("demo::double", "double").arg("x", 21);
/// assert!(taskreel::registered("demo::double").is_some());
/// # drop(call);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TaskFunction {
    /// Its path, by which it is called: `crate::module::name`.
    pub name: &'static str,
    /// Decodes the arguments, calls the function and encodes what it returns.
    pub run: fn(&mut Arguments<'_>) -> Result<Returned, Failure>,
}

inventory::collect!(TaskFunction);

/// The registered function of that name.
pub fn registered(name: &str) -> Option<&'static TaskFunction> {
    static BY_NAME: OnceLock<HashMap<&'static str, &'static TaskFunction>> = OnceLock::new();
    BY_NAME
        .get_or_init(|| inventory::iter::<TaskFunction>().map(|f| (f.name, f)).collect())
        .get(name)
        .copied()
}

/// The arguments of one call, to be taken in the order of the parameters.
#[derive(Debug)]
pub struct Arguments<'a> {
    reader: ArgumentReader<'a>,
    decode_took: Duration,
}

impl<'a> Arguments<'a> {
    /// Those in the bytes that a client made of them, given the results that they name.
    #[doc(hidden)]
    pub fn new(body: &'a [u8], inputs: &'a [Bytes]) -> Self {
        Self { reader: ArgumentReader::new(body, inputs), decode_took: Duration::ZERO }
    }

    /// The next argument; `name` is the parameter's, for messages.
    ///
    /// # Errors
    /// It is missing, or its bytes are not of that type.
    pub fn next<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, Failure> {
        let begin = Instant::now();
        let value = self.reader.next(name);
        self.decode_took += begin.elapsed();
        value
    }

    /// Waits for what an `async` function gives; timers and sockets of tokio work in it.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let current = Current::get().expect("tasks run on the slots of a worker");
        current.host.io().block_on(taking_turns(future))
    }

    /// What the task returns.
    ///
    /// # Errors
    /// It cannot be encoded.
    pub fn returned<T: Serialize>(&self, value: &T) -> Result<Returned, Failure> {
        Returned::encode(value)
            .map_err(|e| Failure::new(FailureKind::Codec, format!("the result {e}")))
    }

    /// What a fallible task returns: its error becomes the task's failure.
    ///
    /// # Errors
    /// The function's own, with its whole chain where `{:#}` shows one; or as [`Self::returned`].
    pub fn returned_result<T: Serialize, E: Display>(
        &self,
        result: Result<T, E>,
    ) -> Result<Returned, Failure> {
        match result {
            Ok(value) => self.returned(&value),
            Err(error) => Err(Failure::new(FailureKind::Error, format!("{error:#}"))),
        }
    }

    /// Time spent decoding so far.
    pub(crate) fn decode_took(&self) -> Duration {
        self.decode_took
    }
}
