//! The servers' account tables, read now and then, and what `admin` shows of them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::admin::accounts::{AccountRow as ShownRow, Accounts, Unread};
use crate::auth::account_row::AccountRow;
use crate::auth::standing::{Announced, Reason, Sight};
use crate::backend::Backend;
use crate::backend::account_table::Reading;
use crate::config::model::PoolMode;
use crate::frontend::context::{Context, Frontend};
use crate::frontend::standing::{seconds, why_unread};
use crate::telemetry::{Gauge, Registry, names};

/// How long it takes to find out that a reload has switched the reading on.
const DOZE: Duration = Duration::from_secs(10);

/// Labels of `sealock_account_rungs`.
const RUNGS: [&str; 3] = ["configured", "recovered", "relay"];

/// Reads them until it is aborted.
pub(super) async fn keep_reading(frontend: Arc<Frontend>, registry: Arc<Registry>) {
    let mut told = Vec::new();
    RUNGS.iter().for_each(|rung| gauge(&registry, rung).set(0.0));
    loop {
        let context = frontend.context.load_full();
        let interval = if context.recovers() { context.auth.refresh } else { DOZE };
        if context.recovers() {
            read_all(&context, &mut told).await;
            count(&context, &registry);
        }
        frontend.account_watch.round_done();
        drop(context);
        frontend.account_watch.wanted(interval).await;
    }
}

async fn read_all(context: &Context, told: &mut Vec<String>) {
    let Some(login) = &context.service else { return };
    for backend in &context.backends {
        let before = backend.accounts().reading();
        backend.accounts().observe(backend.read_accounts(login).await);
        tell(backend, &before, told);
    }
}

/// Reading that begins to work, or to fail, is an operator's business, once.
fn tell(backend: &Backend, before: &Reading, told: &mut Vec<String>) {
    match (before, &*backend.accounts().reading()) {
        (Reading::Read(_), Reading::Read(_)) => {}
        (_, Reading::Read(sight)) => {
            told.retain(|name| name != backend.name());
            let accounts = sight.table.rows().len();
            let proxy = sight.proxy.called();
            tracing::info!(backend = backend.name(), accounts, proxy, "account table read");
        }
        (_, Reading::Failed(why)) if !told.iter().any(|name| name == backend.name()) => {
            told.push(backend.name().to_owned());
            let reason = why.as_str();
            tracing::warn!(
                backend = backend.name(),
                reason,
                "without its account table every login without an [[account]] is relayed; set auth.recover = false to do without it"
            );
        }
        _ => {}
    }
}

/// How many accounts are on each rung.
fn count(context: &Context, registry: &Registry) {
    let rows = shown(context).accounts;
    for rung in RUNGS {
        let of_rung = rows.iter().filter(|row| row.rung == rung).count();
        gauge(registry, rung).set(f64::from(u32::try_from(of_rung).unwrap_or(u32::MAX)));
    }
}

fn gauge(registry: &Registry, rung: &str) -> Gauge {
    registry.gauge(&names::ACCOUNT_RUNGS, &[rung])
}

/// Every account that is known, with its rung and why.
pub(super) fn shown(context: &Context) -> Accounts {
    let mut accounts: Vec<ShownRow> =
        context.accounts.iter().map(|account| configured(account, context)).collect();
    let mut unread = Vec::new();
    for backend in &context.backends {
        match &*backend.accounts().reading() {
            Reading::Read(sight) if context.recovers() => accounts.extend(listed(sight, backend, context)),
            Reading::Failed(why) if context.recovers() => {
                unread.push(Unread { backend: backend.name().to_owned(), reason: why.clone() });
            }
            _ => unread.push(Unread { backend: backend.name().to_owned(), reason: why_unread(context) }),
        }
    }
    Accounts { accounts, unread }
}

fn configured(account: &crate::auth::Account, context: &Context) -> ShownRow {
    let mode = account.mode.unwrap_or(context.pool.mode);
    ShownRow {
        user: account.user.clone(),
        host: None,
        backend: None,
        rung: "configured".to_owned(),
        multiplexes: mode == PoolMode::Multiplex,
        reason: None,
        explanation: "it has an [[account]]".to_owned(),
        plugins: Vec::new(),
        demands: None,
    }
}

fn listed(sight: &Sight, backend: &Backend, context: &Context) -> Vec<ShownRow> {
    let now = seconds(SystemTime::now());
    let announced = if backend.announces_clients() { Announced::Yes } else { Announced::No };
    let named = |row: &&Arc<AccountRow>| context.accounts.find(row.user.as_bytes()).is_none();
    let session = (context.pool.mode == PoolMode::Session).then_some(Reason::SessionMode);
    let rows = sight.table.rows().into_iter().filter(named);
    rows.map(|row| {
        let reason = session.clone().or_else(|| sight.reason_for(row, announced, now));
        listed_row(row, reason.as_ref(), backend)
    })
    .collect()
}

fn listed_row(row: &AccountRow, reason: Option<&Reason>, backend: &Backend) -> ShownRow {
    let explanation = reason.map_or_else(
        || "the server's account table keeps its mysql_native_password hash".to_owned(),
        ToString::to_string,
    );
    ShownRow {
        user: row.user.clone(),
        host: Some(row.host.as_str().to_owned()),
        backend: Some(backend.name().to_owned()),
        rung: if reason.is_some() { "relay" } else { "recovered" }.to_owned(),
        multiplexes: reason.is_none(),
        reason: reason.map(|reason| reason.label().to_owned()),
        explanation,
        plugins: row.plugins.clone(),
        demands: (row.demand != crate::auth::demand::Demand::None).then(|| row.demand.to_string()),
    }
}
