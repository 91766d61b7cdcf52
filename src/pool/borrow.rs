//! A connection for as long as one statement, or what it leaves behind, needs it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::auth::account_row::RowId;
use crate::backend::connection::{Connection, ControlError};
use crate::backend::connector::Login;
use crate::backend::control::query;
use crate::backend::error::ConnectError;
use crate::backend::shared::Valid;
use crate::pool::acquire::key;
use crate::pool::close_reason::CloseReason;
use crate::pool::inner::{Idle, Wish};
use crate::pool::key::{Key, Sharing};
use crate::pool::knowledge::{COLLATIONS, DEFAULT_CHARACTER_SETS};
use crate::pool::lease::{Permit, Reuse};
use crate::pool::maintenance;
use crate::pool::shelf::Shelf;
use crate::pool::{AcquireError, Lease, Pool, Request};
use crate::session::residue::Owed;

impl Pool {
    /// A connection for a session that shares it, if there is one for which nobody has to be waited for; see [`Self::borrow`].
    pub fn borrow_at_once(
        self: &Arc<Self>,
        shelf: &Arc<Shelf>,
        request: &Request<'_>,
        login: &Arc<Login>,
        key: &Key,
        wish: Wish<'_>,
    ) -> Option<Lease> {
        let idle = shelf.lock().lend(request.bounds.max_connections, key, wish)?;
        let permit = Permit::holding(Arc::clone(self), Arc::clone(shelf), request.bounds);
        let idle = self.sound(idle, request)?;
        self.acquire_seconds.record(0.0);
        Some(lent(permit, request, login, idle, wish))
    }

    /// A connection for a session that shares it: the one it used last if nobody has used that since, one in the
    /// session's state, one that can be brought to it, or a new one. Bringing it there is the caller's.
    ///
    /// # Errors
    /// See [`AcquireError`].
    pub async fn borrow(
        self: &Arc<Self>,
        shelf: &Arc<Shelf>,
        request: &Request<'_>,
        login: &Arc<Login>,
        key: &Key,
        wish: Wish<'_>,
        patience: Duration,
    ) -> Result<Lease, AcquireError> {
        let started = Instant::now();
        let permit = if request.replaces == Some(shelf.slot()) {
            // The session has one that it gives up if this succeeds: waiting could be waiting for itself.
            shelf.lock().claim_beside();
            Permit::new(Arc::clone(self), Arc::clone(shelf), request.bounds)
        } else {
            self.permit_on(Arc::clone(shelf), request, patience).await?
        };
        let lease = match self.lend(permit, request, login, key, wish) {
            Ok(lease) => lease,
            Err(permit) => self.lend_new(permit, request, login).await?,
        };
        self.acquire_seconds.record(started.elapsed());
        Ok(lease)
    }

    /// An idle connection, or the permit back where none suits.
    fn lend(
        &self,
        mut permit: Permit,
        request: &Request<'_>,
        login: &Arc<Login>,
        key: &Key,
        wish: Wish<'_>,
    ) -> Result<Lease, Permit> {
        loop {
            let taken = permit.take(|inner| inner.take_best(key, wish));
            let Some(idle) = taken else { return Err(permit) };
            if let Some(idle) = self.sound(idle, request) {
                return Ok(lent(permit, request, login, idle, wish));
            }
        }
    }

    /// The connection, unless the server has closed it, or spoken on it.
    fn sound(&self, mut idle: Idle, request: &Request<'_>) -> Option<Idle> {
        if maintenance::has_spoken(&mut idle) {
            self.closed(request.backend.name(), CloseReason::Spoke);
            return None;
        }
        Some(idle)
    }

    async fn lend_new(
        &self,
        mut permit: Permit,
        request: &Request<'_>,
        login: &Arc<Login>,
    ) -> Result<Lease, AcquireError> {
        let mut connection = self.opened(&mut permit, request, login).await?;
        let ready = async {
            if let Some(row) = request.row {
                is_account(&mut connection, row).await?;
            }
            ready_to_share(&mut connection, &permit, request).await.map_err(|error| match error {
                ControlError::Refused(error) => ConnectError::Login(error),
                ControlError::Broken(error) => ConnectError::Broken(error),
                ControlError::Unexpected(_) => ConnectError::Unexpected,
            })
        };
        if let Err(error) = request.backend.bounded(ready).await {
            self.closed(request.backend.name(), CloseReason::Broken);
            return Err(AcquireError::Connect(error));
        }
        let key = key(request, &connection, Sharing::Shared);
        Ok(lease(permit, request, login, Box::new(connection), key))
    }
}

/// The lease on an idle connection. To whoever did not use it last it is another use.
fn lent(permit: Permit, request: &Request<'_>, login: &Arc<Login>, mut idle: Idle, wish: Wish<'_>) -> Lease {
    if let Some(shared) = idle.connection.shared().filter(|shared| Some(shared.usage) != wish.last) {
        shared.usage.number += 1;
        shared.valid = Valid::default();
    }
    lease(permit, request, login, idle.connection, idle.key)
}

fn lease(
    permit: Permit,
    request: &Request<'_>,
    login: &Arc<Login>,
    connection: Box<Connection>,
    key: Key,
) -> Lease {
    let reuse = Reuse { key, login: Arc::clone(login), origin: request.origin };
    Lease::new(permit, Arc::clone(request.backend), connection, Some(reuse))
}

impl Pool {
    /// Asks an idle connection for what it owes a session, if one of this shelf does; one that is lent tells by itself.
    pub async fn collect(&self, shelf: &Shelf, owed: &Arc<Owed>, max_connections: u32) {
        let creditor = {
            let mut inner = shelf.lock();
            let found = inner.take_debtor(owed);
            if found.is_some() {
                inner.claim_beside();
                inner.hold();
            }
            found
        };
        let Some(mut idle) = creditor else { return };
        let settled = tokio::time::timeout(SETTLEMENT, idle.connection.settle()).await;
        let mut inner = shelf.lock();
        inner.let_go();
        if matches!(settled, Ok(Ok(()))) {
            let _ = inner.keep(idle, u32::MAX, u32::MAX);
        } else {
            self.closed(&shelf.slot().backend, CloseReason::Broken);
        }
        inner.give_back(max_connections);
    }
}

/// Time for an idle connection to tell what it owes.
const SETTLEMENT: Duration = Duration::from_secs(5);

/// Makes sure that the server takes the login for the account that the client would be: it sees the proxy's address, which may
/// make it another one, with other rights.
async fn is_account(connection: &mut Connection, row: &RowId) -> Result<(), ConnectError> {
    let answers = connection.exchange(&[query("SELECT CURRENT_USER()")]).await;
    let mut answers = answers.map_err(|_| ConnectError::Unexpected)?;
    let found = answers.pop().and_then(|mut answer| answer.rows.pop()?.pop()?).unwrap_or_default();
    let found = String::from_utf8_lossy(&found).into_owned();
    if found == *row.name {
        Ok(())
    } else {
        Err(ConnectError::OtherAccount { expected: row.name.to_string(), found })
    }
}

/// Learns from a new connection what sessions of this account begin with, and on the first one which collations there are.
async fn ready_to_share(
    connection: &mut Connection,
    permit: &Permit,
    request: &Request<'_>,
) -> Result<(), ControlError> {
    let (known, knows_collations) = {
        let mut knowledge = permit.shelf().knowledge();
        knowledge.enter(request.generation);
        (knowledge.baselines(), knowledge.knows_collations())
    };
    if !knows_collations {
        let answers = connection.exchange(&[query(COLLATIONS), query(DEFAULT_CHARACTER_SETS)]).await?;
        let rows: Vec<_> = answers.into_iter().flat_map(|answer| answer.rows).collect();
        permit.shelf().knowledge().observe_collations(&rows);
    }
    connection.prepare_sharing(&known, request.bounds.max_statements).await?;
    if let Some(shared) = connection.shared() {
        let mut knowledge = permit.shelf().knowledge();
        shared.baseline = knowledge.observe_baseline(&shared.baseline);
        knowledge.observe_role(shared.state.role.clone());
    }
    Ok(())
}
