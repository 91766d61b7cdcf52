//! A backend connection in a client's hands, and what becomes of it afterwards.

use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use crate::backend::Backend;
use crate::backend::connection::{Activity, Certainty, Connection};
use crate::backend::connector::Login;
use crate::backend::kill::kill;
use crate::backend::proxy_header::Origin;
use crate::pool::close_reason::CloseReason;
use crate::pool::inner::{Idle, Inner};
use crate::pool::key::{Key, Sharing, Slot};
use crate::pool::shelf::Shelf;
use crate::pool::{Bounds, Pool};
use crate::protocol::capabilities::Capabilities;
use crate::protocol::status::StatusFlags;

/// The right to one connection of an account on a backend; returned when dropped.
#[must_use]
pub struct Permit {
    pool: Arc<Pool>,
    shelf: Arc<Shelf>,
    bounds: Bounds,
    /// Whether its connection counts: it is there, or about to be.
    holds: bool,
}

/// What it takes to give a connection to another client of the same account.
#[derive(Debug)]
pub(super) struct Reuse {
    pub key: Key,
    pub login: Arc<Login>,
    pub origin: Option<Origin>,
}

/// A connection that one client has.
///
/// Dropping it never waits: a task resets and keeps the connection if it is at rest and known to be clean, kills its
/// statement if one still runs, and closes it in every other case. Outside a runtime it is just closed.
#[must_use]
pub struct Lease {
    held: Option<Held>,
}

struct Held {
    permit: Permit,
    backend: Arc<Backend>,
    connection: Box<Connection>,
    reuse: Option<Reuse>,
    killer: Option<Box<Killer>>,
    taint: Option<CloseReason>,
}

/// How an abandoned statement can be killed.
#[derive(Debug)]
pub struct Killer {
    /// The login that does it.
    pub login: Login,
    /// Where the server is to be told that it comes from.
    pub origin: Option<Origin>,
}

impl Permit {
    pub(super) fn new(pool: Arc<Pool>, shelf: Arc<Shelf>, bounds: Bounds) -> Self {
        Self { pool, shelf, bounds, holds: false }
    }

    /// One that came with its connection.
    pub(super) fn holding(pool: Arc<Pool>, shelf: Arc<Shelf>, bounds: Bounds) -> Self {
        Self { pool, shelf, bounds, holds: true }
    }

    /// Takes an idle connection.
    pub(super) fn take(&mut self, take: impl FnOnce(&mut Inner) -> Option<Idle>) -> Option<Idle> {
        let mut inner = self.shelf.lock();
        let idle = take(&mut inner)?;
        if !std::mem::replace(&mut self.holds, true) {
            inner.hold();
        }
        Some(idle)
    }

    /// A connection is about to be opened: gives the idle one that must make room for it, if one must.
    pub(super) fn make_room(&mut self) -> Option<Idle> {
        let mut inner = self.shelf.lock();
        if !std::mem::replace(&mut self.holds, true) {
            inner.hold();
        }
        inner.evict(self.bounds.max_connections)
    }

    /// Keeps the connection for others. `Err` gives one that is too many.
    fn keep(&mut self, idle: Idle, max_idle: u32) -> Result<(), Box<Idle>> {
        let mut inner = self.shelf.lock();
        if std::mem::take(&mut self.holds) {
            inner.let_go();
        }
        inner.keep(idle, max_idle, self.bounds.max_connections)
    }

    pub(super) fn shelf(&self) -> &Arc<Shelf> {
        &self.shelf
    }

    pub(super) fn slot(&self) -> &Slot {
        self.shelf.slot()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut inner = self.shelf.lock();
        if self.holds {
            inner.let_go();
        }
        inner.give_back(self.bounds.max_connections);
    }
}

impl Lease {
    pub(super) fn new(
        permit: Permit,
        backend: Arc<Backend>,
        connection: Box<Connection>,
        reuse: Option<Reuse>,
    ) -> Self {
        Self { held: Some(Held { permit, backend, connection, reuse, killer: None, taint: None }) }
    }

    /// A connection whose login was relayed: closed when its client leaves. `killer` is a login that may kill its
    /// statement if the client vanishes; without one the statement runs to its end.
    pub fn relayed(
        permit: Permit,
        backend: Arc<Backend>,
        connection: Connection,
        killer: Option<Killer>,
    ) -> Self {
        let (connection, killer) = (Box::new(connection), killer.map(Box::new));
        Self { held: Some(Held { permit, backend, connection, reuse: None, killer, taint: None }) }
    }

    /// The connection.
    pub fn connection(&mut self) -> Option<&mut Connection> {
        self.held.as_mut().map(|held| &mut *held.connection)
    }

    /// Where it is counted.
    pub fn slot(&self) -> Option<&Slot> {
        self.held.as_ref().map(|held| held.permit.slot())
    }

    /// The backend.
    pub fn backend(&self) -> Option<&Arc<Backend>> {
        self.held.as_ref().map(|held| &held.backend)
    }

    /// Gives a shared connection back as it is, for the next session: its state is known and nothing pins it. Any other is
    /// treated as if it had been dropped.
    pub fn release(mut self) {
        match self.held.take() {
            Some(held) if matches!(held.fate(), Fate::Keep) => held.keep_as_it_is(),
            held => drop(Self { held }),
        }
    }

    /// The connection is to be closed when the lease ends, whatever state it is in then.
    pub fn taint(&mut self, reason: CloseReason) {
        if let Some(held) = &mut self.held {
            held.taint.get_or_insert(reason);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            let pool = Arc::clone(&held.permit.pool);
            match held.fate() {
                Fate::Keep if held.is_only_by_handshake() => {
                    pool.chores.spawn("close", held.close(CloseReason::HandshakeOnly));
                }
                Fate::Keep => pool.chores.spawn("clean", held.clean()),
                Fate::Kill => pool.chores.spawn("kill", held.kill()),
                Fate::Close(reason) => pool.chores.spawn("close", held.close(reason)),
            }
        }
    }
}

enum Fate {
    Keep,
    Kill,
    Close(CloseReason),
}

impl Held {
    fn fate(&self) -> Fate {
        let connection = &self.connection;
        if let Some(reason @ (CloseReason::Broken | CloseReason::Streamed)) = self.taint {
            return Fate::Close(reason);
        }
        if connection.activity() == Activity::Busy {
            return Fate::Kill;
        }
        if let Some(reason) = self.taint {
            return Fate::Close(reason);
        }
        if self.reuse.is_none() {
            return Fate::Close(CloseReason::Relayed);
        }
        if connection.status().contains(StatusFlags::IN_TRANSACTION) {
            return Fate::Close(CloseReason::InTransaction);
        }
        if !connection.buffer.is_empty() {
            return Fate::Close(CloseReason::Spoke);
        }
        if connection.born().elapsed() > self.permit.bounds.max_lifetime {
            return Fate::Close(CloseReason::Lifetime);
        }
        Fate::Keep
    }

    fn is_only_by_handshake(&self) -> bool {
        self.connection.capabilities().intersect(ONLY_BY_HANDSHAKE) != Capabilities::NONE
    }

    /// Frees what the session held, at once, and keeps the connection if nothing of the session is left on it.
    async fn clean(self) {
        let Self { mut permit, backend, connection, reuse, .. } = self;
        let Some(Reuse { key, .. }) = reuse else { return };
        let limit = permit.bounds.kill_timeout;
        let sharing = key.sharing;
        let cleaned = async {
            match sharing {
                Sharing::Alone => cleaned(*connection).await,
                Sharing::Shared => shared_again(*connection, &permit).await,
            }
        };
        let cleaned = tokio::time::timeout(limit, cleaned).await;
        backend.metrics().resets.increment(1);
        match cleaned.unwrap_or(Err(CloseReason::ResetFailed)) {
            Ok(connection) => {
                let idle = Idle { key, connection: Box::new(connection), since: Instant::now() };
                let most = permit.bounds.most_idle(sharing);
                if let Err(surplus) = permit.keep(idle, most) {
                    permit.pool.closed(backend.name(), CloseReason::Surplus);
                    surplus.close().await;
                }
            }
            Err(reason) => permit.pool.closed(backend.name(), reason),
        }
    }

    fn keep_as_it_is(self) {
        let Self { mut permit, connection, reuse, .. } = self;
        let Some(Reuse { key, .. }) = reuse else { return };
        let idle = Idle { key, connection, since: Instant::now() };
        let most = permit.bounds.most_idle(Sharing::Shared);
        if let Err(surplus) = permit.keep(idle, most) {
            permit.pool.closed(&permit.slot().backend, CloseReason::Surplus);
            permit.pool.chores.spawn("close", surplus.close());
        }
    }

    async fn kill(self) {
        let Self { permit, backend, connection, killer, reuse, .. } = self;
        let own = |reuse: Reuse| Killer { login: Login::clone(&reuse.login), origin: reuse.origin };
        let killer = killer.map(|killer| *killer).or_else(|| reuse.map(own));
        permit.pool.closed(backend.name(), CloseReason::ClientGone);
        match killer {
            Some(Killer { login, origin }) => {
                let (thread, limit) = (connection.thread(), permit.bounds.kill_timeout);
                let mut killed = pin!(kill(&backend, &login, origin, thread));
                if tokio::time::timeout(limit, &mut killed).await.is_err() {
                    tracing::warn!(backend = backend.name(), %thread, ?limit, "killing an abandoned statement takes long");
                    // Others need not wait for it.
                    drop((connection, permit));
                    killed.await;
                }
            }
            None => tracing::warn!(
                backend = backend.name(),
                thread = %connection.thread(),
                "a client went away while its statement ran; it runs to its end: its login was relayed and there is \
                 no [service] account to kill it with"
            ),
        }
    }

    async fn close(self, reason: CloseReason) {
        self.permit.pool.closed(self.backend.name(), reason);
        match reason {
            CloseReason::Broken => {}
            // What was not committed changed nothing, and others may wait for the end of it.
            CloseReason::InTransaction => self.connection.quit().await,
            _ => self.connection.settle_and_quit().await,
        }
    }
}

/// Capabilities that a server heeds at the handshake only: after a reset or another login they are forgotten (10.11).
const ONLY_BY_HANDSHAKE: Capabilities = Capabilities::IGNORE_SPACE
    .union(Capabilities::INTERACTIVE)
    .union(Capabilities::NO_SCHEMA)
    .union(Capabilities::ODBC);

/// After an error nobody has said whether a transaction, maybe a prepared XA one, is open. A statement that does nothing
/// makes the server say it.
async fn certain(connection: Connection) -> Result<Connection, CloseReason> {
    if connection.certainty() == Certainty::Told {
        return Ok(connection);
    }
    let connection = connection.execute("DO 0").await.map_err(|_| CloseReason::InTransaction)?;
    if connection.status().contains(StatusFlags::IN_TRANSACTION) {
        connection.quit().await;
        return Err(CloseReason::InTransaction);
    }
    Ok(connection)
}

/// Resets the connection. An active role outlives every reset, so a connection that has one is closed; the query that
/// finds out returns no row otherwise, which leaves FOUND_ROWS() at 0 as on a new connection.
async fn cleaned(connection: Connection) -> Result<Connection, CloseReason> {
    let connection = certain(connection).await?;
    let connection = connection.reset().await.map_err(|_| CloseReason::ResetFailed)?;
    let role = "SELECT 1 FROM DUAL WHERE CURRENT_ROLE() IS NOT NULL";
    let (connection, rows) = connection.rows(role).await.map_err(|_| CloseReason::ResetFailed)?;
    if rows.is_empty() {
        return Ok(connection);
    }
    connection.quit().await;
    Err(CloseReason::RoleActive)
}

/// Resets the connection and makes it ready for sessions that share it. Role and schema survive a reset; they are part of
/// the state that it has then. What init_connect did at the login does not survive, and only another login does it again.
async fn shared_again(connection: Connection, permit: &Permit) -> Result<Connection, CloseReason> {
    let mut connection = certain(connection).await?;
    connection.reset_here().await.map_err(|_| CloseReason::ResetFailed)?;
    let known = permit.shelf.knowledge().baselines();
    let shared = connection.prepare_sharing(&known, permit.bounds.max_statements).await;
    shared.map_err(|_| CloseReason::ResetFailed)?;
    if connection.shared().is_some_and(|shared| shared.has_init_connect) {
        connection.quit().await;
        return Err(CloseReason::InitConnect);
    }
    if let Some(shared) = connection.shared() {
        shared.baseline = permit.shelf.knowledge().observe_baseline(&shared.baseline);
    }
    Ok(connection)
}
