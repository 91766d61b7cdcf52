//! What signals mean: SIGHUP reloads, SIGTERM and SIGINT drain, a second one of those ends at once.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that the proxy listens to.
pub struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Read configuration and certificates again.
    Reload,
    /// End.
    Stop,
}

impl Signals {
    /// Takes the signals over from their default actions.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The next request.
    pub async fn next(&mut self) -> Request {
        tokio::select! {
            _ = self.hangup.recv() => Request::Reload,
            _ = self.terminate.recv() => Request::Stop,
            _ = self.interrupt.recv() => Request::Stop,
        }
    }

    /// Waits for a request to end.
    pub async fn stop(&mut self) {
        while self.next().await != Request::Stop {}
    }
}
