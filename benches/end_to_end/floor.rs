//! The floor: the least that a proxy on tokio and rustls can do for a query.
//!
//! It dials the server for each client and copies bytes in both directions, in one task, with buffers of 16 KiB. It knows
//! the protocol only as far as TLS needs: the greeting gets the flag that offers it, the client's request for it stays
//! here, and what follows of the login has sequence ids that are one ahead of the server's. It is a process of its own,
//! so that its CPU time can be read, and is the same program as the harness.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional_with_sizes,
};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

const BUFFER_LEN: usize = 16 * 1024;

/// Connections that wait to be accepted, as many as HAProxy and Sealock let wait. Beyond that the kernel may forget a
/// connection that its client takes for open; where the server speaks first, that client waits for ever.
const BACKLOG: u32 = 4096;

/// Bytes of a packet header: three of length, the sequence id.
const HEADER_LEN: usize = 4;
const SEQUENCE: usize = 3;
/// `CLIENT_SSL` in the second byte of the capabilities.
const SSL: u8 = 0x08;
/// What lies between the version in a greeting and its capabilities: connection id, eight bytes of salt, a filler.
const BEFORE_CAPABILITIES: usize = 4 + 8 + 1;

/// Where the floor lies.
#[derive(Args, Debug)]
pub struct FloorArguments {
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    backend: SocketAddr,
    #[arg(long)]
    threads: NonZeroUsize,
    /// Offer TLS with this chain; without it the floor is plaintext.
    #[arg(long, requires = "key")]
    certificate: Option<PathBuf>,
    #[arg(long)]
    key: Option<PathBuf>,
}

/// Relays until the process is killed.
pub fn run(arguments: &FloorArguments) -> anyhow::Result<()> {
    let acceptor = match (&arguments.certificate, &arguments.key) {
        (Some(certificate), Some(key)) => Some(acceptor(certificate, key)?),
        _ => None,
    };
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(arguments.threads.get()).enable_all().build()?;
    runtime.block_on(accept(arguments.listen, arguments.backend, acceptor))
}

fn acceptor(certificate: &PathBuf, key: &PathBuf) -> anyhow::Result<TlsAcceptor> {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

#[expect(clippy::disallowed_methods, reason = "the floor carries nothing of Sealock's")]
async fn accept(
    listen: SocketAddr,
    backend: SocketAddr,
    acceptor: Option<TlsAcceptor>,
) -> anyhow::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(listen).with_context(|| format!("cannot listen on {listen}"))?;
    let listener = socket.listen(BACKLOG)?;
    loop {
        let (client, _) = listener.accept().await?;
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            if let Err(error) = relay(client, backend, acceptor).await {
                eprintln!("{error:#}");
            }
        });
    }
}

async fn relay(
    mut client: TcpStream,
    backend: SocketAddr,
    acceptor: Option<TlsAcceptor>,
) -> anyhow::Result<()> {
    let mut backend = TcpStream::connect(backend).await?;
    client.set_nodelay(true)?;
    backend.set_nodelay(true)?;
    match acceptor {
        Some(acceptor) => {
            let mut client = log_in(client, &mut backend, &acceptor).await?;
            copy(&mut client, &mut backend).await
        }
        None => copy(&mut client, &mut backend).await,
    }
}

async fn copy<C>(client: &mut C, backend: &mut TcpStream) -> anyhow::Result<()>
where
    C: AsyncRead + AsyncWrite + Unpin,
{
    copy_bidirectional_with_sizes(client, backend, BUFFER_LEN, BUFFER_LEN).await?;
    Ok(())
}

/// Relays a login and ends TLS in it.
async fn log_in(
    mut client: TcpStream,
    backend: &mut TcpStream,
    acceptor: &TlsAcceptor,
) -> anyhow::Result<TlsStream<TcpStream>> {
    let mut greeting = read_packet(backend).await?;
    offer_tls(&mut greeting)?;
    client.write_all(&greeting).await?;
    let request = read_packet(&mut client).await?;
    if request.get(HEADER_LEN + 1).is_none_or(|flags| flags & SSL == 0) {
        bail!("the client does not ask for TLS");
    }
    let mut client = acceptor.accept(client).await?;
    let mut packet = read_packet(&mut client).await?;
    if let Some(flags) = packet.get_mut(HEADER_LEN + 1) {
        *flags &= !SSL;
    }
    loop {
        number(&mut packet, |sequence| sequence.wrapping_sub(1));
        backend.write_all(&packet).await?;
        let mut answer = read_packet(backend).await?;
        number(&mut answer, |sequence| sequence.wrapping_add(1));
        client.write_all(&answer).await?;
        client.flush().await?;
        if matches!(answer.get(HEADER_LEN), Some(0x00 | 0xff)) {
            return Ok(client);
        }
        packet = read_packet(&mut client).await?;
    }
}

fn offer_tls(greeting: &mut [u8]) -> anyhow::Result<()> {
    let version = HEADER_LEN + 1;
    let end =
        greeting.iter().skip(version).position(|&byte| byte == 0).context("a greeting without version")?;
    let flags = greeting.get_mut(version + end + 1 + BEFORE_CAPABILITIES + 1);
    *flags.context("a greeting without capabilities")? |= SSL;
    Ok(())
}

fn number(packet: &mut [u8], change: impl FnOnce(u8) -> u8) {
    if let Some(sequence) = packet.get_mut(SEQUENCE) {
        *sequence = change(*sequence);
    }
}

/// One packet with its header, and not a byte more: what follows may be TLS.
async fn read_packet<S>(stream: &mut S) -> std::io::Result<Vec<u8>>
where
    S: AsyncRead + Unpin,
{
    let mut header = [0; HEADER_LEN];
    stream.read_exact(&mut header).await?;
    let [low, middle, high, _] = header;
    let length = usize::from(low) | usize::from(middle) << 8 | usize::from(high) << 16;
    let mut packet = header.to_vec();
    packet.resize(HEADER_LEN + length, 0);
    stream.read_exact(packet.get_mut(HEADER_LEN..).unwrap_or_default()).await?;
    Ok(packet)
}
