//! Many clients that say little, on few connections to the server.

use std::num::NonZeroU64;

use crate::client::Handshake;
use crate::contestant::{Contestant, Program, Setup, Transport};
use crate::crowd;
use crate::figures::Figures;
use crate::loads::{Load, Operation, Size, point_select};
use crate::metric::Metric;
use crate::tally::SharedTally;
use crate::turn::Turn;

/// The time that clients wait for a connection to the server (docs/metrics.md).
const ACQUIRE: &str = "sealock_pool_acquire_seconds";

/// Clients with TLS that are idle most of the time.
pub struct ManyClients {
    clients: u16,
    statements_per_second: NonZeroU64,
    connections: u16,
}

impl ManyClients {
    /// A statement a second from each of 2,000.
    pub fn new(size: Size) -> Self {
        let clients = size.choose(2000, 200);
        let rate = u64::from(clients);
        Self {
            clients,
            statements_per_second: NonZeroU64::new(rate).unwrap_or(NonZeroU64::MIN),
            connections: 20,
        }
    }
}

impl Load for ManyClients {
    fn name(&self) -> String {
        "many-clients".to_owned()
    }

    fn about(&self) -> String {
        format!(
            "{} clients, {} statements a second in all (point selects, text protocol, open loop: latency counts from the \
             moment at which a statement is due). Sealock's name ends with the number of its connections to the server; \
             the others open one for each client.",
            self.clients, self.statements_per_second
        )
    }

    fn operation(&self) -> Operation {
        Operation::STATEMENT
    }

    fn contestants(&self) -> Vec<Contestant> {
        let setup = Setup::sharing(self.connections);
        let tls = Transport::Tls;
        vec![
            Contestant::FLOOR_TLS,
            Contestant::HAPROXY,
            Contestant { program: Program::Proxysql { connections: Some(self.connections) }, transport: tls },
            Contestant::sealock(Program::Sealock, tls, setup),
            Contestant::sealock(Program::Baseline, tls, setup),
        ]
    }

    fn compared(&self) -> Vec<Metric> {
        vec![Metric::P50, Metric::P99, Metric::Cpu, Metric::RssPerClient]
    }

    fn run(&self, turn: &Turn<'_>) -> anyhow::Result<Figures> {
        let tally = SharedTally::new()?;
        let target = turn.target(Handshake::Full)?;
        let clients = turn.block_on(crowd::connect(&target, self.clients.into()))?;
        let acquired_before = turn.buckets(ACQUIRE)?;
        let meter = turn.meter()?;
        let rate = self.statements_per_second;
        let sending = crowd::open_loop(clients, turn.duration, rate, &tally, point_select);
        let clients = turn.block_on(sending)?;
        let spent = meter.stop()?;
        let mut figures = Figures::of_open_loop(&tally.take()?, &spent);
        if let Some(grown) = turn.grown_kib() {
            figures.set(Metric::RssPerClient, grown / f64::from(self.clients));
        }
        if let Some((now, before)) = turn.buckets(ACQUIRE)?.zip(acquired_before) {
            figures.set(Metric::AcquireP99, now.since(&before).quantile(0.99) * 1e3);
        }
        turn.block_on(crowd::disconnect(clients))?;
        Ok(figures)
    }
}
