//! Which program each contestant is, and its configuration.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::Context as _;

use crate::contestant::{Contestant, Link, Mode, Program, Setup, Transport};
use crate::rotate;
use crate::stage::{PASSWORD, USER};

/// The programs that contestants are.
pub struct Binaries {
    /// The Sealock to measure.
    pub sealock: PathBuf,
    /// Another one beside it.
    pub baseline: Option<PathBuf>,
    /// HAProxy, where it is installed.
    pub haproxy: Option<PathBuf>,
    /// ProxySQL, where it was given.
    pub proxysql: Option<PathBuf>,
}

/// What every configuration is made of.
pub struct Surroundings<'a> {
    /// Where certificates are and configurations go.
    pub directory: &'a Path,
    /// The server's TCP address.
    pub server: SocketAddr,
    /// The server's unix socket.
    pub socket: &'a Path,
    /// Worker threads of each contestant.
    pub threads: NonZeroUsize,
}

/// Where a contestant is to listen.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// For clients.
    pub clients: SocketAddr,
    /// For the harness, where the contestant has something to tell.
    pub admin: SocketAddr,
}

/// Connections to the server where their number is not the point.
const MANY: u16 = 4000;

/// A program and its arguments.
pub type Command = (PathBuf, Vec<String>);

impl Binaries {
    /// What keeps a contestant from running.
    pub fn lacks(&self, contestant: Contestant) -> Option<&'static str> {
        match contestant.program {
            Program::Haproxy if self.haproxy.is_none() => {
                Some("HAProxy is not installed (Debian and Ubuntu: apt-get install haproxy)")
            }
            Program::Proxysql { .. } if self.proxysql.is_none() => {
                Some("PROXYSQL=/path/to/proxysql is not set")
            }
            Program::Baseline(_) if self.baseline.is_none() => Some("no --baseline was given"),
            _ => None,
        }
    }

    /// How to start a contestant; none where there is nothing to start. Its configuration is written here.
    pub fn command(
        &self,
        contestant: Contestant,
        around: &Surroundings<'_>,
        ports: Ports,
    ) -> anyhow::Result<Option<Command>> {
        let write = |text: String, suffix: &str| {
            let file = around.directory.join(format!("{contestant}.{suffix}"));
            fs::write(&file, text)?;
            anyhow::Ok(file.display().to_string())
        };
        Ok(Some(match contestant.program {
            Program::Direct => return Ok(None),
            Program::Floor => (env::current_exe()?, around.floor(contestant.transport, ports)),
            Program::Haproxy => {
                let program = self.haproxy.clone().context("HAProxy is not installed")?;
                (program, vec!["-db".to_owned(), "-f".to_owned(), write(around.haproxy(ports), "cfg")?])
            }
            Program::Proxysql { connections } => {
                let program = self.proxysql.clone().context("PROXYSQL is not set")?;
                let data = around.proxysql_directory(contestant)?;
                let file = write(around.proxysql(&data, connections, ports), "cnf")?;
                let data = data.display().to_string();
                (program, ["-f", "--initial", "-c", &file, "-D", &data].map(str::to_owned).into())
            }
            Program::Sealock(setup) | Program::Baseline(setup) => {
                rotate::provide(around.directory, contestant)?;
                let file = write(around.sealock(contestant, setup, ports), "toml")?;
                let other = matches!(contestant.program, Program::Baseline(_));
                let program = self.baseline.as_ref().filter(|_| other).unwrap_or(&self.sealock);
                (program.clone(), ["run", "--config", &file].map(str::to_owned).into())
            }
        }))
    }
}

impl Surroundings<'_> {
    fn floor(&self, transport: Transport, ports: Ports) -> Vec<String> {
        let mut arguments = vec![
            "floor".to_owned(),
            format!("--listen={}", ports.clients),
            format!("--backend={}", self.server),
            format!("--threads={}", self.threads),
        ];
        if transport == Transport::Tls {
            let file = |name| self.directory.join(name).display().to_string();
            arguments.push(format!("--certificate={}", file("server.pem")));
            arguments.push(format!("--key={}", file("server.key")));
        }
        arguments
    }

    fn haproxy(&self, ports: Ports) -> String {
        let (threads, server, address) = (self.threads, self.server, ports.clients);
        format!(
            "global\n  nbthread {threads}\n  maxconn 9500\n\
             defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 1h\n  timeout server 1h\n\
             listen mariadb\n  bind {address}\n  server db1 {server}\n"
        )
    }

    /// With the certificate under the names that ProxySQL looks for in its data directory.
    fn proxysql_directory(&self, contestant: Contestant) -> anyhow::Result<PathBuf> {
        let data = self.directory.join(contestant.to_string());
        fs::create_dir_all(&data)?;
        for (ours, its) in [("cacert.pem", "ca"), ("server.pem", "cert"), ("server.key", "key")] {
            fs::copy(self.directory.join(ours), data.join(format!("proxysql-{its}.pem")))?;
        }
        Ok(data)
    }

    /// <https://proxysql.com/documentation/configuration-file/>. No monitor: it would need an account of its own.
    fn proxysql(&self, data: &Path, connections: Option<u16>, ports: Ports) -> String {
        let Ports { clients, admin } = ports;
        let (threads, data) = (self.threads, data.display());
        let (host, port) = (self.server.ip(), self.server.port());
        let connections = connections.unwrap_or(MANY);
        format!(
            r#"
datadir = "{data}"
admin_variables = {{ admin_credentials = "admin:admin", mysql_ifaces = "{admin}" }}
mysql_variables =
{{
    threads = {threads}
    interfaces = "{clients}"
    max_connections = 20000
    have_ssl = true
    monitor_enabled = false
    server_version = "8.0.11"
}}
mysql_servers = ( {{ address = "{host}", port = {port}, hostgroup = 0, max_connections = {connections} }} )
mysql_users = ( {{ username = "{USER}", password = "{PASSWORD}", default_hostgroup = 0, max_connections = 20000 }} )
"#
        )
    }

    fn sealock(&self, contestant: Contestant, setup: Setup, ports: Ports) -> String {
        let Ports { clients, admin } = ports;
        let threads = self.threads;
        let backend = match setup.link {
            Link::Tcp => format!("address = \"{}\"\ntls.mode = \"disabled\"", self.server),
            Link::UnixSocket => format!("address = \"unix:{}\"", self.socket.display()),
        };
        let mode = match setup.mode {
            Mode::Session => "session",
            Mode::Multiplex => "multiplex",
        };
        let connections = setup.connections.unwrap_or(MANY);
        format!(
            r#"
[[listener]]
bind = "{clients}"
tls = {{ mode = "optional", certificate = "{contestant}.pem", key = "{contestant}.key" }}
[[backend]]
name = "db1"
{backend}
[[account]]
user = "{USER}"
password = "{PASSWORD}"
[pool]
mode = "{mode}"
max_connections = {connections}
[limits]
max_clients = 20000
[admin]
http = "{admin}"
[runtime]
worker_threads = {threads}
"#
        )
    }
}

/// A program on the search path, or where system programs are.
pub fn installed(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let directories = env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    directories.map(|directory| directory.join(program)).find(|file| file.is_file())
}
