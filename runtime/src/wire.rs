//! What travels between scheduler, workers and clients, and how.
//!
//! Messages are plain values ([`message`]). Within a process they go through bounded queues as they
//! are; between processes a pump turns them into frames and back ([`frame`], [`pump`]). The code
//! above a [`Link`] cannot tell which of the two it is.

pub mod codec;
pub mod data;
pub mod frame;
pub mod handshake;
pub mod link;
pub mod message;
pub mod operate;
pub(crate) mod outlet;
pub mod pump;
pub(crate) mod socket;

pub use link::{Link, LinkSender, SendError};
