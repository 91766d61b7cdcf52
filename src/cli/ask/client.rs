//! A client for the admin endpoint: one connection, over TCP or a unix socket.

use std::io;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::request::Builder;
use axum::http::{Request, StatusCode, header};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use crate::admin::command;
use crate::config::model::Address;
use crate::tasks;

/// Time for each step: to connect, and for each answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Time for a command: reading files on slow disks, checking them, more than once if they change meanwhile.
const PATIENCE_WITH_COMMANDS: Duration = Duration::from_secs(60);

/// Bytes of an answer; a hundred thousand sessions stay below.
const LARGEST_ANSWER: usize = 256 * 1024 * 1024;

/// A connection to the admin endpoint.
pub(in crate::cli) struct Client {
    address: Address,
    requests: SendRequest<Body>,
}

/// An answer.
pub(in crate::cli) struct Answer {
    pub(in crate::cli) status: StatusCode,
    pub(in crate::cli) body: Vec<u8>,
}

/// Why the proxy cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nothing listens there.
    #[error(
        "nothing answers at {0}: is the proxy running? The line \"admin endpoint\" in its log has the address: --admin ADDRESS"
    )]
    NobodyThere(Address),
    /// The socket is for others.
    #[error(
        "no permission to connect to {0}: the socket is for the proxy's user and group; try sudo -u with that user, or join the group"
    )]
    Forbidden(Address),
    /// It cannot be connected to for another reason.
    #[error("cannot connect to {0}: {1}")]
    Failed(Address, io::Error),
    /// No answer came in time.
    #[error(
        "{0} does not answer within {1} s: the proxy is overloaded or stopped, or all connections of its admin endpoint are taken; try again, and look at its log"
    )]
    Silent(Address, u64),
    /// What came is no answer of ours.
    #[error("what answers at {0} is no admin endpoint of Sealock: {1}")]
    Stranger(Address, String),
    /// The endpoint refuses.
    #[error("{0} refuses: {1}")]
    Refused(Address, String),
    /// The proxy does not know what was asked.
    #[error(
        "the proxy at {0} has no {1}: it is older than this command; restart it to run what is installed"
    )]
    Older(Address, String),
}

impl Client {
    /// Connects.
    pub(in crate::cli) async fn connect(address: &Address) -> Result<Self, AskError> {
        let connected = match address {
            Address::Tcp { host, port } => {
                within(address, TcpStream::connect((host.as_str(), *port))).await?.map(Stream::Tcp)
            }
            Address::Unix(path) => within(address, UnixStream::connect(path)).await?.map(Stream::Unix),
        };
        match connected.map_err(|error| unreachable(address, error))? {
            Stream::Tcp(stream) => Self::speak(address, stream).await,
            Stream::Unix(stream) => Self::speak(address, stream).await,
        }
    }

    /// The answer to `GET target`, whatever its status.
    pub(in crate::cli) async fn read(&mut self, target: &str) -> Result<Answer, AskError> {
        self.send(Request::get(target), PATIENCE).await
    }

    /// The answer to `POST target`, which may take its time.
    pub(in crate::cli) async fn command(&mut self, target: &str) -> Result<Answer, AskError> {
        self.send(Request::post(target).header(command::HEADER, "1"), PATIENCE_WITH_COMMANDS).await
    }

    async fn send(&mut self, request: Builder, patience: Duration) -> Result<Answer, AskError> {
        let stranger = |problem: String| AskError::Stranger(self.address.clone(), problem);
        let request = request.header(header::HOST, "sealock").body(Body::empty());
        let request = request.map_err(|error| stranger(error.to_string()))?;
        let answer = async {
            let response = self.requests.send_request(request).await.map_err(|error| error.to_string())?;
            let (head, body) = response.into_parts();
            let body = to_bytes(Body::new(body), LARGEST_ANSWER).await.map_err(|error| error.to_string())?;
            Ok(Answer { status: head.status, body: body.into() })
        };
        timeout(patience, answer)
            .await
            .map_err(|_| AskError::Silent(self.address.clone(), patience.as_secs()))?
            .map_err(stranger)
    }

    async fn speak<I>(address: &Address, stream: I) -> Result<Self, AskError>
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stranger = |error: hyper::Error| AskError::Stranger(address.clone(), error.to_string());
        let (requests, connection) = handshake(TokioIo::new(stream)).await.map_err(stranger)?;
        // What goes wrong there, the request that waits for it is told as well.
        tasks::spawn("admin client", async move { drop(connection.await) });
        Ok(Self { address: address.clone(), requests })
    }
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

async fn within<T>(address: &Address, step: impl Future<Output = T>) -> Result<T, AskError> {
    timeout(PATIENCE, step).await.map_err(|_| AskError::Silent(address.clone(), PATIENCE.as_secs()))
}

fn unreachable(address: &Address, error: io::Error) -> AskError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => AskError::NobodyThere(address.clone()),
        io::ErrorKind::PermissionDenied => AskError::Forbidden(address.clone()),
        _ => AskError::Failed(address.clone(), error),
    }
}
