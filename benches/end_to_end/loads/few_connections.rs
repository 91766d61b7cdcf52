//! What it costs clients to share fewer connections than they are.

use crate::client::Handshake;
use crate::contestant::{Contestant, Program, Setup, Transport};
use crate::crowd;
use crate::figures::Figures;
use crate::loads::{Load, Operation, Size, point_select};
use crate::metric::Metric;
use crate::tally::SharedTally;
use crate::turn::Turn;

/// Busy clients: as many connections to the server as clients, and a quarter of that.
pub struct FewConnections {
    clients: u16,
}

impl FewConnections {
    /// 64 of them.
    pub fn new(size: Size) -> Self {
        Self { clients: size.choose(64, 16) }
    }

    fn sealock(build: fn(Setup) -> Program, connections: u16) -> Contestant {
        Contestant::sealock(build, Transport::Tls, Setup::sharing(connections))
    }
}

impl Load for FewConnections {
    fn name(&self) -> String {
        "few-connections".to_owned()
    }

    fn about(&self) -> String {
        format!(
            "{} clients send point selects one after the other (text protocol, closed loop). Sealock's name ends with the \
             number of its connections to the server.",
            self.clients
        )
    }

    fn operation(&self) -> Operation {
        Operation::STATEMENT
    }

    fn contestants(&self) -> Vec<Contestant> {
        let few = self.clients / 4;
        let mut contestants = vec![Contestant::FLOOR_TLS];
        for build in [Program::Sealock, Program::Baseline] {
            contestants.extend([self.clients, few].map(|connections| Self::sealock(build, connections)));
        }
        contestants
    }

    fn references(&self, contestant: Contestant) -> Vec<Contestant> {
        let build = match contestant.program {
            Program::Baseline(_) => Program::Baseline,
            _ => Program::Sealock,
        };
        let as_many = Self::sealock(build, self.clients);
        [as_many, Contestant::FLOOR_TLS].into_iter().chain(contestant.baseline()).collect()
    }

    fn compared(&self) -> Vec<Metric> {
        vec![Metric::Throughput, Metric::Cpu, Metric::P99]
    }

    fn run(&self, turn: &Turn<'_>) -> anyhow::Result<Figures> {
        let tally = SharedTally::new()?;
        let target = turn.target(Handshake::Full)?;
        let clients = turn.block_on(crowd::connect(&target, self.clients.into()))?;
        let meter = turn.meter()?;
        let sending = crowd::closed_loop(clients, turn.duration, &tally, point_select);
        let clients = turn.block_on(sending)?;
        let spent = meter.stop()?;
        turn.block_on(crowd::disconnect(clients))?;
        Ok(Figures::of(&tally.take()?, &spent))
    }
}
