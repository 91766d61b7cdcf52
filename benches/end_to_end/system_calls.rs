//! System calls of a process, counted by strace.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr, Command, Stdio};

use anyhow::{Context as _, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// Calls that are rarer than this for each operation belong to the start and the end.
const RARE: f64 = 0.001;

/// strace at work.
pub struct Counting {
    strace: Child,
    said: BufReader<ChildStderr>,
}

/// How often each call was made.
pub struct Counts(BTreeMap<String, u64>);

impl Counting {
    /// Attaches to all threads of a process. Threads that start later are counted too.
    pub fn start(process: u32) -> anyhow::Result<Self> {
        let mut strace = Command::new("strace")
            .args(["-c", "-f", "-U", "name,calls", "-p", &process.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot run strace (Debian and Ubuntu: apt-get install strace)")?;
        let mut said = BufReader::new(strace.stderr.take().context("strace has no output")?);
        let mut line = String::new();
        said.read_line(&mut line)?;
        ensure!(line.contains("attached"), "strace cannot attach: {line}");
        Ok(Self { strace, said })
    }

    /// Detaches.
    pub fn stop(mut self) -> anyhow::Result<Counts> {
        let id = i32::try_from(self.strace.id()).ok().and_then(Pid::from_raw).context("strace has no id")?;
        kill_process(id, Signal::INT)?;
        let mut table = String::new();
        self.said.read_to_string(&mut table)?;
        self.strace.wait()?;
        Ok(Counts::parse(&table))
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        let _ = self.strace.kill();
        let _ = self.strace.wait();
    }
}

impl Counts {
    /// Calls for each of `operations`.
    pub fn per(&self, operations: f64) -> BTreeMap<String, f64> {
        let per_operation = |calls: u64| calls as f64 / operations;
        self.0
            .iter()
            .map(|(name, &calls)| (name.clone(), per_operation(calls)))
            .filter(|&(_, calls)| calls >= RARE)
            .collect()
    }

    /// Lines of a name and a number; everything else is decoration.
    fn parse(table: &str) -> Self {
        let row = |line: &str| {
            let mut fields = line.split_ascii_whitespace();
            let (name, calls) = (fields.next()?, fields.next()?.parse().ok()?);
            (fields.next().is_none() && name != "total").then(|| (name.to_owned(), calls))
        };
        Self(table.lines().filter_map(row).collect())
    }
}
