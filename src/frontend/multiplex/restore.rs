//! What a session's last statements left behind, made again on another connection where the next command asks for it.

use std::sync::Arc;
use std::time::Duration;

use crate::backend::shared::{Tracking, Valid};
use crate::backend::sync::{Target, plan};
use crate::frontend::multiplex::obtain::Needs;
use crate::frontend::multiplex::{Diagnostics, Multiplex};
use crate::frontend::session::Session;
use crate::pool::Pool;
use crate::protocol::reply::ServerError;
use crate::session::SessionState;
use crate::session::residue::{Held, recipe, row_count_recipe};

/// How long a number that another connection owes is waited for before it is looked for again.
const SETTLEMENT: Duration = Duration::from_millis(20);

/// What has to be restored on a connection.
#[derive(Default)]
pub(super) struct Restored {
    insert_id: Option<u64>,
    counts: Vec<String>,
    error: Option<ServerError>,
}

impl Session {
    /// What of the session's residue the command asks for and the connection does not have.
    pub(super) async fn restored(&mut self, own: &mut Multiplex, needs: &Needs) -> Restored {
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
    pub(super) async fn restore_counts(
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
}

impl Restored {
    /// What the connection is to be like for the command.
    pub(super) fn target<'a>(&'a self, state: &'a SessionState, tracking: &'a Tracking) -> Target<'a> {
        let Self { insert_id, counts, error } = self;
        Target { state, tracking, insert_id: *insert_id, counts, error: error.as_ref() }
    }
}

/// A number that some connection may owe.
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
