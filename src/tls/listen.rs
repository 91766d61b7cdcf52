//! Listening sockets, for clients and for the admin endpoint.

use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use socket2::{Domain, Protocol, SockAddr, Type};
use tokio::net::{TcpListener, UnixListener};

use crate::config::model::Address;

/// Connections that the kernel keeps while the proxy is busy accepting.
const BACKLOG: i32 = 4096;

/// A bound socket.
#[derive(Debug)]
pub enum Bound {
    /// TCP.
    Tcp(TcpListener),
    /// A unix socket, and its file, which goes with it.
    Unix(UnixListener, SocketFile),
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

impl Bound {
    /// Binds `address`. A name is resolved and its first address taken; the file of a unix socket that nobody answers on
    /// any more is replaced, and gets `unix_mode`.
    ///
    /// # Errors
    /// See [`BindError`].
    pub async fn bind(address: &Address, unix_mode: u32) -> Result<Self, BindError> {
        let bound = match address {
            Address::Tcp { host, port } => bind_tcp(host, *port).await.map(Self::Tcp),
            Address::Unix(path) => bind_unix(path, unix_mode),
        };
        bound.map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => BindError::Taken(address.clone()),
            io::ErrorKind::PermissionDenied => BindError::Forbidden(address.clone()),
            _ => BindError::Failed { address: address.clone(), source },
        })
    }

    /// Where it listens, given what was asked for: with the port that was found when 0 was.
    pub fn address(&self, asked: &Address) -> Address {
        match (self, asked) {
            (Self::Tcp(listener), Address::Tcp { host, .. }) => {
                let port = listener.local_addr().map(|address| address.port()).unwrap_or_default();
                Address::Tcp { host: host.clone(), port }
            }
            _ => asked.clone(),
        }
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

fn bind_unix(path: &Path, mode: u32) -> io::Result<Bound> {
    remove_abandoned(path)?;
    let listener = UnixListener::bind(path)?;
    let file = SocketFile(path.to_owned());
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    Ok(Bound::Unix(listener, file))
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
pub struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
