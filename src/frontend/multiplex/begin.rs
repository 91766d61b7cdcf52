//! The login of a session that shares connections: without one, where the server has already shown what it would say.

use std::sync::Arc;

use crate::auth::{Account, BackendSecret};
use crate::backend::Backend;
use crate::backend::connection::{Connection, ControlError};
use crate::backend::connector::{Login, Terms};
use crate::backend::control::query;
use crate::backend::error::ConnectError;
use crate::backend::shared::Tracking;
use crate::backend::sync::{SyncError, Target};
use crate::frontend::context::Context;
use crate::frontend::login::{Claim, LoginAttempt};
use crate::frontend::login_error::LoginError;
use crate::frontend::multiplex::{Diagnostics, Multiplex, SessionAnswer, Source};
use crate::pool::acquire::wanted;
use crate::pool::close_reason::CloseReason;
use crate::pool::key::{Sharing, Slot};
use crate::pool::knowledge::{Knowledge, NotForClients};
use crate::pool::shelf::Shelf;
use crate::pool::{AcquireError, Lease, Pool, Request, Wish};
use crate::protocol::capabilities::Capabilities;
use crate::protocol::reply::ServerError;
use crate::protocol::session_track::{ClientTracking, PendingChanges, Report};
use crate::protocol::status::StatusFlags;
use crate::session::learned::Outcome;
use crate::session::statements::Statements;
use crate::session::{Baseline, Pins, Residue, SessionState, Variables};
use crate::sql::SqlMode;

/// `utf8mb4_general_ci`: what shared connections log in with; sessions with another collation have it set.
const COLLATION: u16 = 45;

/// What shared connections call themselves in `performance_schema.session_connect_attrs`.
const PROGRAM: &[u8] = b"\x0cprogram_name\x07sealock";

impl LoginAttempt<'_> {
    /// Begins a session that shares connections, for a client that has proved itself.
    ///
    /// # Errors
    /// See [`LoginError`].
    pub(crate) async fn multiplexed(
        &self,
        account: &Account,
        secret: BackendSecret,
        claim: &Claim,
    ) -> Result<Box<Multiplex>, LoginError> {
        let login = Arc::new(Login { user: account.backend_user.clone().into_bytes(), secret });
        let begun = self.first_usable(async |backend| {
            let source = Source::new(self, backend, &login, claim);
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
        let (state, baseline) = (SessionState::default(), Arc::default());
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
        let broken = || LoginError::Unavailable(AcquireError::Connect(ConnectError::Unexpected));
        let limit = source.backend.connect_timeout();
        let too_slow = |_| LoginError::Unavailable(AcquireError::Connect(ConnectError::TimedOut(limit)));
        let connection = lease.connection().ok_or_else(broken)?;
        let baseline = connection.shared().map(|shared| Arc::clone(&shared.baseline)).ok_or_else(broken)?;
        let variables = source.shelf.knowledge().variables(claim.terms.collation, &baseline);
        let known_role = source.shelf.knowledge().role();
        let role = match known_role {
            Some(role) => role,
            None => {
                let asked = tokio::time::timeout(limit, default_role(connection)).await;
                asked.map_err(too_slow)?.map_err(|_| broken())?
            }
        };
        source.shelf.knowledge().observe_role(role.clone());
        let known = variables.map(|variables| Known { baseline, variables, role });
        let Ok(start) = &known else { return begun(source, known, claim) };
        let state = beginning(start.variables.clone(), start.role.clone(), claim);
        let target = Target {
            state: &state,
            tracking: &Tracking::Everything,
            insert_id: None,
            counts: &[],
            error: None,
        };
        let brought = tokio::time::timeout(limit, connection.bring_to(&target)).await;
        match brought {
            Ok(Ok(_)) => lease.release(),
            Err(elapsed) => {
                lease.taint(CloseReason::Broken);
                return Err(too_slow(elapsed));
            }
            Ok(Err(error)) => {
                lease.taint(CloseReason::SyncRefused);
                return Err(match error {
                    SyncError::Refused(said) => LoginError::DeniedByServer { reply: said.clone(), said },
                    SyncError::Broken(_) | SyncError::TimedOut => broken(),
                });
            }
        }
        if let Some(schema) = &claim.terms.schema {
            source.shelf.knowledge().observe_schema(schema);
        }
        begun(source, known, claim)
    }
}

/// The role that a login as this account would activate, asked for on a connection that logged in earlier.
async fn default_role(connection: &mut Connection) -> Result<Option<Arc<[u8]>>, ControlError> {
    let mut answers = connection.exchange(&[query(DEFAULT_ROLE)]).await?;
    let row = answers.pop().and_then(|mut answer| answer.rows.pop());
    Ok(row.and_then(|mut row| row.pop()?).map(Arc::from))
}

/// The query for it.
const DEFAULT_ROLE: &str = "SELECT ROLE_NAME FROM information_schema.APPLICABLE_ROLES WHERE IS_DEFAULT = 'YES' \
     AND GRANTEE = CURRENT_USER() LIMIT 1";

/// What the server has shown of how sessions begin.
struct Known {
    baseline: Arc<Baseline>,
    variables: Variables,
    role: Option<Arc<[u8]>>,
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

impl Source {
    fn new(attempt: &LoginAttempt<'_>, backend: &Arc<Backend>, login: &Arc<Login>, claim: &Claim) -> Self {
        let slot = Slot { backend: backend.name().to_owned(), account: claim.user.clone() };
        let terms = Terms {
            capabilities: claim.terms.capabilities,
            collation: COLLATION,
            max_packet: claim.terms.max_packet,
            schema: None,
            attributes: claim
                .terms
                .capabilities
                .contains(Capabilities::CONNECT_ATTRS)
                .then(|| PROGRAM.to_vec()),
        };
        let shelf = attempt.frontend.pool.shelf(&slot);
        let mut source = Self {
            backend: Arc::clone(backend),
            shelf,
            login: Arc::clone(login),
            terms,
            origin: attempt.client.origin,
            generation: attempt.context.generation,
            key: crate::pool::key::Key::NONE,
        };
        source.key = wanted(&source.request(attempt.context), Sharing::Shared);
        source
    }

    fn request<'r>(&'r self, context: &Context) -> Request<'r> {
        Request {
            backend: &self.backend,
            account: &self.shelf.slot().account,
            terms: &self.terms,
            origin: self.origin,
            generation: self.generation,
            bounds: context.bounds(),
            replaces: None,
        }
    }

    /// How this session begins, as far as the server has shown it already.
    fn known(&self, claim: &Claim) -> Option<Result<Known, NotForClients>> {
        let mut knowledge = self.shelf.knowledge();
        knowledge.enter(self.generation);
        let baseline = Arc::clone(knowledge.baseline()?);
        let allowed = claim.terms.schema.as_ref().is_none_or(|schema| knowledge.allows_schema(schema));
        if !knowledge.knows_collations() || !allowed {
            return None;
        }
        let role = knowledge.role()?;
        let variables = knowledge.variables(claim.terms.collation, &baseline);
        Some(variables.map(|variables| Known { baseline, variables, role }))
    }

    /// Goes on under another generation of the configuration.
    pub(super) fn follow(&mut self, context: &Context, pool: &Arc<Pool>) {
        if let Some(account) = context.accounts.find(&self.shelf.slot().account) {
            let secret = account.renewed(&self.login.secret);
            self.login = Arc::new(Login { user: account.backend_user.clone().into_bytes(), secret });
        }
        self.generation = context.generation;
        let named = context.backends.iter().find(|backend| backend.name() == self.backend.name());
        if let Some(backend) = named.or_else(|| context.backends.first()) {
            self.go_to(&Arc::clone(backend), context, pool);
        }
    }

    /// The backend is down: goes to one that is not, if there is any.
    pub(super) fn fail_over(&mut self, context: &Context, pool: &Arc<Pool>) {
        let other = context.backends.iter().find(|backend| !backend.health().is_down());
        if let Some(backend) = other {
            self.go_to(&Arc::clone(backend), context, pool);
        }
    }

    /// The backend's name.
    pub(super) fn name(&self) -> &str {
        self.backend.name()
    }

    fn go_to(&mut self, backend: &Arc<Backend>, context: &Context, pool: &Arc<Pool>) {
        self.backend = Arc::clone(backend);
        let slot = Slot { backend: backend.name().to_owned(), account: self.shelf.slot().account.clone() };
        self.shelf = pool.shelf(&slot);
        self.key = wanted(&self.request(context), Sharing::Shared);
    }

    /// What the server would say to this command in this state.
    pub(super) fn outcome(
        &self,
        baseline: &Arc<Baseline>,
        state: &SessionState,
        command: &[u8],
    ) -> Option<Arc<Outcome>> {
        self.knowledge_now()?.outcome(baseline, state, command)
    }

    /// The server said this.
    pub(super) fn learn(
        &self,
        baseline: &Arc<Baseline>,
        before: &SessionState,
        command: &[u8],
        after: &SessionState,
        ok: &[u8],
    ) {
        if let Some(mut knowledge) = self.knowledge_now() {
            knowledge.learn(baseline, before, command, after, ok);
        }
    }

    fn knowledge_now(&self) -> Option<std::sync::MutexGuard<'_, Knowledge>> {
        Some(self.shelf().knowledge()).filter(|knowledge| knowledge.is_of(self.generation))
    }

    /// Where its connections are kept.
    pub(crate) fn shelf(&self) -> &Arc<Shelf> {
        &self.shelf
    }
}
