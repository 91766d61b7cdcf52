//! Commands whose answer is known, so that no server is asked.

use std::sync::Arc;

use crate::frontend::client::Incoming;
use crate::frontend::error::SessionEnd;
use crate::frontend::multiplex::{Halt, Multiplex};
use crate::frontend::session::Session;
use crate::protocol::command::Shape;
use crate::protocol::dialect::{FileAccess, Stop, Translator};
use crate::protocol::ok::Ok as OkPacket;
use crate::protocol::packet::{HEADER_LEN, SequenceId, append};
use crate::protocol::reply::OK_HEADER;
use crate::protocol::status::StatusFlags;
use crate::sql::classify::Statement;
use crate::sql::effects::Effects;
use crate::sql::kind::Kind;

/// What was answered without a server; also a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionAnswer {
    /// COM_PING.
    Ping,
    /// COMMIT or ROLLBACK with nothing open.
    TransactionEnd,
    /// A SET whose effect the server has shown before.
    Set,
    /// A login to a schema that the server has lately let the account use, or to none.
    Login,
    /// COM_RESET_CONNECTION.
    Reset,
    /// COM_STMT_RESET of a statement that holds nothing.
    StatementReset,
}

crate::label!(SessionAnswer {
    Ping => "ping",
    TransactionEnd => "transaction_end",
    Set => "set",
    Login => "login",
    Reset => "reset",
    StatementReset => "statement_reset",
});

impl Session {
    /// COM_PING while the session has no connection: the proxy is there.
    pub(super) async fn answer_ping(&mut self, own: &mut Multiplex, incoming: Incoming) -> Result<(), Halt> {
        self.answer(own, incoming, &own.plain_ok(), SessionAnswer::Ping).await
    }

    /// COMMIT, ROLLBACK and SET, where the server has already shown what they do in this state. Tells whether it has answered.
    pub(super) async fn answer_text(
        &mut self,
        own: &mut Multiplex,
        incoming: Incoming,
        statement: &Statement,
    ) -> Result<bool, Halt> {
        let ends = matches!(statement.kind, Kind::Commit | Kind::Rollback);
        let known = statement.effects.contains(Effects::LITERAL_SET) || (ends && own.commits_plainly());
        if !known || own.transaction_lost {
            return Ok(false);
        }
        let command = self.client.head(&incoming);
        if command.len() != incoming.header.len {
            return Ok(false);
        }
        let Some(outcome) = own.source.outcome(&own.baseline, &own.state, command) else { return Ok(false) };
        outcome.apply(&mut own.state);
        own.mode = own.mode_now();
        if let Some(ok) = OkPacket::parse(&outcome.ok) {
            own.status = ok.status & StatusFlags::OF_SESSION;
        }
        let kind = if ends { SessionAnswer::TransactionEnd } else { SessionAnswer::Set };
        self.answer(own, incoming, &outcome.ok, kind).await?;
        Ok(true)
    }

    /// Takes a command and answers it with this OK packet's payload.
    pub(super) async fn answer(
        &mut self,
        own: &mut Multiplex,
        incoming: Incoming,
        ok: &[u8],
        kind: SessionAnswer,
    ) -> Result<(), Halt> {
        self.discard(incoming.header).await?;
        own.residue.row_count = 0;
        if let Some(shared) = self.shared() {
            shared.valid.row_count = false;
        }
        self.frontend.metrics.session_answers.increment(kind);
        self.send_own_ok(own, ok, self.asked.next()).await
    }

    /// Sends an OK packet of the server's, or like one, in the client's dialect and as far as it wants to be told.
    pub(super) async fn send_own_ok(
        &mut self,
        own: &mut Multiplex,
        ok: &[u8],
        sequence: SequenceId,
    ) -> Result<(), Halt> {
        let mut packet = Vec::with_capacity(HEADER_LEN + ok.len());
        append(&mut packet, sequence, ok);
        let mut translator =
            Translator::new(Shape::Single, self.dialect(), own.status, self.asked, FileAccess::Refused)
                .tracking(Arc::clone(&own.told))
                .with_pending(std::mem::take(&mut own.pending));
        let mut out = Vec::new();
        let advance = translator.advance(&packet, &mut out);
        own.pending = translator.take_pending();
        if let Stop::Malformed(malformed) = advance.stop {
            return Err(SessionEnd::BackendMalformed(malformed).into());
        }
        let bytes = advance.bytes(&packet, &out);
        self.frontend.metrics.sent.increment(bytes.len() as u64);
        self.client.send(bytes).await.map_err(Halt::End)
    }
}

impl Multiplex {
    /// An OK packet that says nothing but how the session is.
    pub(super) fn plain_ok(&self) -> Vec<u8> {
        self.ok_with(&[])
    }

    /// An OK packet with these reports.
    pub(super) fn ok_with(&self, state_changes: &[u8]) -> Vec<u8> {
        let mut ok = Vec::new();
        let told = (!state_changes.is_empty()).then_some(state_changes);
        OkPacket::plain(self.status).encode(OK_HEADER, told, &mut ok);
        ok
    }
}
