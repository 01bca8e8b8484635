//! Runs `#[task]` functions, and turns their panics into failures.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use taskreel_model::FailureKind;

use super::{Completed, Executor, Failure, Job};
use crate::task::{Arguments, registered};

/// The executor of `#[task]` functions.
#[derive(Clone, Copy, Debug, Default)]
pub struct FunctionExecutor;

thread_local! {
    /// `Some` while a task runs on this thread: where its panic happened, once it has.
    static PANICKED_AT: RefCell<Option<String>> = const { RefCell::new(None) };
}

impl Executor for FunctionExecutor {
    fn run(&self, job: &Job<'_>) -> Result<Completed, Failure> {
        let Some(function) = registered(job.function) else {
            return Err(Failure::new(FailureKind::Missing, unknown(job.function)));
        };
        quiet_panics();
        let mut arguments = Arguments::new(job.body, job.inputs);
        PANICKED_AT.set(Some(String::new()));
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| (function.run)(&mut arguments)));
        let place = PANICKED_AT.take().unwrap_or_default();
        match outcome {
            Ok(Ok(returned)) => Ok(Completed {
                result: returned.bytes,
                decode_took: arguments.decode_took(),
                encode_took: returned.encode_took,
            }),
            Ok(Err(failure)) => Err(failure),
            Err(payload) => {
                let message = format!("panicked at {place}: {}", text(payload.as_ref()));
                Err(Failure::new(FailureKind::Panic, message))
            }
        }
    }

    fn can_stop(&self) -> bool {
        false
    }
}

fn unknown(name: &str) -> String {
    format!(
        "function `{name}` is not registered on this worker: run the worker with the same program, \
         and name the crate of the function in it (`use that_crate as _;`)"
    )
}

/// A task's panic becomes its error message; it need not be on the worker's stderr as well.
fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let in_task = PANICKED_AT.with_borrow_mut(|place| match place {
                Some(place) => {
                    *place = info.location().map_or_else(String::new, ToString::to_string);
                    true
                }
                None => false,
            });
            if !in_task {
                usual(info);
            }
        }));
    });
}

fn text(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a value that is not text")
}
