//! The scheduler: one thread owns the state; everything else talks to it through its inbox.

pub mod inbound;
