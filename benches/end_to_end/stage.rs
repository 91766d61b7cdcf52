//! Everything that stands still while contestants run: the server, certificates, configuration files, ports.

use std::env;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use sealock::app::scratch::{Options, ScratchServer};
use sealock::tls::mint::{Authority, DEFAULT_DAYS, KeyType};
use tempfile::TempDir;

use crate::contestant::{Contestant, Running};
use crate::load;
use crate::process::Process;

/// The account of the load, which may do anything in [`SCHEMA`].
pub const USER: &str = "sbtest";
/// Its password.
pub const PASSWORD: &str = "sbtest";
/// The load's schema.
pub const SCHEMA: &str = "sbtest";

/// The scratch server and a directory with what contestants and load need. Dropping it removes both.
pub struct Stage {
    directory: TempDir,
    server: ScratchServer,
    address: SocketAddr,
    binaries: Binaries,
    threads: NonZeroUsize,
}

/// The programs of Sealock.
pub struct Binaries {
    /// The one to measure.
    pub sealock: PathBuf,
    /// Another one beside it.
    pub baseline: Option<PathBuf>,
}

impl Stage {
    /// Starts the server, fills it and mints the certificates; tells each step.
    pub fn set(
        binaries: Binaries,
        threads: NonZeroUsize,
        mut progress: impl FnMut(&str),
    ) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("sealock-bench-").tempdir()?;
        mint(directory.path())?;
        let statements = vec![
            format!("CREATE DATABASE {SCHEMA}"),
            format!("CREATE USER '{USER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'"),
            format!("GRANT ALL ON {SCHEMA}.* TO '{USER}'@'127.0.0.1'"),
        ];
        let options = Options { tcp: true, statements, ..Options::default() };
        let server = ScratchServer::start(&options, &mut progress)?;
        let address = loopback(server.port().context("the scratch server has no port")?);
        progress("filling the table");
        load::prepare(directory.path(), address)?;
        Ok(Self { directory, server, address, binaries, threads })
    }

    /// Where the load runs, with the TLS files that sysbench looks for.
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

    /// What keeps a contestant from running.
    pub fn lacks(&self, contestant: Contestant) -> Option<&'static str> {
        match contestant {
            Contestant::HaproxyPlaintext if haproxy().is_none() => {
                Some("HAProxy is not installed (Debian and Ubuntu: apt-get install haproxy)")
            }
            Contestant::BaselineTls | Contestant::BaselinePlaintext if self.binaries.baseline.is_none() => {
                Some("no --baseline was given")
            }
            _ => None,
        }
    }

    /// Starts a contestant on a free port and waits until it passes the server's greeting on.
    pub fn start(&self, contestant: Contestant) -> anyhow::Result<Running> {
        let address = loopback(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port());
        let (program, arguments) = self.command(contestant, address)?;
        let log = self.path(&format!("{contestant}.log"));
        let process = Process::start(&program, &arguments, log)?;
        process.wait_for_greeting(address)?;
        Ok(Running { contestant, process, address })
    }

    fn command(&self, contestant: Contestant, address: SocketAddr) -> anyhow::Result<(PathBuf, Vec<String>)> {
        let configured = |flag: &str, text: String, suffix: &str| {
            let file = self.path(&format!("{contestant}.{suffix}"));
            fs::write(&file, text)?;
            anyhow::Ok([flag.to_owned(), file.display().to_string()])
        };
        Ok(match contestant {
            Contestant::FloorTls => {
                let tls = [("--certificate", "server.pem"), ("--key", "server.key")];
                let tls = tls.map(|(flag, file)| format!("{flag}={}", self.path(file).display()));
                (env::current_exe()?, [self.floor(address).as_slice(), &tls].concat())
            }
            Contestant::FloorPlaintext => (env::current_exe()?, self.floor(address).to_vec()),
            Contestant::HaproxyPlaintext => {
                let file = configured("-f", self.haproxy_configuration(address), "cfg")?;
                (
                    haproxy().context("HAProxy is not installed")?,
                    [["-db".to_owned()].as_slice(), &file].concat(),
                )
            }
            Contestant::SealockTls | Contestant::SealockPlaintext => {
                let file = configured("--config", self.sealock_configuration(address), "toml")?;
                (self.binaries.sealock.clone(), [["run".to_owned()].as_slice(), &file].concat())
            }
            Contestant::BaselineTls | Contestant::BaselinePlaintext => {
                let file = configured("--config", self.sealock_configuration(address), "toml")?;
                let program = self.binaries.baseline.clone().context("no --baseline was given")?;
                (program, [["run".to_owned()].as_slice(), &file].concat())
            }
        })
    }

    fn floor(&self, address: SocketAddr) -> [String; 4] {
        [
            "floor".to_owned(),
            format!("--listen={address}"),
            format!("--backend={}", self.address),
            format!("--threads={}", self.threads),
        ]
    }

    fn haproxy_configuration(&self, address: SocketAddr) -> String {
        let (threads, server) = (self.threads, self.address);
        format!(
            "global\n  nbthread {threads}\n  maxconn 2000\n\
             defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 1h\n  timeout server 1h\n\
             listen mariadb\n  bind {address}\n  server db1 {server}\n"
        )
    }

    fn sealock_configuration(&self, address: SocketAddr) -> String {
        let (threads, server) = (self.threads, self.address);
        format!(
            r#"
[[listener]]
bind = "{address}"
tls = {{ mode = "optional", certificate = "server.pem", key = "server.key" }}
[[backend]]
name = "db1"
address = "{server}"
tls.mode = "disabled"
[[account]]
user = "{USER}"
password = "{PASSWORD}"
[pool]
max_connections = 2000
[admin]
http = ""
[runtime]
worker_threads = {threads}
"#
        )
    }

    fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }
}

/// The server's certificate, and the client's under the names that sysbench looks for.
fn mint(directory: &Path) -> anyhow::Result<()> {
    let path = |file| directory.join(file);
    let authority = Authority::generate("Sealock benchmark CA", KeyType::Ecdsa)?;
    let names = ["localhost", "127.0.0.1"].map(str::to_owned);
    let server = authority.issue_server(&names, DEFAULT_DAYS, KeyType::Ecdsa)?;
    server.write(&path("server.pem"), &path("server.key"))?;
    let client = authority.issue_client("sysbench", DEFAULT_DAYS, KeyType::Ecdsa)?;
    client.write(&path("client-cert.pem"), &path("client-key.pem"))?;
    fs::write(path("cacert.pem"), &authority.pem().certificate)?;
    Ok(())
}

fn haproxy() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let directories = env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    directories.map(|directory| directory.join("haproxy")).find(|file| file.is_file())
}

/// The first line that a program says about its version; none where it does not run.
pub fn version(program: &Path, flag: &str) -> Option<String> {
    let output = Command::new(program).arg(flag).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().next().map(str::to_owned)
}

/// HAProxy's version, where it is installed.
pub fn haproxy_version() -> Option<String> {
    version(&haproxy()?, "-v")
}

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}
