//! Who is measured.

use std::fmt;

use serde::{Serialize, Serializer};

/// One way to reach the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Contestant {
    /// What is in between.
    pub program: Program,
    /// How clients speak to it.
    pub transport: Transport,
}

/// What is between client and server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Program {
    /// Nothing.
    Direct,
    /// The copy loop of this harness.
    Floor,
    /// HAProxy in TCP mode.
    Haproxy,
    /// The ProxySQL that the variable PROXYSQL names, with so many connections to the server if that is limited.
    Proxysql { connections: Option<u16> },
    /// Sealock as cargo built it.
    Sealock(Setup),
    /// The Sealock given with `--baseline`.
    Baseline(Setup),
}

/// How a Sealock is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Setup {
    /// How clients get connections to the server.
    pub mode: Mode,
    /// How it reaches the server.
    pub link: Link,
    /// How many connections to the server it may have; as many as there are clients unless given.
    pub connections: Option<u16>,
}

/// How clients of Sealock get connections to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Each has its own.
    Session,
    /// Each statement borrows one.
    Multiplex,
}

/// How Sealock reaches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Link {
    Tcp,
    UnixSocket,
}

/// How clients speak to a contestant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    Tls,
    Plaintext,
}

impl Contestant {
    /// The copy loop, TLS towards the client: what most is compared with.
    pub const FLOOR_TLS: Self = Self { program: Program::Floor, transport: Transport::Tls };
    /// HAProxy, which cannot do the protocol's TLS.
    pub const HAPROXY: Self = Self { program: Program::Haproxy, transport: Transport::Plaintext };

    /// Every one that takes part in ordinary loads, in the order of the report.
    pub fn all() -> Vec<Self> {
        let transports = [Transport::Tls, Transport::Plaintext];
        let both = |program: Program| transports.map(|transport| Self { program, transport });
        let mut all = both(Program::Direct).to_vec();
        all.extend(both(Program::Floor));
        all.push(Self::HAPROXY);
        all.extend(both(Program::Proxysql { connections: None }));
        for build in [Program::Sealock, Program::Baseline] {
            all.extend(Setup::all().into_iter().flat_map(|setup| both(build(setup))));
        }
        all
    }

    /// Those of [`all`](Self::all) to which clients speak TLS.
    pub fn with_tls() -> Vec<Self> {
        Self::all().into_iter().filter(|one| one.transport == Transport::Tls).collect()
    }

    /// A Sealock, or the baseline where that is what `build` makes.
    pub fn sealock(build: fn(Setup) -> Program, transport: Transport, setup: Setup) -> Self {
        Self { program: build(setup), transport }
    }

    /// Whether it is in a short run, too: each program, each mode and each link once.
    pub fn is_typical(self) -> bool {
        match (self.program, self.transport) {
            (Program::Direct, _) | (Program::Floor, Transport::Plaintext) => false,
            (Program::Sealock(setup) | Program::Baseline(setup), Transport::Tls) => setup.link == Link::Tcp,
            (Program::Sealock(setup) | Program::Baseline(setup), Transport::Plaintext) => {
                setup.link == Link::UnixSocket && setup.mode == Mode::Multiplex
            }
            _ => true,
        }
    }

    /// The floor with the same transport.
    pub fn floor(self) -> Self {
        Self { program: Program::Floor, ..self }
    }

    /// The other build in the same setup, if this is the one to measure.
    pub fn baseline(self) -> Option<Self> {
        let Program::Sealock(setup) = self.program else { return None };
        Some(Self { program: Program::Baseline(setup), ..self })
    }

    /// How it is configured, if it is a Sealock.
    pub fn setup(self) -> Option<Setup> {
        match self.program {
            Program::Sealock(setup) | Program::Baseline(setup) => Some(setup),
            _ => None,
        }
    }
}

impl Setup {
    /// Sharing connections to the server over TCP, as many as are needed.
    pub const MULTIPLEX: Self = Self { mode: Mode::Multiplex, link: Link::Tcp, connections: None };

    /// Sharing so many.
    pub const fn sharing(connections: u16) -> Self {
        Self { connections: Some(connections), ..Self::MULTIPLEX }
    }

    fn all() -> Vec<Self> {
        let setup = |mode, link| Self { mode, link, connections: None };
        vec![
            setup(Mode::Session, Link::Tcp),
            Self::MULTIPLEX,
            setup(Mode::Session, Link::UnixSocket),
            setup(Mode::Multiplex, Link::UnixSocket),
        ]
    }
}

impl fmt::Display for Contestant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.program {
            Program::Direct => "direct",
            Program::Floor => "floor",
            Program::Haproxy => "haproxy",
            Program::Proxysql { .. } => "proxysql",
            Program::Sealock(_) => "sealock",
            Program::Baseline(_) => "baseline",
        })?;
        f.write_str(match self.transport {
            Transport::Tls => "-tls",
            Transport::Plaintext => "-plaintext",
        })?;
        match self.program {
            Program::Sealock(setup) | Program::Baseline(setup) => write!(f, "{setup}"),
            Program::Proxysql { connections: Some(connections) } => write!(f, "-{connections}"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.mode {
            Mode::Session => "-session",
            Mode::Multiplex => "-multiplex",
        })?;
        if self.link == Link::UnixSocket {
            f.write_str("-unix")?;
        }
        self.connections.map_or(Ok(()), |connections| write!(f, "-{connections}"))
    }
}

impl Serialize for Contestant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
