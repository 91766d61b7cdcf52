//! A server with an account for every rule of its account table, and clients of every kind.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ClientConfig;
use sealock::app::scratch::{Options, ScratchServer, TlsFiles};
use sealock::migration::explain::Cause;
use sealock::telemetry::Label as _;
use sealock::tls::mint::{Authority, KeyType, PemPair};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::client::RawClient;
use crate::support::eventually;
use crate::support::login::{Login, Refusal, ServerError};
use crate::support::proxy::{Proxy, ProxyBuilder};
use crate::support::server::root_of;
use crate::support::tls::{showing, unverified};
use crate::support::wire::Endpoint;

/// The password of every account that has one.
pub const PASSWORD: &str = "open sesame";

/// A server of the test's own, with certificates.
pub struct Estate {
    pub server: ScratchServer,
    directory: TempDir,
}

/// How a client is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Plain,
    Tls,
    /// Showing the certificate of this common name.
    Certificate(&'static str),
}

/// What comes of a login: the account that it is, or the error.
pub type Verdict = Result<String, ServerError>;

impl Estate {
    pub fn new(statements: &[String]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        let file = |name: &str| directory.path().join(name);
        let ca = Authority::generate("everybody's CA", KeyType::Ecdsa).unwrap();
        let write = |name: &str, pair: &PemPair| {
            let key = file(&format!("{name}.key"));
            pair.write(&file(&format!("{name}.pem")), &key).unwrap();
            key
        };
        let key = write("server", &ca.issue_server(&["localhost".to_owned()], 30, KeyType::Ecdsa).unwrap());
        fs::set_permissions(key, Permissions::from_mode(0o644)).unwrap();
        for name in ["nova", "glance"] {
            write(name, &ca.issue_client(name, 30, KeyType::Ecdsa).unwrap());
        }
        write("ca", ca.pem());
        let service = [
            format!("CREATE USER sealock@'%' IDENTIFIED BY '{PASSWORD}'"),
            "GRANT SELECT ON mysql.global_priv TO sealock@'%'".to_owned(),
        ];
        let options = Options {
            tcp: true,
            tls: Some(TlsFiles {
                certificate: file("server.pem"),
                key: file("server.key"),
                ca: file("ca.pem"),
            }),
            proxy_protocol_networks: Some("127.0.0.1".to_owned()),
            statements: service.iter().chain(statements).cloned().collect(),
            arguments: ["--plugin-load-add=auth_ed25519", "--max-connect-errors=100000"]
                .map(Into::into)
                .into(),
            ..Options::default()
        };
        let server = ScratchServer::start(&options, &mut |_| {}).unwrap_or_else(|error| panic!("{error}"));
        Self { server, directory }
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn root(&self) -> RawClient {
        root_of(&self.server)
    }

    /// A proxy that knows nothing but its own login. Towards the server it shows the certificate of `nova`.
    pub fn proxy(&self) -> ProxyBuilder {
        let tls = self.directory.path().display();
        let mut backend = format!("mode = \"verify-ca\"\nca = \"{tls}/ca.pem\"\n");
        let _ = writeln!(backend, "certificate = \"{tls}/nova.pem\"\nkey = \"{tls}/nova.key\"");
        Proxy::in_front_of(&format!("127.0.0.1:{}", self.server.port().unwrap()))
            .without_accounts()
            .backend_tls(&backend)
            .tls(&format!("client_certificate = \"request\"\nclient_ca = \"{tls}/ca.pem\""))
            .section(&format!("[service]\nuser = \"sealock\"\npassword = \"{PASSWORD}\""))
    }

    /// Straight to the server.
    pub fn direct(&self) -> u16 {
        self.server.port().unwrap()
    }

    /// What comes of logging in at `port`, from `127.0.0.from`.
    pub fn verdict(&self, port: u16, from: u8, user: &str, password: &str, channel: Channel) -> Verdict {
        let endpoint = Endpoint::TcpFrom(Ipv4Addr::new(127, 0, 0, from), port);
        let login = Login::new(endpoint, user, password);
        let login = match channel {
            Channel::Plain => login,
            Channel::Tls => login.tls(&unverified(), "localhost"),
            Channel::Certificate(name) => login.tls(&self.shows(name), "localhost"),
        };
        verdict_of(&login)
    }

    /// A client's TLS that shows the certificate of this name.
    pub fn shows(&self, name: &str) -> Arc<ClientConfig> {
        showing(&self.file(&format!("{name}.pem")), &self.file(&format!("{name}.key")))
    }
}

/// What comes of a login, asked for the account by its first statement.
pub fn verdict_of(login: &Login) -> Verdict {
    match RawClient::connect(login) {
        Ok(mut client) => {
            let packets = client.query("SELECT CURRENT_USER()");
            match ServerError::parse(&packets[0].payload) {
                Some(error) => Err(error),
                None => Ok(client.value("SELECT CURRENT_USER()")),
            }
        }
        Err(Refusal::Error(error)) if error.state.is_empty() => {
            Err(ServerError { state: "HY000".to_owned(), ..error }) // as every client takes it
        }
        Err(refusal) => Err(refusal.error()),
    }
}

/// What the proxy says of its accounts.
pub fn accounts(proxy: &Proxy) -> Value {
    let (status, body) = proxy.page("/api/v1/accounts").unwrap();
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// The rung of an account there, and the reason for it.
pub fn rung(proxy: &Proxy, user: &str, host: &str) -> (String, String) {
    let all = accounts(proxy);
    let rows = all["accounts"].as_array().unwrap();
    let row = rows.iter().find(|row| row["user"] == user && row["host"] == host);
    let row = row.unwrap_or_else(|| panic!("no {user}@{host} in {all}"));
    let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
    (text("rung"), text("reason"))
}

/// How often clients were refused for this cause.
pub fn refusals(proxy: &Proxy, cause: Cause) -> f64 {
    proxy.metric("sealock_client_refusals_total", &[&format!("cause=\"{}\"", cause.label())])
}

/// Waits until the proxy has read the accounts.
pub fn ready(builder: &ProxyBuilder) -> Proxy {
    let proxy = builder.start();
    eventually("the accounts are read", || {
        accounts(&proxy)["unread"].as_array().is_some_and(|unread| unread.is_empty())
    });
    proxy
}
