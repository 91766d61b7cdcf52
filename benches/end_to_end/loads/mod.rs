//! What contestants are put under: one file a load.

mod few_connections;
mod many_clients;
mod openstack;
pub mod sysbench;

use crate::contestant::Contestant;
use crate::figures::{Figures, Metric};
use crate::turn::Turn;

use self::few_connections::FewConnections;
use self::many_clients::ManyClients;
use self::openstack::OpenStack;
use self::sysbench::PointSelect;

/// Something that clients do, and what is measured meanwhile.
pub trait Load {
    /// Its name, for `--load` and in the report.
    fn name(&self) -> String;

    /// What happens, in a sentence or two for the report.
    fn about(&self) -> String;

    /// What costs are counted by.
    fn operation(&self) -> &'static str;

    /// Who takes part, where it can be run.
    fn contestants(&self) -> Vec<Contestant> {
        Contestant::all()
    }

    /// With whom a contestant is compared.
    fn references(&self, contestant: Contestant) -> Vec<Contestant> {
        vec![contestant.floor(), Contestant::HAPROXY]
    }

    /// In what it is compared.
    fn compared(&self) -> Vec<Metric>;

    /// One contestant's turn.
    ///
    /// # Errors
    /// Where nothing can be said of the contestant. Operations that fail are figures.
    fn run(&self, turn: &Turn<'_>) -> anyhow::Result<Figures>;
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

/// All of them, in the order of the report.
pub fn all(size: Size) -> Vec<Box<dyn Load>> {
    let mut loads: Vec<Box<dyn Load>> = vec![Box::new(PointSelect { clients: 16 })];
    loads.push(Box::new(FewConnections::new(size)));
    loads.push(Box::new(ManyClients::new(size)));
    for at_once in [8, 64, 500] {
        loads.push(Box::new(OpenStack { at_once: size.choose(at_once, at_once.min(32)) }));
    }
    loads
}

/// The text of a point select; the same numbers give the same texts, spread over the table.
fn point_select(number: u64) -> String {
    let id = 1 + number.wrapping_mul(7919) % sysbench::TABLE_SIZE;
    format!("SELECT c FROM sbtest1 WHERE id={id}")
}
