//! What a process has used, read from /proc.

use std::fs;
use std::time::Duration;

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

impl Usage {
    /// What process `id` has used since it started.
    pub fn of(id: u32) -> anyhow::Result<Self> {
        Ok(Self { cpu: cpu(id)?, switches: switches(id)? })
    }

    /// What was used since `earlier`.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(earlier.cpu),
            switches: self.switches.saturating_sub(earlier.switches),
        }
    }
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
