//! How a user writes tasks: calls of `#[task]` functions and commands, their arguments and names.

mod arg;
mod call;
mod command;
pub(crate) mod current;
mod registry;
pub(crate) mod spec;

pub use arg::Arg;
pub use call::Call;
pub(crate) use call::{Draft, Wishes, thousandths};
pub use command::{Captured, Command, CommandOutput, Stdin, StdinSource};
pub(crate) use command::{CommandSpec, Encoding, StdinSpec};
pub use current::{Span, current_client, mark, span};
pub use registry::{Arguments, TaskFunction, registered};
pub use spec::Returned;
pub(crate) use spec::{MAX_SPEC_BYTES, Spec};
