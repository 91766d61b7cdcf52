//! sysbench's mixes of statements, in the text protocol and prepared.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::contestant::Transport;
use crate::figures::Figures;
use crate::loads::{Load, Operation};
use crate::metric::Metric;
use crate::stage::{PASSWORD, SCHEMA, USER};
use crate::turn::Turn;

/// Rows of its table.
pub const TABLE_SIZE: u64 = 10_000;

/// Time beyond the load's own that sysbench may take: connecting, and ending.
const GRACE: Duration = Duration::from_secs(30);

/// Clients that each have one statement at a time.
pub struct Sysbench {
    /// Its name here.
    pub name: &'static str,
    /// Its name there.
    pub script: &'static str,
    /// How statements are sent.
    pub protocol: Protocol,
    /// Connections, each in a thread of its own.
    pub clients: u16,
}

/// How statements are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// As text, each time.
    Text,
    /// Prepared once, then executed.
    Prepared,
}

/// What sysbench reports.
struct Outcome {
    statements: u64,
    statements_per_second: f64,
    p95_ms: f64,
    ignored: f64,
}

impl Load for Sysbench {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn about(&self) -> String {
        let protocol = match self.protocol {
            Protocol::Text => "text protocol",
            Protocol::Prepared => "prepared statements",
        };
        format!(
            "sysbench {}, {protocol}, {} clients. Connecting is in the costs; latency is that of a transaction where the mix \
             has any; ignored errors are deadlocks.",
            self.script, self.clients
        )
    }

    fn operation(&self) -> Operation {
        Operation::STATEMENT
    }

    fn compared(&self) -> Vec<Metric> {
        vec![Metric::Cpu, Metric::Throughput]
    }

    fn run(&self, turn: &Turn<'_>) -> anyhow::Result<Figures> {
        let meter = turn.meter()?;
        let mut command = sysbench(self.script, turn.stage.directory(), turn.running.address);
        command.arg("--percentile=95").arg(match self.protocol {
            Protocol::Text => "--db-ps-mode=disable",
            Protocol::Prepared => "--db-ps-mode=auto",
        });
        command.arg(format!("--threads={}", self.clients));
        command.arg(format!("--time={}", turn.duration.as_secs().max(1)));
        if turn.running.contestant.transport == Transport::Tls {
            command.arg("--mysql-ssl=on"); // with the files in its working directory
        }
        let output = bounded(command.arg("run"), turn.duration + GRACE)?;
        let spent = meter.stop()?;
        let outcome = Outcome::parse(&output)?;
        let mut figures = Figures::default();
        figures.cost(&spent, outcome.statements as f64);
        figures.set(Metric::Throughput, outcome.statements_per_second);
        figures.set(Metric::P95, outcome.p95_ms);
        figures.set(Metric::Ignored, outcome.ignored);
        Ok(figures)
    }
}

/// Makes the table, directly at the server.
pub fn prepare(directory: &Path, server: SocketAddr) -> anyhow::Result<()> {
    bounded(sysbench("oltp_point_select", directory, server).arg("prepare"), GRACE).map(drop)
}

fn sysbench(script: &str, directory: &Path, address: SocketAddr) -> Command {
    let mut command = Command::new("sysbench");
    command
        .current_dir(directory)
        .args([script, "--db-driver=mysql"])
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
        let (statements, rate) = field(output, "queries:")?.split_once('(').context("no rate")?;
        Ok(Self {
            statements: statements.trim().parse()?,
            statements_per_second: first_word(rate)?.parse()?,
            p95_ms: field(output, "95th percentile:")?.parse()?,
            ignored: first_word(field(output, "ignored errors:")?)?.parse()?,
        })
    }
}

/// What follows `name`, on the line that starts with it.
fn field<'a>(output: &'a str, name: &str) -> anyhow::Result<&'a str> {
    let value = output.lines().find_map(|line| line.trim().strip_prefix(name));
    Ok(value.with_context(|| format!("sysbench reports no {name:?}:\n{output}"))?.trim())
}

fn first_word(text: &str) -> anyhow::Result<&str> {
    text.split_ascii_whitespace().next().context("a number is missing in sysbench's report")
}
