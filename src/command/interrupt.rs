//! Ctrl-C: the first ends things in order, the second at once.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::Failure;

/// Ctrl-C and requests to terminate, as they arrive.
#[derive(Debug)]
pub struct Interrupts {
    arrived: Receiver<()>,
}

impl Interrupts {
    /// Takes over Ctrl-C from the system's default, which is to end the process; and the limit of a file's
    /// size, which then is an error of the write.
    pub fn listen() -> Result<Self, Failure> {
        let (tx, arrived) = mpsc::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Failure::run)?;
        // Registered here and not on the thread, so that no signal is missed.
        let mut signals = {
            let _entered = runtime.enter();
            Signals::register().map_err(Failure::run)?
        };
        let watch = move || {
            runtime.block_on(async {
                signals.next().await;
                // If nobody waits any more, the process is about to end anyway.
                let _ = tx.send(());
                signals.next().await;
                std::process::exit(1);
            });
        };
        thread::Builder::new().name("interrupts".to_owned()).spawn(watch).map_err(Failure::run)?;
        Ok(Self { arrived })
    }

    /// Waits for the first Ctrl-C.
    pub fn wait(&self) {
        // A sender that is gone cannot be: its thread lives as long as the process.
        let _ = self.arrived.recv();
    }

    /// Waits at most that long; whether there was a Ctrl-C.
    pub fn wait_for(&self, limit: Duration) -> bool {
        match self.arrived.recv_timeout(limit) {
            Ok(()) => true,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => false,
        }
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn register() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        // Nobody waits for it, but as it is listened for, a write beyond `ulimit -f` fails as on a full disk
        // does, where it would end the process at once.
        drop(signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?);
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn register() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        drop(tokio::signal::ctrl_c().await);
    }
}
