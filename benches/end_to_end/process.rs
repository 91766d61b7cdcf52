//! A child process that ends when the harness does, however that ends.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::usage::Usage;

/// How long a contestant may take until a server's greeting comes through it.
const START_DEADLINE: Duration = Duration::from_secs(20);

/// A running program. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    shell: Child,
    id: u32,
    log: PathBuf,
}

impl Process {
    /// Tells the program's id, and ends the program when its own input closes, at first with SIGTERM: one that was built to
    /// write down how it ran does so then. Until it has waited for the program, nobody else can get that id.
    const SCRIPT: &'static str = r#"
        log=$1; shift
        "$@" </dev/null >"$log" 2>&1 &
        program=$!
        echo $program
        read -r _
        kill -TERM $program 2>/dev/null
        (sleep 5; kill -KILL $program) 2>/dev/null &
        killer=$!
        wait $program
        kill $killer 2>/dev/null
    "#;

    /// Starts `program`, which writes what it says to `log`.
    pub fn start(program: &Path, arguments: &[String], log: PathBuf) -> anyhow::Result<Self> {
        let mut shell = Command::new("/bin/sh")
            .args(["-c", Self::SCRIPT, "sealock-bench-watchdog"])
            .arg(&log)
            .arg(program)
            .args(arguments)
            .process_group(0) // a Ctrl-C ends the harness, and that ends this
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot run /bin/sh")?;
        let output = shell.stdout.take().context("the shell has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let id = line.trim().parse().context("the shell did not tell a process id")?;
        Ok(Self { shell, id, log })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// What it has used since it started, all threads together.
    pub fn usage(&self) -> anyhow::Result<Usage> {
        Usage::of(self.id).with_context(|| format!("it has ended; its log ends with:\n{}", self.log_end()))
    }

    /// Tells it that its configuration or its files have changed (SIGHUP).
    pub fn hang_up(&self) -> anyhow::Result<()> {
        let id = i32::try_from(self.id).ok().and_then(Pid::from_raw).context("no process id")?;
        Ok(kill_process(id, Signal::HUP)?)
    }

    /// Waits until whoever listens on `address` passes a greeting on.
    pub fn wait_for_greeting(&self, address: SocketAddr) -> anyhow::Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < START_DEADLINE {
            if greets(address) {
                return Ok(());
            }
            self.usage()?;
            thread::sleep(Duration::from_millis(20));
        }
        bail!("no greeting on {address} after {START_DEADLINE:?}; its log ends with:\n{}", self.log_end())
    }

    /// The last lines that it wrote.
    pub fn log_end(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines.get(lines.len().saturating_sub(12)..).unwrap_or_default().join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

fn greets(address: SocketAddr) -> bool {
    let read = || -> std::io::Result<()> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.read_exact(&mut [0; 16])
    };
    read().is_ok()
}
