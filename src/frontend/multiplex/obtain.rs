//! A connection for the next command, in the session's state.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use crate::backend::shared::Tracking;
use crate::backend::sync::SyncError;
use crate::frontend::activity::Doing;
use crate::frontend::error::SessionEnd;
use crate::frontend::multiplex::{Diagnostics, Halt, Multiplex};
use crate::frontend::session::Session;
use crate::pool::close_reason::CloseReason;
use crate::pool::{AcquireError, Lease, Wish};
use crate::protocol::reply::ServerError;
use crate::session::SessionState;
use crate::telemetry;

/// Attempts to get a connection that does not break while it is brought to the session's state.
const ATTEMPTS: usize = 3;

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

impl Session {
    /// Makes sure that the session has a connection as the command needs it. Mostly one is at hand that is so already.
    pub(super) async fn obtain(&mut self, own: &mut Multiplex, needs: Needs) -> Result<(), Halt> {
        let fresh = self.lease.is_none();
        if fresh {
            self.borrow_at_once(own);
        }
        if self.is_ready(own, &needs) {
            return Ok(());
        }
        // Apart, so that sessions do not carry the room for it.
        Box::pin(self.obtain_ready(own, needs, fresh)).await
    }

    /// Gets a connection where there is none, and makes it so.
    async fn obtain_ready(&mut self, own: &mut Multiplex, needs: Needs, mut fresh: bool) -> Result<(), Halt> {
        for _ in 0..ATTEMPTS {
            if self.lease.is_none() {
                fresh = true;
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

    /// Whether the connection is as the command needs it, so that nothing has to be sent first.
    fn is_ready(&mut self, own: &Multiplex, needs: &Needs) -> bool {
        let Some(shared) = self.shared() else { return false };
        let (valid, plain) =
            (shared.valid, needs.state.is_none() && !needs.own_tracking && !needs.any_schema);
        plain
            && shared.tracking == Tracking::Everything
            && !shared.owes_others()
            && shared.state == own.state
            && (!needs.insert_id || valid.insert_id)
            && (!needs.counts || (valid.row_count && valid.found_rows))
            && (!needs.diagnostics || valid.diagnostics || !matches!(own.diagnostics, Diagnostics::Error(_)))
            && !own.has_lost(needs)
    }

    /// Borrows a connection, if there is one for which nobody has to be waited for.
    fn borrow_at_once(&mut self, own: &mut Multiplex) {
        self.follow_configuration(own);
        let context = self.frontend.context.load();
        let source = &own.source;
        let request = source.request(&context);
        let pool = &self.frontend.pool;
        let lease =
            pool.borrow_at_once(&source.shelf, &request, &source.login, &source.key, own.wish_of_a_lease());
        drop(context);
        if let Some(lease) = lease {
            self.take_up(own, lease);
        }
    }

    /// Borrows a connection.
    async fn borrow(&mut self, own: &mut Multiplex) -> Result<(), Halt> {
        self.follow_configuration(own);
        self.registered.activity().turn(Doing::Waiting, Instant::now());
        let lease = self.lent(own).await?;
        self.registered.activity().turn(Doing::Running, Instant::now());
        self.take_up(own, lease);
        Ok(())
    }

    fn take_up(&mut self, own: &mut Multiplex, lease: Lease) {
        self.lease = Some(lease);
        self.attach();
        self.adopt(own);
    }

    /// Waits for a connection, and watches the client meanwhile.
    async fn lent(&mut self, own: &Multiplex) -> Result<Lease, Halt> {
        let context = self.frontend.context.load_full();
        let pool = Arc::clone(&self.frontend.pool);
        let source = &own.source;
        let request = source.request(&context);
        let wish = own.wish_of_a_lease();
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

impl Multiplex {
    fn wish_of_a_lease(&self) -> Wish<'_> {
        Wish { state: &self.state, baseline: &self.baseline, last: self.last }
    }

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
