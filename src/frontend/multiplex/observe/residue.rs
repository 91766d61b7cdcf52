//! What a response says of ROW_COUNT(), FOUND_ROWS(), LAST_INSERT_ID() and the diagnostics area.

use super::Questions;
use crate::backend::shared::Shared;
use crate::frontend::multiplex::task::Task;
use crate::frontend::multiplex::touch::Touch;
use crate::frontend::multiplex::{Diagnostics, Multiplex};
use crate::protocol::command::Command;
use crate::protocol::observed::Observed;
use crate::protocol::response::Last;
use crate::protocol::session_track::{Report, reports};
use crate::protocol::status::StatusFlags;
use crate::session::PinReason;
use crate::session::residue::{Held, MOST_ROWS};
use crate::sql::effects::Effects;
use crate::sql::kind::Kind;

/// Longest message that SIGNAL can make again, in bytes.
const LONGEST_MESSAGE: usize = 500;

impl Multiplex {
    pub(super) fn observe_residue(&mut self, task: &Task<'_>, observed: &Observed, shared: &mut Shared) {
        self.observe_row_count(task, observed, shared);
        let replaced = match task.found_rows() {
            Touch::Leaves => None,
            Touch::Replaces if self.counts_rows_sent(task, observed) => Some(Held::Known(observed.rows)),
            Touch::Replaces | Touch::Unclear => {
                let (held, debt) = Held::owed();
                shared.owes_found_rows = Some(debt);
                Some(held)
            }
        };
        if let Some(found_rows) = replaced {
            if let Held::Known(_) = found_rows {
                shared.owes_found_rows = None;
            }
            self.residue.found_rows = found_rows;
            shared.valid.found_rows = true;
        }
        self.observe_insert_id(task, observed, shared);
    }

    fn counts_rows_sent(&self, task: &Task<'_>, observed: &Observed) -> bool {
        let cursor = observed.status.is_some_and(|status| status.contains(StatusFlags::CURSOR_EXISTS));
        observed.last == Last::ResultSet && !cursor && !task.has(Effects::COUNTS_OTHERWISE | Effects::ROUTINE)
    }

    fn observe_row_count(&mut self, task: &Task<'_>, observed: &Observed, shared: &mut Shared) {
        let keeps = match task.incoming.command {
            Command::StmtPrepare => observed.error.is_none(),
            Command::Statistics => true,
            _ => task.statement.kind == Kind::Diagnostics && observed.last == Last::Ok,
        };
        if keeps {
            return;
        }
        self.residue.row_count = match observed.last {
            Last::Ok => i64::try_from(observed.affected_rows).unwrap_or(i64::MAX),
            Last::ResultSet | Last::Error | Last::Other => -1,
        };
        shared.valid.row_count = true;
        self.pins.follow(PinReason::RowCount, (self.residue.row_count > MOST_ROWS).into());
    }

    fn observe_insert_id(&mut self, task: &Task<'_>, observed: &Observed, shared: &mut Shared) {
        let reported = reports(&observed.state_changes)
            .flatten()
            .any(|report| matches!(report, Report::Variable { name: b"last_insert_id" | b"identity", .. }));
        let several = task.statement.kind == Kind::Several;
        let may_write =
            task.runs_a_statement() && (several || task.has(Effects::WRITES_INSERT_ID | Effects::ROUTINE));
        if reported && !several {
            shared.owes_insert_id = None;
            shared.valid.insert_id = true;
        } else if may_write || reported {
            let plain = task.statement.kind == Kind::Insert && !task.has(Effects::ROUTINE);
            if plain && observed.last == Last::Ok && !observed.generated_ids {
                return;
            }
            let (held, debt) = Held::owed();
            self.residue.insert_id = held;
            shared.owes_insert_id = Some(debt);
            shared.valid.insert_id = true;
        }
    }

    pub(super) fn observe_diagnostics(
        &mut self,
        task: &Task<'_>,
        observed: &Observed,
        shared: &mut Shared,
        questions: &mut Questions,
    ) {
        if let Some(error) = &observed.error {
            self.diagnostics = Diagnostics::Here;
            // The names that a SIGNAL of the client's gives its condition are not in the packet.
            let signalled = task.statement.kind == Kind::Other && !task.has(Effects::ROUTINE);
            if !signalled && error.message.len() <= LONGEST_MESSAGE && error.message.is_ascii() {
                self.diagnostics = Diagnostics::Error(error.clone());
                questions.diagnostics = true;
            }
            shared.valid.diagnostics = true;
        } else if observed.warnings > 0 {
            self.diagnostics = Diagnostics::Here;
            shared.valid.diagnostics = true;
        } else if self.diagnostics != Diagnostics::Clean {
            match task.diagnostics() {
                Touch::Leaves => {}
                Touch::Replaces => self.diagnostics = Diagnostics::Clean,
                Touch::Unclear => questions.diagnostics = true,
            }
        }
        self.pins.follow(PinReason::Diagnostics, (self.diagnostics == Diagnostics::Here).into());
    }
}
