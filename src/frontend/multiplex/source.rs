//! Where a session's connections come from, and what has been learned there of how sessions begin.

use std::sync::{Arc, MutexGuard};

use crate::auth::account_row::RowId;
use crate::backend::Backend;
use crate::backend::connector::{Login, Terms};
use crate::backend::proxy_header::Origin;
use crate::frontend::context::Context;
use crate::frontend::login::{Claim, LoginAttempt};
use crate::frontend::multiplex::begin::Known;
use crate::pool::acquire::wanted;
use crate::pool::key::{Key, Sharing, Slot};
use crate::pool::knowledge::{Knowledge, NotForClients};
use crate::pool::shelf::Shelf;
use crate::pool::{Pool, Request};
use crate::protocol::capabilities::Capabilities;
use crate::session::learned::Outcome;
use crate::session::{Baseline, SessionState};

/// `utf8mb4_general_ci`: what shared connections log in with; sessions with another collation have it set.
const COLLATION: u16 = 45;

/// What shared connections call themselves in `performance_schema.session_connect_attrs`.
const PROGRAM: &[u8] = b"\x0cprogram_name\x07sealock";

/// Where a session's connections come from.
pub struct Source {
    pub(in crate::frontend) backend: Arc<Backend>,
    pub(super) shelf: Arc<Shelf>,
    pub(super) login: Arc<Login>,
    /// The row of the server's account table that its connections have to be.
    pub(super) row: Option<RowId>,
    pub(super) terms: Terms,
    pub(super) origin: Option<Origin>,
    pub(super) generation: u64,
    pub(super) key: Key,
}

impl Source {
    pub(super) fn new(
        attempt: &LoginAttempt<'_>,
        backend: &Arc<Backend>,
        login: &Arc<Login>,
        row: Option<&RowId>,
        claim: &Claim,
    ) -> Self {
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
            row: row.cloned(),
            terms,
            origin: attempt.client.origin,
            generation: attempt.context.generation,
            key: Key::NONE,
        };
        source.key = wanted(&source.request(attempt.context), Sharing::Shared);
        source
    }

    pub(super) fn request<'r>(&'r self, context: &Context) -> Request<'r> {
        Request {
            backend: &self.backend,
            account: &self.shelf.slot().account,
            terms: &self.terms,
            origin: self.origin,
            row: self.row.as_ref(),
            generation: self.generation,
            bounds: context.bounds(),
            replaces: None,
        }
    }

    /// How this session begins, as far as the server has shown it already.
    pub(super) fn known(&self, claim: &Claim) -> Option<Result<Known, NotForClients>> {
        let mut knowledge = self.shelf.knowledge();
        knowledge.enter(self.generation);
        knowledge.enter_row(self.key.row);
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

    fn knowledge_now(&self) -> Option<MutexGuard<'_, Knowledge>> {
        Some(self.shelf().knowledge()).filter(|knowledge| knowledge.is_of(self.generation))
    }

    /// Where its connections are kept.
    pub(crate) fn shelf(&self) -> &Arc<Shelf> {
        &self.shelf
    }
}
