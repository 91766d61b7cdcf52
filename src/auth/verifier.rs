//! One login of a client, seen from the server's side.
//!
//! Every path ends in [`Step::Accepted`], [`Step::SendThenAccepted`] or [`Step::Mismatch`]; after that the verifier only says
//! `Mismatch`. Whether a mismatch is answered with 1045 or left to the backend to judge is the caller's decision.

use std::sync::Arc;

use super::account::{Account, Proof};
use super::caching_sha2;
use super::digest::{same, sha256};
use super::ed25519::NONCE_LEN;
use super::native_password::recover;
use super::salt::{Salt, random_bytes};
use super::secret::BackendSecret;
use super::{Channel, greeting_plugin, wire_name};
use crate::config::model::AuthPlugin;
use crate::protocol::handshake::{AuthMoreData, AuthSwitch};
use crate::protocol::reply::UsingPassword;

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Step {
    /// Send this payload and hand the client's next packet to [`Verifier::advance`].
    Send(Vec<u8>),
    /// The client is who it says; this logs in at the backend.
    Accepted(BackendSecret),
    /// The same, but this payload goes out before the OK, without waiting for an answer.
    SendThenAccepted(Vec<u8>, BackendSecret),
    /// The client did not prove itself.
    Mismatch,
}

/// The state of one login.
pub struct Verifier {
    account: Arc<Account>,
    default_plugin: AuthPlugin,
    salt: Salt,
    channel: Channel,
    awaited: Awaited,
    using_password: UsingPassword,
}

/// The packet that the client owes.
enum Awaited {
    Native,
    Ed25519([u8; NONCE_LEN]),
    CachingSha2,
    CachingSha2Password,
    ClearPassword,
    Nothing,
}

impl Verifier {
    /// Prepares a login. `salt` is the one in the greeting; for COM_CHANGE_USER a fresh one. For users that do not exist
    /// `account` is [`super::Accounts::decoy`].
    #[must_use]
    pub fn new(account: Arc<Account>, default_plugin: AuthPlugin, salt: Salt, channel: Channel) -> Self {
        let (awaited, using_password) = (Awaited::Nothing, UsingPassword::No);
        Self { account, default_plugin, salt, channel, awaited, using_password }
    }

    /// Takes plugin and answer of a handshake response; `None`: the client cannot switch plugins and answered for
    /// `mysql_native_password`.
    ///
    /// An answer made by a plugin that this account does not accept is not looked at. Nor is an empty one for another
    /// plugin than the greeting's: libmariadb and libmysqlclient make that when they want the plugin but have no salt for it.
    pub fn start(&mut self, client_plugin: Option<&[u8]>, response: &[u8]) -> Step {
        let Some(name) = client_plugin else {
            return match self.accepts(AuthPlugin::NativePassword) {
                true => self.check_native(response),
                false => Step::Mismatch,
            };
        };
        let unanswered = response.is_empty() && name != greeting_plugin(self.default_plugin);
        match self.wanted(name) {
            Some(AuthPlugin::NativePassword) if !unanswered => self.check_native(response),
            Some(AuthPlugin::CachingSha2) if !unanswered => self.check_caching_sha2(response),
            Some(wanted) => self.challenge_with(wanted),
            None => self.challenge(),
        }
    }

    /// Asks the client to answer by AuthSwitchRequest, whatever it said before: the beginning of COM_CHANGE_USER.
    pub fn challenge(&mut self) -> Step {
        self.challenge_with(self.asked_plugin())
    }

    fn challenge_with(&mut self, asked: AuthPlugin) -> Step {
        let data = match asked {
            AuthPlugin::NativePassword => {
                self.awaited = Awaited::Native;
                self.salt.terminated()
            }
            AuthPlugin::CachingSha2 => {
                self.awaited = Awaited::CachingSha2;
                self.salt.terminated()
            }
            AuthPlugin::Ed25519 => {
                let Ok(nonce) = random_bytes() else { return self.mismatch() };
                self.awaited = Awaited::Ed25519(nonce);
                nonce.to_vec()
            }
            AuthPlugin::ClearPassword if self.channel == Channel::Insecure => return self.mismatch(),
            AuthPlugin::ClearPassword => {
                self.awaited = Awaited::ClearPassword;
                Vec::new()
            }
        };
        Step::Send(AuthSwitch { plugin: wire_name(asked).to_vec(), data }.encode())
    }

    /// Takes the client's answer to what was sent.
    pub fn advance(&mut self, packet: &[u8]) -> Step {
        self.using_password = UsingPassword::of(packet);
        match std::mem::replace(&mut self.awaited, Awaited::Nothing) {
            Awaited::Native => self.check_native(packet),
            Awaited::Ed25519(nonce) => self.check_ed25519(&nonce, packet),
            Awaited::CachingSha2 => self.check_caching_sha2(packet),
            Awaited::CachingSha2Password | Awaited::ClearPassword => self.check_password(packet),
            Awaited::Nothing => Step::Mismatch,
        }
    }

    /// What MariaDB's 1045 says about the password: whether the answer that was looked at last held anything.
    #[must_use]
    pub fn using_password(&self) -> UsingPassword {
        self.using_password
    }

    /// The one plugin that the account or the default insists on, if any. ed25519 as a default is insisted on, since a
    /// greeting cannot announce it.
    fn required_plugin(&self) -> Option<AuthPlugin> {
        let by_default = Some(self.default_plugin).filter(|default| *default == AuthPlugin::Ed25519);
        self.account.plugin.or(by_default).filter(|plugin| self.account.supports(*plugin))
    }

    /// Whether clients may use this plugin. Cleartext must be insisted on to be used.
    fn accepts(&self, plugin: AuthPlugin) -> bool {
        match self.required_plugin() {
            Some(required) => required == plugin,
            None => plugin != AuthPlugin::ClearPassword && self.account.supports(plugin),
        }
    }

    /// The plugin that the client named, if it may use it: some clients have no other.
    fn wanted(&self, name: &[u8]) -> Option<AuthPlugin> {
        let plugins = [
            AuthPlugin::NativePassword,
            AuthPlugin::CachingSha2,
            AuthPlugin::Ed25519,
            AuthPlugin::ClearPassword,
        ];
        plugins.into_iter().find(|plugin| wire_name(*plugin) == name && self.accepts(*plugin))
    }

    /// The plugin to switch to. Cleartext is never a default: only an account can ask for it.
    fn asked_plugin(&self) -> AuthPlugin {
        let default = match self.default_plugin {
            AuthPlugin::ClearPassword => AuthPlugin::NativePassword,
            other => other,
        };
        let asked = self.required_plugin().unwrap_or(default);
        if self.account.supports(asked) { asked } else { AuthPlugin::NativePassword }
    }

    fn check_native(&mut self, answer: &[u8]) -> Step {
        self.using_password = UsingPassword::of(answer);
        let (Proof::Password { native: stored, .. } | Proof::Native(stored)) = &self.account.proof else {
            return self.check_empty(answer);
        };
        match recover(self.salt.bytes(), stored, answer) {
            Some(token) => {
                self.account.secret_for_backend(Some(token)).map_or(Step::Mismatch, Step::Accepted)
            }
            None => Step::Mismatch,
        }
    }

    /// Some clients sign with an empty password, others say nothing.
    fn check_ed25519(&mut self, nonce: &[u8; NONCE_LEN], answer: &[u8]) -> Step {
        let right = match &self.account.proof {
            Proof::Password { ed25519, .. } => ed25519.verifies(nonce, answer),
            Proof::Empty => answer.is_empty() || super::ed25519::PublicKey::of(b"").verifies(nonce, answer),
            Proof::Native(_) => false,
        };
        self.accepted_if(right)
    }

    /// A wrong answer leads to the password itself where nobody can read along: that is what the plugin's clients expect.
    fn check_caching_sha2(&mut self, answer: &[u8]) -> Step {
        self.using_password = UsingPassword::of(answer);
        let Proof::Password { password, .. } = &self.account.proof else {
            return self.check_empty(answer);
        };
        if caching_sha2::verifies(self.salt.bytes(), password.expose(), answer) {
            return match self.account.secret_for_backend(None) {
                Some(secret) => Step::SendThenAccepted(more(caching_sha2::FAST_OK), secret),
                None => Step::Mismatch,
            };
        }
        if self.channel == Channel::Insecure || answer.is_empty() {
            return self.mismatch();
        }
        self.awaited = Awaited::CachingSha2Password;
        Step::Send(more(caching_sha2::FULL))
    }

    fn check_password(&mut self, packet: &[u8]) -> Step {
        let given = packet.strip_suffix(&[0]).unwrap_or(packet);
        let right = match &self.account.proof {
            Proof::Password { password, .. } => same(&sha256(&[password.expose()]), &sha256(&[given])),
            Proof::Empty => given.is_empty(),
            Proof::Native(_) => false,
        };
        self.accepted_if(right)
    }

    /// MySQL's clients say "no password" with a NUL, all others with nothing.
    fn check_empty(&mut self, answer: &[u8]) -> Step {
        let right = matches!(self.account.proof, Proof::Empty) && matches!(answer, [] | [0]);
        self.accepted_if(right)
    }

    fn accepted_if(&mut self, right: bool) -> Step {
        if !right {
            return self.mismatch();
        }
        self.account.secret_for_backend(None).map_or(Step::Mismatch, Step::Accepted)
    }

    fn mismatch(&mut self) -> Step {
        self.awaited = Awaited::Nothing;
        Step::Mismatch
    }
}

fn more(byte: u8) -> Vec<u8> {
    AuthMoreData { data: vec![byte] }.encode()
}
