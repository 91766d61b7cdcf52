//! Who is measured.

use std::fmt;
use std::net::SocketAddr;

use clap::ValueEnum;
use serde::Serialize;

use crate::process::Process;

/// One way to reach the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Contestant {
    /// The copy loop, TLS towards the client.
    FloorTls,
    /// The copy loop in plaintext.
    FloorPlaintext,
    /// HAProxy in TCP mode, plaintext.
    HaproxyPlaintext,
    /// Sealock, TLS towards the client, a backend connection for each client.
    SealockTls,
    /// The same in plaintext.
    SealockPlaintext,
    /// The Sealock given with `--baseline`, TLS towards the client.
    BaselineTls,
    /// The same in plaintext.
    BaselinePlaintext,
}

/// How clients speak to a contestant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Plaintext,
    Tls,
}

/// A contestant that is up.
#[derive(Debug)]
pub struct Running {
    /// Which one.
    pub contestant: Contestant,
    /// Its process.
    pub process: Process,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Contestant {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 7] = [
        Self::FloorTls,
        Self::FloorPlaintext,
        Self::HaproxyPlaintext,
        Self::SealockTls,
        Self::SealockPlaintext,
        Self::BaselineTls,
        Self::BaselinePlaintext,
    ];

    /// How clients speak to it.
    pub fn transport(self) -> Transport {
        match self {
            Self::FloorTls | Self::SealockTls | Self::BaselineTls => Transport::Tls,
            Self::FloorPlaintext
            | Self::HaproxyPlaintext
            | Self::SealockPlaintext
            | Self::BaselinePlaintext => Transport::Plaintext,
        }
    }

    /// The floor with the same transport.
    pub fn floor(self) -> Self {
        match self.transport() {
            Transport::Tls => Self::FloorTls,
            Transport::Plaintext => Self::FloorPlaintext,
        }
    }
}

impl fmt::Display for Contestant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FloorTls => "floor-tls",
            Self::FloorPlaintext => "floor-plaintext",
            Self::HaproxyPlaintext => "haproxy-plaintext",
            Self::SealockTls => "sealock-tls",
            Self::SealockPlaintext => "sealock-plaintext",
            Self::BaselineTls => "baseline-tls",
            Self::BaselinePlaintext => "baseline-plaintext",
        })
    }
}
