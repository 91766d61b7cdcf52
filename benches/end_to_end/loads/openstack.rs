//! What services of OpenStack send: short connections, four SETs, then PING, a few SELECTs and two ROLLBACKs at a time.
//!
//! The sequence is what keystone, placement, glance and nova were seen to send through SQLAlchemy, oslo.db and PyMySQL.

use std::time::Instant;

use tokio::task::JoinSet;

use crate::client::{Client, Handshake, Target};
use crate::contestant::{Contestant, Link, Program};
use crate::figures::Figures;
use crate::loads::{Load, Operation, point_select};
use crate::metric::Metric;
use crate::server_status::ServerStatus;
use crate::tally::SharedTally;
use crate::turn::Turn;

const SETS: [&str; 4] =
    ["SET NAMES utf8", "SET NAMES utf8", "SET AUTOCOMMIT = 0", "SET SESSION sql_mode = 'TRADITIONAL'"];
const UNITS: u64 = 3;
const SELECTS: u64 = 3;
const ROLLBACKS: u64 = 2;
/// Commands of a connection, COM_QUIT included: the server counts it, too.
const COMMANDS: u64 = SETS.len() as u64 + UNITS * (1 + SELECTS + ROLLBACKS) + 1;

/// Connections that last for a few statements, so many at a time.
pub struct OpenStack {
    /// Connections at a time.
    pub at_once: u16,
}

impl Load for OpenStack {
    fn name(&self) -> String {
        format!("openstack-{}", self.at_once)
    }

    fn about(&self) -> String {
        format!(
            "{} at a time: connect (TLS handshakes in full), {} SETs, {UNITS} × (PING, {SELECTS} SELECTs, {ROLLBACKS} \
             ROLLBACKs), quit. A session is all of that, {COMMANDS} commands; server commands and connections are counted by the \
             server.",
            self.at_once,
            SETS.len()
        )
    }

    fn operation(&self) -> Operation {
        Operation::SESSION
    }

    fn contestants(&self) -> Vec<Contestant> {
        let of_interest = |one: &Contestant| {
            one.program == Program::Haproxy || one.setup().is_none_or(|setup| setup.link == Link::Tcp)
        };
        let mut all = Contestant::with_tls();
        all.push(Contestant::HAPROXY);
        all.retain(of_interest);
        all
    }

    fn compared(&self) -> Vec<Metric> {
        vec![Metric::Throughput, Metric::Cpu, Metric::P99]
    }

    fn run(&self, turn: &Turn<'_>) -> anyhow::Result<Figures> {
        turn.block_on(async {
            let target = turn.target(Handshake::Full)?;
            let mut control = turn.stage.control().await?;
            let tally = SharedTally::new()?;
            let before = ServerStatus::read(&mut control).await?;
            let meter = turn.meter()?;
            let end = Instant::now() + turn.duration;
            let services: JoinSet<_> =
                (0..self.at_once).map(|_| service(target.clone(), end, tally.clone())).collect();
            services.join_all().await;
            let spent = meter.stop()?;
            let after = ServerStatus::read(&mut control).await?;
            control.quit().await?;
            let tally = tally.take()?;
            let mut figures = Figures::of(&tally, &spent);
            let sessions = tally.done().max(1) as f64;
            let commands = after.commands_since(&before) as f64;
            figures.set(Metric::BackendCommands, commands / sessions / COMMANDS as f64);
            figures.set(Metric::BackendConnections, after.connections_since(&before) as f64 / sessions);
            Ok(figures)
        })
    }
}

/// One connection after the other.
async fn service(target: Target, end: Instant, tally: SharedTally) {
    for number in (0..).step_by(9) {
        let begun = Instant::now();
        if begun >= end {
            break;
        }
        match session(&target, number).await {
            Ok(()) => tally.add(begun.elapsed()),
            Err(error) => tally.add_error(&error),
        }
    }
}

async fn session(target: &Target, first: u64) -> anyhow::Result<()> {
    let mut client = Client::connect(target).await?;
    for set in SETS {
        client.query(set).await?;
    }
    for unit in 0..UNITS {
        client.ping().await?;
        for select in 0..SELECTS {
            client.query(&point_select(first + unit * SELECTS + select)).await?;
        }
        for _ in 0..ROLLBACKS {
            client.query("ROLLBACK").await?;
        }
    }
    client.quit().await
}
