//! TLS towards a backend.

use std::sync::Arc;

use rustls::pki_types::ServerName;

/// How to speak TLS to one backend.
#[derive(Clone, Debug)]
pub struct ClientTls {
    config: Arc<rustls::ClientConfig>,
    server_name: ServerName<'static>,
}

impl ClientTls {
    /// What rustls is given for each connection.
    pub fn config(&self) -> &Arc<rustls::ClientConfig> {
        &self.config
    }

    /// The name that is verified, and sent as SNI unless it is an IP address.
    pub fn server_name(&self) -> &ServerName<'static> {
        &self.server_name
    }
}
