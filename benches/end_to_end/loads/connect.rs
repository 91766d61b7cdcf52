//! Connections that come and go.

use std::time::Instant;

use tokio::task::JoinSet;

use crate::client::{Client, Handshake, Target};
use crate::contestant::{Contestant, Transport};
use crate::figures::Figures;
use crate::loads::{Load, Operation};
use crate::metric::Metric;
use crate::tally::SharedTally;
use crate::turn::Turn;

/// Connect, SELECT 1, quit.
pub struct Connect {
    /// How clients come in.
    pub way: Way,
    /// How many at a time.
    pub at_once: u16,
}

/// How clients come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// With a TLS handshake of everything.
    Full,
    /// With what the connection before left.
    Resumed,
    /// Without TLS.
    Plaintext,
}

impl Load for Connect {
    fn name(&self) -> String {
        match self.way {
            Way::Full => "connect-full",
            Way::Resumed => "connect-resumed",
            Way::Plaintext => "connect-plaintext",
        }
        .to_owned()
    }

    fn about(&self) -> String {
        let way = match self.way {
            Way::Full => "a full TLS handshake",
            Way::Resumed => "a resumed TLS handshake",
            Way::Plaintext => "plaintext",
        };
        format!("Connect with {way}, SELECT 1, quit; {} at a time.", self.at_once)
    }

    fn operation(&self) -> Operation {
        Operation::CONNECTION
    }

    fn contestants(&self) -> Vec<Contestant> {
        let transport = if self.way == Way::Plaintext { Transport::Plaintext } else { Transport::Tls };
        Contestant::all().into_iter().filter(|contestant| contestant.transport == transport).collect()
    }

    fn compared(&self) -> Vec<Metric> {
        vec![Metric::Cpu, Metric::Throughput, Metric::P99]
    }

    fn run(&self, turn: &Turn<'_>) -> anyhow::Result<Figures> {
        let tally = SharedTally::new()?;
        let handshake = if self.way == Way::Resumed { Handshake::Resumed } else { Handshake::Full };
        // Each has a store of its own: TLS 1.3 tickets are for one use.
        let targets = (0..self.at_once).map(|_| turn.target(handshake));
        let targets = targets.collect::<anyhow::Result<Vec<_>>>()?;
        let meter = turn.meter()?;
        let end = Instant::now() + turn.duration;
        let resumed = turn.block_on(async {
            let comers: JoinSet<_> =
                targets.into_iter().map(|target| come_and_go(target, end, tally.clone())).collect();
            Ok(comers.join_all().await.into_iter().sum::<u64>())
        })?;
        let spent = meter.stop()?;
        let tally = tally.take()?;
        let mut figures = Figures::of(&tally, &spent);
        if self.way == Way::Resumed {
            figures.set(Metric::Resumed, resumed as f64 * 100.0 / tally.done().max(1) as f64);
        }
        Ok(figures)
    }
}

/// One connection after the other; how many were resumed.
async fn come_and_go(target: Target, end: Instant, tally: SharedTally) -> u64 {
    let mut resumed = 0;
    while Instant::now() < end {
        let begun = Instant::now();
        match visit(&target).await {
            Ok(was_resumed) => {
                tally.add(begun.elapsed());
                resumed += u64::from(was_resumed);
            }
            Err(error) => tally.add_error(&error),
        }
    }
    resumed
}

async fn visit(target: &Target) -> anyhow::Result<bool> {
    let mut client = Client::connect(target).await?;
    client.query("SELECT 1").await?;
    let resumed = client.was_resumed();
    client.quit().await?;
    Ok(resumed)
}
