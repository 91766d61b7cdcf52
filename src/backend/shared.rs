//! What is known of a connection that sessions share: the state it is in, and what it owes to whom.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::backend::connection::{Connection, ControlError};
use crate::backend::control::query;
use crate::backend::statements::Statements;
use crate::session::baseline::{self, Baseline};
use crate::session::residue::{Debt, Owed};
use crate::session::state::SessionState;

/// Asks for every report of session state that there is.
pub const TRACK_ALL: &str = "SET session_track_system_variables='*',session_track_schema=ON,session_track_state_change=ON,\
     session_track_transaction_info='CHARACTERISTICS'";

/// What a session has beside its variables.
const OTHERS: &str = "SELECT CURRENT_ROLE(), DATABASE(), @@global.init_connect <> ''";

/// One particular connection, among all that this process ever has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag(u64);

/// The use of a connection by one session: equal as long as nobody else has used it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// Which connection.
    pub tag: Tag,
    /// Which use of it.
    pub number: u64,
}

/// Whose wishes the server's reports follow on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tracking {
    /// The proxy's: everything.
    Everything,
    /// A client's: the values of [`baseline::TRACKING`].
    Clients(Arc<[Vec<u8>; 4]>),
}

/// Which of its session's residue the connection has itself; the rest would have to be restored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Valid {
    /// ROW_COUNT().
    pub row_count: bool,
    /// FOUND_ROWS().
    pub found_rows: bool,
    /// LAST_INSERT_ID().
    pub insert_id: bool,
    /// The diagnostics area.
    pub diagnostics: bool,
}

/// What the proxy knows of a shared connection.
#[derive(Debug)]
pub struct Shared {
    /// The state it is in.
    pub state: SessionState,
    /// What it started with.
    pub baseline: Arc<Baseline>,
    /// Whose reports it sends.
    pub tracking: Tracking,
    /// FOUND_ROWS() of the session that used it last.
    pub owes_found_rows: Option<Debt>,
    /// LAST_INSERT_ID() of the session that used it last.
    pub owes_insert_id: Option<Debt>,
    /// What of the present session's residue is here.
    pub valid: Valid,
    /// Whether the server has an init_connect: it runs at a login, and a reset does not run it again.
    pub has_init_connect: bool,
    /// Prepared statements.
    pub statements: Statements,
    /// The present use.
    pub usage: Use,
}

impl Shared {
    /// A connection that has just logged in, with nothing set but its reports.
    pub fn new(baseline: Arc<Baseline>, state: SessionState, most_statements: usize) -> Self {
        static TAGS: AtomicU64 = AtomicU64::new(0);
        let tag = Tag(TAGS.fetch_add(1, Ordering::Relaxed));
        Self {
            state,
            baseline,
            tracking: Tracking::Everything,
            owes_found_rows: None,
            owes_insert_id: None,
            valid: Valid::default(),
            has_init_connect: false,
            statements: Statements::new(most_statements),
            usage: Use { tag, number: 0 },
        }
    }

    /// Whether something is owed to a session that still waits for it.
    pub fn owes(&self) -> bool {
        let matters = |debt: &Option<Debt>| debt.as_ref().is_some_and(Debt::matters);
        matters(&self.owes_found_rows) || matters(&self.owes_insert_id)
    }

    /// Whether something is owed that the present session does not find here by itself.
    pub fn owes_others(&self) -> bool {
        let matters = |debt: &Option<Debt>| debt.as_ref().is_some_and(Debt::matters);
        (!self.valid.found_rows && matters(&self.owes_found_rows))
            || (!self.valid.insert_id && matters(&self.owes_insert_id))
    }

    /// Whether this number is among what is owed.
    pub fn owes_this(&self, owed: &Arc<Owed>) -> bool {
        let is = |debt: &Option<Debt>| debt.as_ref().is_some_and(|debt| debt.is(owed));
        is(&self.owes_found_rows) || is(&self.owes_insert_id)
    }

    /// Pays what is owed.
    pub fn pay(&mut self, insert_id: u64, found_rows: u64) {
        if let Some(debt) = self.owes_insert_id.take() {
            debt.pay(insert_id);
        }
        if let Some(debt) = self.owes_found_rows.take() {
            debt.pay(found_rows);
        }
    }
}

impl Connection {
    /// Makes a connection that has just logged in, or was reset, ready to be shared: learns what it starts with and asks for
    /// all reports. `known` are baselines seen before; an equal one is used again.
    ///
    /// # Errors
    /// [`ControlError`]; the connection cannot be used then.
    pub async fn prepare_sharing(
        &mut self,
        known: &[Arc<Baseline>],
        most_statements: usize,
    ) -> Result<(), ControlError> {
        let commands = [query(baseline::QUERY), query(OTHERS), query(TRACK_ALL)];
        let mut answers = self.exchange(&commands).await?;
        if let Some(refusal) = answers.iter_mut().find_map(|answer| answer.refusal.take()) {
            return Err(ControlError::Refused(refusal));
        }
        let here = answers.get_mut(1).and_then(|answer| answer.rows.pop()).unwrap_or_default();
        let [role, schema, init_connect] = here.as_slice() else {
            return Err(ControlError::Unexpected(
                "a role, a schema and whether there is an init_connect were due",
            ));
        };
        let mut state = SessionState {
            schema: schema.as_deref().map(Arc::from),
            role: role.as_deref().map(Arc::from),
            ..SessionState::default()
        };
        let rows = answers.first().map_or(&[][..], |answer| &answer.rows);
        let fresh = Baseline::new(rows);
        let same = known.iter().find(|known| ***known == fresh);
        let baseline = same.cloned().unwrap_or_else(|| Arc::new(fresh));
        if state.schema.is_some() {
            // A reset keeps the schema, and forgets its character set until it is chosen again.
            state.variables.assign("collation_database", b"", &baseline);
        }
        let has_init_connect = init_connect.as_deref() == Some(b"1");
        self.share(Shared { has_init_connect, ..Shared::new(baseline, state, most_statements) });
        Ok(())
    }
}

/// The query for what is owed.
pub const SETTLE: &str = "SELECT @@last_insert_id, FOUND_ROWS()";
