//! What the harness is asked for.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::contestant::Contestant;
use crate::floor::FloorArguments;
use crate::launch::{Binaries, installed};
use crate::loads::{self, Load, Size};

/// Measures what Sealock costs beside other proxies, and beside the least that any proxy must do.
#[derive(Debug, Parser)]
#[command(name = "end_to_end", max_term_width = 100)]
pub struct Arguments {
    #[command(subcommand)]
    pub role: Option<Role>,
    /// Only these loads, separated by commas; the beginning of a name is enough.
    #[arg(long = "load", value_delimiter = ',', value_name = "LOAD")]
    loads: Vec<String>,
    /// Only these contestants, separated by commas; the beginning of a name is enough.
    #[arg(long = "only", value_delimiter = ',', value_name = "CONTESTANT")]
    contestants: Vec<String>,
    /// Say which loads and contestants there are, and end.
    #[arg(long)]
    pub list: bool,
    /// Everything once, small and short: whether it works, not how fast it is.
    #[arg(long)]
    pub quick: bool,
    /// How often each contestant has its turn.
    #[arg(long)]
    rounds: Option<NonZeroU32>,
    /// How long a turn is, where the load does not decide.
    #[arg(long)]
    seconds: Option<NonZeroU32>,
    /// Worker threads of each proxy; as many as there are cores unless given.
    #[arg(long)]
    pub threads: Option<NonZeroUsize>,
    /// The Sealock to measure, instead of the one that cargo built.
    #[arg(long, value_name = "FILE", default_value = env!("CARGO_BIN_EXE_sealock"))]
    sealock: PathBuf,
    /// Another Sealock to measure beside it.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// After the rounds, count the system calls of each contestant with strace, which slows it down several times.
    #[arg(long)]
    pub system_calls: bool,
    /// Where end_to_end.md and end_to_end.json go; target/bench unless given.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// A page to put the tables into, between the two lines that are there for it; the charts go beside it.
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What this program is beside the harness.
#[derive(Debug, Subcommand)]
pub enum Role {
    /// Be the floor; the harness starts it so.
    #[command(hide = true)]
    Floor(FloorArguments),
}

impl Arguments {
    /// The loads that were asked for.
    pub fn loads(&self) -> anyhow::Result<Vec<Box<dyn Load>>> {
        let size = if self.quick { Size::Quick } else { Size::Full };
        let mut loads = loads::all(size);
        loads.retain(|load| selected(&self.loads, &load.name()));
        anyhow::ensure!(!loads.is_empty(), "no load of that name; --list shows all");
        Ok(loads)
    }

    /// Whether a contestant was asked for, be it that all were.
    pub fn wants(&self, contestant: Contestant) -> bool {
        let left_out = self.quick && self.contestants.is_empty() && !contestant.is_typical();
        !left_out && selected(&self.contestants, &contestant.to_string())
    }

    /// Rounds of each load.
    pub fn rounds(&self) -> u32 {
        self.rounds.map_or(if self.quick { 1 } else { 5 }, NonZeroU32::get)
    }

    /// Seconds of each turn.
    pub fn seconds(&self) -> u32 {
        self.seconds.map_or(if self.quick { 1 } else { 10 }, NonZeroU32::get)
    }

    /// The programs to measure.
    pub fn binaries(&self) -> Binaries {
        Binaries {
            sealock: self.sealock.clone(),
            baseline: self.baseline.clone(),
            haproxy: installed("haproxy"),
            proxysql: std::env::var_os("PROXYSQL").map(PathBuf::from),
        }
    }

    /// Where the report goes.
    pub fn output(&self) -> PathBuf {
        let default = || PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench");
        self.output.clone().unwrap_or_else(default)
    }
}

fn selected(beginnings: &[String], name: &str) -> bool {
    beginnings.is_empty() || beginnings.iter().any(|beginning| name.starts_with(beginning.as_str()))
}
