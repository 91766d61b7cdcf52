//! A connection lost under a session: what of the session survives.
//!
//! A command is sent once more only where nothing can have been executed, or it does no harm. A lost transaction is told to
//! the client as a deadlock, which it knows to repeat, only where nothing of it can have been committed.

use crate::frontend::error::SessionEnd;
use crate::frontend::multiplex::task::Task;
use crate::frontend::multiplex::{Diagnostics, Halt, Multiplex};
use crate::frontend::session::Session;
use crate::pool::close_reason::CloseReason;
use crate::protocol::reply::ServerError;
use crate::protocol::status::StatusFlags;
use crate::session::PinReason;

/// How a command was lost.
pub(super) struct Loss {
    pub end: SessionEnd,
    /// Whether any byte of it may have reached the server.
    pub sent: Reach,
    /// Whether any byte of the answer has reached the client.
    pub answered: Reach,
}

/// How far something has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Nothing,
    Something,
}

impl Session {
    /// What becomes of a session whose connection was lost under a command: tries once more where nothing can have been
    /// executed or it does no harm, tells of a lost transaction where nothing of it can have been committed, or ends.
    pub(super) async fn survive(
        &mut self,
        own: &mut Multiplex,
        task: &Task<'_>,
        loss: Loss,
        again: &mut bool,
    ) -> Result<(), Halt> {
        let Loss { end, sent, answered } = loss;
        let lost = matches!(end, SessionEnd::BackendLost(_) | SessionEnd::BackendLostBefore(_));
        if !lost || answered == Reach::Something {
            return Err(Halt::End(end));
        }
        if self.registered.kill_under_way() {
            return Err(Halt::End(SessionEnd::Killed));
        }
        if own.may_end {
            return Err(Halt::End(SessionEnd::BackendClosed));
        }
        let unpinned = own.pins.may_release();
        self.give_up(CloseReason::Broken);
        if unpinned && !*again && (sent == Reach::Nothing || task.may_be_repeated()) {
            self.frontend.metrics.retries.increment(1);
            *again = sent == Reach::Something;
            return self.take_command().await;
        }
        let certain = sent == Reach::Nothing || task.cannot_commit();
        if certain && own.pins.has(PinReason::Transaction) && own.only_transaction() {
            own.transaction_rolled_back();
            self.take_command().await?;
            return Err(match sent {
                Reach::Nothing => Halt::Refuse(ServerError::deadlock()),
                Reach::Something => Halt::Reply(ServerError::deadlock()),
            });
        }
        Err(Halt::End(end))
    }

    /// Takes what the client still sends of its command. It waits for the answer.
    async fn take_command(&mut self) -> Result<(), Halt> {
        self.take_rest().await?;
        self.waits_for_answer = true;
        Ok(())
    }
}

impl Multiplex {
    /// The connection of a session at rest has gone. Whether the session can go on: then its next command is answered with
    /// the news, if a transaction has gone too.
    pub(in crate::frontend) fn loses_only_its_transaction(&mut self) -> bool {
        let transaction = self.pins.has(PinReason::Transaction);
        if self.may_end || !self.only_transaction() {
            return false;
        }
        self.transaction_rolled_back();
        self.transaction_lost = transaction;
        true
    }

    /// Whether nothing but a transaction, or what a statement of it left in the diagnostics area, pins the session.
    fn only_transaction(&self) -> bool {
        let may_go =
            |reason| matches!(reason, PinReason::Transaction | PinReason::Diagnostics | PinReason::RowCount);
        self.pins.iter().all(|(reason, _)| may_go(reason))
    }

    /// The transaction has gone with its connection, and nothing of it was committed.
    pub(super) fn transaction_rolled_back(&mut self) {
        self.pins.end(PinReason::Transaction);
        self.pins.end(PinReason::Diagnostics);
        self.state.one_shot = None;
        self.status =
            self.status.without(StatusFlags::IN_TRANSACTION | StatusFlags::IN_READ_ONLY_TRANSACTION);
        self.diagnostics = Diagnostics::Error(ServerError::deadlock());
        self.residue.row_count = -1;
    }
}
