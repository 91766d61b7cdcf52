//! What a process has used, read from /proc.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::Context as _;

/// The kernel's unit in /proc/PID/stat, on every architecture that Linux runs MariaDB on (proc(5)).
const TICK: Duration = Duration::from_millis(10);

/// Where /proc/PID/stat has the system time, counted from the state; the user time is before it.
const SYSTEM: usize = 12;

/// CPU time and context switches of a process, all threads together.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// User and system time, in steps of 10 ms.
    pub cpu: Duration,
    /// Voluntary and involuntary switches of the threads that there are now.
    pub switches: u64,
}

/// What part of a load has taken.
#[derive(Clone, Copy, Debug)]
pub struct Spent {
    /// Its time.
    pub elapsed: Duration,
    /// What the proxy used meanwhile, if there is one.
    pub usage: Option<Usage>,
}

/// Measures from its making on.
#[derive(Debug)]
pub struct Meter {
    process: Option<u32>,
    begun: Instant,
    before: Option<Usage>,
}

impl Usage {
    /// What process `id` has used since it started.
    pub fn of(id: u32) -> anyhow::Result<Self> {
        Ok(Self { cpu: cpu(id)?, switches: switches(id)? })
    }

    fn since(self, earlier: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(earlier.cpu),
            switches: self.switches.saturating_sub(earlier.switches),
        }
    }
}

impl Meter {
    /// Begins, the peak of the memory too; without a process, time alone is measured.
    pub fn start(process: Option<u32>) -> anyhow::Result<Self> {
        let before = process.map(Usage::of).transpose()?;
        process.map(forget_peak).transpose()?;
        Ok(Self { process, begun: Instant::now(), before })
    }

    /// The time since the start.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// What was used since the start.
    pub fn stop(&self) -> anyhow::Result<Spent> {
        let elapsed = self.begun.elapsed();
        let now = self.process.map(Usage::of).transpose()?;
        let usage = now.zip(self.before).map(|(now, before)| now.since(before));
        Ok(Spent { elapsed, usage })
    }
}

/// Resident memory of a process, in KiB.
pub fn rss_kib(id: u32) -> anyhow::Result<f64> {
    status_kib(id, "VmRSS:")
}

/// The most of that since a meter was started, in KiB.
pub fn peak_kib(id: u32) -> anyhow::Result<f64> {
    status_kib(id, "VmHWM:")
}

fn status_kib(id: u32, name: &str) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let value = status.lines().find_map(|line| line.strip_prefix(name)).context("no such line")?;
    Ok(value.split_ascii_whitespace().next().context("no value")?.parse()?)
}

/// Sets the peak of the resident memory to what it is now (`clear_refs`, proc(5)).
fn forget_peak(id: u32) -> anyhow::Result<()> {
    fs::write(format!("/proc/{id}/clear_refs"), "5").context("the peak of the memory cannot be set back")
}

fn cpu(id: u32) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    // The second field is the program's name in parentheses, and may hold anything.
    let (_, fields) = stat.rsplit_once(')').context("/proc/PID/stat has no name")?;
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    let [state, .., user, system] = fields.get(..=SYSTEM).context("a short /proc/PID/stat")? else {
        anyhow::bail!("a short /proc/PID/stat");
    };
    // A zombie still has its numbers; it must not pass for a contestant.
    anyhow::ensure!(*state != "Z", "process {id} has ended");
    Ok(TICK * (user.parse::<u32>()? + system.parse::<u32>()?))
}

fn switches(id: u32) -> anyhow::Result<u64> {
    let mut sum = 0;
    for thread in fs::read_dir(format!("/proc/{id}/task"))? {
        let Ok(status) = fs::read_to_string(thread?.path().join("status")) else { continue };
        sum += status
            .lines()
            .filter_map(|line| line.split_once("voluntary_ctxt_switches:"))
            .filter_map(|(_, count)| count.trim().parse::<u64>().ok())
            .sum::<u64>();
    }
    Ok(sum)
}
