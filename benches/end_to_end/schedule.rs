//! Who has a turn when.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tokio::runtime::Runtime;

use crate::arguments::Arguments;
use crate::contestant::Contestant;
use crate::figures::Figures;
use crate::launch::Binaries;
use crate::live::Live;
use crate::loads::Load;
use crate::report::Report;
use crate::stage::{Running, Stage};
use crate::system_calls::Counting;
use crate::turn::Turn;

/// Load on each contestant before the first round: caches fill, and a broken contestant shows at once.
const WARM_UP: Duration = Duration::from_secs(1);
/// How long system calls are counted.
const COUNTING: Duration = Duration::from_secs(5);

/// A load, and who takes part.
pub type Entry = (Box<dyn Load>, Vec<Contestant>);

/// Loads, their contestants, and how far it has come.
pub struct Schedule<'a> {
    arguments: &'a Arguments,
    stage: &'a Stage,
    runtime: Runtime,
    loads: Vec<Entry>,
    turns: Progress,
    live: Live,
}

/// Turns that were had, and all of them, with the time that they are expected to take.
struct Progress {
    begun: Instant,
    done: (usize, Duration),
    all: (usize, Duration),
}

impl<'a> Schedule<'a> {
    /// For these, which [`entered`] names.
    pub fn new(arguments: &'a Arguments, stage: &'a Stage, loads: Vec<Entry>) -> anyhow::Result<Self> {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.enable_all().build()?;
        let turns = Progress::over(&loads, arguments);
        Ok(Self { arguments, stage, runtime, loads, turns, live: Live::new() })
    }

    /// Runs everything and prints each load's tables as soon as they are there. A load that fails does not keep the others
    /// from running.
    pub fn run(&mut self, report: &mut Report) -> anyhow::Result<()> {
        let mut failed = Vec::new();
        for (load, contestants) in std::mem::take(&mut self.loads) {
            if let Err(error) = self.run_load(load.as_ref(), &contestants, report) {
                self.live.say(&format!("{} failed: {error:#}", load.name()));
                failed.push(load.name());
            }
            println!("\n{}", report.end(load.as_ref()));
        }
        ensure!(failed.is_empty(), "these loads failed: {}", failed.join(", "));
        Ok(())
    }

    fn run_load(
        &mut self,
        load: &dyn Load,
        contestants: &[Contestant],
        report: &mut Report,
    ) -> anyhow::Result<()> {
        self.live.say(&load.name());
        let prepared = load.prepare(self.stage, &self.runtime);
        report.begin(load);
        prepared?;
        let start = |&contestant: &Contestant| {
            self.stage.start(contestant).with_context(|| format!("{contestant} does not start"))
        };
        let running = contestants.iter().map(start).collect::<anyhow::Result<Vec<_>>>()?;
        for contestant in running.iter().filter(|_| load.warms_up() && !self.arguments.quick) {
            self.turn(load, contestant, WARM_UP)?;
        }
        for round in 1..=load.rounds(self.arguments.rounds()) {
            self.round(load, &running, round, report)?;
        }
        if self.arguments.system_calls {
            self.count_system_calls(load, &running, report)?;
        }
        Ok(())
    }

    fn round(
        &mut self,
        load: &dyn Load,
        running: &[Running],
        round: u32,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        // Another one begins each time: who comes after whom is no advantage.
        let first = usize::try_from(round)? % running.len().max(1);
        let (late, early) = running.split_at(first);
        for one in early.iter().chain(late) {
            let duration = Duration::from_secs(self.arguments.seconds().into());
            let figures = self.turn(load, one, duration)?;
            self.turns.step(load.length(duration));
            let line = format!("{:32} {}", one.contestant.to_string(), figures.line(load.operation()));
            report.add(round, one.contestant, figures);
            self.live.show(&self.turns.line(), &line, &report.table());
        }
        Ok(())
    }

    fn turn(&self, load: &dyn Load, running: &Running, duration: Duration) -> anyhow::Result<Figures> {
        let turn = Turn { stage: self.stage, running, runtime: &self.runtime, duration };
        let mut figures = load.run(&turn).with_context(|| {
            let log = running.process.as_ref().map(|process| process.log_end()).unwrap_or_default();
            format!("{} failed; its log ends with:\n{log}", running.contestant)
        })?;
        figures.memory(&turn);
        Ok(figures)
    }

    fn count_system_calls(
        &self,
        load: &dyn Load,
        running: &[Running],
        report: &mut Report,
    ) -> anyhow::Result<()> {
        for one in running {
            let Some(process) = &one.process else { continue };
            eprintln!("counting system calls of {}", one.contestant);
            let counting = Counting::start(process.id())?;
            let operations = self.turn(load, one, COUNTING)?.operations();
            if operations > 0.0 {
                report.add_system_calls(one.contestant, counting.stop()?.per(operations));
            }
        }
        Ok(())
    }
}

/// The loads that were asked for, each with those contestants that were asked for and can be run; says which cannot.
pub fn entered(arguments: &Arguments, binaries: &Binaries) -> anyhow::Result<Vec<Entry>> {
    let (mut entered, mut lacking) = (Vec::new(), BTreeMap::<_, BTreeSet<_>>::new());
    for load in arguments.loads()? {
        let asked = load.contestants().into_iter().filter(|&contestant| arguments.wants(contestant));
        let (can, cannot): (Vec<_>, Vec<_>) = asked.partition(|&one| binaries.lacks(one).is_none());
        for contestant in cannot {
            let what = binaries.lacks(contestant).unwrap_or_default();
            lacking.entry(what).or_default().insert(contestant.to_string());
        }
        entered.push((load, can));
    }
    for (what, contestants) in lacking {
        eprintln!("without {}: {what}", contestants.into_iter().collect::<Vec<_>>().join(", "));
    }
    entered.retain(|(_, contestants)| !contestants.is_empty());
    ensure!(!entered.is_empty(), "nobody to measure; --list shows loads and their contestants");
    Ok(entered)
}

impl Progress {
    fn over(loads: &[Entry], arguments: &Arguments) -> Self {
        let turn = Duration::from_secs(arguments.seconds().into());
        let mut all = (0, Duration::ZERO);
        for (load, contestants) in loads {
            let rounds = load.rounds(arguments.rounds());
            for _ in contestants {
                all.0 += usize::try_from(rounds).unwrap_or(0);
                all.1 += load.length(turn) * rounds;
            }
        }
        Self { begun: Instant::now(), done: (0, Duration::ZERO), all }
    }

    fn step(&mut self, expected: Duration) {
        self.done.0 += 1;
        self.done.1 += expected;
    }

    /// How many of how many, and how long the others will take if they are as slow as those before.
    fn line(&self) -> String {
        let slowness = self.begun.elapsed().as_secs_f64() / self.done.1.as_secs_f64().max(1e-3);
        let left = self.all.1.saturating_sub(self.done.1).mul_f64(slowness).as_secs();
        format!("  {:3}/{}, {:2}:{:02} left", self.done.0, self.all.0, left / 60, left % 60)
    }
}
