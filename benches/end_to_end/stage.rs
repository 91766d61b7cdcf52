//! Everything that stands still while contestants run: the server, certificates, ports.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use sealock::app::scratch::{Options, ScratchServer, TlsFiles};
use sealock::tls::mint::{Authority, DEFAULT_DAYS, KeyType};
use tempfile::TempDir;

use crate::client::{Client, Handshake, Target, Tls};
use crate::contestant::{Contestant, Program, Transport};
use crate::launch::{Binaries, Ports, Surroundings};
use crate::loads::sysbench;
use crate::process::Process;
use crate::usage;

/// The account of the load, which may do anything in [`SCHEMA`].
pub const USER: &str = "sbtest";
/// Its password.
pub const PASSWORD: &str = "sbtest";
/// The load's schema.
pub const SCHEMA: &str = "sbtest";

/// What the server needs for many clients that have a connection each.
const SERVER_ARGUMENTS: [&str; 3] =
    ["--max-connections=5000", "--back-log=2000", "--innodb-buffer-pool-size=256M"];

/// The scratch server and a directory with what contestants and load need. Dropping it removes both.
pub struct Stage {
    directory: TempDir,
    server: ScratchServer,
    address: SocketAddr,
    binaries: Binaries,
    threads: NonZeroUsize,
}

/// A contestant that is up.
#[derive(Debug)]
pub struct Running {
    /// Which one.
    pub contestant: Contestant,
    /// Its process, if there is one between client and server.
    pub process: Option<Process>,
    /// Where clients connect.
    pub address: SocketAddr,
    /// Resident memory of the process when it had greeted its first client, in KiB.
    pub rss_when_new: Option<f64>,
    /// Where it tells of itself, if it does.
    pub admin: Option<SocketAddr>,
}

impl Stage {
    /// Starts the server, fills it and mints the certificates; tells each step.
    pub fn set(
        binaries: Binaries,
        threads: NonZeroUsize,
        mut progress: impl FnMut(&str),
    ) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("sealock-bench-")
            .permissions(fs::Permissions::from_mode(0o755)) // the server's user reads its certificate here
            .tempdir()?;
        mint(directory.path())?;
        let server = ScratchServer::start(&server_options(directory.path()), &mut progress)?;
        let address = loopback(server.port().context("the scratch server has no port")?);
        progress("filling the tables");
        sysbench::prepare(directory.path(), address)?;
        Ok(Self { directory, server, address, binaries, threads })
    }

    /// Where sysbench runs, with the TLS files that it looks for.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The version that the server announces.
    pub fn server_version(&self) -> &str {
        self.server.version()
    }

    /// Worker threads of each contestant.
    pub fn threads(&self) -> NonZeroUsize {
        self.threads
    }

    /// The programs that contestants are.
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// Starts a contestant on free ports and waits until it passes the server's greeting on.
    pub fn start(&self, contestant: Contestant) -> anyhow::Result<Running> {
        let ports = Ports { clients: free_address()?, admin: free_address()? };
        let socket = self.server.socket();
        let around = Surroundings {
            directory: self.directory.path(),
            server: self.address,
            socket: &socket,
            threads: self.threads,
        };
        let Some((program, arguments)) = self.binaries.command(contestant, &around, ports)? else {
            return Ok(Running {
                contestant,
                process: None,
                address: self.address,
                rss_when_new: None,
                admin: None,
            });
        };
        let process = Process::start(&program, &arguments, self.path(&format!("{contestant}.log")))?;
        process.wait_for_greeting(ports.clients)?;
        let tells = matches!(contestant.program, Program::Sealock(_) | Program::Baseline(_));
        Ok(Running {
            contestant,
            rss_when_new: usage::rss_kib(process.id()).ok(),
            process: Some(process),
            address: ports.clients,
            admin: tells.then_some(ports.admin),
        })
    }

    /// How clients reach a contestant.
    pub fn target(&self, running: &Running, handshake: Handshake) -> anyhow::Result<Target> {
        let tls = match running.contestant.transport {
            Transport::Tls => Some(Tls::trusting(&self.path("cacert.pem"), "localhost", handshake)?),
            Transport::Plaintext => None,
        };
        Ok(target(running.address, tls))
    }

    /// A client of the server itself.
    pub async fn control(&self) -> anyhow::Result<Client> {
        Client::connect(&target(self.address, None)).await
    }

    fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }
}

fn target(address: SocketAddr, tls: Option<Tls>) -> Target {
    Target { address, user: USER, password: PASSWORD, schema: SCHEMA, tls }
}

fn server_options(directory: &Path) -> Options {
    let hosts = ["127.0.0.1", "localhost"]; // over TCP, and over the unix socket
    let account = |host| {
        let user = format!("'{USER}'@'{host}'");
        [
            format!("CREATE USER {user} IDENTIFIED BY '{PASSWORD}'"),
            format!("GRANT ALL ON {SCHEMA}.* TO {user}"),
        ]
    };
    let schema = format!("CREATE DATABASE {SCHEMA}");
    let statements = [schema].into_iter().chain(hosts.into_iter().flat_map(account)).collect();
    let file = |name: &str| directory.join(name);
    Options {
        tcp: true,
        statements,
        tls: Some(TlsFiles { certificate: file("db.pem"), key: file("db.key"), ca: file("cacert.pem") }),
        arguments: SERVER_ARGUMENTS.map(Into::into).into(),
        ..Options::default()
    }
}

/// Certificates of the contestants and of the server, and the client's under the names that sysbench looks for.
fn mint(directory: &Path) -> anyhow::Result<()> {
    let path = |file| directory.join(file);
    let authority = Authority::generate("Sealock benchmark CA", KeyType::Ecdsa)?;
    let names = ["localhost", "127.0.0.1"].map(str::to_owned);
    for (certificate, key) in [("server.pem", "server.key"), ("other.pem", "other.key"), ("db.pem", "db.key")]
    {
        let identity = authority.issue_server(&names, DEFAULT_DAYS, KeyType::Ecdsa)?;
        identity.write(&path(certificate), &path(key))?;
    }
    fs::set_permissions(path("db.key"), fs::Permissions::from_mode(0o644))?; // of a server that is gone tomorrow
    let client = authority.issue_client("sysbench", DEFAULT_DAYS, KeyType::Ecdsa)?;
    client.write(&path("client-cert.pem"), &path("client-key.pem"))?;
    fs::write(path("cacert.pem"), &authority.pem().certificate)?;
    Ok(())
}

fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}
