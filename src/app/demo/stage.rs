//! What stands on the stage: certificates and a configuration file in the server's directory, and the proxy that runs with them.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::app::demo::Ports;
use crate::app::demo::recipes::Place;
use crate::app::demo::self_check::Client;
use crate::app::{App, StartError};
use crate::config::{Address, Config, ConfigErrors};
use crate::telemetry::Registry;
use crate::tls::mint::{self, Authority, KeyType, MintError};

/// Name, password and schema of the demo's account.
pub(super) const ACCOUNT: &str = "demo";

/// Days that the server's certificate is valid; nobody's demo lasts longer.
const DAYS: u32 = 30;

/// Files of one demo.
pub(super) struct Stage {
    ca: PathBuf,
    file: PathBuf,
    config: Config,
}

/// Why the proxy does not start.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// A certificate cannot be made.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// A file cannot be written.
    #[error("cannot write to {directory}: set TMPDIR to a directory that can be written", directory = directory.display())]
    Write {
        /// The server's directory.
        directory: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The configuration cannot be used.
    #[error("{0}")]
    Config(ConfigErrors),
    /// The proxy does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The proxy runs and listens nowhere.
    #[error("the proxy does not listen where it was told to")]
    NoAddress,
}

impl Stage {
    /// Mints a CA and a server certificate, and writes them and the configuration to `directory`.
    ///
    /// # Errors
    /// See [`StageError`].
    pub(super) fn prepare(directory: &Path, ports: Ports) -> Result<Self, StageError> {
        let (ca, file) = (directory.join("ca.pem"), directory.join("sealock.toml"));
        let authority = Authority::generate("Sealock demo CA", KeyType::Ecdsa)?;
        let server = authority.issue_server(&mint::local_names(), DAYS, KeyType::Ecdsa)?;
        let text = configuration(ports);
        std::fs::write(&ca, &authority.pem().certificate)
            .and_then(|()| server.write(&directory.join("server.pem"), &directory.join("server.key")))
            .and_then(|()| std::fs::write(&file, &text))
            .map_err(|source| StageError::Write { directory: directory.to_owned(), source })?;
        let config = Config::parse(&text, &file).map_err(StageError::Config)?;
        Ok(Self { ca, file, config })
    }

    /// Starts the proxy.
    ///
    /// # Errors
    /// See [`StartError`].
    pub(super) async fn open(&self, registry: &Arc<Registry>) -> Result<App, StageError> {
        Ok(App::start(self.config.clone(), Some(self.file.clone()), Arc::clone(registry)).await?)
    }

    /// What a client has to know.
    ///
    /// # Errors
    /// The proxy does not listen.
    pub(super) fn client_view(&self, app: &App) -> Result<Client, StageError> {
        let address = app.addresses().first().ok_or(StageError::NoAddress)?.clone();
        Ok(Client { address, ca: self.ca.clone(), account: ACCOUNT })
    }

    /// What somebody who wants to try it has to know.
    ///
    /// # Errors
    /// The proxy does not listen.
    pub(super) fn place(&self, app: &App) -> Result<Place, StageError> {
        let tcp = |address: Option<&Address>| match address {
            Some(Address::Tcp { port, .. }) => Ok(*port),
            _ => Err(StageError::NoAddress),
        };
        Ok(Place {
            port: tcp(app.addresses().first())?,
            admin_port: tcp(app.admin_address())?,
            ca: self.ca.display().to_string(),
            config: self.file.display().to_string(),
        })
    }
}

/// What the server runs before it lets anybody in: an account that reaches nothing but its own schema.
pub(super) fn statements() -> Vec<String> {
    vec![
        format!("CREATE DATABASE {ACCOUNT}"),
        format!("CREATE USER {ACCOUNT}@localhost IDENTIFIED BY '{ACCOUNT}'"),
        format!("GRANT ALL PRIVILEGES ON {ACCOUNT}.* TO {ACCOUNT}@localhost"),
    ]
}

/// Paths are relative to the file, so none needs quoting.
fn configuration(Ports { proxy, admin }: Ports) -> String {
    format!(
        r#"# What this demo runs with.
[[listener]]
bind = "127.0.0.1:{proxy}"
tls = {{ mode = "optional", certificate = "server.pem", key = "server.key" }}

[[backend]]
name = "scratch"
address = "unix:server.sock"

[[account]]
user = "{ACCOUNT}"
password = "{ACCOUNT}"

[admin]
http = "127.0.0.1:{admin}"
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{BackendTlsMode, ListenerTlsMode};

    #[test]
    fn the_configuration_takes_tls_and_plaintext_and_reaches_the_server_in_its_directory() {
        let directory = tempfile::Builder::new().prefix("a \"quoted\" name").tempdir().unwrap();
        let stage = Stage::prepare(directory.path(), Ports { proxy: 6033, admin: 6070 }).unwrap();
        let config = &stage.config;
        assert_eq!(config.listeners[0].tls.mode, ListenerTlsMode::Optional);
        assert_eq!(config.listeners[0].bind[0].to_string(), "127.0.0.1:6033");
        assert_eq!(config.backends[0].address, Address::Unix(directory.path().join("server.sock")));
        assert_eq!(config.backends[0].tls.mode, BackendTlsMode::Disabled);
        assert_eq!(config.admin.http.as_ref().unwrap().to_string(), "127.0.0.1:6070");
    }

    #[test]
    fn a_directory_that_cannot_be_written_is_told_with_what_to_do() {
        let error = Stage::prepare(Path::new("/proc"), Ports { proxy: 0, admin: 0 }).err().unwrap();
        assert!(error.to_string().contains("TMPDIR"), "{error}");
    }
}
