//! A connection that may be encrypted, on either side of the proxy.
//!
//! `frontend::handshake` turns a plain socket into a server stream when the client sent an SSLRequest, `backend` does the
//! same as the client. Afterwards nobody but the login code needs to know which it is.
//!
//! After writing, flush: a TLS stream may keep ciphertext that the socket did not take yet. Cancellation: a handshake that
//! is dropped half-way drops its socket with it; put a time limit around it, there is none inside.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::pki_types::CertificateDer;
use rustls::server::Acceptor;
use rustls::{CipherSuite, CommonState, HandshakeKind, ProtocolVersion, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor, TlsConnector, client, server};

use crate::config::model::TlsVersion;
use crate::tls::client::ClientTls;
use crate::tls::fingerprint::Fingerprint;
use crate::tls::peer_certificate::PeerCertificate;
use crate::tls::shadow::Hello;
use crate::tls::socket::Socket;

/// A connection in plaintext or inside TLS.
#[derive(Debug)]
pub enum MaybeTls {
    /// Plaintext.
    Plain(Socket),
    /// TLS in which the proxy is the server.
    Server(Box<server::TlsStream<Socket>>),
    /// TLS in which the proxy is the client.
    Client(Box<client::TlsStream<Socket>>),
}

/// What two ends agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsInfo {
    /// Protocol version.
    pub version: TlsVersion,
    /// Cipher suite by its IANA name.
    pub cipher: &'static str,
    /// Key exchange group by its IANA name; none when a TLS 1.2 session was resumed.
    pub group: Option<&'static str>,
    /// Whether an earlier session was resumed.
    pub resumed: bool,
    /// The peer's leaf certificate; none when it sent none.
    pub peer_leaf_fingerprint: Option<Fingerprint>,
    /// What that certificate says.
    pub peer_certificate: Option<Arc<PeerCertificate>>,
}

/// Why a TLS handshake came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// The peer closed the connection, which clients do that dislike a certificate without saying so.
    #[error("the peer closed the connection during the TLS handshake")]
    Closed,
    /// The connection failed.
    #[error("the connection failed during the TLS handshake")]
    Io(#[source] io::Error),
    /// One of the two ends refused the other.
    #[error("the TLS handshake failed")]
    Refused(#[source] rustls::Error),
}

/// Performs the server's side of a handshake on `socket`.
///
/// # Errors
/// See [`HandshakeError`]; an alert that says why has been sent where the protocol has one.
pub async fn accept(socket: Socket, config: Arc<ServerConfig>) -> Result<MaybeTls, HandshakeError> {
    let stream = TlsAcceptor::from(config).accept(socket).await?;
    Ok(MaybeTls::Server(Box::new(stream)))
}

/// The same, and what the client said first.
///
/// # Errors
/// As for [`accept`].
pub async fn accept_observed(
    socket: Socket,
    config: Arc<ServerConfig>,
) -> Result<(MaybeTls, Hello), HandshakeError> {
    let begun = LazyConfigAcceptor::new(Acceptor::default(), socket).await?;
    let hello = Hello::of(&begun.client_hello());
    let stream = begun.into_stream(config).await?;
    Ok((MaybeTls::Server(Box::new(stream)), hello))
}

/// Performs the client's side of a handshake on `socket`.
///
/// # Errors
/// See [`HandshakeError`]; an alert that says why has been sent where the protocol has one.
pub async fn connect(socket: Socket, tls: &ClientTls) -> Result<MaybeTls, HandshakeError> {
    let connector = TlsConnector::from(Arc::clone(tls.config()));
    let stream = connector.connect(tls.server_name().clone(), socket).await?;
    Ok(MaybeTls::Client(Box::new(stream)))
}

impl MaybeTls {
    /// The socket below.
    pub fn socket(&self) -> &Socket {
        match self {
            Self::Plain(socket) => socket,
            Self::Server(stream) => stream.get_ref().0,
            Self::Client(stream) => stream.get_ref().0,
        }
    }

    /// The socket of a plaintext connection, to be upgraded.
    ///
    /// # Errors
    /// A connection inside TLS is given back: its socket is in the middle of a record stream.
    pub fn into_socket(self) -> Result<Socket, Self> {
        match self {
            Self::Plain(socket) => Ok(socket),
            encrypted => Err(encrypted),
        }
    }

    /// What was negotiated; none in plaintext.
    pub fn tls_info(&self) -> Option<TlsInfo> {
        match self {
            Self::Plain(_) => None,
            Self::Server(stream) => TlsInfo::of(stream.get_ref().1),
            Self::Client(stream) => TlsInfo::of(stream.get_ref().1),
        }
    }

    /// The certificates that the other side showed, its leaf first; also of a session that was resumed.
    pub fn peer_chain(&self) -> &[CertificateDer<'static>] {
        let shown = match self {
            Self::Plain(_) => None,
            Self::Server(stream) => stream.get_ref().1.peer_certificates(),
            Self::Client(stream) => stream.get_ref().1.peer_certificates(),
        };
        shown.unwrap_or_default()
    }

    /// Whether what is sent can be read by nobody in between: TLS, or a unix socket.
    pub fn is_secure(&self) -> bool {
        match self {
            Self::Plain(socket) => socket.is_unix(),
            Self::Server(_) | Self::Client(_) => true,
        }
    }
}

impl TlsInfo {
    /// The protocol version as people write it.
    pub fn version_name(&self) -> &'static str {
        self.version.protocol_name()
    }

    /// What `state` negotiated; none before the handshake is over.
    pub fn of(state: &CommonState) -> Option<Self> {
        let version = match state.protocol_version()? {
            ProtocolVersion::TLSv1_2 => TlsVersion::V1_2,
            ProtocolVersion::TLSv1_3 => TlsVersion::V1_3,
            _ => return None,
        };
        Some(Self {
            version,
            cipher: cipher_name(state.negotiated_cipher_suite()?.suite()),
            group: state.negotiated_key_exchange_group().and_then(|group| group.name().as_str()),
            resumed: state.handshake_kind() == Some(HandshakeKind::Resumed),
            peer_leaf_fingerprint: state
                .peer_certificates()
                .and_then(|chain| chain.first())
                .map(|leaf| Fingerprint::of(leaf)),
            peer_certificate: state.peer_certificates().and_then(PeerCertificate::of).map(Arc::new),
        })
    }
}

/// The IANA name; rustls has names of its own for the suites of TLS 1.3.
pub(super) fn cipher_name(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        other => other.as_str().unwrap_or("unknown"),
    }
}

impl From<io::Error> for HandshakeError {
    /// tokio-rustls wraps what rustls says in an I/O error.
    fn from(error: io::Error) -> Self {
        let refused = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()).cloned();
        match (refused, error.kind()) {
            (Some(refused), _) => Self::Refused(refused),
            (None, io::ErrorKind::UnexpectedEof) => Self::Closed,
            (None, _) => Self::Io(error),
        }
    }
}

impl AsyncRead for MaybeTls {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_read(cx, buf),
            Self::Server(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Client(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for MaybeTls {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write(cx, buf),
            Self::Server(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Client(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write_vectored(cx, bufs),
            Self::Server(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Client(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(socket) => socket.is_write_vectored(),
            Self::Server(stream) => stream.is_write_vectored(),
            Self::Client(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Self::Server(stream) => Pin::new(stream).poll_flush(cx),
            Self::Client(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Server(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Client(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
