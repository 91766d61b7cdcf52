//! From a claim to be somebody to a backend connection of that account.
//!
//! Used by the handshake and by COM_CHANGE_USER. The rungs (DESIGN §5): an account of the configuration is verified
//! here and logged in at the backend by the proxy; anybody else, and anybody whose proof does not match, is judged by
//! the server itself, through a relayed login. So a wrong password and an unknown user take the same path.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::auth::{Account, BackendSecret, Salt, Step, Verifier};
use crate::backend::connector::{Login, Terms};
use crate::backend::error::ConnectError;
use crate::frontend::client::ClientFacts;
use crate::frontend::context::{Context, Frontend};
use crate::frontend::limits::AccountPlace;
use crate::frontend::relay_login;
use crate::pool::{AcquireError, Lease, Request};
use crate::protocol::reply::{ACCESS_DENIED, ServerError, UsingPassword};
use crate::router;
use crate::telemetry;
use crate::tls::packets::{PacketError, PacketStream};

/// What a client says of itself.
#[derive(Clone, Debug)]
pub struct Claim {
    /// User name.
    pub user: Vec<u8>,
    /// Plugin that made the response; none: the client cannot switch plugins.
    pub plugin: Option<Vec<u8>>,
    /// Its answer to the salt.
    pub response: Vec<u8>,
    /// What its session is to start with.
    pub terms: Terms,
}

/// How a client is asked for its proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// The claim holds an answer to the greeting's salt.
    Answered,
    /// Whatever the claim holds, the client is asked: COM_CHANGE_USER, as MariaDB does it.
    Ask,
}

/// How a client was authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rung {
    /// By the configuration.
    Configured,
    /// By the server.
    Relay,
}

crate::label!(Rung { Configured => "configured", Relay => "relay" });

/// A login that succeeded.
pub struct LoggedIn {
    /// The backend connection.
    pub lease: Lease,
    /// How the client was authenticated.
    pub rung: Rung,
    /// Its place among the clients of its account.
    pub place: AccountPlace,
}

/// Why a login failed.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The client closed, or broke the protocol.
    #[error("the client did not complete the login")]
    Client(#[source] PacketError),
    /// Wrong password, unknown user, or the server says no.
    #[error("access denied: {0}")]
    Denied(ServerError),
    /// The account has as many clients as it may have.
    #[error("the account has too many clients")]
    TooManyClients(ServerError),
    /// The server would ask for a password in the clear where others can read along.
    #[error("the server asks for a cleartext password and not both connections are encrypted")]
    Cleartext(ServerError),
    /// The server would let the proxy's own operating-system user in without any proof by the client.
    #[error("the server would accept the proxy itself, by its unix socket, in place of the client")]
    SocketIdentity(ServerError),
    /// The server refuses a login that the proxy made for a client that it verified.
    #[error("the backend refuses the configured account")]
    BackendDenied(#[source] ConnectError, ServerError),
    /// There is no backend.
    #[error("no backend can be used")]
    Unavailable(#[source] AcquireError),
    /// The system is out of random numbers.
    #[error("no salt could be made")]
    NoRandomness,
}

/// Everything a login needs beside the claim.
pub struct LoginAttempt<'a> {
    /// The proxy.
    pub frontend: &'a Arc<Frontend>,
    /// The configuration in force.
    pub context: &'a Context,
    /// Who is connecting.
    pub client: &'a ClientFacts,
}

impl LoginAttempt<'_> {
    /// Authenticates the client over `packets` and takes a backend connection for it. The final OK is left to the
    /// caller: it is the payload in [`Connection::login_ok`](crate::backend::connection::Connection::login_ok).
    ///
    /// # Errors
    /// See [`LoginError`].
    pub async fn log_in<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        packets: &mut PacketStream<S>,
        claim: &Claim,
        salt: Salt,
        opening: Opening,
    ) -> Result<LoggedIn, LoginError> {
        let configured = self.context.accounts.find(&claim.user).cloned();
        if configured.is_none() && self.context.auth.relay {
            return self.relay(packets, claim).await;
        }
        let account = configured.unwrap_or_else(|| Arc::clone(self.context.accounts.decoy()));
        match self.verify(packets, &account, claim, salt, opening).await? {
            Verdict::Accepted(secret) => self.configured(&account, secret, claim).await,
            Verdict::Mismatch { asked: Asked::Nothing, .. } if self.context.auth.relay => {
                self.relay(packets, claim).await
            }
            Verdict::Mismatch { using, .. } => Err(LoginError::Denied(self.denied(claim, using))),
        }
    }

    /// MariaDB's 1045 for this client.
    pub fn access_denied(&self, claim: &Claim) -> ServerError {
        self.denied(claim, UsingPassword::of(&claim.response))
    }

    fn denied(&self, claim: &Claim, using: UsingPassword) -> ServerError {
        ServerError::access_denied(&claim.user, &self.client.host, using)
    }

    /// What the pool is asked for on behalf of this client.
    pub fn request<'a>(&'a self, backend: &'a Arc<crate::backend::Backend>, claim: &'a Claim) -> Request<'a> {
        Request {
            backend,
            account: &claim.user,
            terms: &claim.terms,
            origin: self.client.origin,
            generation: self.context.generation,
            bounds: self.context.bounds(),
        }
    }

    /// A place among the account's clients.
    ///
    /// # Errors
    /// [`LoginError::TooManyClients`].
    pub fn admit(&self, user: &[u8], own_limit: Option<u32>) -> Result<AccountPlace, LoginError> {
        let most = own_limit.unwrap_or(self.context.limits.max_clients_per_account);
        let place = self.frontend.limits.admit_account(user, most);
        place.ok_or_else(|| LoginError::TooManyClients(ServerError::too_many_user_connections(user)))
    }

    async fn verify<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        packets: &mut PacketStream<S>,
        account: &Arc<Account>,
        claim: &Claim,
        salt: Salt,
        opening: Opening,
    ) -> Result<Verdict, LoginError> {
        let default_plugin = self.context.auth.default_plugin;
        let mut verifier = Verifier::new(Arc::clone(account), default_plugin, salt, self.client.channel);
        let mut step = match opening {
            Opening::Answered => verifier.start(claim.plugin.as_deref(), &claim.response),
            Opening::Ask => verifier.challenge(),
        };
        let mut asked = Asked::Nothing;
        loop {
            match step {
                Step::Send(payload) => {
                    packets.write(&payload).await.map_err(LoginError::Client)?;
                    asked = Asked::Something;
                    let answer = packets.read().await.map_err(LoginError::Client)?;
                    step = verifier.advance(&answer);
                }
                Step::Accepted(secret) => return Ok(Verdict::Accepted(secret)),
                Step::SendThenAccepted(payload, secret) => {
                    packets.write(&payload).await.map_err(LoginError::Client)?;
                    return Ok(Verdict::Accepted(secret));
                }
                Step::Mismatch => {
                    return Ok(Verdict::Mismatch { asked, using: verifier.using_password() });
                }
            }
        }
    }

    async fn configured(
        &self,
        account: &Account,
        secret: BackendSecret,
        claim: &Claim,
    ) -> Result<LoggedIn, LoginError> {
        let place = self.admit(&claim.user, account.max_clients)?;
        let login = Login { user: account.backend_user.clone().into_bytes(), secret };
        let mut outage = None;
        for index in router::order(&self.context.verdicts()) {
            let Some(backend) = self.context.backends.get(index) else { continue };
            let request = self.request(backend, claim);
            let acquired = self.frontend.pool.acquire(request, &login, self.context.acquire_timeout()).await;
            match acquired {
                Ok(lease) => return Ok(LoggedIn { lease, rung: Rung::Configured, place }),
                Err(AcquireError::Connect(error)) if error.is_outage() => {
                    let reason = telemetry::chain(&error);
                    tracing::debug!(backend = backend.name(), reason, "not this backend");
                    outage = Some(AcquireError::Connect(error));
                }
                Err(AcquireError::Connect(error)) => return Err(self.refused(error, claim)),
                Err(error @ AcquireError::TimedOut(_)) => return Err(LoginError::Unavailable(error)),
            }
        }
        let acquire_timeout = self.context.acquire_timeout();
        Err(LoginError::Unavailable(outage.unwrap_or(AcquireError::TimedOut(acquire_timeout))))
    }

    async fn relay<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        packets: &mut PacketStream<S>,
        claim: &Claim,
    ) -> Result<LoggedIn, LoginError> {
        let lease = relay_login::relay(self, packets, claim).await?;
        let own_limit = self.context.accounts.find(&claim.user).and_then(|account| account.max_clients);
        let place = self.admit(&claim.user, own_limit)?;
        Ok(LoggedIn { lease, rung: Rung::Relay, place })
    }

    /// What a client hears whose password was right here and whose account the server refuses. The server's own words
    /// where they are about the schema or the account; its 1045 names the proxy's host, so that is said in ours.
    fn refused(&self, error: ConnectError, claim: &Claim) -> LoginError {
        match error {
            ConnectError::Login(server) if server.code != ACCESS_DENIED => LoginError::Denied(server),
            error => LoginError::BackendDenied(error, self.access_denied(claim)),
        }
    }
}

enum Verdict {
    Accepted(BackendSecret),
    Mismatch { asked: Asked, using: UsingPassword },
}

/// Whether the client was asked for another proof already; clients accept one such request only.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Nothing,
    Something,
}

impl LoginError {
    /// What the client hears; `None`: nothing can be said.
    pub fn to_client(&self) -> Option<ServerError> {
        match self {
            Self::Client(PacketError::TooLarge { .. } | PacketError::OutOfOrder { .. }) => {
                Some(ServerError::bad_handshake())
            }
            Self::Client(PacketError::Closed | PacketError::Io(_) | PacketError::TimedOut) => None,
            Self::Denied(error)
            | Self::TooManyClients(error)
            | Self::Cleartext(error)
            | Self::SocketIdentity(error)
            | Self::BackendDenied(_, error) => Some(error.clone()),
            Self::Unavailable(AcquireError::TimedOut(_)) => Some(ServerError::unavailable(
                "All database connections of this account are in use; none became free in time",
            )),
            Self::Unavailable(AcquireError::Connect(_)) => {
                Some(ServerError::unavailable("No database server can be reached at the moment"))
            }
            Self::NoRandomness => {
                Some(ServerError::unavailable("The database proxy cannot authenticate anybody"))
            }
        }
    }
}
