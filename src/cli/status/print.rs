//! The status for people.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::admin::pools::{PoolRow, Pools};
use crate::admin::ready::{BackendState, Report};
use crate::admin::sessions::{Mode, PinRow, SessionRow, SessionState, Sessions};
use crate::admin::stages::{SetBy, Stages};
use crate::cli::status::snapshot::Snapshot;
use crate::cli::table::Align::{Left, Right};
use crate::cli::table::{Table, printable};
use crate::config::model::Address;
use crate::telemetry::Label as _;

/// Characters of a statement that are shown.
const STATEMENT: usize = 60;

/// Writes all of it: whether the proxy is ready, its pools, its sessions.
pub(super) fn print(snapshot: &Snapshot, address: &Address, out: &mut dyn Write) -> io::Result<()> {
    print_readiness(&snapshot.readiness, address, out)?;
    print_steps_back(&snapshot.stages, out)?;
    writeln!(out)?;
    print_pools(&snapshot.pools, out)?;
    writeln!(out)?;
    print_sessions(&snapshot.sessions, out)
}

fn print_readiness(report: &Report, address: &Address, out: &mut dyn Write) -> io::Result<()> {
    let reasons = report.reasons.join("; ");
    match report.ready {
        true => writeln!(out, "{address}: ready")?,
        false => writeln!(out, "{address}: not ready: {}", printable(&reasons))?,
    }
    for backend in &report.backends {
        if let BackendState::Down { reason } = &backend.state {
            writeln!(out, "backend {} is down: {}", printable(&backend.name), printable(reason))?;
        }
    }
    Ok(())
}

fn print_steps_back(stages: &Stages, out: &mut dyn Write) -> io::Result<()> {
    for row in &stages.accounts {
        if let SetBy::StepBack { from, refusals } = row.set_by {
            let (account, from) = (printable(&row.account), from.label());
            writeln!(
                out,
                "account {account} stepped back from {from} to warn after {refusals} refusals (sealock stage)"
            )?;
        }
    }
    Ok(())
}

fn print_pools(pools: &Pools, out: &mut dyn Write) -> io::Result<()> {
    if pools.total == 0 {
        return writeln!(out, "no backend connections");
    }
    let mut table = Table::new(&[
        ("BACKEND", Left),
        ("ACCOUNT", Left),
        ("MODE", Left),
        ("LEASED", Right),
        ("PINNED", Right),
        ("IDLE", Right),
        ("LIMIT", Right),
        ("WAITING", Right),
        ("LONGEST", Right),
    ]);
    for row in &pools.pools {
        table.push(pool_cells(row.backend.clone(), row.account.clone(), word(row.mode), row));
    }
    table.push(pool_cells("total".to_owned(), String::new(), "", &sum(&pools.pools)));
    write!(out, "{table}")?;
    if pools.truncated {
        writeln!(out, "pools: {}; {} shown and summed up", pools.total, pools.pools.len())?;
    }
    Ok(())
}

fn pool_cells(backend: String, account: String, mode: &str, row: &PoolRow) -> [String; 9] {
    let longest = match row.waiters {
        0 => "-".to_owned(),
        _ => duration(row.oldest_wait_seconds),
    };
    let [leased, pinned, idle, limit, waiters] =
        [row.leased, row.pinned, row.idle, row.limit, row.waiters].map(|count| count.to_string());
    [backend, account, mode.to_owned(), leased, pinned, idle, limit, waiters, longest]
}

fn sum(rows: &[PoolRow]) -> PoolRow {
    let total = |count: fn(&PoolRow) -> u32| rows.iter().map(count).fold(0, u32::saturating_add);
    PoolRow {
        backend: String::new(),
        account: String::new(),
        mode: Mode::Multiplex,
        leased: total(|row| row.leased),
        pinned: total(|row| row.pinned),
        idle: total(|row| row.idle),
        waiters: total(|row| row.waiters),
        limit: total(|row| row.limit),
        oldest_wait_seconds: rows.iter().map(|row| row.oldest_wait_seconds).fold(0.0, f64::max),
    }
}

fn print_sessions(sessions: &Sessions, out: &mut dyn Write) -> io::Result<()> {
    if !sessions.sessions.is_empty() {
        write!(out, "{}", session_table(&sessions.sessions))?;
    }
    writeln!(out, "{}", session_totals(sessions))?;
    if !sessions.pins.is_empty() {
        let reasons = sessions.pins.iter().map(|(reason, count)| format!("{reason} {count}"));
        writeln!(out, "pinned by: {}", printable(&reasons.collect::<Vec<_>>().join(", ")))?;
    }
    for (reason, count) in unshared(&sessions.sessions) {
        writeln!(out, "mode session, {count} of those shown: {}", printable(reason))?;
    }
    Ok(())
}

fn session_table(rows: &[SessionRow]) -> Table {
    let mut table = Table::new(&[
        ("ID", Right),
        ("ACCOUNT", Left),
        ("CLIENT", Left),
        ("TLS", Left),
        ("RUNG", Left),
        ("MODE", Left),
        ("STATE", Left),
        ("FOR", Right),
        ("PINNED BY", Left),
        ("CONNECTION", Left),
        ("STATEMENT", Left),
    ]);
    for row in rows {
        table.push([
            row.id.to_string(),
            row.account.clone(),
            row.client.clone(),
            row.tls.clone().unwrap_or_else(|| "-".to_owned()),
            row.rung.clone(),
            word(row.mode).to_owned(),
            state(row.state).to_owned(),
            duration(row.seconds),
            pins(&row.pins),
            connection(row),
            shortened(row.statement.as_deref().unwrap_or("-")),
        ]);
    }
    table
}

fn session_totals(sessions: &Sessions) -> String {
    let states = sessions.states;
    let counts = format!(
        "sessions: {} ({} pinned, {} running, {} waiting, {} idle)",
        sessions.total, states.pinned, states.running, states.waiting, states.idle
    );
    let shown = sessions.sessions.len();
    match sessions.truncated {
        true => format!("{counts}; {shown} shown, --limit {} shows all", sessions.total),
        false => counts,
    }
}

/// Why sessions do not share connections, and how many for each reason.
fn unshared(rows: &[SessionRow]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for row in rows.iter().filter(|row| row.mode == Mode::Session) {
        *counts.entry(row.mode_reason.as_str()).or_default() += 1;
    }
    counts
}

fn pins(pins: &[PinRow]) -> String {
    let each = pins.iter().map(|pin| format!("{} {}", pin.reason, duration(pin.seconds)));
    if pins.is_empty() { "-".to_owned() } else { each.collect::<Vec<_>>().join(", ") }
}

/// The backend and its id of the connection.
fn connection(row: &SessionRow) -> String {
    match (&row.backend, row.backend_connection) {
        (Some(backend), Some(id)) => format!("{backend} {id}"),
        (Some(backend), None) => backend.clone(),
        (None, _) => "-".to_owned(),
    }
}

fn shortened(statement: &str) -> String {
    match statement.char_indices().nth(STATEMENT) {
        Some((end, _)) => format!("{}…", statement.get(..end).unwrap_or(statement).trim_end()),
        None => statement.to_owned(),
    }
}

fn word(mode: Mode) -> &'static str {
    match mode {
        Mode::Multiplex => "multiplex",
        Mode::Session => "session",
    }
}

fn state(state: SessionState) -> &'static str {
    match state {
        SessionState::Pinned => "pinned",
        SessionState::Running => "running",
        SessionState::Waiting => "waiting",
        SessionState::Idle => "idle",
    }
}

/// The two largest units, or fractions of a second.
fn duration(seconds: f64) -> String {
    let whole = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default();
    let (seconds, minutes, hours) = (whole.as_secs(), whole.as_secs() / 60, whole.as_secs() / 3600);
    match seconds {
        0 => format!("{}ms", whole.as_millis()),
        1..10 => format!("{seconds}.{}s", whole.subsec_millis() / 100),
        10..60 => format!("{seconds}s"),
        60..3600 => format!("{minutes}m{:02}s", seconds % 60),
        3600..86400 => format!("{hours}h{:02}m", minutes % 60),
        _ => format!("{}d{:02}h", hours / 24, hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::sessions::SessionFilter;
    use crate::admin::{pools, ready, sessions};

    fn printed(print: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        print(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn printed_sessions(rows: &[SessionRow], limit: usize) -> String {
        let filter = SessionFilter { limit, ..SessionFilter::default() };
        printed(|out| print_sessions(&Sessions::select(rows.iter().cloned(), &filter), out))
    }

    #[test]
    fn durations_have_two_units() {
        let expected = [
            (0.0, "0ms"),
            (0.0124, "12ms"),
            (1.26, "1.2s"),
            (59.9, "59s"),
            (75.0, "1m15s"),
            (3600.0 * 3.5, "3h30m"),
            (86400.0 * 2.25, "2d06h"),
            (-1.0, "0ms"),
            (f64::NAN, "0ms"),
        ];
        for (seconds, text) in expected {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn a_backend_that_is_down_is_told_with_its_reason() {
        let down = BackendState::Down { reason: "connection refused".to_owned() };
        let backends = vec![
            ready::BackendHealth { name: "db1".to_owned(), state: BackendState::Up },
            ready::BackendHealth { name: "db2".to_owned(), state: down },
        ];
        let report = ready::Readiness { backends, draining: false }.report();
        let address = Address::Unix("/run/a.sock".into());
        let text = printed(|out| print_readiness(&report, &address, out));
        assert_eq!(text, "unix:/run/a.sock: ready\nbackend db2 is down: connection refused\n");
    }

    #[test]
    fn a_proxy_without_clients_says_so() {
        assert_eq!(printed(|out| print_pools(&Pools::default(), out)), "no backend connections\n");
        assert_eq!(printed_sessions(&[], 9), "sessions: 0 (0 pinned, 0 running, 0 waiting, 0 idle)\n");
    }

    #[test]
    fn pools_that_are_cut_off_are_told() {
        let filter = pools::PoolFilter { limit: 1, ..pools::PoolFilter::default() };
        let rows = ["nova", "glance"].map(|account| pools::tests::row("db1", account, 1, 0));
        let text = printed(|out| print_pools(&Pools::select(rows, &filter), out));
        assert!(text.ends_with("pools: 2; 1 shown and summed up\n"), "{text}");
    }

    #[test]
    fn why_sessions_do_not_share_is_told_once_for_each_reason() {
        let relayed = |id| SessionRow {
            mode: Mode::Session,
            mode_reason: "its login is relayed".to_owned(),
            ..sessions::tests::row(id, "glance")
        };
        let text = printed_sessions(&[relayed(1), relayed(2), sessions::tests::row(3, "nova")], 9);
        assert!(text.ends_with("mode session, 2 of those shown: its login is relayed\n"), "{text}");
    }

    #[test]
    fn a_long_statement_is_cut_between_characters() {
        let cut = shortened(&"é".repeat(STATEMENT + 1));
        assert_eq!(cut, "é".repeat(STATEMENT) + "…");
        assert_eq!(shortened(&"é".repeat(STATEMENT)), "é".repeat(STATEMENT));
    }
}
