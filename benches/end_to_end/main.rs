//! What Sealock costs: beside the least that any proxy must do, beside other proxies, and beside a build of yesterday.
//!
//! `cargo bench --bench end_to_end -- --help`. Everything is started here, on loopback, with scratch data, and is gone
//! afterwards: a MariaDB, *the floor* (a copy loop on tokio and rustls, see [`floor`]), HAProxy where it is installed, and
//! the `sealock` program that cargo built. One contestant after the other has its turn under a load, round after round, so
//! that whatever else the machine does hits all of them; ratios are taken within a round.

mod arguments;
mod chart;
mod client;
mod contestant;
mod crowd;
mod figures;
mod floor;
mod launch;
mod live;
mod loads;
mod metric;
mod process;
mod report;
mod rotate;
mod schedule;
mod scrape;
mod server_status;
mod stage;
mod system_calls;
mod tally;
mod turn;
mod usage;

use anyhow::Context as _;
use clap::Parser as _;

use crate::arguments::{Arguments, Role};
use crate::report::Report;
use crate::schedule::Schedule;
use crate::stage::Stage;

fn main() -> anyhow::Result<()> {
    // `cargo test --all-targets` runs benches too, without an argument. There is nothing to promise in a second.
    if std::env::args_os().len() == 1 {
        eprintln!("nothing measured: run `cargo bench --bench end_to_end`");
        return Ok(());
    }
    let arguments = Arguments::parse();
    match &arguments.role {
        Some(Role::Floor(floor)) => floor::run(floor),
        None if arguments.list => list(&arguments),
        None => measure(&arguments),
    }
}

fn list(arguments: &Arguments) -> anyhow::Result<()> {
    for load in arguments.loads()? {
        println!("{}: {}", load.name(), load.about());
        let names: Vec<_> = load.contestants().iter().map(ToString::to_string).collect();
        println!("    {}\n", names.join(" "));
    }
    Ok(())
}

fn measure(arguments: &Arguments) -> anyhow::Result<()> {
    let threads = arguments.threads.map_or_else(std::thread::available_parallelism, Ok)?;
    let binaries = arguments.binaries();
    let loads = schedule::entered(arguments, &binaries)?;
    let stage = Stage::set(binaries, threads, |step| eprintln!("{step}"))?;
    let mut schedule = Schedule::new(arguments, &stage, loads)?;
    let mut report = Report::new(&stage, arguments.rounds(), arguments.seconds());
    let outcome = schedule.run(&mut report);
    // What was measured until then is not thrown away.
    let directory = arguments.output();
    report.write(&directory).with_context(|| format!("cannot write to {}", directory.display()))?;
    if let Some(page) = &arguments.markdown {
        report.fill(page)?;
    }
    eprintln!("written to {}", directory.display());
    outcome?;
    anyhow::ensure!(!arguments.quick || report.errors() == 0.0, "{} operations failed", report.errors());
    Ok(())
}
