//! What `admin` shows of sessions and of the pool, as it is at this moment.

use std::sync::Arc;
use std::time::Instant;

use crate::admin::pools::{PoolRow, Pools};
use crate::admin::reloads::Reloads;
use crate::admin::sessions::{Mode, PinRow, SessionRow, SessionState, Sessions};
use crate::admin::views::Views;
use crate::app::accounts::shown;
use crate::app::certificates::in_use;
use crate::app::reload::Reloader;
use crate::app::stages;
use crate::config::model::PoolMode;
use crate::frontend::activity::{Doing, Sharing};
use crate::frontend::context::{Context, Frontend};
use crate::frontend::registry::Overview;
use crate::pool::shelf::Shelf;
use crate::sql::SqlMode;
use crate::sql::digest::digest;
use crate::telemetry::Label as _;

/// Handles through which the views are read.
pub(super) fn views(frontend: &Arc<Frontend>, reloader: &Arc<Reloader>) -> Views {
    let (sessions, pools) = (Arc::clone(frontend), Arc::clone(frontend));
    let (counted, settings) = (Arc::clone(frontend), Arc::clone(reloader));
    let (staged, shadowed) = (Arc::clone(frontend), Arc::clone(frontend));
    let accounts = Arc::clone(frontend);
    let (certificates, reloads) = (Arc::clone(frontend), Arc::clone(reloader));
    Views {
        sessions: Arc::new(move |filter| {
            Sessions::select(sessions.registry.overview().iter().map(session), filter)
        }),
        pools: Arc::new(move |filter| Pools::select(pool_rows(&pools), filter)),
        certificates: Arc::new(move || in_use(&certificates.context.load())),
        accounts: Arc::new(move || shown(&accounts.context.load())),
        adoption: Arc::new(move || stages::adoption(&counted, settings.config().migration.quiet_period)),
        shadow: Arc::new(move || shadowed.shadows.report(shadowed.context.load().shadow_since())),
        stages: Arc::new(move || stages::rows(&staged)),
        reloads: Arc::new(move || Reloads { reloads: reloads.journal().rows() }),
    }
}

fn session(overview: &Overview) -> SessionRow {
    let Overview { id, profile, activity, connection } = overview;
    let now = Instant::now();
    let seconds = |since: Instant| now.saturating_duration_since(since).as_secs_f64();
    let state = match activity.doing {
        Doing::Running => SessionState::Running,
        Doing::Waiting => SessionState::Waiting,
        Doing::Nothing if !activity.pins.is_empty() => SessionState::Pinned,
        Doing::Nothing => SessionState::Idle,
    };
    let statement = (!activity.statement.is_empty()).then(|| digest(&activity.statement, SqlMode::default()));
    let pin = |(reason, since): &(crate::session::PinReason, Instant)| PinRow {
        reason: reason.label().to_owned(),
        seconds: seconds(*since),
    };
    SessionRow {
        id: id.number(),
        account: String::from_utf8_lossy(&profile.account).into_owned(),
        client: profile.address.map_or_else(|| "unix".to_owned(), |address| address.to_string()),
        tls: profile.tls.map(str::to_owned),
        rung: profile.rung.label().to_owned(),
        mode: if profile.sharing == Sharing::Multiplex { Mode::Multiplex } else { Mode::Session },
        mode_reason: profile.sharing.reason().to_owned(),
        state,
        pins: activity.pins.iter().map(pin).collect(),
        backend: connection.as_ref().map(|connection| connection.backend.to_string()),
        backend_connection: connection.as_ref().map(|connection| connection.thread.0),
        statement,
        seconds: seconds(activity.since),
        connected_seconds: seconds(profile.since),
    }
}

fn pool_rows(frontend: &Frontend) -> Vec<PoolRow> {
    let context = frontend.context.load();
    let clients = frontend.registry.overview();
    frontend.pool.shelves().iter().map(|shelf| pool_row(shelf, &context, &clients)).collect()
}

fn pool_row(shelf: &Shelf, context: &Context, clients: &[Overview]) -> PoolRow {
    let (slot, census) = (shelf.slot(), shelf.census());
    let here = |client: &&Overview| {
        let backend = client.connection.as_ref().is_some_and(|here| *here.backend == *slot.backend);
        backend && client.profile.account == slot.account && client.activity.doing == Doing::Nothing
    };
    let pinned = clients.iter().filter(here).filter(|client| !client.activity.pins.is_empty()).count();
    let shares = |client: &Overview| {
        client.profile.account == slot.account && client.profile.sharing == Sharing::Multiplex
    };
    let mode = match context.accounts.find(&slot.account) {
        Some(account) => account.mode.unwrap_or(context.pool.mode),
        None if clients.iter().any(shares) || census.idle > 0 => context.pool.mode,
        None => PoolMode::Session,
    };
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    PoolRow {
        backend: slot.backend.clone(),
        account: String::from_utf8_lossy(&slot.account).into_owned(),
        mode: if mode == PoolMode::Multiplex { Mode::Multiplex } else { Mode::Session },
        leased: census.leased,
        pinned: number(pinned),
        idle: number(census.idle),
        waiters: number(census.waiters),
        limit: context.pool.max_connections,
        oldest_wait_seconds: census.oldest_wait.as_secs_f64(),
    }
}
