//! One login of the proxy at a backend, seen from the client's side.

use super::caching_sha2;
use super::ed25519;
use super::native_password;
use super::parsec::{self, Derivation};
use super::secret::BackendSecret;
use super::{AuthError, Channel};
use crate::protocol::handshake::{AuthPacket, AuthSwitch, SALT_LEN, plugin};
use crate::protocol::reply::ServerError;

/// Packets of a server after which it must have decided. An account with several plugins takes two or three for each.
const MOST_PACKETS: u8 = 32;

/// The first answer, for the handshake response or COM_CHANGE_USER.
#[derive(Clone, PartialEq, Eq)]
pub struct Initial {
    /// The plugin that made it.
    pub plugin: &'static [u8],
    /// The answer; empty for an empty password.
    pub response: Vec<u8>,
}

/// What to do with a packet of the server.
#[derive(Clone, PartialEq, Eq)]
#[must_use]
pub enum Answer {
    /// Send this payload, which may be empty.
    Send(Vec<u8>),
    /// Logged in: the packet was the OK.
    Done,
    /// Read on.
    Wait,
    /// The server said no.
    Refused(ServerError),
}

/// The state of one login.
pub struct Prover {
    secret: BackendSecret,
    channel: Channel,
    current: Current,
    packets: u8,
}

/// The plugin in use, as far as it still has something to say.
enum Current {
    Finished,
    CachingSha2,
    Parsec([u8; parsec::NONCE_LEN]),
}

impl Prover {
    /// Prepares a login with what is known of the password.
    #[must_use]
    pub fn new(secret: BackendSecret, channel: Channel) -> Self {
        Self { secret, channel, current: Current::Finished, packets: 0 }
    }

    /// Answers a greeting. A plugin that cannot work with the greeting's salt, or with what is known, is answered for
    /// `mysql_native_password`: the server switches where it wants another.
    pub fn initial(&mut self, greeted: &[u8], salt: &[u8; SALT_LEN]) -> Initial {
        match self.secret.password() {
            Some(password) if greeted == plugin::CACHING_SHA2 => {
                self.current = Current::CachingSha2;
                Initial { plugin: plugin::CACHING_SHA2, response: caching_sha2_answer(salt, password) }
            }
            _ => Initial { plugin: plugin::NATIVE_PASSWORD, response: self.native_answer(salt) },
        }
    }

    /// Begins without an answer and without naming a plugin, so that the server asks by AuthSwitchRequest: for
    /// COM_CHANGE_USER, where MariaDB asks in any case.
    pub fn unanswered(&mut self) -> Initial {
        Initial { plugin: b"", response: Vec::new() }
    }

    /// Takes a packet of the server.
    ///
    /// # Errors
    /// The server asks for what cannot or must not be answered; the connection is of no use then.
    pub fn answer(&mut self, packet: &[u8]) -> Result<Answer, AuthError> {
        self.packets = self.packets.saturating_add(1);
        if self.packets > MOST_PACKETS {
            return Err(AuthError::Endless);
        }
        match AuthPacket::parse(packet).map_err(AuthError::Malformed)? {
            AuthPacket::Ok => Ok(Answer::Done),
            AuthPacket::Refused(error) => Ok(Answer::Refused(error)),
            AuthPacket::Switch(switch) => self.switch(&switch).map(Answer::Send),
            AuthPacket::More(more) => self.more(&more.data),
        }
    }

    fn switch(&mut self, asked: &AuthSwitch) -> Result<Vec<u8>, AuthError> {
        self.current = Current::Finished;
        match asked.plugin.as_slice() {
            plugin::NATIVE_PASSWORD => Ok(self.native_answer(&salt_of(asked)?)),
            plugin::ED25519 => {
                let nonce = exactly::<{ ed25519::NONCE_LEN }>(asked)?;
                Ok(ed25519::sign(self.password(plugin::ED25519)?, &nonce).to_vec())
            }
            plugin::CACHING_SHA2 => {
                let answer = caching_sha2_answer(&salt_of(asked)?, self.password(plugin::CACHING_SHA2)?);
                self.current = Current::CachingSha2;
                Ok(answer)
            }
            plugin::PARSEC => {
                self.password(plugin::PARSEC)?;
                self.current = Current::Parsec(exactly(asked)?);
                Ok(Vec::new())
            }
            plugin::CLEAR_PASSWORD => self.cleartext(plugin::CLEAR_PASSWORD),
            other => Err(AuthError::UnsupportedPlugin { plugin: name(other) }),
        }
    }

    fn more(&mut self, data: &[u8]) -> Result<Answer, AuthError> {
        match (&self.current, data) {
            (Current::CachingSha2, [caching_sha2::FAST_OK]) => Ok(Answer::Wait),
            (Current::CachingSha2, [caching_sha2::FULL]) => {
                self.cleartext(plugin::CACHING_SHA2).map(Answer::Send)
            }
            (Current::Parsec(nonce), data) => {
                let asked = Derivation::parse(data).ok_or_else(|| unexpected(plugin::PARSEC))?;
                let answer =
                    asked.answer(self.password(plugin::PARSEC)?, nonce).ok_or(AuthError::NoRandomness)?;
                self.current = Current::Finished;
                Ok(Answer::Send(answer))
            }
            (Current::CachingSha2, _) => Err(unexpected(plugin::CACHING_SHA2)),
            (Current::Finished, _) => Err(unexpected(b"in use")),
        }
    }

    fn native_answer(&self, salt: &[u8; SALT_LEN]) -> Vec<u8> {
        let token = self.secret.native_token();
        token.map(|token| native_password::answer(salt, &token).to_vec()).unwrap_or_default()
    }

    /// The password and a NUL; the only place that lets it out.
    fn cleartext(&self, asked: &[u8]) -> Result<Vec<u8>, AuthError> {
        if self.channel == Channel::Insecure {
            return Err(AuthError::CleartextRefused { plugin: name(asked) });
        }
        Ok([self.password(asked)?, &[0]].concat())
    }

    fn password(&self, asked: &[u8]) -> Result<&[u8], AuthError> {
        self.secret.password().ok_or_else(|| AuthError::PasswordUnknown { plugin: name(asked) })
    }
}

fn caching_sha2_answer(salt: &[u8; SALT_LEN], password: &[u8]) -> Vec<u8> {
    if password.is_empty() { Vec::new() } else { caching_sha2::answer(salt, password).to_vec() }
}

/// The 20 bytes of a salt, which servers send with a NUL behind.
fn salt_of(asked: &AuthSwitch) -> Result<[u8; SALT_LEN], AuthError> {
    asked.data.first_chunk::<SALT_LEN>().copied().ok_or_else(|| unexpected(&asked.plugin))
}

fn exactly<const N: usize>(asked: &AuthSwitch) -> Result<[u8; N], AuthError> {
    asked.data.as_slice().try_into().map_err(|_| unexpected(&asked.plugin))
}

fn unexpected(plugin: &[u8]) -> AuthError {
    AuthError::UnexpectedData { plugin: name(plugin) }
}

fn name(plugin: &[u8]) -> String {
    String::from_utf8_lossy(plugin).into_owned()
}
