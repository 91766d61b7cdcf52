//! One command to the borrowed connection and its response back.

use std::sync::Arc;

use crate::frontend::multiplex::loss::{Loss, Reach};
use crate::frontend::multiplex::prepared::Ready;
use crate::frontend::multiplex::task::Task;
use crate::frontend::multiplex::{Halt, Multiplex};
use crate::frontend::session::Session;
use crate::protocol::dialect::Translator;
use crate::protocol::observed::Observed;
use crate::protocol::reply::ServerError;

impl Session {
    /// Runs a command to the end of its response, and draws the conclusions.
    pub(super) async fn run(&mut self, own: &mut Multiplex, task: &Task<'_>) -> Result<Observed, Halt> {
        let observed = self.carry(own, task).await?;
        self.release(own);
        Ok(observed)
    }

    /// The same, but the connection is still the session's afterwards.
    pub(super) async fn carry(&mut self, own: &mut Multiplex, task: &Task<'_>) -> Result<Observed, Halt> {
        let mut again = false;
        loop {
            if std::mem::take(&mut own.transaction_lost) {
                return Err(Halt::Refuse(ServerError::deadlock()));
            }
            let ready = self.ready(own, task).await;
            let ready = ready.map_err(|halt| if again { halt.after_taking() } else { halt })?;
            let before = own.state.clone();
            match self.relay_task(own, task, ready, again).await {
                Ok(observed) => {
                    own.may_end = task.may_end(own) && observed.error.is_none();
                    self.observe(own, task, &before, &observed).await?;
                    return Ok(observed);
                }
                Err(loss) => Box::pin(self.survive(own, task, loss, &mut again)).await?,
            }
        }
    }

    /// Gets a connection that the command can be sent on; what its head is to be there if that differs.
    async fn ready(&mut self, own: &mut Multiplex, task: &Task<'_>) -> Result<Option<Ready>, Halt> {
        self.obtain(own, task.needs()).await?;
        own.pin_before(task);
        match task.prepared {
            Some(id) => self.ready_statement(own, task.incoming, id).await.map(Some),
            None => Ok(None),
        }
    }

    /// Sends the command and relays its response.
    async fn relay_task(
        &mut self,
        own: &mut Multiplex,
        task: &Task<'_>,
        ready: Option<Ready>,
        again: bool,
    ) -> Result<Observed, Loss> {
        let lost = |end, sent| Loss { end, sent, answered: Reach::Nothing };
        self.check_backend().await.map_err(|end| lost(end, Reach::Nothing))?;
        let sent = match (&task.instead, &ready, &task.kept) {
            (Some(payload), _, _) => self.send_changed(task.incoming, payload).await,
            (None, Some(ready), _) => {
                self.forward_with_head(task.incoming, &ready.head, ready.replaced).await
            }
            (None, None, Some(payload)) if again => self.send_payload(payload).await,
            _ => self.forward(task.incoming).await,
        };
        if let Err(end) = sent {
            // The server may have said why it wants no more, and the client has heard it.
            let answered = if self.waits_for_answer { Reach::Nothing } else { Reach::Something };
            return Err(Loss { end, sent: Reach::Something, answered });
        }
        let shape = task.incoming.command.shape();
        let dialect = self.dialect();
        own.refresh_pending();
        let mut translator = Translator::new(shape, dialect, own.status, self.asked, task.files())
            .with_pending(std::mem::take(&mut own.pending));
        if !task.follows_own_tracking() {
            translator = translator.tracking(Arc::clone(&own.told));
        }
        if let Some(id) = task.statement_id {
            translator = translator.with_statement_id(id);
        }
        translator = self.following_columns(translator, task, ready);
        let relayed = self.relay_with(&mut translator, shape).await;
        own.pending = translator.take_pending();
        let answered = if translator.observed().something_sent { Reach::Something } else { Reach::Nothing };
        relayed.map_err(|end| Loss { end, sent: Reach::Something, answered })?;
        Ok(translator.take_observed())
    }
}
