//! Listening sockets: binding them, and a task for every connection that they accept.

use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, Type};
use tokio::net::{TcpListener, UnixListener};

use crate::config::model::Address;
use crate::frontend::context::Frontend;
use crate::frontend::handshake::{Accepted, turn_away};
use crate::frontend::refusal::Refusal;
use crate::frontend::serve::serve;
use crate::telemetry::{self, Held, Label as _};
use crate::tls::socket::Socket;

/// Connections that the kernel keeps while the proxy is busy accepting.
const BACKLOG: i32 = 4096;

/// Pause after an accept that failed for want of something, such as file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// A bound socket.
#[derive(Debug)]
pub struct Listener {
    inner: Inner,
    address: Address,
}

#[derive(Debug)]
enum Inner {
    Tcp(TcpListener),
    Unix(UnixListener, #[expect(dead_code, reason = "removes the file when dropped")] SocketFile),
}

/// Why an address could not be bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Something else listens there.
    #[error("{0} is taken by another process; stop that or choose another address")]
    Taken(Address),
    /// This user may not.
    #[error(
        "no permission to listen on {0}; ports below 1024 need CAP_NET_BIND_SERVICE, a socket's directory must be writable"
    )]
    Forbidden(Address),
    /// The address is not one of this machine, or does not exist.
    #[error("cannot listen on {address}")]
    Failed {
        /// What was to be bound.
        address: Address,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Listener {
    /// Binds `address`. A name is resolved and its first address taken; a unix socket that nobody answers on any more
    /// is replaced.
    ///
    /// # Errors
    /// See [`BindError`].
    pub async fn bind(address: &Address, unix_mode: u32) -> Result<Self, BindError> {
        let bound = match address {
            Address::Tcp { host, port } => bind_tcp(host, *port).await.map(Inner::Tcp),
            Address::Unix(path) => bind_unix(path, unix_mode),
        };
        match bound {
            Ok(inner) => Ok(Self { address: actual(&inner, address), inner }),
            Err(source) => Err(match source.kind() {
                io::ErrorKind::AddrInUse => BindError::Taken(address.clone()),
                io::ErrorKind::PermissionDenied => BindError::Forbidden(address.clone()),
                _ => BindError::Failed { address: address.clone(), source },
            }),
        }
    }

    /// Where it listens; with the port that was found when 0 was asked for.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Accepts until the future is dropped. `number` is the listener's place in the configuration.
    pub async fn accept(&self, frontend: &Arc<Frontend>, number: usize) {
        loop {
            match self.next().await {
                Ok(socket) => {
                    frontend.tasks.spawn("client", connection(Arc::clone(frontend), number, socket))
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    let error = telemetry::chain(&error);
                    tracing::error!(address = %self.address, error, "cannot accept clients; trying again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn next(&self) -> io::Result<Socket> {
        match &self.inner {
            Inner::Tcp(listener) => Socket::tcp(listener.accept().await?.0),
            Inner::Unix(listener, _) => Socket::unix(listener.accept().await?.0),
        }
    }
}

async fn connection(frontend: Arc<Frontend>, number: usize, socket: Socket) {
    let peer = socket.peer().clone();
    let handshaking = Held::new(frontend.metrics.handshaking.clone());
    let session = match Accepted::new(&frontend, number, socket) {
        Ok(accepted) => accepted.log_in().await,
        Err(turned_away) => {
            let (refusal, socket) = *turned_away;
            turn_away(socket, &refusal).await;
            Err(refusal)
        }
    };
    drop(handshaking);
    match session {
        Ok(session) => serve(session).await,
        Err(refusal) => {
            frontend.metrics.refusals.increment(refusal.cause());
            log(&refusal, &peer);
        }
    }
}

fn log(refusal: &Refusal, peer: &crate::tls::socket::Peer) {
    let (cause, reason) = (refusal.cause().label(), telemetry::chain(refusal));
    if refusal.is_operators_business() {
        tracing::warn!(%peer, cause, reason, "client refused");
    } else {
        tracing::debug!(%peer, cause, reason, "client refused");
    }
}

async fn bind_tcp(host: &str, port: u16) -> io::Result<TcpListener> {
    let mut resolved = tokio::net::lookup_host((host, port)).await?;
    let address = resolved.next().ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))?;
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::from(address))?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn bind_unix(path: &Path, mode: u32) -> io::Result<Inner> {
    remove_abandoned(path)?;
    let listener = UnixListener::bind(path)?;
    let file = SocketFile(path.to_owned());
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    Ok(Inner::Unix(listener, file))
}

/// Removes a socket file that a process left behind. Anything else at that path is not ours to remove.
fn remove_abandoned(path: &Path) -> io::Result<()> {
    let Ok(metadata) = std::fs::symlink_metadata(path) else { return Ok(()) };
    if !metadata.file_type().is_socket() {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path),
        _ => Err(io::ErrorKind::AddrInUse.into()),
    }
}

/// The file of a unix socket, removed with it.
#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn actual(inner: &Inner, asked: &Address) -> Address {
    match (inner, asked) {
        (Inner::Tcp(listener), Address::Tcp { host, .. }) => {
            let port = listener.local_addr().map(|address| address.port()).unwrap_or_default();
            Address::Tcp { host: host.clone(), port }
        }
        _ => asked.clone(),
    }
}

/// Errors of a connection that was gone before it was accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, NotConnected};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | NotConnected)
}
