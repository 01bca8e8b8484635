//! An operator's connection: asks how a cluster is, and steers it, without being a client.

use bytes::BytesMut;
use thiserror::Error;
use tokio::io::AsyncWriteExt;

use crate::credentials::Credentials;
use crate::io_thread::IoThread;
use crate::wire::frame::{self, FrameError};
use crate::wire::handshake::{self, Connection, HandshakeError, Role};
use crate::wire::operate::{Answer, ClusterStatus, Request, Target};
use crate::wire::pump::read_message;

/// Why an operator got no answer.
#[derive(Debug, Error)]
pub enum OperateError {
    /// Nobody is there, or it speaks another version or refuses the token.
    #[error("cannot connect to the cluster at {address}: {source}")]
    Connect {
        /// Its address.
        address: String,
        /// Why not.
        #[source]
        source: HandshakeError,
    },
    /// The connection broke before the answer.
    #[error("no answer: {0}")]
    Frame(#[from] FrameError),
    /// The scheduler stopped before it answered, or answered something else.
    #[error("the cluster closed the connection")]
    Closed,
    /// It cannot be done.
    #[error("{0}")]
    Refused(String),
}

/// Asks the scheduler at `tcp://host:port` one thing after the other, on a connection each.
#[derive(Clone, Debug)]
pub struct Operator {
    address: String,
    credentials: Credentials,
}

impl Operator {
    /// For the scheduler at that address.
    pub fn new(address: impl Into<String>, credentials: Credentials) -> Self {
        Self { address: address.into(), credentials }
    }

    /// How the cluster is.
    ///
    /// # Errors
    /// There is no answer.
    pub fn status(&self) -> Result<ClusterStatus, OperateError> {
        match self.ask(Request::Status)? {
            Answer::Status(status) => Ok(*status),
            Answer::Done { .. } | Answer::Refused { .. } => Err(OperateError::Closed),
        }
    }

    /// Gives tasks up, with all that depends on them; how many those were.
    ///
    /// # Errors
    /// There is no answer, or no such task.
    pub fn cancel(&self, target: Target) -> Result<u64, OperateError> {
        self.ask(Request::Cancel(target)).and_then(done)
    }

    /// Has a worker, by name or id, leave once its results have moved.
    ///
    /// # Errors
    /// There is no answer, or no such worker.
    pub fn retire(&self, worker: &str) -> Result<(), OperateError> {
        self.ask(Request::Retire(worker.to_owned())).and_then(done).map(|_n_tasks| ())
    }

    /// Stops the cluster.
    ///
    /// # Errors
    /// There is no answer.
    pub fn shutdown(&self) -> Result<(), OperateError> {
        self.ask(Request::Shutdown).and_then(done).map(|_n_tasks| ())
    }

    fn ask(&self, request: Request) -> Result<Answer, OperateError> {
        let failed = |source| OperateError::Connect { address: self.address.clone(), source };
        let io_thread = IoThread::start("reel-operator").map_err(|e| failed(e.into()))?;
        let (tx, rx) = std::sync::mpsc::channel();
        let host = self.address.strip_prefix("tcp://").unwrap_or(&self.address).to_owned();
        let credentials = self.credentials.clone();
        io_thread.handle().spawn(async move {
            let answered = match handshake::connect(&host, Role::Operator, &credentials).await {
                Ok(connection) => Ok(exchange(connection, request).await),
                Err(error) => Err(error),
            };
            // The receiver waits below.
            let _ = tx.send(answered);
        });
        rx.recv().map_err(|_gone| OperateError::Closed)?.map_err(failed)?
    }
}

async fn exchange(connection: Connection, request: Request) -> Result<Answer, OperateError> {
    let Connection { mut reader, mut writer } = connection;
    let mut out = BytesMut::new();
    frame::encode(request, &mut Vec::new(), &mut out)?;
    writer.write_all(&out).await.map_err(FrameError::Io)?;
    writer.flush().await.map_err(FrameError::Io)?;
    read_message(&mut reader).await?.ok_or(OperateError::Closed)
}

fn done(answer: Answer) -> Result<u64, OperateError> {
    match answer {
        Answer::Done { n_tasks } => Ok(n_tasks),
        Answer::Refused { reason } => Err(OperateError::Refused(reason)),
        Answer::Status(_) => Err(OperateError::Closed),
    }
}
