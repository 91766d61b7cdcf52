//! A login that the server judges: its questions go to the client, the client's answers to it.
//!
//! Works with every plugin whose exchange does not depend on the connection it runs over. Two do, and are kept out:
//! a plugin that wants the password in the clear is only passed on when both connections are encrypted, and a server
//! that would let the *proxy* in, because it knows the proxy's operating-system user by its unix socket, is not asked.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::auth::Channel;
use crate::backend::Backend;
use crate::backend::connector::Dialled;
use crate::backend::error::ConnectError;
use crate::config::model::Address;
use crate::frontend::login::{Claim, LoginAttempt, LoginError};
use crate::pool::{AcquireError, Lease};
use crate::protocol::handshake::{AuthPacket, AuthSwitch, plugin};
use crate::protocol::reply::ServerError;
use crate::router;
use crate::telemetry;
use crate::tls::packets::PacketStream;

/// Rounds of questions after which a server must have decided.
const MOST_ROUNDS: usize = 32;

/// Lets the server judge the client.
///
/// # Errors
/// See [`LoginError`].
pub async fn relay<S: AsyncRead + AsyncWrite + Unpin>(
    attempt: &LoginAttempt<'_>,
    client: &mut PacketStream<S>,
    claim: &Claim,
) -> Result<Lease, LoginError> {
    let mut outage = None;
    for index in router::order(&attempt.context.verdicts()) {
        let Some(backend) = attempt.context.backends.get(index) else { continue };
        match dial(attempt, backend, claim).await {
            Ok(dialled) => return judge(attempt, client, claim, backend, dialled).await,
            Err(error) => {
                tracing::debug!(
                    backend = backend.name(),
                    error = telemetry::chain(&error),
                    "not this backend"
                );
                outage = Some(error);
            }
        }
    }
    let nothing = || AcquireError::TimedOut(attempt.context.acquire_timeout());
    Err(LoginError::Unavailable(outage.map_or_else(nothing, AcquireError::Connect)))
}

async fn dial(
    attempt: &LoginAttempt<'_>,
    backend: &Arc<Backend>,
    claim: &Claim,
) -> Result<Dialled, ConnectError> {
    let mut dialled = backend.dial(&claim.terms, attempt.client.origin).await?;
    dialled.ask_for_plugin(&claim.user, &claim.terms).await?;
    Ok(dialled)
}

async fn judge<S: AsyncRead + AsyncWrite + Unpin>(
    attempt: &LoginAttempt<'_>,
    client: &mut PacketStream<S>,
    claim: &Claim,
    backend: &Arc<Backend>,
    mut dialled: Dialled,
) -> Result<Lease, LoginError> {
    if matches!(backend.address(), Address::Unix(_)) && accepts_the_proxy(attempt, backend, claim).await? {
        return Err(LoginError::SocketIdentity(attempt.access_denied(claim)));
    }
    let request = attempt.request(backend, claim);
    let permit = attempt.frontend.pool.permit(&request, attempt.context.acquire_timeout()).await;
    let permit = permit.map_err(LoginError::Unavailable)?;
    let ok = match converse(attempt, client, claim, &mut dialled).await {
        Ok(ok) => ok,
        Err(error) => {
            if matches!(error, LoginError::Client(_) | LoginError::Cleartext(_)) {
                dialled.give_up().await;
            }
            return Err(error);
        }
    };
    let connection = dialled.into_connection(ok);
    Ok(Lease::relayed(permit, Arc::clone(backend), connection, attempt.context.service.clone()))
}

/// Passes packets on in both directions until the server has decided; returns the payload of its OK.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    attempt: &LoginAttempt<'_>,
    client: &mut PacketStream<S>,
    claim: &Claim,
    dialled: &mut Dialled,
) -> Result<Vec<u8>, LoginError> {
    let both_secure = dialled.channel() == Channel::Secure && attempt.client.channel == Channel::Secure;
    let server = dialled.packets();
    let mut asked = 0;
    loop {
        let packet = tokio::select! {
            packet = server.read() => packet.map_err(broken)?,
            answer = client.read() => {
                server.write(&answer.map_err(LoginError::Client)?).await.map_err(broken)?;
                continue;
            }
        };
        match AuthPacket::parse(&packet) {
            // Nothing was asked of the client: whatever the server accepted, it was not the client's proof.
            Ok(AuthPacket::Ok) if asked == 0 => {
                return Err(LoginError::SocketIdentity(attempt.access_denied(claim)));
            }
            Ok(AuthPacket::Ok) => return Ok(packet),
            Ok(AuthPacket::Refused(error)) => return Err(LoginError::Denied(error)),
            Ok(AuthPacket::Switch(switch)) if wants_cleartext(&switch) && !both_secure => {
                return Err(LoginError::Cleartext(ServerError::plaintext_refused()));
            }
            Ok(AuthPacket::Switch(_) | AuthPacket::More(_)) if asked < MOST_ROUNDS => {
                asked += 1;
                client.write(&packet).await.map_err(LoginError::Client)?;
            }
            Ok(_) | Err(_) => return Err(LoginError::Denied(attempt.access_denied(claim))),
        }
    }
}

/// Whether the server lets the proxy in as this user without any proof, which it does when the account is tied to the
/// proxy's operating-system user (plugin `unix_socket`, alone or after others).
async fn accepts_the_proxy(
    attempt: &LoginAttempt<'_>,
    backend: &Arc<Backend>,
    claim: &Claim,
) -> Result<bool, LoginError> {
    let unavailable = |error| LoginError::Unavailable(AcquireError::Connect(error));
    let mut dialled = dial(attempt, backend, claim).await.map_err(unavailable)?;
    let server = dialled.packets();
    for _ in 0..MOST_ROUNDS {
        let packet = server.read().await.map_err(broken)?;
        match AuthPacket::parse(&packet) {
            Ok(AuthPacket::Ok) => return Ok(true),
            Ok(AuthPacket::Refused(_)) | Err(_) => return Ok(false),
            Ok(AuthPacket::Switch(_) | AuthPacket::More(_)) => {
                let nonsense = crate::auth::Salt::random().map_err(|_| LoginError::NoRandomness)?;
                server.write(nonsense.bytes()).await.map_err(broken)?;
            }
        }
    }
    Ok(false)
}

/// Plugins whose clients answer with what the user typed.
fn wants_cleartext(switch: &AuthSwitch) -> bool {
    switch.plugin == plugin::CLEAR_PASSWORD || switch.plugin == b"dialog"
}

fn broken(error: crate::tls::packets::PacketError) -> LoginError {
    LoginError::Unavailable(AcquireError::Connect(ConnectError::Broken(error)))
}
