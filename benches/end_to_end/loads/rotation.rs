//! Another certificate every second, while clients work and others come.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{Client, Handshake, Target};
use crate::contestant::{Contestant, Link};
use crate::crowd;
use crate::figures::Figures;
use crate::loads::{Load, Operation, point_select};
use crate::metric::Metric;
use crate::process::Process;
use crate::rotate::Rotator;
use crate::scrape;
use crate::tally::{SharedTally, Tally};
use crate::turn::Turn;
use crate::usage::Spent;

const INTERVAL: Duration = Duration::from_secs(1);
/// Between two connections of the one client that keeps coming anew.
const PAUSE: Duration = Duration::from_millis(20);
/// The generation of the configuration in use (docs/metrics.md).
const GENERATION: &str = "sealock_config_generation";

/// The same load for a while without and for a while with rotations.
pub struct Rotation {
    /// Clients that stay.
    pub clients: u16,
    /// Their statements a second, in all.
    pub rate: NonZeroU64,
}

impl Load for Rotation {
    fn name(&self) -> String {
        "rotation".to_owned()
    }

    fn about(&self) -> String {
        format!(
            "{} clients that stay send {} point selects a second in all (open loop), and one connects anew every {PAUSE:?}, \
             half of the time without and half of the time with another certificate and a SIGHUP every second.",
            self.clients, self.rate
        )
    }

    fn operation(&self) -> Operation {
        Operation::STATEMENT
    }

    fn contestants(&self) -> Vec<Contestant> {
        let sealock = |one: &Contestant| one.setup().is_some_and(|setup| setup.link == Link::Tcp);
        Contestant::with_tls().into_iter().filter(sealock).collect()
    }

    fn references(&self, contestant: Contestant) -> Vec<Contestant> {
        contestant.baseline().into_iter().collect()
    }

    fn compared(&self) -> Vec<Metric> {
        vec![Metric::P99, Metric::CalmP99, Metric::Cpu]
    }

    fn run(&self, turn: &Turn<'_>) -> anyhow::Result<Figures> {
        let half = turn.duration.max(INTERVAL * 4) / 2;
        let (calm, _) = self.work(turn, half)?;
        let (admin, process) = (turn.running.admin, turn.running.process.as_ref());
        let (Some(admin), Some(process)) = (admin, process) else { anyhow::bail!("not a Sealock") };
        let generation = scrape::value(admin, GENERATION)?;
        let rotator = Rotator::new(turn.stage.directory(), turn.running.contestant)?;
        let (busy, spent) = rotating(rotator, process, || self.work(turn, half))?;
        let mut figures = Figures::of_open_loop(&busy, &spent);
        figures.set(Metric::Errors, (busy.errors() + calm.errors()) as f64);
        figures.set(Metric::CalmP99, calm.latency_ms(0.99));
        figures.set(Metric::Slowdown, busy.latency_ms(0.99) / calm.latency_ms(0.99));
        figures.set(Metric::Rotations, scrape::value(admin, GENERATION)? - generation);
        Ok(figures)
    }
}

impl Rotation {
    fn work(&self, turn: &Turn<'_>, duration: Duration) -> anyhow::Result<(Tally, Spent)> {
        let tally = SharedTally::new()?;
        let target = turn.target(Handshake::Full)?;
        let spent = turn.block_on(async {
            let clients = crowd::connect(&target, self.clients.into()).await?;
            let meter = turn.meter()?;
            let working = crowd::open_loop(clients, duration, self.rate, &tally, point_select);
            let (clients, ()) = tokio::join!(working, keep_coming(&target, duration, &tally));
            let spent = meter.stop()?;
            crowd::disconnect(clients?).await?;
            Ok(spent)
        })?;
        Ok((tally.take()?, spent))
    }
}

/// Connects anew again and again; only what fails is counted.
async fn keep_coming(target: &Target, duration: Duration, tally: &SharedTally) {
    let end = Instant::now() + duration;
    while Instant::now() < end {
        let visit = async {
            let mut client = Client::connect(target).await?;
            client.query("SELECT 1").await?;
            client.quit().await
        };
        if let Err(error) = visit.await {
            tally.add_error(&error);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Rotates in a thread of its own until `work` is done.
fn rotating<T>(
    mut rotator: Rotator,
    process: &Process,
    work: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let done = Arc::new(AtomicBool::new(false));
    thread::scope(|scope| {
        let rotations = scope.spawn({
            let done = Arc::clone(&done);
            move || {
                while !done.load(Ordering::Relaxed) {
                    rotator.rotate(process)?;
                    thread::sleep(INTERVAL);
                }
                anyhow::Ok(())
            }
        });
        let outcome = work();
        done.store(true, Ordering::Relaxed);
        rotations.join().map_err(|_| anyhow::anyhow!("the rotation panicked"))??;
        outcome
    })
}
