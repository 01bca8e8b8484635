//! What a client sends: out of the buffer to the scheduler, by whichever thread is first.
//!
//! A thread that waits for a result sends what the result hangs on itself: to wake the thread that
//! carries the session first would take longer than all the rest of it.

use std::collections::VecDeque;
use std::sync::Mutex;

use taskreel_model::ClientId;

use super::buffer::Buffer;
use super::session::lock;
use crate::wire::LinkSender;
use crate::wire::message::{ClientBefore, FromClient};

/// The way to the scheduler, and what is on it.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    /// `None`: there is no connection now.
    tx: Option<LinkSender<FromClient>>,
    /// Taken from the buffer, first to be sent first; the connection had no room for them yet.
    unsent: VecDeque<FromClient>,
    /// Whether what was sent is kept until the scheduler has it in its log.
    keeps: bool,
    /// What was sent, or is to be, and is not known to be in the scheduler's log...
    kept: VecDeque<FromClient>,
    /// ...and how many messages came before these.
    n_accepted: u64,
    /// The run, and the client's id in it, once they are known.
    who: Option<(String, ClientId)>,
}

/// How far sending got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// All that was there, if there is a connection.
    All,
    /// The connection has no room for the rest.
    Some,
    /// The connection is gone.
    Gone,
}

impl Outgoing {
    /// There is a connection: first what was kept goes again. `keeps`: whether there may be another
    /// after this one.
    pub(super) fn attach(&mut self, tx: LinkSender<FromClient>, keeps: bool) {
        self.tx = Some(tx);
        self.keeps = keeps;
        if keeps {
            self.unsent = self.kept.clone();
        }
    }

    /// The connection is gone.
    pub(super) fn detach(&mut self) {
        self.tx = None;
    }

    /// The client has connected.
    pub(super) fn welcomed(&mut self, run: String, client: ClientId) {
        self.who = Some((run, client));
    }

    /// So many messages, counted from the first, need not be kept any longer.
    pub(super) fn accepted(&mut self, n_messages: u64) {
        let n_new = n_messages.saturating_sub(self.n_accepted).min(self.kept.len() as u64);
        self.kept.drain(..n_new as usize);
        self.n_accepted += n_new;
    }

    /// Who the client is, for another connection; `None`: it never got so far.
    pub(super) fn before(&self) -> Option<ClientBefore> {
        let (run, client) = self.who.clone()?;
        Some(ClientBefore { run, client, n_accepted: self.n_accepted })
    }

    /// Sends what is left over, and then what is in the buffer. Never waits.
    pub(super) fn send(&mut self, buffer: &Mutex<Buffer>) -> Sent {
        let Some(tx) = &self.tx else { return Sent::All };
        loop {
            if tx.try_send_all(&mut self.unsent).is_err() {
                return Sent::Gone;
            }
            if !self.unsent.is_empty() {
                return Sent::Some;
            }
            self.unsent.extend(lock(buffer).take());
            if self.unsent.is_empty() {
                return Sent::All;
            }
            if self.keeps {
                self.kept.extend(self.unsent.iter().cloned());
            }
        }
    }
}
