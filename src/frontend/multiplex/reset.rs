//! COM_RESET_CONNECTION.

use crate::frontend::client::Incoming;
use crate::frontend::error::SessionEnd;
use crate::frontend::multiplex::answer::SessionAnswer;
use crate::frontend::multiplex::{Diagnostics, Halt, Multiplex};
use crate::frontend::session::Session;
use crate::pool::close_reason::CloseReason;
use crate::protocol::session_track::PendingChanges;
use crate::session::residue::Held;
use crate::session::{PinReason, Residue};

impl Session {
    /// Resets the session, and its connection if it has one: when the client hears of it, locks and temporary tables have gone.
    pub(super) async fn reset_session(
        &mut self,
        own: &mut Multiplex,
        incoming: Incoming,
    ) -> Result<(), Halt> {
        if self.lease.is_some() {
            self.reset_connection(own).await?;
        }
        own.reset();
        self.record_pins(own);
        let ok = own.plain_ok();
        self.answer(own, incoming, &ok, SessionAnswer::Reset).await
    }

    async fn reset_connection(&mut self, own: &mut Multiplex) -> Result<(), Halt> {
        if own.pins.has(PinReason::Xa) {
            // A prepared XA transaction outlives its connection's end, and not its reset (10.11).
            self.give_up(CloseReason::InTransaction);
            return Ok(());
        }
        let limit = own.source.backend.connect_timeout();
        let bounds = self.frontend.context.load().bounds();
        let known = own.source.shelf.knowledge().baselines();
        let connection = self.connection()?;
        let reset = async {
            connection.reset_here().await?;
            connection.prepare_sharing(&known, bounds.max_statements).await
        };
        if !matches!(tokio::time::timeout(limit, reset).await, Ok(Ok(()))) {
            self.give_up(CloseReason::ResetFailed);
            return Err(SessionEnd::BackendLost(None).into());
        }
        own.source.backend.metrics().resets.increment(1);
        let connection = self.connection().map_err(Halt::End)?;
        if connection.shared().is_some_and(|shared| shared.has_init_connect) {
            self.give_up(CloseReason::InitConnect);
        } else {
            self.hand_back();
        }
        Ok(())
    }
}

impl Multiplex {
    /// The client is another user now, and its statements have gone; an id of theirs is not given to a new one.
    pub(in crate::frontend) fn count_on_from(&mut self, former: &Self) {
        self.statements.count_on_from(&former.statements);
    }

    /// After a reset the schema stays, and its character set is the server's until it is chosen again (10.11).
    fn forget_schemas_character_set(&mut self) {
        if self.state.schema.is_none() {
            return;
        }
        let servers =
            [("character_set_database", "character_set_server"), ("collation_database", "collation_server")];
        for (name, servers) in servers {
            let value = self.baseline.value(servers).unwrap_or_default().to_vec();
            self.state.variables.assign(name, &value, &self.baseline);
        }
    }

    /// The session as it was after its login; schema, role and FOUND_ROWS() stay, as on the server (10.11).
    fn reset(&mut self) {
        self.state.variables.clone_from(&self.initial.variables);
        self.state.one_shot = None;
        self.forget_schemas_character_set();
        self.pins.clear();
        self.statements.clear();
        let found_rows = std::mem::take(&mut self.residue.found_rows);
        self.residue = Residue { row_count: 0, found_rows, insert_id: Held::Known(0) };
        self.diagnostics = Diagnostics::Clean;
        self.pending = PendingChanges::default();
        self.transaction_lost = false;
        self.follow_wish(self.baseline.tracking().clone());
        self.mode = self.mode_now();
        self.status = self.status_now();
        self.last = None;
    }
}
