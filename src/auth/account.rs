//! The configured accounts, in the form in which logins are checked.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::AuthError;
use super::ed25519::PublicKey;
use super::native_password::{TOKEN_LEN, hash, token};
use super::salt::random_bytes;
use super::secret::BackendSecret;
use crate::config::model::{self, AuthPlugin, Credential, PoolMode, Secret};

/// The accounts of rung *configured*; replaced as a whole by a reload.
#[derive(Clone, Debug)]
pub struct Accounts {
    by_user: HashMap<Vec<u8>, Arc<Account>>,
    decoy: Arc<Account>,
}

impl Accounts {
    /// Takes the accounts of a configuration, whose names are all different.
    ///
    /// # Errors
    /// [`AuthError::NoRandomness`]: the decoy's password is drawn here.
    pub fn new(configured: &[model::Account]) -> Result<Self, AuthError> {
        let accounts = configured.iter().map(|account| Arc::new(Account::new(account)));
        let by_user = accounts.map(|account| (account.user.clone().into_bytes(), account)).collect();
        Ok(Self { by_user, decoy: Arc::new(Account::decoy()?) })
    }

    /// The account of that name, compared byte by byte.
    #[must_use]
    pub fn find(&self, user: &[u8]) -> Option<&Arc<Account>> {
        self.by_user.get(user)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Account> {
        let mut all: Vec<&Account> = self.by_user.values().map(Arc::as_ref).collect();
        all.sort_by(|one, other| one.user.cmp(&other.user));
        all.into_iter()
    }

    /// An account whose password nobody knows: users that do not exist take the same path and time as those that do.
    #[must_use]
    pub fn decoy(&self) -> &Arc<Account> {
        &self.decoy
    }
}

/// One configured account.
#[derive(Clone)]
pub struct Account {
    /// The name that clients give.
    pub user: String,
    /// The only plugin accepted from clients; none: the default's rules.
    pub plugin: Option<AuthPlugin>,
    /// The name that the backend is given.
    pub backend_user: String,
    /// Client connections of this account; none: the general limit.
    pub max_clients: Option<u32>,
    /// How its sessions share backend connections; none: as the pool does.
    pub mode: Option<PoolMode>,
    pub(super) proof: Proof,
    backend_secret: Option<BackendSecret>,
}

/// What the answers of clients are compared with.
#[derive(Clone)]
pub(super) enum Proof {
    /// No password: the right answer is none.
    Empty,
    /// All that follows from a password.
    Password { password: Secret, native: [u8; TOKEN_LEN], ed25519: PublicKey },
    /// Only SHA1(SHA1(password)).
    Native([u8; TOKEN_LEN]),
}

impl Account {
    /// Derives what logins are checked against.
    #[must_use]
    pub fn new(config: &model::Account) -> Self {
        let (backend_user, backend_secret) = match &config.backend {
            Some(login) => (login.user.clone(), Some(BackendSecret::Password(login.password.clone()))),
            None => (config.user.clone(), None),
        };
        Self {
            user: config.user.clone(),
            plugin: config.plugin,
            backend_user,
            max_clients: config.max_clients,
            mode: config.mode,
            proof: Proof::new(&config.credential),
            backend_secret,
        }
    }

    /// An account of a server's own table, whose clients prove themselves by `mysql_native_password`.
    #[must_use]
    pub fn recovered(user: &str, credential: &Credential) -> Self {
        Self {
            user: user.to_owned(),
            plugin: Some(AuthPlugin::NativePassword),
            backend_user: user.to_owned(),
            max_clients: None,
            mode: None,
            proof: Proof::new(credential),
            backend_secret: None,
        }
    }

    fn decoy() -> Result<Self, AuthError> {
        let password = Secret::new(random_bytes::<32>()?.to_vec());
        Ok(Self {
            user: String::new(),
            plugin: None,
            backend_user: String::new(),
            max_clients: None,
            mode: None,
            proof: Proof::new(&Credential::Password(password)),
            backend_secret: None,
        })
    }

    /// Whether the same password proves both.
    pub(super) fn proves_like(&self, other: &Self) -> bool {
        match (&self.proof, &other.proof) {
            (Proof::Empty, Proof::Empty) => true,
            (Proof::Native(own), Proof::Native(other)) => own == other,
            _ => false,
        }
    }

    /// Whether clients of this account can use the plugin at all.
    pub(super) fn supports(&self, plugin: AuthPlugin) -> bool {
        match self.proof {
            Proof::Empty | Proof::Password { .. } => true,
            Proof::Native(_) => plugin == AuthPlugin::NativePassword,
        }
    }

    /// What logs in at the backend for a client that had proven itself before a reload, by `former`.
    pub fn renewed(&self, former: &BackendSecret) -> BackendSecret {
        let token = former.native_token().map(|token| *token);
        self.secret_for_backend(token).unwrap_or_else(|| former.clone())
    }

    /// What logs in at the backend for a client that proved itself by a certificate alone.
    pub fn secret_without_answer(&self) -> Option<BackendSecret> {
        self.secret_for_backend(None)
    }

    /// What logs in at the backend, once a client has proven itself; `token` is what its answer gave away.
    pub(super) fn secret_for_backend(&self, token: Option<[u8; TOKEN_LEN]>) -> Option<BackendSecret> {
        match (&self.backend_secret, &self.proof) {
            (Some(secret), _) => Some(secret.clone()),
            (None, Proof::Password { password, .. }) => Some(BackendSecret::Password(password.clone())),
            (None, Proof::Empty) => Some(BackendSecret::Password(Secret::new(Vec::new()))),
            (None, Proof::Native(_)) => token.map(|token| BackendSecret::NativeToken(Zeroizing::new(token))),
        }
    }
}

impl Proof {
    fn new(credential: &Credential) -> Self {
        match credential {
            Credential::NativeHash(hash) => Self::Native(*hash),
            Credential::Password(password) if password.expose().is_empty() => Self::Empty,
            Credential::Password(password) => Self::Password {
                native: hash(&token(password.expose())),
                ed25519: PublicKey::of(password.expose()),
                password: password.clone(),
            },
        }
    }
}

/// Without anything that secrets could be told from.
impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("user", &self.user)
            .field("plugin", &self.plugin)
            .field("backend_user", &self.backend_user)
            .finish_non_exhaustive()
    }
}
