//! One connected TCP or unix stream socket, before and below TLS.
//!
//! `frontend::listener` wraps what it accepts, `backend` connects. Bytes that were taken from the wire too early can be
//! put back with [`Socket::unread`]: a ClientHello that arrived in one segment with the SSLRequest then reaches rustls,
//! and, because it goes back *below* TLS, nothing that was received in plaintext ever counts as decrypted.
//!
//! Cancellation: dropping a pending [`Socket::connect`] closes the half-open socket; reads and writes are as
//! cancellation-safe as those of tokio's sockets.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use crate::config::model::Address;

/// A connected stream socket with the bytes that were put back in front of it.
#[derive(Debug)]
pub struct Socket {
    io: Io,
    unread: Bytes,
    peer: Peer,
}

/// Who is at the other end of a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A TCP peer.
    Tcp(SocketAddr),
    /// A process on this machine, as the kernel names it (`SO_PEERCRED`).
    Unix {
        /// Process id; none where the kernel does not tell.
        pid: Option<i32>,
        /// User id.
        uid: u32,
    },
}

/// Why no connection came about.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address did not answer in time.
    #[error("no connection to {address} within {limit:?}")]
    TimedOut {
        /// What was to be reached.
        address: Address,
        /// How long it was given.
        limit: Duration,
    },
    /// The name is unknown, or the connection was refused or failed.
    #[error("cannot connect to {address}")]
    Failed {
        /// What was to be reached.
        address: Address,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Socket {
    /// Wraps a TCP connection and sets `TCP_NODELAY` and keepalive probes on it.
    ///
    /// # Errors
    /// What the operating system says, which is that the peer is gone already.
    pub fn tcp(stream: TcpStream) -> io::Result<Self> {
        let peer = Peer::Tcp(stream.peer_addr()?);
        stream.set_nodelay(true)?;
        SockRef::from(&stream).set_tcp_keepalive(&keepalive())?;
        Ok(Self { io: Io::Tcp(stream), unread: Bytes::new(), peer })
    }

    /// Wraps a connection over a unix socket.
    ///
    /// # Errors
    /// What the operating system says when asked for the peer's credentials.
    pub fn unix(stream: UnixStream) -> io::Result<Self> {
        let credentials = stream.peer_cred()?;
        let peer = Peer::Unix { pid: credentials.pid(), uid: credentials.uid() };
        Ok(Self { io: Io::Unix(stream), unread: Bytes::new(), peer })
    }

    /// Connects to `address` within `limit`, which covers name resolution and every address that the name has.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn connect(address: &Address, limit: Duration) -> Result<Self, ConnectError> {
        match tokio::time::timeout(limit, open(address)).await {
            Ok(Ok(socket)) => Ok(socket),
            Ok(Err(source)) => Err(ConnectError::Failed { address: address.clone(), source }),
            Err(_) => Err(ConnectError::TimedOut { address: address.clone(), limit }),
        }
    }

    /// Puts `bytes` back in front of whatever is read next.
    pub fn unread(&mut self, bytes: Bytes) {
        if self.unread.is_empty() {
            self.unread = bytes;
        } else if !bytes.is_empty() {
            let mut joined = BytesMut::with_capacity(bytes.len() + self.unread.len());
            joined.extend_from_slice(&bytes);
            joined.extend_from_slice(&self.unread);
            self.unread = joined.freeze();
        }
    }

    /// Ready when there is something to read, or the connection has failed; without a system call.
    pub fn poll_news(&self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.unread.is_empty() {
            return Poll::Ready(());
        }
        match &self.io {
            Io::Tcp(stream) => stream.poll_read_ready(cx).map(drop),
            Io::Unix(stream) => stream.poll_read_ready(cx).map(drop),
        }
    }

    /// Who is at the other end.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// This end's address; none for a unix socket or when the connection is gone.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match &self.io {
            Io::Tcp(stream) => stream.local_addr().ok(),
            Io::Unix(_) => None,
        }
    }

    /// Whether this is a unix socket: nothing sent on it crosses a network.
    pub fn is_unix(&self) -> bool {
        matches!(self.io, Io::Unix(_))
    }
}

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix { pid: Some(pid), uid } => write!(f, "unix socket, pid {pid}, uid {uid}"),
            Self::Unix { pid: None, uid } => write!(f, "unix socket, uid {uid}"),
        }
    }
}

#[derive(Debug)]
enum Io {
    Tcp(TcpStream),
    Unix(UnixStream),
}

async fn open(address: &Address) -> io::Result<Socket> {
    match address {
        Address::Tcp { host, port } => Socket::tcp(TcpStream::connect((host.as_str(), *port)).await?),
        Address::Unix(path) => Socket::unix(UnixStream::connect(path).await?),
    }
}

/// Finds a peer that vanished without a word after two minutes: one minute of silence, then six probes.
fn keepalive() -> TcpKeepalive {
    TcpKeepalive::new()
        .with_time(Duration::from_secs(60))
        .with_interval(Duration::from_secs(10))
        .with_retries(6)
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.unread.is_empty() {
            return match &mut this.io {
                Io::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
                Io::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
            };
        }
        let now = this.unread.split_to(this.unread.len().min(buf.remaining()));
        buf.put_slice(now.chunk());
        if this.unread.is_empty() {
            this.unread = Bytes::new(); // lets go of the buffer behind it
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().io {
            Io::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Io::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().io {
            Io::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Io::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.io {
            Io::Tcp(stream) => stream.is_write_vectored(),
            Io::Unix(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().io {
            Io::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Io::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().io {
            Io::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Io::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn bytes_put_back_are_read_before_what_arrives_later() {
        let (near, mut far) = UnixStream::pair().unwrap();
        let mut socket = Socket::unix(near).unwrap();
        far.write_all(b"wire").await.unwrap();
        socket.unread(Bytes::from_static(b"second "));
        socket.unread(Bytes::from_static(b"first "));
        let mut read = [0; 17];
        socket.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"first second wire");
    }

    #[tokio::test]
    async fn bytes_put_back_are_handed_out_in_pieces_when_the_buffer_is_small() {
        let (near, _far) = UnixStream::pair().unwrap();
        let mut socket = Socket::unix(near).unwrap();
        socket.unread(Bytes::from_static(b"abc"));
        let mut two = [0; 2];
        assert_eq!(socket.read(&mut two).await.unwrap(), 2);
        assert_eq!(socket.read(&mut two).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_tcp_connection_sends_at_once_and_probes_a_silent_peer() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let bound = listener.local_addr().unwrap();
        let address = Address::Tcp { host: "127.0.0.1".into(), port: bound.port() };
        let socket = Socket::connect(&address, Duration::from_secs(5)).await.unwrap();
        assert_eq!(socket.peer(), &Peer::Tcp(bound));
        let Io::Tcp(stream) = &socket.io else { unreachable!("a TCP address gives a TCP socket") };
        assert!(stream.nodelay().unwrap());
        assert!(SockRef::from(stream).keepalive().unwrap());
    }

    #[tokio::test]
    async fn a_unix_peer_is_known_by_its_user() {
        let (near, _far) = UnixStream::pair().unwrap();
        let socket = Socket::unix(near).unwrap();
        let Peer::Unix { pid, .. } = *socket.peer() else { unreachable!("a unix socket has a unix peer") };
        assert_eq!(pid, i32::try_from(std::process::id()).ok());
        assert!(socket.is_unix());
    }

    #[tokio::test]
    async fn a_refused_connection_names_the_address() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let address = Address::Tcp { host: "127.0.0.1".into(), port };
        let error = Socket::connect(&address, Duration::from_secs(5)).await.unwrap_err();
        assert_eq!(error.to_string(), format!("cannot connect to 127.0.0.1:{port}"));
    }
}
