//! From a claim to be somebody to a backend connection of that account.
//!
//! Used by the handshake and by COM_CHANGE_USER. The rungs (DESIGN §5): an account of the configuration is verified
//! here and logged in at the backend by the proxy; so is one whose hash the server's account table keeps (`standing`); anybody else is judged by the server itself, through a relayed login.
//! So is a client of a configured account whose answer to the greeting does not match: a wrong password and an unknown
//! user take the same path there.
//!
//! Not so where the proxy had to ask, as it must for `client_ed25519` and in COM_CHANGE_USER. Clients accept one request to
//! switch plugins, so a wrong answer to ours can no longer be relayed and is refused here, in the same words. Whoever
//! looks closely can tell such an account from a user that the server knows or nobody knows; with `auth.relay = false`
//! nobody can, because then unknown users are asked just like it.
//!
//! Cancellation: whatever was acquired is a lease or a place, and goes back when the future is dropped.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::auth::account_row::RowId;
use crate::auth::certificate_rule::Ruling;
use crate::auth::standing::{Refused, Standing};
use crate::auth::{Account, BackendSecret, Salt, Step, Verifier};
use crate::backend::Backend;
use crate::backend::connector::{Login, Terms};
use crate::backend::error::ConnectError;
use crate::config::model::PoolMode;
use crate::frontend::client::ClientFacts;
use crate::frontend::context::{Context, Frontend};
use crate::frontend::limits::AccountPlace;
use crate::frontend::login_error::LoginError;
use crate::frontend::multiplex::Multiplex;
use crate::frontend::relay_login;
use crate::frontend::standing::is_answered_here;
use crate::pool::key::Slot;
use crate::pool::{AcquireError, Lease, Request};
use crate::protocol::reply::{ACCESS_DENIED, ServerError, UsingPassword};
use crate::router;
use crate::telemetry;
use crate::tls::packets::PacketStream;

/// `ER_ACCESS_DENIED_NO_PASSWORD_ERROR`, SQLSTATE 28000: as 1045, for plugins that ask for no password.
const ACCESS_DENIED_NO_PASSWORD: u16 = 1698;

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
    /// By what the server's account table keeps.
    Recovered,
    /// By the server.
    Relay,
}

crate::label!(Rung { Configured => "configured", Recovered => "recovered", Relay => "relay" });

/// A login that succeeded.
pub struct LoggedIn {
    /// How it reaches the backend.
    pub backing: Backing,
    /// How the client was authenticated.
    pub rung: Rung,
    /// Its place among the clients of its account.
    pub place: AccountPlace,
}

/// How a session reaches the backend.
pub enum Backing {
    /// By a connection of its own.
    Own(Box<Lease>),
    /// By connections that it shares with others.
    Shared(Box<Multiplex>),
}

impl Backing {
    /// The connection or what it takes to borrow one.
    pub fn into_parts(self) -> (Option<Lease>, Option<Box<Multiplex>>) {
        match self {
            Self::Own(lease) => (Some(*lease), None),
            Self::Shared(own) => (None, Some(own)),
        }
    }
}

/// A login of one client: everything it needs beside the claim.
pub struct LoginAttempt<'a> {
    /// The proxy.
    pub frontend: &'a Arc<Frontend>,
    /// The configuration in force.
    pub context: &'a Context,
    /// Who is connecting.
    pub client: &'a ClientFacts,
    /// The place in the pool of the session that logs in again; it is given up if this attempt succeeds.
    pub replaces: Option<&'a Slot>,
}

impl<'a> LoginAttempt<'a> {
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
        let ruling = self.context.certificate_rules.judge(&claim.user, self.client.certificate());
        let ruling = match ruling {
            Ok(ruling) => ruling,
            Err(failure) => {
                let using = self.verify_nobody(packets, claim, salt, opening).await?;
                return Err(LoginError::Certificate { failure, reply: self.denied(claim, using) });
            }
        };
        if let Some(account) = self.context.accounts.find(&claim.user) {
            let known = Known { account: Arc::clone(account), row: None };
            let secret = account.secret_without_answer().filter(|_| ruling == Ruling::StandsForPassword);
            if let Some(secret) = secret {
                return self.known(&known, secret, claim).await;
            }
            return self.verified(packets, &known, claim, salt, opening).await;
        }
        match self.standing(claim).await {
            Standing::Recovered(row) if is_answered_here(&row, claim, opening) => {
                let account = row.account().unwrap_or(self.context.accounts.decoy());
                let known = Known { account: Arc::clone(account), row: Some(row.id()) };
                self.verified(packets, &known, claim, salt, opening).await
            }
            Standing::Refused(refused) => self.refuse(packets, refused, claim, salt, opening).await,
            Standing::Recovered(_) | Standing::Relayed(_) if self.context.auth.relay => {
                relay_login::relay(self, packets, claim).await
            }
            Standing::Recovered(_) | Standing::Relayed(_) => {
                let using = self.verify_nobody(packets, claim, salt, opening).await?;
                Err(LoginError::Denied(self.denied(claim, using)))
            }
        }
    }

    /// Checks the client's proof against what is known of its account, and begins its session. A wrong answer to the greeting is
    /// left to the server where that may be: the password may have changed.
    async fn verified<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        packets: &mut PacketStream<S>,
        known: &Known<'_>,
        claim: &Claim,
        salt: Salt,
        opening: Opening,
    ) -> Result<LoggedIn, LoginError> {
        match self.verify(packets, &known.account, claim, salt, opening).await? {
            Verdict::Accepted(secret) => self.known(known, secret, claim).await,
            Verdict::Mismatch { asked, using } => {
                if known.row.is_some() {
                    self.frontend.account_watch.suggest();
                }
                if asked == Asked::Nothing && self.context.auth.relay {
                    return relay_login::relay(self, packets, claim).await;
                }
                Err(LoginError::Denied(self.denied(claim, using)))
            }
        }
    }

    /// Says what the server would say, after the exchange that it would have.
    async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        packets: &mut PacketStream<S>,
        refused: Refused,
        claim: &Claim,
        salt: Salt,
        opening: Opening,
    ) -> Result<LoggedIn, LoginError> {
        let host = match &refused {
            Refused::Host(host) => {
                return Err(LoginError::NotAdmitted { reply: ServerError::host_refused(host), refused });
            }
            Refused::NotFromHere(host) | Refused::Demand { host, .. } => host.clone(),
        };
        let using = self.verify_nobody(packets, claim, salt, opening).await?;
        let reply = ServerError::access_denied(&claim.user, &host, using);
        Err(LoginError::NotAdmitted { reply, refused })
    }

    /// Asks for a proof that nothing comes of.
    async fn verify_nobody<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        packets: &mut PacketStream<S>,
        claim: &Claim,
        salt: Salt,
        opening: Opening,
    ) -> Result<UsingPassword, LoginError> {
        match self.verify(packets, self.context.accounts.decoy(), claim, salt, opening).await? {
            Verdict::Mismatch { using, .. } => Ok(using),
            Verdict::Accepted(_) => Ok(UsingPassword::of(&claim.response)),
        }
    }

    /// MariaDB's 1045 for this client.
    pub fn access_denied(&self, claim: &Claim) -> ServerError {
        self.denied(claim, UsingPassword::of(&claim.response))
    }

    /// The server's refusal of a relayed login. Its words about the client's host are about the proxy's, so the client
    /// hears of its own instead; `using` is about its last answer, for a server that does not say.
    pub(super) fn denied_by_server(
        &self,
        said: ServerError,
        claim: &Claim,
        using: UsingPassword,
    ) -> LoginError {
        let reply = match said.code {
            ACCESS_DENIED => self.denied(claim, UsingPassword::as_said(&said).unwrap_or(using)),
            ACCESS_DENIED_NO_PASSWORD => {
                let user = String::from_utf8_lossy(&claim.user);
                let message = format!("Access denied for user '{user}'@'{}'", self.client.host);
                ServerError::new(said.code, said.state, message)
            }
            _ => said.clone(),
        };
        LoginError::DeniedByServer { said, reply }
    }

    fn denied(&self, claim: &Claim, using: UsingPassword) -> ServerError {
        ServerError::access_denied(&claim.user, &self.client.host, using)
    }

    /// What the pool is asked for on behalf of this client.
    pub fn request<'r>(&'r self, backend: &'r Arc<Backend>, claim: &'r Claim) -> Request<'r> {
        Request {
            backend,
            account: &claim.user,
            terms: &claim.terms,
            origin: self.client.origin,
            row: None,
            generation: self.context.generation,
            bounds: self.context.bounds(),
            replaces: self.replaces,
        }
    }

    /// A place among the account's clients.
    ///
    /// # Errors
    /// [`LoginError::TooManyClients`].
    pub fn admit(&self, user: &[u8], own_limit: Option<u32>) -> Result<AccountPlace, LoginError> {
        let most = own_limit.unwrap_or(self.context.limits.max_clients_per_account);
        // A client that logs in again as the same account still has its former place.
        let again = u32::from(self.replaces.is_some_and(|slot| slot.account == user));
        let most = if most == 0 { 0 } else { most.saturating_add(again) };
        let place = self.frontend.limits.admit_account(user, most);
        place.ok_or_else(|| LoginError::TooManyClients(ServerError::too_many_user_connections(user)))
    }

    /// Tries the backends in the router's order, on past those that are down; the last outage is the answer when all are.
    ///
    /// # Errors
    /// The first error that is not an outage, such as a refused login or a full pool: other backends would say the same.
    pub async fn first_usable<T, F>(&self, attempt: impl Fn(&'a Arc<Backend>) -> F) -> Result<T, AcquireError>
    where
        F: Future<Output = Result<T, AcquireError>>,
    {
        let mut outage = AcquireError::TimedOut(self.context.acquire_timeout());
        for index in router::order(&self.context.verdicts()) {
            let Some(backend) = self.context.backends.get(index) else { continue };
            match attempt(backend).await {
                Err(AcquireError::Connect(error)) if error.is_outage() => {
                    let reason = telemetry::chain(&error);
                    tracing::debug!(backend = backend.name(), reason, "not this backend");
                    outage = AcquireError::Connect(error);
                }
                decided => return decided,
            }
        }
        Err(outage)
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

    async fn known(
        &self,
        known: &Known<'_>,
        secret: BackendSecret,
        claim: &Claim,
    ) -> Result<LoggedIn, LoginError> {
        let account = &known.account;
        let rung = if known.row.is_some() { Rung::Recovered } else { Rung::Configured };
        let place = self.admit(&claim.user, account.max_clients)?;
        if account.mode.unwrap_or(self.context.pool.mode) == PoolMode::Multiplex {
            let own = self.multiplexed(account, known.row, secret, claim).await?;
            return Ok(LoggedIn { backing: Backing::Shared(own), rung, place });
        }
        let login = Login { user: account.backend_user.clone().into_bytes(), secret };
        let acquired = self
            .first_usable(|backend| {
                let request = self.request(backend, claim);
                self.frontend.pool.acquire(request, &login, self.context.acquire_timeout())
            })
            .await;
        match acquired {
            Ok(lease) => Ok(LoggedIn { backing: Backing::Own(Box::new(lease)), rung, place }),
            Err(AcquireError::Connect(error)) if !error.is_outage() => Err(self.refused(error, claim)),
            Err(error) => Err(LoginError::Unavailable(error)),
        }
    }

    /// What a client hears whose password was right here and whose account the server refuses. The server's own words
    /// where they are about the schema or the account; its 1045 names the proxy's host, so that is said in ours.
    pub(super) fn refused(&self, error: ConnectError, claim: &Claim) -> LoginError {
        match error {
            ConnectError::Login(said) if ![ACCESS_DENIED, ACCESS_DENIED_NO_PASSWORD].contains(&said.code) => {
                LoginError::DeniedByServer { reply: said.clone(), said }
            }
            error => {
                self.frontend.account_watch.suggest();
                LoginError::BackendDenied(error, self.access_denied(claim))
            }
        }
    }
}

/// An account that the proxy can verify clients of, and the row of the server's table that says so.
struct Known<'a> {
    account: Arc<Account>,
    row: Option<&'a RowId>,
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
