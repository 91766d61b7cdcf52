//! Accepting clients: a task for every connection.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tracing::Level;

use crate::config::model::Address;
use crate::frontend::context::Frontend;
use crate::frontend::handshake::{Accepted, turn_away};
use crate::frontend::refusal::Refusal;
use crate::frontend::serve::serve;
use crate::migration::explain::Who;
use crate::telemetry::{self, Held, Label as _};
use crate::tls::listen::{BindError, Bound};
use crate::tls::socket::{Peer, Socket};

/// Pause after an accept that failed for want of something, such as file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// A socket that clients connect to.
#[derive(Debug)]
pub struct Listener {
    bound: Bound,
    address: Address,
}

impl Listener {
    /// Binds `address`, see [`Bound::bind`].
    ///
    /// # Errors
    /// See [`BindError`].
    pub async fn bind(address: &Address, unix_mode: u32) -> Result<Self, BindError> {
        let bound = Bound::bind(address, unix_mode).await?;
        Ok(Self { address: bound.address(address), bound })
    }

    /// Where it listens; with the port that was found when 0 was asked for.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Accepts until the future is dropped. `number` is the listener's place in the configuration.
    pub async fn accept(&self, frontend: &Arc<Frontend>, number: usize) {
        let mut failing = false;
        loop {
            match self.next().await {
                Ok(socket) => {
                    failing = false;
                    frontend.tasks.spawn("client", connection(Arc::clone(frontend), number, socket));
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    // Once, not ten times a second for as long as it lasts.
                    if !std::mem::replace(&mut failing, true) {
                        let error = telemetry::chain(&error);
                        tracing::error!(address = %self.address, error, "cannot accept clients; trying until it works");
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn next(&self) -> io::Result<Socket> {
        match &self.bound {
            Bound::Tcp(listener) => Socket::tcp(listener.accept().await?.0),
            Bound::Unix(listener, _) => Socket::unix(listener.accept().await?.0),
        }
    }
}

async fn connection(frontend: Arc<Frontend>, number: usize, socket: Socket) {
    let peer = socket.peer().clone();
    let handshaking = Held::new(frontend.metrics.handshaking.clone());
    let session = match Accepted::new(&frontend, number, socket) {
        // Both are apart, so that a session does not carry the room that its login took.
        Ok(accepted) => Box::pin(accepted.log_in()).await.map(Box::new),
        Err(turned_away) => {
            let (refusal, socket) = *turned_away;
            turn_away(socket, &refusal).await;
            Err(refusal)
        }
    };
    drop(handshaking);
    match session {
        Ok(session) => serve(session).await,
        Err(refusal) => {
            frontend.metrics.refusals.increment(refusal.cause());
            log(&refusal, &peer);
        }
    }
}

fn log(refusal: &Refusal, peer: &Peer) {
    let unknown = Who::default();
    let (cause, who, reason) =
        (refusal.cause(), refusal.who().unwrap_or(&unknown), telemetry::chain(refusal));
    let (cause, remedy) = (cause.label(), who.remedy(cause));
    match refusal.level() {
        Level::WARN => tracing::warn!(%peer, cause, reason, remedy, "client refused"),
        Level::INFO => tracing::info!(%peer, cause, reason, remedy, "client refused"),
        _ => tracing::debug!(%peer, cause, reason, remedy, "client refused"),
    }
}

/// Errors of a connection that was gone before it was accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, NotConnected};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | NotConnected)
}
