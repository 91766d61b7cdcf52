//! The load: sysbench's point selects in the text protocol.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::contestant::{Running, Transport};
use crate::stage::{PASSWORD, SCHEMA, Stage, USER};

const TABLE: [&str; 2] = ["--tables=1", "--table-size=10000"];

/// Time beyond the load's own that sysbench may take: connecting, and ending.
const GRACE: Duration = Duration::from_secs(30);

/// Point selects for some time.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Connections, each in a thread of its own, each with one statement at a time.
    pub clients: NonZeroU32,
    /// How long.
    pub duration: Duration,
}

/// What sysbench reports.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// Statements that were answered.
    pub queries: u64,
    /// The same for each second.
    pub queries_per_second: f64,
    /// 95th percentile of their latency, in milliseconds.
    pub p95_ms: f64,
}

impl Load {
    /// Runs it through a contestant.
    pub fn run(self, stage: &Stage, running: &Running) -> anyhow::Result<Outcome> {
        let mut command = sysbench(stage.directory(), running.address);
        command.args(["--db-ps-mode=disable", "--percentile=95"]);
        command.arg(format!("--threads={}", self.clients));
        command.arg(format!("--time={}", self.duration.as_secs()));
        if running.contestant.transport() == Transport::Tls {
            command.arg("--mysql-ssl=on"); // with the files in its working directory
        }
        let output = bounded(command.arg("run"), self.duration + GRACE)?;
        Outcome::parse(&output)
    }
}

/// Makes the table, directly at the server.
pub fn prepare(directory: &Path, server: SocketAddr) -> anyhow::Result<()> {
    bounded(sysbench(directory, server).arg("prepare"), GRACE).map(drop)
}

fn sysbench(directory: &Path, address: SocketAddr) -> Command {
    let mut command = Command::new("sysbench");
    command
        .current_dir(directory)
        .args(["oltp_point_select", "--db-driver=mysql"])
        .arg(format!("--mysql-host={}", address.ip()))
        .arg(format!("--mysql-port={}", address.port()))
        .arg(format!("--mysql-user={USER}"))
        .arg(format!("--mysql-password={PASSWORD}"))
        .arg(format!("--mysql-db={SCHEMA}"))
        .args(TABLE);
    command
}

/// What the command wrote; it is killed when it takes longer than `limit`.
fn bounded(command: &mut Command, limit: Duration) -> anyhow::Result<String> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run sysbench (Debian and Ubuntu: apt-get install sysbench)")?;
    let begun = Instant::now();
    while child.try_wait()?.is_none() {
        if begun.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            bail!("sysbench did not end within {limit:?}");
        }
        thread::sleep(Duration::from_millis(20));
    }
    let Output { status, stdout, stderr } = child.wait_with_output()?;
    let text = String::from_utf8_lossy(&stdout).into_owned();
    ensure!(status.success(), "sysbench failed:\n{text}{}", String::from_utf8_lossy(&stderr));
    Ok(text)
}

impl Outcome {
    fn parse(output: &str) -> anyhow::Result<Self> {
        // "    queries:                             249    (24.90 per sec.)"
        let (queries, rate) = field(output, "queries:")?.split_once('(').context("no rate")?;
        Ok(Self {
            queries: queries.trim().parse()?,
            queries_per_second: rate.split_ascii_whitespace().next().context("no rate")?.parse()?,
            p95_ms: field(output, "95th percentile:")?.parse()?,
        })
    }
}

/// What follows `name`, on the line that starts with it.
fn field<'a>(output: &'a str, name: &str) -> anyhow::Result<&'a str> {
    let value = output.lines().find_map(|line| line.trim().strip_prefix(name));
    Ok(value.with_context(|| format!("sysbench reports no {name:?}:\n{output}"))?.trim())
}
