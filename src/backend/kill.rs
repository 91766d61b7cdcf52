//! Ending a statement whose client has gone.
//!
//! A server notices a closed connection only when it writes to it; until then an abandoned statement keeps its locks. So
//! it is killed over a connection of its own, which `pool` starts in a task when a busy lease is dropped. A server that has
//! stopped for a while does not hear of it before it goes on; so that connection waits. It is made once, at the beginning: a
//! server that was started again, where the id may be somebody else's, is not on its other end.

use std::time::Duration;

use crate::backend::connection::ControlError;
use crate::backend::connector::Login;
use crate::backend::error::ConnectError;
use crate::backend::proxy_header::Origin;
use crate::backend::{Backend, BackendThreadId};
use crate::telemetry;

#[derive(Debug, thiserror::Error)]
enum KillError {
    #[error("no connection for it")]
    Connect(#[from] ConnectError),
    #[error("the statement failed")]
    Control(#[from] ControlError),
}

/// How long a server that was reached may take to go on.
const LONGEST: Duration = Duration::from_secs(600);

/// Kills the connection `thread` of `backend`. That takes as long as the server does, at most ten minutes.
///
/// `login` must be of the same account, or have the privilege CONNECTION ADMIN. `origin` is the client's: an account may be
/// tied to its host, where the server is told.
pub async fn kill(backend: &Backend, login: &Login, origin: Option<Origin>, thread: BackendThreadId) {
    match tokio::time::timeout(LONGEST, attempt(backend, login, origin, thread)).await {
        Ok(Ok(())) => {
            backend.metrics().kills.increment(1);
            tracing::debug!(backend = backend.name(), %thread, "killed the statement of a client that went away");
        }
        Ok(Err(error)) => {
            let error = telemetry::chain(&error);
            tracing::warn!(backend = backend.name(), %thread, error, "cannot kill an abandoned statement");
        }
        Err(_) => {
            tracing::warn!(backend = backend.name(), %thread, "an abandoned statement was not killed: the server does not answer");
        }
    }
}

async fn attempt(
    backend: &Backend,
    login: &Login,
    origin: Option<Origin>,
    thread: BackendThreadId,
) -> Result<(), KillError> {
    let connection = backend.connect_patiently(login, origin).await?;
    connection.execute(&format!("KILL CONNECTION {thread}")).await?.quit().await;
    Ok(())
}
