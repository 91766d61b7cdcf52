//! A login that the server judges: its questions go to the client, the client's answers to it.
//!
//! [`Relay`] says what each packet of the server means and stops the exchange before a password would travel in the clear.
//! A server that would let the *proxy* in, because it knows the proxy's operating-system user by its unix socket, is not
//! asked at all.
//!
//! Each side pays for its own time: the server has `backend.connect_timeout` for each packet that it owes, and the
//! client's deadline moves by as long as it had to wait. Only a client that has proved itself takes a place in the pool, so
//! nobody without a password can use up an account's connections; until then the connection is one more than the pool
//! counts.
//!
//! Cancellation: dropping the future closes the connection to the server.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use crate::auth::{AuthError, Channel, NextToSpeak, Relay, Relayed, Salt};
use crate::backend::Backend;
use crate::backend::connector::Dialled;
use crate::backend::error::ConnectError;
use crate::config::model::Address;
use crate::frontend::limits::AccountPlace;
use crate::frontend::login::{Backing, Claim, LoggedIn, LoginAttempt, Rung};
use crate::frontend::login_error::{LoginError, cleartext_refused};
use crate::pool::lease::{Killer, Permit};
use crate::pool::{AcquireError, Lease};
use crate::protocol::handshake::AuthPacket;
use crate::protocol::reply::{ServerError, UsingPassword};
use crate::tls::packets::{PacketError, PacketStream};

/// Lets the server judge the client.
///
/// # Errors
/// See [`LoginError`].
pub async fn relay<S: AsyncRead + AsyncWrite + Unpin>(
    attempt: &LoginAttempt<'_>,
    client: &mut PacketStream<S>,
    claim: &Claim,
) -> Result<LoggedIn, LoginError> {
    let since = Instant::now();
    let dialled = attempt.first_usable(async |backend| {
        let dialled = dial(attempt, backend, claim).await.map_err(AcquireError::Connect)?;
        Ok((backend, dialled))
    });
    let (backend, dialled) = dialled.await.map_err(LoginError::Unavailable)?;
    if matches!(backend.address(), Address::Unix(_))
        && accepts_the_proxy(attempt, backend, claim).await.map_err(unavailable)?
    {
        return Err(LoginError::SocketIdentity(attempt.access_denied(claim)));
    }
    client.postpone_deadline(since.elapsed());
    judge(attempt, client, claim, backend, dialled).await
}

async fn dial(attempt: &LoginAttempt<'_>, backend: &Backend, claim: &Claim) -> Result<Dialled, ConnectError> {
    let mut dialled = backend.dial(&claim.terms, attempt.client.origin).await?;
    dialled.ask_for_plugin(&claim.user, &claim.terms).await?;
    Ok(dialled)
}

/// Whether the server lets the proxy in as this user without any proof, which it does when the account is tied to the
/// proxy's operating-system user (plugin `unix_socket`, alone or after others).
async fn accepts_the_proxy(
    attempt: &LoginAttempt<'_>,
    backend: &Backend,
    claim: &Claim,
) -> Result<bool, ConnectError> {
    let asked = async {
        let mut dialled = dial(attempt, backend, claim).await?;
        let server = dialled.packets();
        loop {
            let packet = server.read().await.map_err(ConnectError::Broken)?;
            match AuthPacket::parse(&packet) {
                Ok(AuthPacket::Ok) => return Ok(true),
                Ok(AuthPacket::Refused(_)) | Err(_) => return Ok(false),
                Ok(AuthPacket::Switch(_) | AuthPacket::More(_)) => {
                    let nonsense = Salt::random().map_err(ConnectError::Auth)?;
                    server.write(nonsense.bytes()).await.map_err(ConnectError::Broken)?;
                }
            }
        }
    };
    backend.bounded(asked).await
}

async fn judge<S: AsyncRead + AsyncWrite + Unpin>(
    attempt: &LoginAttempt<'_>,
    client: &mut PacketStream<S>,
    claim: &Claim,
    backend: &Arc<Backend>,
    mut dialled: Dialled,
) -> Result<LoggedIn, LoginError> {
    let channel = dialled.channel();
    let exchange = Exchange {
        backend,
        client,
        server: dialled.packets(),
        relay: Relay::new(attempt.client.channel, channel),
        using: UsingPassword::of(&claim.response),
    };
    let ok = match exchange.run().await {
        Ok(ok) => ok,
        Err(failure) => {
            if failure.leaves_the_server_waiting() {
                give_up(backend, dialled).await;
            }
            return Err(failure.explain(attempt, claim, channel));
        }
    };
    let connection = dialled.into_connection(ok);
    match take_place(attempt, backend, claim).await {
        Ok((place, permit)) => {
            let killer = attempt.context.service.clone().map(|login| Killer { login, origin: None });
            let lease = Lease::relayed(permit, Arc::clone(backend), connection, killer);
            Ok(LoggedIn { backing: Backing::Own(Box::new(lease)), rung: Rung::Relay, place })
        }
        Err(error) => {
            connection.quit().await;
            Err(error)
        }
    }
}

/// A place among the account's clients and one in the pool, for a client that has proved itself.
async fn take_place(
    attempt: &LoginAttempt<'_>,
    backend: &Arc<Backend>,
    claim: &Claim,
) -> Result<(AccountPlace, Permit), LoginError> {
    let own_limit = attempt.context.accounts.find(&claim.user).and_then(|account| account.max_clients);
    let place = attempt.admit(&claim.user, own_limit)?;
    let request = attempt.request(backend, claim);
    let permit = attempt.frontend.pool.permit(&request, attempt.context.acquire_timeout()).await;
    let mut permit = permit.map_err(LoginError::Unavailable)?;
    attempt.frontend.pool.make_room(&mut permit);
    Ok((place, permit))
}

async fn give_up(backend: &Backend, dialled: Dialled) {
    let given_up = async {
        dialled.give_up().await;
        Ok(())
    };
    if let Err(error) = backend.bounded(given_up).await {
        tracing::debug!(backend = backend.name(), %error, "a login that was given up");
    }
}

/// The conversation between a server and a client.
struct Exchange<'a, C, S> {
    backend: &'a Backend,
    client: &'a mut PacketStream<C>,
    server: &'a mut PacketStream<S>,
    relay: Relay,
    /// About the client's last answer.
    using: UsingPassword,
}

impl<C, S> Exchange<'_, C, S>
where
    C: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    /// Passes packets on until the server has decided; returns the payload of its OK.
    async fn run(mut self) -> Result<Vec<u8>, Failure> {
        let mut packet = self.read_server().await?;
        loop {
            packet = match self.relay.observe(&packet).map_err(Failure::Stopped)? {
                Relayed::Done => return Ok(packet),
                Relayed::Refused(error) => return Err(Failure::Refused(error, self.using)),
                Relayed::Unproven => return Err(Failure::Unproven),
                Relayed::ToClient(next) => {
                    self.client.write(&packet).await.map_err(Failure::Client)?;
                    match next {
                        NextToSpeak::Client => self.pass_answer().await?,
                        NextToSpeak::Server => self.read_server().await?,
                    }
                }
            };
        }
    }

    /// Passes the client's answer on and returns what the server says to it. Some plugins end with a packet that needs no
    /// answer, so the server may go on by itself.
    async fn pass_answer(&mut self) -> Result<Vec<u8>, Failure> {
        let answer = tokio::select! {
            packet = self.server.read() => return packet.map_err(broken),
            answer = self.client.read() => answer.map_err(Failure::Client)?,
        };
        self.using = UsingPassword::of(&answer);
        self.server.write(&answer).await.map_err(broken)?;
        self.read_server().await
    }

    async fn read_server(&mut self) -> Result<Vec<u8>, Failure> {
        let since = Instant::now();
        let packet = async { self.server.read().await.map_err(ConnectError::Broken) };
        let packet = self.backend.bounded(packet).await.map_err(Failure::Server)?;
        self.client.postpone_deadline(since.elapsed());
        Ok(packet)
    }
}

/// Why the server did not let the client in.
#[derive(Debug)]
enum Failure {
    /// The client went away, was too slow, or broke the protocol.
    Client(PacketError),
    /// The server went away or was too slow.
    Server(ConnectError),
    /// The server said no.
    Refused(ServerError, UsingPassword),
    /// The server said yes, and not because of anything that the client sent.
    Unproven,
    /// The server asked what must not be answered, or made no sense.
    Stopped(AuthError),
}

impl Failure {
    /// Whether the server still waits for an answer, and would count the proxy's hanging up against its host.
    fn leaves_the_server_waiting(&self) -> bool {
        match self {
            Self::Client(_) | Self::Stopped(_) => true,
            Self::Server(_) | Self::Refused(..) | Self::Unproven => false,
        }
    }

    fn explain(self, attempt: &LoginAttempt<'_>, claim: &Claim, backend: Channel) -> LoginError {
        match self {
            Self::Client(error) => LoginError::Client(error),
            Self::Server(error) => unavailable(error),
            Self::Refused(said, using) => attempt.denied_by_server(said, claim, using),
            Self::Unproven => LoginError::SocketIdentity(attempt.access_denied(claim)),
            Self::Stopped(source @ AuthError::CleartextRefused { .. }) => match backend {
                Channel::Insecure => LoginError::CleartextToBackend {
                    source,
                    reply: cleartext_refused(&claim.user, &attempt.client.host),
                },
                Channel::Secure => LoginError::CleartextFromClient(source),
            },
            Self::Stopped(error) => unavailable(ConnectError::Auth(error)),
        }
    }
}

fn broken(error: PacketError) -> Failure {
    Failure::Server(ConnectError::Broken(error))
}

fn unavailable(error: ConnectError) -> LoginError {
    LoginError::Unavailable(AcquireError::Connect(error))
}

#[cfg(test)]
mod tests;
