//! Latency where there is room: one client alone, and half of what the machine can do.

use std::cell::Cell;
use std::num::NonZeroU64;
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::client::Handshake;
use crate::contestant::Contestant;
use crate::crowd;
use crate::figures::Figures;
use crate::loads::{Load, Operation, point_select};
use crate::metric::Metric;
use crate::stage::Stage;
use crate::tally::SharedTally;
use crate::turn::Turn;

/// How long the floor is asked what it can do.
const TRIAL: Duration = Duration::from_secs(3);

/// Statements that fall due at fixed moments.
pub struct FixedRate {
    name: &'static str,
    clients: u16,
    /// Statements a second, in all; found out at the floor where it is not given.
    rate: Cell<Option<NonZeroU64>>,
}

impl FixedRate {
    /// One client, as busy as an interactive one.
    pub fn one_client() -> Self {
        Self { name: "latency-one-client", clients: 1, rate: Cell::new(NonZeroU64::new(200)) }
    }

    /// Half of what the floor can do with so many clients.
    pub fn half_load(clients: u16) -> Self {
        Self { name: "latency-half-load", clients, rate: Cell::new(None) }
    }

    fn rate(&self) -> NonZeroU64 {
        self.rate.get().unwrap_or(NonZeroU64::MIN)
    }
}

impl Load for FixedRate {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn about(&self) -> String {
        let rate = match self.rate.get() {
            Some(rate) => rate.to_string(),
            None => "half of what the floor can do".to_owned(),
        };
        format!(
            "Point selects (text protocol) from {} clients at a fixed rate, {rate} a second in all. Latency counts from the \
             moment at which a statement is due; how late the harness was with sending is the difference to \"since sent\".",
            self.clients
        )
    }

    fn operation(&self) -> Operation {
        Operation::STATEMENT
    }

    fn compared(&self) -> Vec<Metric> {
        vec![Metric::P50, Metric::P99, Metric::ServiceP50, Metric::ServiceP99]
    }

    fn prepare(&self, stage: &Stage, runtime: &Runtime) -> anyhow::Result<()> {
        if self.rate.get().is_some() {
            return Ok(());
        }
        let floor = stage.start(Contestant::FLOOR_TLS)?;
        let turn = Turn { stage, running: &floor, runtime, duration: TRIAL };
        let tally = SharedTally::new()?;
        let target = turn.target(Handshake::Full)?;
        turn.block_on(async {
            let clients = crowd::connect(&target, self.clients.into()).await?;
            let clients = crowd::closed_loop(clients, TRIAL, &tally, point_select).await?;
            crowd::disconnect(clients).await
        })?;
        self.rate.set(NonZeroU64::new(tally.take()?.done() / TRIAL.as_secs() / 2));
        Ok(())
    }

    fn run(&self, turn: &Turn<'_>) -> anyhow::Result<Figures> {
        let tally = SharedTally::new()?;
        let target = turn.target(Handshake::Full)?;
        let clients = turn.block_on(crowd::connect(&target, self.clients.into()))?;
        let meter = turn.meter()?;
        let sending = crowd::open_loop(clients, turn.duration, self.rate(), &tally, point_select);
        let clients = turn.block_on(sending)?;
        let spent = meter.stop()?;
        turn.block_on(crowd::disconnect(clients))?;
        Ok(Figures::of_open_loop(&tally.take()?, &spent))
    }
}
