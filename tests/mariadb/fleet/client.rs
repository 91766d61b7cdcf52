//! One client of the fleet, and how each kind comes.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use mysql_async::prelude::Queryable as _;
use mysql_async::{OptsBuilder, SslOpts};
use serde_json::json;

use crate::clients::python_with;
use crate::stages::login;
use crate::support::client::RawClient;
use crate::support::proxy::Proxy;
use crate::support::server::PASSWORD;
use crate::support::tls::trusting;

/// What a client is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Pymysql11,
    NewestPymysql,
    Sqlalchemy,
    MariadbProgram,
    MysqlAsync,
    Raw,
}

pub const KINDS: [Kind; 6] = [
    Kind::Pymysql11,
    Kind::NewestPymysql,
    Kind::Sqlalchemy,
    Kind::MariadbProgram,
    Kind::MysqlAsync,
    Kind::Raw,
];

/// A client: who it is, and whether it ever learns to use TLS.
#[derive(Clone, Debug)]
pub struct Client {
    pub number: usize,
    pub account: &'static str,
    pub kind: Kind,
    pub upgrades: bool,
}

/// How the proxy is reached.
pub struct Way<'a> {
    pub proxy: &'a Proxy,
    pub ca: &'a Path,
}

impl Way<'_> {
    /// Lets these clients of one kind come one after the other: the number of the error each hears, none if it came in.
    pub fn come(&self, kind: Kind, clients: &[(&Client, bool)]) -> Vec<Option<u64>> {
        match kind {
            Kind::Pymysql11 => self.python("pymysql-1.1", "pymysql", clients),
            Kind::NewestPymysql => self.python("pymysql-newest", "pymysql", clients),
            Kind::Sqlalchemy => self.python("oslo-db", "sqlalchemy", clients),
            Kind::MariadbProgram => clients.iter().map(|(client, tls)| self.program(client, *tls)).collect(),
            Kind::MysqlAsync => clients.iter().map(|(client, tls)| self.mysql_async(client, *tls)).collect(),
            Kind::Raw => clients.iter().map(|(client, tls)| self.raw(client, *tls)).collect(),
        }
    }

    fn python(&self, packages: &str, kind: &str, clients: &[(&Client, bool)]) -> Vec<Option<u64>> {
        let each = clients.iter().map(|(client, tls)| {
            let program = format!("fleet-{}", client.number);
            json!({"account": client.account, "password": PASSWORD, "program": program, "tls": tls, "kind": kind})
        });
        let input = json!(each.collect::<Vec<_>>()).to_string();
        let mut process = Command::new(python_with(packages))
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mariadb/fleet/fleet.py"))
            .arg(self.proxy.port().to_string())
            .arg(self.ca)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{packages}: {error}; `make test` installs it"));
        process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = process.wait_with_output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn program(&self, client: &Client, tls: bool) -> Option<u64> {
        let ca = format!("--ssl-ca={}", self.ca.display());
        let tls: &[&str] = if tls { &["--ssl", "--ssl-verify-server-cert", &ca] } else { &["--skip-ssl"] };
        let output = Command::new("mariadb")
            .args(["--no-defaults", "--protocol=tcp", "--host=localhost", "--execute=SELECT 1"])
            .args([format!("--port={}", self.proxy.port()), format!("--user={}", client.account)])
            .arg(format!("--password={PASSWORD}"))
            .args(tls)
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        (!output.status.success()).then(|| {
            let number = error.strip_prefix("ERROR ").and_then(|rest| rest.split(' ').next()?.parse().ok());
            number.unwrap_or_else(|| panic!("{error}"))
        })
    }

    fn mysql_async(&self, client: &Client, tls: bool) -> Option<u64> {
        let tls = tls.then(|| SslOpts::default().with_root_certs(vec![self.ca.to_owned().into()]));
        let options = OptsBuilder::default()
            .ip_or_hostname("localhost")
            .tcp_port(self.proxy.port())
            .user(Some(client.account))
            .pass(Some(PASSWORD))
            .prefer_socket(false)
            .ssl_opts(tls);
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let mut connection = match mysql_async::Conn::new(options).await {
                Ok(connection) => connection,
                Err(mysql_async::Error::Server(error)) => return Some(u64::from(error.code)),
                Err(error) => panic!("{error}"),
            };
            assert_eq!(connection.query_first::<u8, _>("SELECT 1").await.unwrap(), Some(1));
            connection.disconnect().await.unwrap();
            None
        })
    }

    fn raw(&self, client: &Client, tls: bool) -> Option<u64> {
        let mut login = login(self.proxy, client.account, &format!("fleet-{}", client.number));
        if tls {
            login = login.tls(&trusting(self.ca), "localhost");
        }
        match RawClient::connect(&login) {
            Ok(mut connection) => {
                assert_eq!(connection.value("SELECT 1"), "1");
                None
            }
            Err(refusal) => Some(u64::from(refusal.error().code)),
        }
    }
}
