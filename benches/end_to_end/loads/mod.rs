//! What contestants are put under: one file a load.

mod connect;
mod few_connections;
mod fixed_rate;
mod idle_clients;
mod large_insert;
mod large_result;
mod many_clients;
mod openstack;
mod rotation;
pub mod sysbench;

use std::num::NonZeroU64;
use std::time::Duration;

use serde::Serialize;
use tokio::runtime::Runtime;

use crate::contestant::Contestant;
use crate::figures::Figures;
use crate::metric::Metric;
use crate::stage::Stage;
use crate::turn::Turn;

use self::connect::{Connect, Way};
use self::few_connections::FewConnections;
use self::fixed_rate::FixedRate;
use self::idle_clients::IdleClients;
use self::large_insert::LargeInsert;
use self::large_result::{LargeResult, Reader};
use self::many_clients::ManyClients;
use self::openstack::OpenStack;
use self::rotation::Rotation;
use self::sysbench::{Protocol, Sysbench};

/// Bytes of a mebibyte.
const MEBIBYTE: f64 = 1_048_576.0;

/// Something that clients do, and what is measured meanwhile.
pub trait Load {
    /// Its name, for `--load` and in the report.
    fn name(&self) -> String;

    /// What happens, in a sentence or two for the report.
    fn about(&self) -> String;

    /// What costs are counted by.
    fn operation(&self) -> Operation;

    /// Who takes part, where it can be run.
    fn contestants(&self) -> Vec<Contestant> {
        Contestant::all()
    }

    /// With whom a contestant is compared.
    fn references(&self, contestant: Contestant) -> Vec<Contestant> {
        [contestant.floor(), Contestant::HAPROXY].into_iter().chain(contestant.baseline()).collect()
    }

    /// In what it is compared.
    fn compared(&self) -> Vec<Metric>;

    /// How often everybody has a turn, where `asked` is what the harness was asked for.
    fn rounds(&self, asked: u32) -> u32 {
        asked
    }

    /// How long a turn takes, all in all, where `asked` is how long it is to last. For the time left; no promise.
    fn length(&self, asked: Duration) -> Duration {
        asked + Duration::from_secs(1)
    }

    /// Whether a short turn before the first makes a difference.
    fn warms_up(&self) -> bool {
        true
    }

    /// What has to be known or made before anybody's turn.
    fn prepare(&self, _stage: &Stage, _runtime: &Runtime) -> anyhow::Result<()> {
        Ok(())
    }

    /// One contestant's turn.
    ///
    /// # Errors
    /// Where nothing can be said of the contestant. Operations that fail are figures.
    fn run(&self, turn: &Turn<'_>) -> anyhow::Result<Figures>;
}

/// What costs are counted by.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Operation {
    /// One of it.
    pub one: &'static str,
    /// Several.
    pub many: &'static str,
}

impl Operation {
    const STATEMENT: Self = Self { one: "statement", many: "statements" };
    const CONNECTION: Self = Self { one: "connection", many: "connections" };
    const SESSION: Self = Self { one: "session", many: "sessions" };
    const MEBIBYTE: Self = Self { one: "MiB", many: "MiB" };
}

/// How large loads are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// As the report tells.
    Full,
    /// Just large enough to find out whether everything works.
    Quick,
}

impl Size {
    /// One of two numbers.
    fn choose<T>(self, full: T, quick: T) -> T {
        match self {
            Self::Full => full,
            Self::Quick => quick,
        }
    }
}

/// All of them, in the order of the report. Cache hits have their place after sysbench's mixes, once there is a cache.
pub fn all(size: Size) -> Vec<Box<dyn Load>> {
    let mut loads: Vec<Box<dyn Load>> = Vec::new();
    let left_out = size.choose(&[][..], &["read-only", "read-write-text"]);
    for (name, script, protocol) in SYSBENCH.into_iter().filter(|(name, ..)| !left_out.contains(name)) {
        loads.push(Box::new(Sysbench { name, script, protocol, clients: 16 }));
    }
    loads.push(Box::new(FixedRate::one_client()));
    loads.push(Box::new(FixedRate::half_load(16)));
    loads.push(Box::new(FewConnections::new(size)));
    loads.push(Box::new(ManyClients::new(size)));
    for &at_once in size.choose(&[8, 64, 500][..], &[64]) {
        loads.push(Box::new(OpenStack { at_once }));
    }
    for way in [Way::Full, Way::Resumed, Way::Plaintext] {
        loads.push(Box::new(Connect { way, at_once: 16 }));
    }
    loads.push(Box::new(IdleClients::new(size)));
    for reader in [Reader::Fast, Reader::Slow(size.choose(20e6, 10e6))] {
        loads.push(Box::new(LargeResult::new(size, reader)));
    }
    loads.push(Box::new(LargeInsert::new(size)));
    loads.push(Box::new(Rotation { clients: 16, rate: ROTATION_RATE }));
    loads
}

/// Names, sysbench's names, and how statements are sent.
const SYSBENCH: [(&str, &str, Protocol); 5] = [
    ("point-select", "oltp_point_select", Protocol::Text),
    ("prepared-point-select", "oltp_point_select", Protocol::Prepared),
    ("read-only", "oltp_read_only", Protocol::Prepared),
    ("read-write-text", "oltp_read_write", Protocol::Text),
    ("read-write", "oltp_read_write", Protocol::Prepared),
];

/// Statements a second while certificates rotate: enough to notice a stall, and far from what any machine can do.
const ROTATION_RATE: NonZeroU64 = NonZeroU64::new(2000).unwrap();

/// The text of a point select; the same numbers give the same texts, spread over the table.
fn point_select(number: u64) -> String {
    let id = 1 + number.wrapping_mul(7919) % sysbench::TABLE_SIZE;
    format!("SELECT c FROM sbtest1 WHERE id={id}")
}
