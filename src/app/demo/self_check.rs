//! The self-check: what a careful client does, from the TLS handshake to the answer of a query.

use std::sync::Arc;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::auth::BackendSecret;
use crate::backend::Backend;
use crate::backend::connection::ControlError;
use crate::backend::connector::{Login, Terms};
use crate::backend::error::ConnectError;
use crate::config::{self, Address, BackendTls, BackendTlsMode, Secret, TlsVersion};
use crate::telemetry::Registry;
use crate::tls::TlsError;
use crate::tls::stream::TlsInfo;

/// How long each step may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// A query that only the server can answer, about the account that only the login can have chosen.
const QUERY: &str = "SELECT CONCAT('MariaDB ', VERSION(), ' greets ', CURRENT_USER())";

/// utf8mb4_general_ci, which every MariaDB has.
const COLLATION: u16 = 45;

/// What a client has to know.
pub(super) struct Client {
    /// Where the proxy listens.
    pub address: Address,
    /// The CA that it trusts, and no other.
    pub ca: PathBuf,
    /// Name, password and schema.
    pub account: &'static str,
}

/// What the check has found.
#[derive(Debug)]
pub(super) struct Findings {
    address: Address,
    tls: TlsInfo,
    answer: String,
}

/// What does not work.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The CA cannot be used.
    #[error("the minted CA cannot be used")]
    Trust(#[from] TlsError),
    /// No login over verified TLS.
    #[error("no login through the proxy over verified TLS")]
    Connect(#[from] ConnectError),
    /// The connection is not encrypted.
    #[error("the connection is not encrypted")]
    Plaintext,
    /// The query fails.
    #[error("a query through the proxy fails")]
    Query(#[from] ControlError),
    /// The query has no answer.
    #[error("a query through the proxy gets no answer")]
    NoAnswer,
}

/// Connects with chain and name verified, and runs a query.
///
/// # Errors
/// The first thing that does not work.
pub(super) async fn check(client: &Client) -> Result<Findings, CheckError> {
    // Metrics of its own: to the proxy this is a client like any other.
    let proxy = Backend::build(&client.target(), &Arc::new(Registry::new()), None)?;
    let connection = proxy.connect(&client.login(), &client.terms(), None).await?;
    let tls = connection.tls_info().ok_or(CheckError::Plaintext)?;
    let asked = tokio::time::timeout(DEADLINE, connection.rows(QUERY));
    let (connection, rows) = asked.await.map_err(|_| CheckError::NoAnswer)??;
    connection.quit().await;
    let answer = rows.into_iter().flatten().next().ok_or(CheckError::NoAnswer)?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    Ok(Findings { address: client.address.clone(), tls, answer })
}

impl Client {
    /// The proxy, seen from a client.
    fn target(&self) -> config::Backend {
        config::Backend {
            name: "proxy".to_owned(),
            address: self.address.clone(),
            group: "main".to_owned(),
            proxy_protocol: false,
            connect_timeout: DEADLINE,
            tls: BackendTls {
                mode: BackendTlsMode::VerifyFull,
                ca: Some(self.ca.clone()),
                certificate: None,
                key: None,
                server_name: None,
                min_version: TlsVersion::V1_2,
            },
        }
    }

    fn login(&self) -> Login {
        let password = Secret::new(self.account.into());
        Login { user: self.account.into(), secret: BackendSecret::Password(password) }
    }

    fn terms(&self) -> Terms {
        Terms {
            collation: COLLATION,
            max_packet: 1 << 24,
            schema: Some(self.account.into()),
            ..Terms::default()
        }
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nIt works: connected to {}, certificate chain and name verified.", self.address)?;
        writeln!(f, "  version  {}", self.tls.version_name())?;
        writeln!(f, "  cipher   {}", self.tls.cipher)?;
        writeln!(f, "  group    {}", self.tls.group.unwrap_or("unknown"))?;
        writeln!(f, "  query    {QUERY}")?;
        writeln!(f, "  answer   {}", self.answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::chain;

    #[test]
    fn findings_show_version_cipher_and_group() {
        let tls = TlsInfo {
            version: TlsVersion::V1_3,
            cipher: "TLS_AES_256_GCM_SHA384",
            group: Some("X25519MLKEM768"),
            resumed: false,
            peer_leaf_fingerprint: None,
            peer_certificate: None,
        };
        let address = Address::Tcp { host: "127.0.0.1".to_owned(), port: 6033 };
        let text = Findings { address, tls, answer: "hello".to_owned() }.to_string();
        for part in ["127.0.0.1:6033", "TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519MLKEM768", "hello"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[tokio::test]
    async fn a_proxy_that_is_not_there_fails_the_check() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let directory = tempfile::tempdir().unwrap();
        let ca = crate::tls::mint::Authority::generate("a CA", crate::tls::mint::KeyType::Ecdsa).unwrap();
        let client = Client {
            address: Address::Tcp { host: "127.0.0.1".to_owned(), port: free },
            ca: directory.path().join("ca.pem"),
            account: "demo",
        };
        let error = check(&client).await.unwrap_err();
        assert!(matches!(error, CheckError::Trust(_)), "without a CA nothing is tried: {}", chain(&error));
        std::fs::write(&client.ca, &ca.pem().certificate).unwrap();
        assert!(matches!(check(&client).await, Err(CheckError::Connect(ConnectError::Unreachable(_)))));
    }
}
