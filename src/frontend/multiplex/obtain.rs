//! A connection for the next command, in the session's state.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use crate::backend::shared::{Tracking, Valid};
use crate::backend::sync::{SyncError, Target, plan};
use crate::frontend::activity::Doing;
use crate::frontend::error::SessionEnd;
use crate::frontend::multiplex::{Diagnostics, Halt, Multiplex};
use crate::frontend::session::Session;
use crate::pool::close_reason::CloseReason;
use crate::pool::{AcquireError, Lease, Pool, Request, Wish};
use crate::protocol::reply::ServerError;
use crate::session::SessionState;
use crate::session::residue::{Held, recipe, row_count_recipe};
use crate::telemetry;

/// Attempts to get a connection that does not break while it is brought to the session's state.
const ATTEMPTS: usize = 3;

/// How long a number that another connection owes is waited for before it is looked for again.
const SETTLEMENT: Duration = Duration::from_millis(20);

/// What a command asks of its connection beside the session's state.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// LAST_INSERT_ID() is to be the session's.
    pub insert_id: bool,
    /// ROW_COUNT() and FOUND_ROWS() are to be the session's.
    pub counts: bool,
    /// LAST_INSERT_ID() is what it is about.
    pub reads_insert_id: bool,
    /// FOUND_ROWS() is.
    pub reads_found_rows: bool,
    /// An error in the diagnostics area is to be there.
    pub diagnostics: bool,
    /// The session's own wish for reports is to be in force, not the proxy's.
    pub own_tracking: bool,
    /// Another state than the session's.
    pub state: Option<SessionState>,
    /// Whatever schema the connection has will do: the command chooses one.
    pub any_schema: bool,
}

/// What has to be restored on a connection.
#[derive(Default)]
struct Restored {
    insert_id: Option<u64>,
    counts: Vec<String>,
    error: Option<ServerError>,
}

impl Session {
    /// Makes sure that the session has a connection as the command needs it.
    pub(super) async fn obtain(&mut self, own: &mut Multiplex, needs: Needs) -> Result<(), Halt> {
        for _ in 0..ATTEMPTS {
            let fresh = self.lease.is_none();
            if fresh {
                self.borrow(own).await?;
            }
            let limit = own.source.backend.connect_timeout();
            let brought = tokio::time::timeout(limit, self.bring(own, &needs)).await;
            match brought.unwrap_or(Err(SyncError::TimedOut)) {
                Ok(()) if own.has_lost(&needs) => {
                    return Err(SessionEnd::BackendLostBefore(io::ErrorKind::ConnectionReset.into()).into());
                }
                Ok(()) => return Ok(()),
                Err(SyncError::Refused(error)) => {
                    own.source.shelf.knowledge().forget_schemas();
                    self.give_up(CloseReason::SyncRefused);
                    return if fresh {
                        Err(Halt::Refuse(error))
                    } else {
                        Err(SessionEnd::BackendClosed.into())
                    };
                }
                Err(SyncError::Broken(_) | SyncError::TimedOut) => {
                    self.give_up(CloseReason::Broken);
                    if !fresh {
                        return Err(own.lost_before_it_was_asked());
                    }
                }
            }
        }
        Err(Halt::Refuse(unavailable()))
    }

    /// Closes the connection, whatever state it is in.
    pub(in crate::frontend) fn give_up(&mut self, reason: CloseReason) {
        if let Some(mut lease) = self.lease.take() {
            lease.taint(reason);
            self.detach();
        }
    }

    /// Borrows a connection.
    async fn borrow(&mut self, own: &mut Multiplex) -> Result<(), Halt> {
        self.follow_configuration(own);
        self.registered.activity().turn(Doing::Waiting);
        self.lease = Some(self.lent(own).await?);
        self.registered.activity().turn(Doing::Running);
        self.attach();
        self.adopt(own);
        Ok(())
    }

    /// Waits for a connection, and watches the client meanwhile.
    async fn lent(&mut self, own: &Multiplex) -> Result<Lease, Halt> {
        let context = self.frontend.context.load_full();
        let pool = Arc::clone(&self.frontend.pool);
        let source = &own.source;
        let request = Request {
            backend: &source.backend,
            account: &source.shelf.slot().account,
            terms: &source.terms,
            origin: source.origin,
            generation: source.generation,
            bounds: context.bounds(),
            replaces: None,
        };
        let wish = Wish { state: &own.state, baseline: &own.baseline, last: own.last };
        let patience = context.acquire_timeout();
        let mut borrowed =
            pin!(pool.borrow(&source.shelf, &request, &source.login, &source.key, wish, patience));
        let client = &mut self.client;
        let lease = poll_fn(|cx| {
            if let Poll::Ready(lease) = borrowed.as_mut().poll(cx) {
                return Poll::Ready(lease.map_err(|error| refusal(&error)));
            }
            client.poll_gone(cx).map(|end| Err(Halt::End(end)))
        })
        .await?;
        Ok(lease)
    }

    /// The session's state as differences from what this connection started with.
    fn adopt(&mut self, own: &mut Multiplex) {
        let Some(shared) = self.shared() else { return };
        if !Arc::ptr_eq(&shared.baseline, &own.baseline) {
            let baseline = Arc::clone(&shared.baseline);
            let rebased = own.state.variables.rebased(&own.baseline, &baseline);
            own.state.variables = rebased;
            own.initial.variables = own.initial.variables.rebased(&own.baseline, &baseline);
            own.baseline = baseline;
        }
        own.last = Some(shared.usage);
    }

    /// Brings the connection to the session's state.
    async fn bring(&mut self, own: &mut Multiplex, needs: &Needs) -> Result<(), SyncError> {
        let tracking = if needs.own_tracking { own.tracking() } else { Tracking::Everything };
        let mut state = needs.state.as_ref().unwrap_or(&own.state).clone();
        if needs.any_schema {
            let here = self.shared();
            if let Some(here) = here {
                state.stay_in_schema_of(&here.state, &own.baseline);
            }
        }
        let mut restored = self.restored(own, needs).await;
        if needs.counts {
            self.restore_counts(own, &state, &tracking, &mut restored).await;
        }
        let target = restored.target(&state, &tracking);
        let Ok(connection) = self.connection() else { return Ok(()) };
        let plan = connection.bring_to(&target).await?;
        if !plan.is_empty() {
            let metrics = own.source.backend.metrics();
            metrics.syncs.increment(1);
            metrics.sync_statements.increment(plan.len() as u64);
            metrics.sync_bytes.increment(plan.bytes() as u64);
        }
        Ok(())
    }

    /// What of the session's residue the command asks for and the connection does not have.
    async fn restored(&mut self, own: &mut Multiplex, needs: &Needs) -> Restored {
        let valid =
            self.connection().ok().and_then(|connection| connection.shared().map(|shared| shared.valid));
        let valid = valid.unwrap_or_default();
        let mut restored = Restored::default();
        if let Ok(connection) = self.connection()
            && connection.shared().is_some_and(|shared| shared.owes_others())
        {
            // Perhaps to this very session, from an earlier use.
            let _ = connection.settle().await;
        }
        let pool = Arc::clone(&self.frontend.pool);
        let most = self.frontend.context.load().pool.max_connections;
        if needs.insert_id && !valid.insert_id {
            restored.insert_id = Some(settled(&pool, most, own, Which::InsertId).await.unwrap_or_default());
        }
        if needs.diagnostics
            && !valid.diagnostics
            && let Diagnostics::Error(error) = &own.diagnostics
        {
            restored.error = Some(error.clone());
        }
        restored
    }

    /// What makes the counts again, unless they are here and nothing that is sent first would replace them.
    async fn restore_counts(
        &mut self,
        own: &mut Multiplex,
        state: &SessionState,
        tracking: &Tracking,
        restored: &mut Restored,
    ) {
        let Some(shared) = self.shared() else { return };
        let first = plan(shared, &restored.target(state, tracking));
        let valid = Valid {
            row_count: shared.valid.row_count && first.is_empty(),
            found_rows: shared.valid.found_rows && first.keeps_found_rows(),
            ..shared.valid
        };
        if valid.row_count && valid.found_rows {
            return;
        }
        let cheap = row_count_recipe(own.residue.row_count).filter(|_| valid.found_rows);
        restored.counts = match cheap {
            Some(statement) => vec![statement.to_owned()],
            None => self.recipe(own).await,
        };
        // Naming a table clears the diagnostics area.
        let clears = restored.counts.iter().any(|statement| statement.contains("JSON_TABLE"));
        if clears && let Diagnostics::Error(error) = &own.diagnostics {
            restored.error = Some(error.clone());
        }
    }

    /// What makes both counts again.
    async fn recipe(&mut self, own: &mut Multiplex) -> Vec<String> {
        if let Ok(connection) = self.connection() {
            // What is known here alone would be lost by making the other.
            let _ = connection.settle().await;
        }
        let pool = Arc::clone(&self.frontend.pool);
        let most = self.frontend.context.load().pool.max_connections;
        let found_rows = settled(&pool, most, own, Which::FoundRows).await;
        recipe(own.residue.row_count, found_rows.unwrap_or_default())
    }

    /// After a reload: the account's new password, the server's new certificate, …
    fn follow_configuration(&mut self, own: &mut Multiplex) {
        let context = self.frontend.context.load();
        if context.generation != own.source.generation {
            own.source.follow(&context, &self.frontend.pool);
        } else if own.source.backend.health().is_down() {
            own.source.fail_over(&context, &self.frontend.pool);
        }
    }
}

impl Restored {
    fn target<'a>(&'a self, state: &'a SessionState, tracking: &'a Tracking) -> Target<'a> {
        let Self { insert_id, counts, error } = self;
        Target { state, tracking, insert_id: *insert_id, counts, error: error.as_ref() }
    }
}

impl Multiplex {
    /// The connection that it keeps was lost before anything of a command was sent on it.
    fn lost_before_it_was_asked(&mut self) -> Halt {
        if !self.loses_only_its_transaction() {
            return SessionEnd::BackendClosed.into();
        }
        self.transaction_lost = false;
        Halt::Refuse(ServerError::deadlock())
    }

    /// Whether the command asks for a number that has gone with the connection that knew it.
    fn has_lost(&self, needs: &Needs) -> bool {
        (needs.reads_insert_id && self.residue.insert_id.is_lost())
            || (needs.reads_found_rows && self.residue.found_rows.is_lost())
    }
}

#[derive(Clone, Copy)]
enum Which {
    InsertId,
    FoundRows,
}

/// A number of the session that some connection may owe it: an idle one is asked, any other tells by itself.
async fn settled(pool: &Arc<Pool>, most: u32, own: &mut Multiplex, which: Which) -> Option<u64> {
    let held = match which {
        Which::InsertId => &mut own.residue.insert_id,
        Which::FoundRows => &mut own.residue.found_rows,
    };
    loop {
        if let Held::Owed(owed) = &*held {
            pool.collect(&own.source.shelf, owed, most).await;
        }
        if let Ok(number) = tokio::time::timeout(SETTLEMENT, held.settled()).await {
            return number;
        }
    }
}

/// What a client hears that gets no connection.
fn refusal(error: &AcquireError) -> Halt {
    let reason = telemetry::chain(error);
    tracing::debug!(reason, "no connection for a command");
    match error {
        AcquireError::TimedOut(_) => Halt::Refuse(ServerError::pool_exhausted()),
        AcquireError::Connect(_) => Halt::Refuse(unavailable()),
    }
}

fn unavailable() -> ServerError {
    ServerError::unavailable("No database server can be reached at the moment; try again")
}

impl Session {
    /// Gives the connection to whoever needs one.
    pub(super) fn hand_back(&mut self) {
        if let Some(lease) = self.lease.take() {
            if self.killed_meanwhile() {
                let mut lease = lease;
                lease.taint(CloseReason::KillUnderWay);
                drop(lease);
            } else {
                Lease::release(lease);
            }
        }
    }
}
