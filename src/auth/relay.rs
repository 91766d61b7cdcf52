//! A login that the proxy does not judge: the server asks, the client answers, the proxy looks on.
//!
//! `frontend::relay_login` begins the login at the server with no answer at all, so that the server has to ask, shows
//! every packet of the server to [`Relay::observe`] before the client sees it, and passes the client's answers on unread.
//! What this guards against:
//!
//! - A client inside TLS gives its password away when a plugin asks for it; it must not leave the proxy in plaintext. Both
//!   ways must be secure for that question to reach the client. A TCP connection to a loopback address counts as
//!   insecure, as MariaDB's clients have it: let such a backend listen on a unix socket, or give it TLS.
//! - `unix_socket` asks nobody and believes the operating system, which names the proxy's user. A login that succeeds
//!   without a question proves nothing about the client and is refused.
//!
//! The second guard is not enough for accounts with several plugins. Debian's root has `mysql_native_password USING
//! 'invalid' OR unix_socket`: there a question is asked, any answer is wrong, and the socket decides (seen on MariaDB
//! 10.11). From here that cannot be told from a right answer; on a unix socket the frontend therefore tries first whether
//! the server lets the proxy in with a wrong one.

use super::{AuthError, Channel};
use crate::protocol::handshake::{AuthPacket, plugin};
use crate::protocol::reply::ServerError;

/// Packets of a server after which it must have decided.
const MOST_PACKETS: u16 = 256;

/// What a packet of the server means.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Relayed {
    /// Pass the packet on as it is.
    ToClient(NextToSpeak),
    /// The client is logged in; the packet is the OK.
    Done,
    /// The server said no; the packet is the ERR.
    Refused(ServerError),
    /// The server let the proxy in, not the client: close that connection and answer as for a wrong password.
    Unproven,
}

/// Who sends the next packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextToSpeak {
    /// The client answers.
    Client,
    /// The server goes on.
    Server,
}

/// The state of one relayed login.
#[derive(Debug)]
pub struct Relay {
    channel: Channel,
    plugin: Vec<u8>,
    packets: u16,
}

impl Relay {
    /// Prepares a login; both ways must be secure for a cleartext password to pass.
    #[must_use]
    pub fn new(client: Channel, backend: Channel) -> Self {
        let channel = match (client, backend) {
            (Channel::Secure, Channel::Secure) => Channel::Secure,
            _ => Channel::Insecure,
        };
        Self { channel, plugin: Vec::new(), packets: 0 }
    }

    /// Takes a packet of the server.
    ///
    /// # Errors
    /// The packet is malformed, a password would be sent where others read along, or the server asks without end.
    pub fn observe(&mut self, packet: &[u8]) -> Result<Relayed, AuthError> {
        self.packets = self.packets.saturating_add(1);
        if self.packets > MOST_PACKETS {
            return Err(AuthError::Endless);
        }
        match AuthPacket::parse(packet).map_err(AuthError::Malformed)? {
            AuthPacket::Ok if self.plugin.is_empty() => Ok(Relayed::Unproven),
            AuthPacket::Ok => Ok(Relayed::Done),
            AuthPacket::Refused(error) => Ok(Relayed::Refused(error)),
            AuthPacket::Switch(asked) => {
                self.plugin = asked.plugin;
                self.check_cleartext(matches!(&*self.plugin, plugin::CLEAR_PASSWORD | plugin::DIALOG))?;
                Ok(Relayed::ToClient(NextToSpeak::Client))
            }
            AuthPacket::More(more) => self.observe_data(&more.data),
        }
    }

    fn observe_data(&self, data: &[u8]) -> Result<Relayed, AuthError> {
        let next = match (self.plugin.as_slice(), data) {
            (plugin::CACHING_SHA2, [super::caching_sha2::FAST_OK]) => NextToSpeak::Server,
            (plugin::CACHING_SHA2, data) => {
                self.check_cleartext(data == [super::caching_sha2::FULL])?;
                NextToSpeak::Client
            }
            _ => NextToSpeak::Client,
        };
        Ok(Relayed::ToClient(next))
    }

    fn check_cleartext(&self, asked: bool) -> Result<(), AuthError> {
        match (asked, self.channel) {
            (true, Channel::Insecure) => Err(AuthError::CleartextRefused {
                plugin: String::from_utf8_lossy(&self.plugin).into_owned(),
            }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::handshake::AuthSwitch;

    const OK: &[u8] = &[0, 0, 0, 2, 0, 0, 0];

    fn ask(plugin: &[u8]) -> Vec<u8> {
        AuthSwitch { plugin: plugin.to_vec(), data: vec![7; 21] }.encode()
    }

    #[test]
    fn a_server_that_lets_the_proxy_in_without_a_question_has_not_seen_the_client() {
        assert_eq!(Relay::new(Channel::Secure, Channel::Secure).observe(OK), Ok(Relayed::Unproven));
    }

    #[test]
    fn any_plugin_is_passed_on_and_the_verdict_told() {
        for name in [plugin::NATIVE_PASSWORD, plugin::ED25519, plugin::PARSEC, b"auth_gssapi_client"] {
            let mut relay = Relay::new(Channel::Insecure, Channel::Insecure);
            assert_eq!(relay.observe(&ask(name)), Ok(Relayed::ToClient(NextToSpeak::Client)));
            assert_eq!(relay.observe(b"P0 and so on"), Ok(Relayed::ToClient(NextToSpeak::Client)));
            assert_eq!(relay.observe(OK), Ok(Relayed::Done));
        }
    }

    #[test]
    fn a_cleartext_password_passes_only_where_both_ways_are_secure() {
        let ways = [Channel::Secure, Channel::Insecure];
        for (client, backend) in ways.into_iter().flat_map(|client| ways.map(|backend| (client, backend))) {
            let secure = (client, backend) == (Channel::Secure, Channel::Secure);
            for name in [plugin::CLEAR_PASSWORD, plugin::DIALOG] {
                assert_eq!(Relay::new(client, backend).observe(&ask(name)).is_ok(), secure);
            }
            let mut relay = Relay::new(client, backend);
            assert!(relay.observe(&ask(plugin::CACHING_SHA2)).is_ok());
            assert_eq!(relay.observe(&[1, 3]), Ok(Relayed::ToClient(NextToSpeak::Server)));
            assert_eq!(relay.observe(&[1, 4]).is_ok(), secure);
        }
    }

    #[test]
    fn a_server_that_asks_without_end_is_left() {
        let mut relay = Relay::new(Channel::Secure, Channel::Secure);
        assert!((0..1000).any(|_| relay.observe(&ask(plugin::ED25519)) == Err(AuthError::Endless)));
    }
}
