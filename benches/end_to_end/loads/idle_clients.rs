//! Clients that are connected and do nothing: what each keeps in memory, and whether it comes back when they leave.

use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit};

use crate::client::Handshake;
use crate::contestant::{Contestant, Mode, Program};
use crate::crowd;
use crate::figures::Figures;
use crate::loads::{Load, Operation, Size};
use crate::metric::Metric;
use crate::turn::Turn;

/// The most clients of whoever opens a connection to the server for each: those are threads of the server.
const WITH_CONNECTION: usize = 2000;
/// Descriptors that are used for other things.
const OTHER_DESCRIPTORS: u64 = 500;

/// Memory has settled when it has changed by less than this, in KiB, …
const SETTLED_KIB: f64 = 128.0;
/// … from one look to the next, so many times, …
const SETTLED_LOOKS: u32 = 4;
/// … or when it has not within this time.
const SETTLING: Duration = Duration::from_secs(20);

/// Clients with TLS, after one statement.
pub struct IdleClients {
    clients: usize,
    /// How often they come and leave.
    times: u32,
    /// Between two looks at the memory.
    look: Duration,
}

impl IdleClients {
    /// 9,000, or what the descriptor limit allows: a client may be two descriptors in a proxy.
    pub fn new(size: Size) -> Self {
        let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let allowed = usize::try_from(limit.saturating_sub(OTHER_DESCRIPTORS) / 2).unwrap_or(usize::MAX);
        Self {
            clients: size.choose(9000, 100).min(allowed),
            times: size.choose(3, 1),
            look: Duration::from_millis(size.choose(500, 50)),
        }
    }

    fn clients_of(&self, contestant: Contestant) -> usize {
        let shares = contestant.setup().is_some_and(|setup| setup.mode == Mode::Multiplex)
            || matches!(contestant.program, Program::Proxysql { .. });
        if shares { self.clients } else { self.clients.min(WITH_CONNECTION) }
    }

    /// The proxy's memory above what it had when it was new, once that has settled.
    fn settled(&self, turn: &Turn<'_>) -> Option<f64> {
        let begun = Instant::now();
        let (mut last, mut same) = (turn.grown_kib()?, 0);
        while same < SETTLED_LOOKS && begun.elapsed() < SETTLING {
            thread::sleep(self.look);
            let now = turn.grown_kib()?;
            same = if (now - last).abs() < SETTLED_KIB { same + 1 } else { 0 };
            last = now;
        }
        Some(last)
    }
}

impl Load for IdleClients {
    fn name(&self) -> String {
        "idle-clients".to_owned()
    }

    fn about(&self) -> String {
        format!(
            "{} clients (TLS where the contestant has it) run SELECT 1 and then nothing, {} times over; at most \
             {WITH_CONNECTION} where each has a connection to the server. The memory of a client is the largest of \
             all times, above the new process; what remains is the largest after they left, by the memory of the new process.",
            self.clients, self.times
        )
    }

    fn operation(&self) -> Operation {
        Operation::CONNECTION
    }

    fn contestants(&self) -> Vec<Contestant> {
        let mut contestants = Contestant::with_tls();
        contestants.push(Contestant::HAPROXY);
        contestants.retain(|contestant| contestant.program != Program::Direct);
        contestants
    }

    fn compared(&self) -> Vec<Metric> {
        vec![Metric::RssPerClient]
    }

    fn rounds(&self, _asked: u32) -> u32 {
        1
    }

    fn length(&self, _asked: Duration) -> Duration {
        let settling = self.look * SETTLED_LOOKS * 4;
        let logins = Duration::from_millis(self.clients as u64);
        (logins + settling) * self.times
    }

    fn warms_up(&self) -> bool {
        false
    }

    fn run(&self, turn: &Turn<'_>) -> anyhow::Result<Figures> {
        let clients = self.clients_of(turn.running.contestant);
        let mut figures = Figures::default();
        for _ in 0..self.times {
            let target = turn.target(Handshake::Full)?;
            let begun = Instant::now();
            let connected = turn.block_on(crowd::connect(&target, clients))?;
            figures.set(Metric::Throughput, clients as f64 / begun.elapsed().as_secs_f64());
            let connected = turn.block_on(crowd::each_once(connected, "SELECT 1"))?;
            if let Some(grown) = self.settled(turn) {
                figures.set_largest(Metric::RssPerClient, grown / clients as f64);
            }
            turn.block_on(crowd::disconnect(connected))?;
            if let Some((left, new)) = self.settled(turn).zip(turn.running.rss_when_new) {
                figures.set_largest(Metric::RssReturned, (left + new) / new);
            }
        }
        figures.set(Metric::Clients, clients as f64);
        Ok(figures)
    }
}
