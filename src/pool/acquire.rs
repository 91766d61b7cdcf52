//! From a client's login to a backend connection of its own.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::auth::account_row::RowId;
use crate::backend::Backend;
use crate::backend::connection::Connection;
use crate::backend::connector::{CLIENT_CHOICES, Login, Terms};
use crate::backend::error::ConnectError;
use crate::backend::proxy_header::Origin;
use crate::pool::close_reason::CloseReason;
use crate::pool::inner::{Claim, Granted};
use crate::pool::key::{Key, Sharing, Slot};
use crate::pool::lease::{Lease, Permit, Reuse};
use crate::pool::maintenance;
use crate::pool::shelf::Shelf;
use crate::pool::{Bounds, Pool};

/// What a client needs.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The server.
    pub backend: &'a Arc<Backend>,
    /// The account as the client named it.
    pub account: &'a [u8],
    /// What the session asks for.
    pub terms: &'a Terms,
    /// Where the client comes from, for backends that are told.
    pub origin: Option<Origin>,
    /// The row of the server's account table that its connections are to be; none for a configured account, where it does
    /// not matter.
    pub row: Option<&'a RowId>,
    /// Generation of the configuration.
    pub generation: u64,
    /// Bounds of that configuration.
    pub bounds: Bounds,
    /// A lease that is given up as soon as this request has succeeded: its place is taken over without waiting.
    pub replaces: Option<&'a Slot>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum AcquireError {
    /// All of the account's connections were taken for too long.
    #[error("no backend connection became free within {0:?}")]
    TimedOut(Duration),
    /// None could be opened.
    #[error("no backend connection could be opened")]
    Connect(#[source] ConnectError),
}

impl Pool {
    /// Waits for the right to one more connection of the account, at most `patience`.
    ///
    /// # Errors
    /// [`AcquireError::TimedOut`].
    pub async fn permit(
        self: &Arc<Self>,
        request: &Request<'_>,
        patience: Duration,
    ) -> Result<Permit, AcquireError> {
        let slot = Slot { backend: request.backend.name().to_owned(), account: request.account.to_vec() };
        let shelf = self.shelf(&slot);
        if request.replaces == Some(&slot) {
            shelf.lock().claim_beside();
            return Ok(Permit::new(Arc::clone(self), shelf, request.bounds));
        }
        self.permit_on(shelf, request, patience).await
    }

    pub(super) async fn permit_on(
        self: &Arc<Self>,
        shelf: Arc<Shelf>,
        request: &Request<'_>,
        patience: Duration,
    ) -> Result<Permit, AcquireError> {
        let claim = shelf.lock().claim(request.bounds.max_connections);
        if let Claim::Later(receiver) = claim {
            let mut turn = Turn { shelf: &shelf, bounds: request.bounds, receiver: Some(receiver) };
            if !turn.comes_within(patience).await {
                request.backend.metrics().timeouts.increment(1);
                return Err(AcquireError::TimedOut(patience));
            }
        }
        Ok(Permit::new(Arc::clone(self), shelf, request.bounds))
    }

    /// A connection that is logged in as `login` and knows nothing of whoever had it before.
    ///
    /// # Errors
    /// See [`AcquireError`].
    pub async fn acquire(
        self: &Arc<Self>,
        request: Request<'_>,
        login: &Login,
        patience: Duration,
    ) -> Result<Lease, AcquireError> {
        let started = Instant::now();
        let mut permit = self.permit(&request, patience).await?;
        let connection = match self.reused(&mut permit, &request, login).await? {
            Some(connection) => connection,
            None => self.opened(&mut permit, &request, login).await?,
        };
        self.acquire_seconds.record(started.elapsed());
        let key = key(&request, &connection, Sharing::Alone);
        let reuse = Reuse { key, login: Arc::new(login.clone()), origin: request.origin };
        Ok(Lease::new(permit, Arc::clone(request.backend), Box::new(connection), Some(reuse)))
    }

    /// Logs in again on an idle connection. One that turns out to be dead is closed and the next is tried: nothing but
    /// the login was sent on it.
    async fn reused(
        &self,
        permit: &mut Permit,
        request: &Request<'_>,
        login: &Login,
    ) -> Result<Option<Connection>, AcquireError> {
        let key = wanted(request, Sharing::Alone);
        while let Some(mut idle) = permit.take(|inner| inner.take_idle(&key)) {
            if maintenance::has_spoken(&mut idle) {
                self.closed(request.backend.name(), CloseReason::Spoke);
                continue;
            }
            match request.backend.log_in_again(*idle.connection, login, request.terms).await {
                Ok(connection) => return Ok(Some(connection)),
                Err(ConnectError::Login(error)) => {
                    self.closed(request.backend.name(), CloseReason::ResetFailed);
                    return Err(AcquireError::Connect(ConnectError::Login(error)));
                }
                Err(_) => self.closed(request.backend.name(), CloseReason::Broken),
            }
        }
        Ok(None)
    }

    /// With a permit in hand and a connection opened, or about to be: closes an idle one where there would be too many.
    pub fn make_room(&self, permit: &mut Permit) {
        if let Some(idle) = permit.make_room() {
            self.closed(&permit.slot().backend, CloseReason::Evicted);
            self.chores.spawn("close", idle.close());
        }
    }

    pub(super) async fn opened(
        &self,
        permit: &mut Permit,
        request: &Request<'_>,
        login: &Login,
    ) -> Result<Connection, AcquireError> {
        self.make_room(permit);
        let connected = request.backend.connect(login, request.terms, request.origin).await;
        connected.map_err(AcquireError::Connect)
    }
}

/// A place in the queue. Given up while a permit is on its way to it, it passes the permit on.
struct Turn<'a> {
    shelf: &'a Shelf,
    bounds: Bounds,
    receiver: Option<oneshot::Receiver<Granted>>,
}

impl Turn<'_> {
    async fn comes_within(&mut self, patience: Duration) -> bool {
        let Some(receiver) = &mut self.receiver else { return false };
        let granted = match tokio::time::timeout(patience, &mut *receiver).await {
            Ok(granted) => granted.is_ok(),
            Err(_) => is_granted(receiver),
        };
        self.receiver = None;
        granted
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.receiver.as_mut().is_some_and(is_granted) {
            self.shelf.lock().give_back(self.bounds.max_connections);
        }
    }
}

/// Closes the channel and tells whether the permit had been sent before.
fn is_granted(receiver: &mut oneshot::Receiver<Granted>) -> bool {
    receiver.close();
    receiver.try_recv().is_ok()
}

/// The key that an idle connection must have for this request.
pub fn wanted(request: &Request<'_>, sharing: Sharing) -> Key {
    let server = request.backend.health().facts().map(|facts| facts.capabilities).unwrap_or_default();
    Key {
        generation: request.generation,
        capabilities: request.terms.choices() & server,
        client: announced(request),
        row: digest(request),
        sharing,
    }
}

pub(super) fn key(request: &Request<'_>, connection: &Connection, sharing: Sharing) -> Key {
    let choices = connection.capabilities() & CLIENT_CHOICES;
    Key {
        generation: request.generation,
        capabilities: choices,
        client: announced(request),
        row: digest(request),
        sharing,
    }
}

fn digest(request: &Request<'_>) -> u64 {
    request.row.map_or(0, |row| row.digest)
}

fn announced(request: &Request<'_>) -> Option<IpAddr> {
    let origin = request.origin.filter(|_| request.backend.announces_clients());
    origin.map(|origin| origin.client.ip())
}
