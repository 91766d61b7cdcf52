//! The login of a session that shares connections: without one, where the server has already shown what it would say.

use std::sync::Arc;
use std::time::Duration;

use crate::auth::account_row::RowId;
use crate::auth::{Account, BackendSecret};
use crate::backend::connection::{Connection, ControlError};
use crate::backend::connector::Login;
use crate::backend::control::query;
use crate::backend::error::ConnectError;
use crate::backend::shared::Tracking;
use crate::backend::sync::{SyncError, Target};
use crate::frontend::login::{Claim, LoginAttempt};
use crate::frontend::login_error::LoginError;
use crate::frontend::multiplex::{Diagnostics, Multiplex, SessionAnswer, Source};
use crate::pool::close_reason::CloseReason;
use crate::pool::knowledge::NotForClients;
use crate::pool::{AcquireError, Lease, Request, Wish};
use crate::protocol::reply::ServerError;
use crate::protocol::session_track::{ClientTracking, PendingChanges, Report};
use crate::protocol::status::StatusFlags;
use crate::session::statements::Statements;
use crate::session::{Baseline, Pins, Residue, SessionState, Variables};
use crate::sql::SqlMode;

impl LoginAttempt<'_> {
    /// Begins a session that shares connections, for a client that has proved itself.
    ///
    /// # Errors
    /// See [`LoginError`].
    pub(crate) async fn multiplexed(
        &self,
        account: &Account,
        row: Option<&RowId>,
        secret: BackendSecret,
        claim: &Claim,
    ) -> Result<Box<Multiplex>, LoginError> {
        let login = Arc::new(Login { user: account.backend_user.clone().into_bytes(), secret });
        let begun = self.first_usable(async |backend| {
            let source = Source::new(self, backend, &login, row, claim);
            if let Some(known) = source.known(claim) {
                self.frontend.metrics.session_answers.increment(SessionAnswer::Login);
                return Ok(begun(source, known, claim));
            }
            self.asked(source, claim).await
        });
        match begun.await {
            Ok(begun) => begun,
            Err(AcquireError::Connect(error)) if !error.is_outage() => Err(self.refused(error, claim)),
            Err(error) => Err(LoginError::Unavailable(error)),
        }
    }

    /// Begins on a connection, which learns what the server says.
    async fn asked(
        &self,
        source: Source,
        claim: &Claim,
    ) -> Result<Result<Box<Multiplex>, LoginError>, AcquireError> {
        let schema = claim.terms.schema.as_deref().map(Arc::from);
        let (state, baseline) = (SessionState { schema, ..SessionState::default() }, Arc::default());
        let wish = Wish { state: &state, baseline: &baseline, last: None };
        let pool = &self.frontend.pool;
        let request = Request { replaces: self.replaces, ..source.request(self.context) };
        let patience = self.context.acquire_timeout();
        let lease = pool.borrow(&source.shelf, &request, &source.login, &source.key, wish, patience).await?;
        Ok(self.begun_on(lease, source, claim).await)
    }

    async fn begun_on(
        &self,
        mut lease: Lease,
        source: Source,
        claim: &Claim,
    ) -> Result<Box<Multiplex>, LoginError> {
        let limit = source.backend.connect_timeout();
        let connection = lease.connection().ok_or_else(broken)?;
        let baseline = connection.shared().map(|shared| Arc::clone(&shared.baseline)).ok_or_else(broken)?;
        let variables = source.shelf.knowledge().variables(claim.terms.collation, &baseline);
        let known_role = source.shelf.knowledge().role();
        let role = match known_role {
            Some(role) => role,
            None => {
                let asked = tokio::time::timeout(limit, default_role(connection)).await;
                asked.map_err(|_| too_slow(limit))?.map_err(|_| broken())?
            }
        };
        source.shelf.knowledge().observe_role(role.clone());
        let known = variables.map(|variables| Known { baseline, variables, role });
        if let Ok(start) = &known {
            try_beginning(lease, start, claim, limit).await?;
            if let Some(schema) = &claim.terms.schema {
                source.shelf.knowledge().observe_schema(schema);
            }
        }
        begun(source, known, claim)
    }
}

/// Brings the connection to the state in which the session begins, so that the server says whether that may be.
async fn try_beginning(
    mut lease: Lease,
    start: &Known,
    claim: &Claim,
    limit: Duration,
) -> Result<(), LoginError> {
    let state = beginning(start.variables.clone(), start.role.clone(), claim);
    let tracking = &Tracking::Everything;
    let target = Target { state: &state, tracking, insert_id: None, counts: &[], error: None };
    let connection = lease.connection().ok_or_else(broken)?;
    match tokio::time::timeout(limit, connection.bring_to(&target)).await {
        Ok(Ok(_)) => {
            lease.release();
            Ok(())
        }
        Ok(Err(SyncError::Refused(said))) => {
            lease.taint(CloseReason::SyncRefused);
            Err(LoginError::DeniedByServer { reply: said.clone(), said })
        }
        Ok(Err(SyncError::Broken(_) | SyncError::TimedOut)) => {
            lease.taint(CloseReason::SyncRefused);
            Err(broken())
        }
        Err(_) => {
            lease.taint(CloseReason::Broken);
            Err(too_slow(limit))
        }
    }
}

fn broken() -> LoginError {
    LoginError::Unavailable(AcquireError::Connect(ConnectError::Unexpected))
}

fn too_slow(limit: Duration) -> LoginError {
    LoginError::Unavailable(AcquireError::Connect(ConnectError::TimedOut(limit)))
}

/// The role that a login as this account would activate, asked for on a connection that logged in earlier. It tells others
/// first what it owes them: the question counts rows, too.
async fn default_role(connection: &mut Connection) -> Result<Option<Arc<[u8]>>, ControlError> {
    connection.settle().await?;
    let mut answers = connection.exchange(&[query(DEFAULT_ROLE)]).await?;
    let row = answers.pop().and_then(|mut answer| answer.rows.pop());
    Ok(row.and_then(|mut row| row.pop()?).map(Arc::from))
}

/// The query for it.
const DEFAULT_ROLE: &str = "SELECT ROLE_NAME FROM information_schema.APPLICABLE_ROLES WHERE IS_DEFAULT = 'YES' \
     AND GRANTEE = CURRENT_USER() LIMIT 1";

/// What the server has shown of how sessions begin.
pub(super) struct Known {
    pub baseline: Arc<Baseline>,
    pub variables: Variables,
    pub role: Option<Arc<[u8]>>,
}

fn begun(
    source: Source,
    known: Result<Known, NotForClients>,
    claim: &Claim,
) -> Result<Box<Multiplex>, LoginError> {
    let known = known.map_err(|NotForClients(name)| {
        let said = ServerError::character_set_refused(&String::from_utf8_lossy(&name));
        LoginError::DeniedByServer { reply: said.clone(), said }
    })?;
    Ok(Box::new(Multiplex::new(source, known, claim)))
}

/// The state in which a session begins.
fn beginning(variables: Variables, role: Option<Arc<[u8]>>, claim: &Claim) -> SessionState {
    let schema = claim.terms.schema.as_deref().map(Arc::from);
    SessionState { schema, role, variables, one_shot: None }
}

impl Multiplex {
    fn new(source: Source, known: Known, claim: &Claim) -> Self {
        let Known { baseline, variables, role } = known;
        let state = beginning(variables, role, claim);
        let mut own = Self {
            source,
            initial: state.clone(),
            state,
            wish: Arc::default(),
            told: Arc::new(ClientTracking::default()),
            mode: SqlMode::default(),
            pending: PendingChanges::default(),
            pins: Pins::default(),
            residue: Residue::default(),
            diagnostics: Diagnostics::Clean,
            statements: Statements::default(),
            last: None,
            status: StatusFlags::default(),
            transaction_lost: false,
            may_end: false,
            counted: Vec::new(),
            baseline,
        };
        own.follow_wish(own.baseline.tracking().clone());
        own.mode = own.mode_now();
        own.status = own.status_now();
        own
    }

    /// The status flags of a session without a transaction.
    pub(super) fn status_now(&self) -> StatusFlags {
        let mut status = StatusFlags::default();
        if self.state.variables.value("autocommit", &self.baseline) != Some(b"OFF") {
            status = status | StatusFlags::AUTOCOMMIT;
        }
        if self.mode.no_backslash_escapes {
            status = status | StatusFlags::NO_BACKSLASH_ESCAPES;
        }
        if self.mode.ansi_quotes {
            status = status | StatusFlags::ANSI_QUOTES;
        }
        status
    }

    /// The payload of the OK packet that ends the login, and what of it the client wants to be told.
    pub(crate) fn login_ok(&self) -> (Vec<u8>, Option<Arc<ClientTracking>>) {
        let mut reports = Vec::new();
        if let Some(schema) = &self.state.schema {
            Report::Schema(schema).encode(&mut reports);
        }
        (self.ok_with(&reports), Some(Arc::clone(&self.told)))
    }
}
