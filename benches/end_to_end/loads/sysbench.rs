//! sysbench's point selects in the text protocol.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::contestant::Transport;
use crate::figures::{Figures, Metric};
use crate::loads::Load;
use crate::stage::{PASSWORD, SCHEMA, USER};
use crate::turn::Turn;

/// Rows of its table.
pub const TABLE_SIZE: u64 = 10_000;

/// Time beyond the load's own that sysbench may take: connecting, and ending.
const GRACE: Duration = Duration::from_secs(30);

/// Point selects from clients that each have one statement at a time.
pub struct PointSelect {
    /// Connections, each in a thread of its own.
    pub clients: u16,
}

/// What sysbench reports.
struct Outcome {
    queries: u64,
    queries_per_second: f64,
    p95_ms: f64,
}

impl Load for PointSelect {
    fn name(&self) -> String {
        "point-select".to_owned()
    }

    fn about(&self) -> String {
        format!(
            "sysbench oltp_point_select, text protocol, {} clients. Connecting is in the costs.",
            self.clients
        )
    }

    fn operation(&self) -> &'static str {
        "statement"
    }

    fn compared(&self) -> Vec<Metric> {
        vec![Metric::Cpu, Metric::Throughput]
    }

    fn run(&self, turn: &Turn<'_>) -> anyhow::Result<Figures> {
        let meter = turn.meter()?;
        let mut command = sysbench(turn.stage.directory(), turn.running.address);
        command.args(["--db-ps-mode=disable", "--percentile=95"]);
        command.arg(format!("--threads={}", self.clients));
        command.arg(format!("--time={}", turn.duration.as_secs().max(1)));
        if turn.running.contestant.transport == Transport::Tls {
            command.arg("--mysql-ssl=on"); // with the files in its working directory
        }
        let output = bounded(command.arg("run"), turn.duration + GRACE)?;
        let spent = meter.stop()?;
        let outcome = Outcome::parse(&output)?;
        let mut figures = Figures::default();
        figures.cost(&spent, outcome.queries);
        figures.set(Metric::Throughput, outcome.queries_per_second);
        figures.set(Metric::P95, outcome.p95_ms);
        Ok(figures)
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
        .args(["--tables=1".to_owned(), format!("--table-size={TABLE_SIZE}")]);
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
