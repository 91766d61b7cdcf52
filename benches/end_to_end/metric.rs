//! What is measured.

use serde::Serialize;

use crate::loads::Operation;

/// A quantity, in the order of the report's columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Operations in a second.
    Throughput,
    /// Percentiles of an operation's latency, from the moment at which it was due.
    P50,
    /// See [`P50`](Self::P50); the only one that sysbench tells.
    P95,
    /// See [`P50`](Self::P50).
    P99,
    /// See [`P50`](Self::P50).
    P999,
    /// The median from the moment at which it was really sent: without what the harness was late.
    ServiceP50,
    /// The 99th percentile of the same.
    ServiceP99,
    /// The 99th percentile as long as nothing else happened.
    CalmP99,
    /// The 99th percentile by the one as long as nothing else happened.
    Slowdown,
    /// User and system time of the proxy's process, for each operation.
    Cpu,
    /// Context switches of the proxy's threads, for each operation.
    Switches,
    /// 99th percentile of the time that Sealock's clients waited for a connection to the server, as its metrics tell.
    AcquireP99,
    /// Commands that the server counted for each that a client sent.
    BackendCommands,
    /// Connections that the server counted for each that a client opened.
    BackendConnections,
    /// TLS handshakes that were resumed, of a hundred.
    Resumed,
    /// Reloads of the configuration that were applied.
    Rotations,
    /// Clients that there were.
    Clients,
    /// Resident memory that each client adds.
    RssPerClient,
    /// Resident memory after they left, by what the process had when it was new.
    RssReturned,
    /// The most resident memory, above what the process had when it was new.
    RssPeak,
    /// Resident memory at the end, above the same.
    RssSettled,
    /// Errors that the load passes over: deadlocks, where statements write.
    Ignored,
    /// Operations that failed.
    Errors,
}

impl Metric {
    /// A column's title.
    pub fn title(self, operation: Operation) -> String {
        let Operation { one, many } = operation;
        match self {
            Self::Throughput => format!("{many}/s"),
            Self::Cpu => format!("CPU µs/{one}"),
            Self::Switches => format!("switches/{one}"),
            Self::P50 => "p50 ms".to_owned(),
            Self::P95 => "p95 ms".to_owned(),
            Self::P99 => "p99 ms".to_owned(),
            Self::P999 => "p99.9 ms".to_owned(),
            Self::ServiceP50 => "p50 since sent ms".to_owned(),
            Self::ServiceP99 => "p99 since sent ms".to_owned(),
            Self::CalmP99 => "p99 without ms".to_owned(),
            Self::Slowdown => "p99 with ÷ without".to_owned(),
            Self::AcquireP99 => "p99 acquire ms".to_owned(),
            Self::BackendCommands => "server commands/command".to_owned(),
            Self::BackendConnections => "server connections/connection".to_owned(),
            Self::Resumed => "resumed %".to_owned(),
            Self::Rotations => "rotations".to_owned(),
            Self::Clients => "clients".to_owned(),
            Self::RssPerClient => "RSS KiB/client".to_owned(),
            Self::RssReturned => "RSS after ÷ new".to_owned(),
            Self::RssPeak => "peak RSS +KiB".to_owned(),
            Self::RssSettled => "RSS after +KiB".to_owned(),
            Self::Ignored => "ignored errors".to_owned(),
            Self::Errors => "errors".to_owned(),
        }
    }

    /// In which direction it is better.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Throughput | Self::Resumed => "more is better",
            Self::Clients | Self::Rotations => "",
            _ => "less is better",
        }
    }

    /// Decimals that mean something.
    pub fn decimals(self) -> usize {
        match self {
            Self::Throughput
            | Self::Resumed
            | Self::Rotations
            | Self::Clients
            | Self::RssPeak
            | Self::RssSettled
            | Self::Ignored
            | Self::Errors => 0,
            Self::Cpu | Self::RssPerClient => 1,
            Self::P50
            | Self::P95
            | Self::P99
            | Self::P999
            | Self::ServiceP50
            | Self::ServiceP99
            | Self::CalmP99
            | Self::Slowdown
            | Self::Switches
            | Self::AcquireP99
            | Self::RssReturned => 2,
            Self::BackendCommands | Self::BackendConnections => 3,
        }
    }
}
