//! What a query costs: Sealock beside the least that any proxy must do, beside HAProxy, and beside a build of yesterday.
//!
//! `cargo bench --bench end_to_end -- --help`. Everything is started here, on loopback, with scratch data, and is gone
//! afterwards: a MariaDB, *the floor* (a copy loop on tokio and rustls, see [`floor`]), HAProxy where it is installed, and
//! the `sealock` program that cargo built. sysbench runs against one contestant after the other, round after round, so
//! that whatever else the machine does hits all of them; ratios are taken within a round.

mod contestant;
mod floor;
mod load;
mod process;
mod report;
mod stage;
mod system_calls;
mod usage;

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Parser, Subcommand};

use crate::contestant::{Contestant, Running};
use crate::floor::FloorArguments;
use crate::load::Load;
use crate::report::{Report, Sample};
use crate::stage::{Binaries, Stage};

/// Seconds of load on each contestant before the first round: caches fill, and a broken contestant shows at once.
const WARM_UP: Duration = Duration::from_secs(2);

/// Measures what a query costs in Sealock and in other proxies.
#[derive(Debug, Parser)]
#[command(name = "end_to_end", max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    role: Option<Role>,
    /// How often each contestant runs.
    #[arg(long, default_value = "5")]
    rounds: NonZeroU32,
    /// How long it runs each time.
    #[arg(long, default_value = "10")]
    seconds: NonZeroU32,
    /// Connections of the load, each in a thread of its own.
    #[arg(long, default_value = "16")]
    clients: NonZeroU32,
    /// Only these, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "CONTESTANT")]
    only: Vec<Contestant>,
    /// Worker threads of each proxy; as many as there are cores unless given.
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// The Sealock to measure, instead of the one that cargo built.
    #[arg(long, value_name = "FILE", default_value = env!("CARGO_BIN_EXE_sealock"))]
    sealock: PathBuf,
    /// Another Sealock to measure beside it.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// After the rounds, count the system calls of each contestant with strace, which slows it down several times.
    #[arg(long)]
    system_calls: bool,
    /// Where end_to_end.md and end_to_end.json go; target/bench unless given.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What this program is beside the harness.
#[derive(Debug, Subcommand)]
enum Role {
    /// Be the floor; the harness starts it so.
    #[command(hide = true)]
    Floor(FloorArguments),
}

fn main() -> anyhow::Result<()> {
    // `cargo test --all-targets` runs benches too, without an argument. There is nothing to promise in a second.
    if std::env::args_os().len() == 1 {
        eprintln!("nothing measured: run `cargo bench --bench end_to_end`");
        return Ok(());
    }
    let arguments = Arguments::parse();
    match &arguments.role {
        Some(Role::Floor(floor)) => floor::run(floor),
        None => measure(&arguments),
    }
}

fn measure(arguments: &Arguments) -> anyhow::Result<()> {
    let binaries = Binaries { sealock: arguments.sealock.clone(), baseline: arguments.baseline.clone() };
    let threads = arguments.threads.map_or_else(std::thread::available_parallelism, Ok)?;
    let stage = Stage::set(binaries, threads, |step| eprintln!("{step}"))?;
    let contestants = entered(arguments, &stage)?;
    let running = contestants
        .iter()
        .map(|&contestant| stage.start(contestant).with_context(|| format!("{contestant} does not start")))
        .collect::<anyhow::Result<Vec<_>>>()?;
    for contestant in &running {
        run(&stage, contestant, arguments.clients, WARM_UP)?;
    }
    let mut report = Report::new(&stage, arguments.rounds, arguments.seconds, arguments.clients);
    all_rounds(arguments, &stage, &running, &mut report)?;
    if arguments.system_calls {
        count_system_calls(arguments, &stage, &running, &mut report)?;
    }
    println!("{}", report.markdown());
    let directory = arguments.output.clone().unwrap_or_else(default_output);
    report.write(&directory).with_context(|| format!("cannot write to {}", directory.display()))
}

/// The contestants that were asked for and can be run.
fn entered(arguments: &Arguments, stage: &Stage) -> anyhow::Result<Vec<Contestant>> {
    let mut entered = Vec::new();
    for contestant in Contestant::ALL {
        let named = arguments.only.contains(&contestant);
        match stage.lacks(contestant) {
            Some(what) if named => bail!("{contestant} cannot be run: {what}"),
            Some(what) => eprintln!("without {contestant}: {what}"),
            None if named || arguments.only.is_empty() => entered.push(contestant),
            None => {}
        }
    }
    Ok(entered)
}

fn all_rounds(
    arguments: &Arguments,
    stage: &Stage,
    running: &[Running],
    report: &mut Report,
) -> anyhow::Result<()> {
    let seconds = arguments.seconds.get();
    let duration = Duration::from_secs(seconds.into());
    let rounds = arguments.rounds.get();
    let in_a_round = u32::try_from(running.len())?;
    for round in 1..=rounds {
        let left = (rounds - round + 1) * in_a_round * (seconds + 1);
        eprintln!("round {round} of {rounds}, about {left} s to go");
        // Another one begins each time: who comes after whom is no advantage.
        let first = usize::try_from(round)? % running.len();
        let (late, early) = running.split_at(first);
        for contestant in early.iter().chain(late) {
            let sample = run(stage, contestant, arguments.clients, duration)?;
            eprintln!("  {:18} {sample}", contestant.contestant.to_string());
            report.add(round, contestant.contestant, sample);
        }
    }
    Ok(())
}

fn run(stage: &Stage, running: &Running, clients: NonZeroU32, duration: Duration) -> anyhow::Result<Sample> {
    let load = Load { clients, duration };
    let before = running.process.usage()?;
    let outcome = load.run(stage, running).with_context(|| {
        format!(
            "the load on {} failed; its log ends with:\n{}",
            running.contestant,
            running.process.log_end()
        )
    })?;
    Ok(Sample::new(&outcome, running.process.usage()?.since(before)))
}

fn count_system_calls(
    arguments: &Arguments,
    stage: &Stage,
    running: &[Running],
    report: &mut Report,
) -> anyhow::Result<()> {
    for contestant in running {
        eprintln!("counting system calls of {}", contestant.contestant);
        let load = Load { clients: arguments.clients, duration: Duration::from_secs(5) };
        let counting = system_calls::Counting::start(contestant.process.id())?;
        let outcome = load.run(stage, contestant)?;
        report.add_system_calls(contestant.contestant, counting.stop()?.per(outcome.queries));
    }
    Ok(())
}

fn default_output() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench")
}
