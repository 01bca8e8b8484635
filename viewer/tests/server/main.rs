//! The viewer as a browser meets it: a real server on a free port.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must stop, helpers included")]

mod access;
mod channel;
#[path = "../support/client.rs"]
mod client;
mod page;
mod serving;
#[path = "../support/synthetic.rs"]
mod synthetic;
